"""Metres over HTTP: the server behind `leadline serve`, and `leadline.Client` for it.

Importing this package imports neither FastAPI nor a model.
"""
