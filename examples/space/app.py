"""A page for a hub Space: a photograph beside its depth in metres."""

import gradio as gr

import leadline
from leadline.viz import colorize

predictor = leadline.load()
photo, depth = gr.Image(type="pil", label="Photograph"), gr.Image(label="Depth in metres")
gr.Interface(lambda image: colorize(predictor(image), bar=True), photo, depth).launch()
