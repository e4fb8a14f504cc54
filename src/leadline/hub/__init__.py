"""Models as repositories of the Hugging Face hub: their card, their files, and sending them."""

from leadline.hub.push_model import PushedModel, push

__all__ = ["PushedModel", "push"]
