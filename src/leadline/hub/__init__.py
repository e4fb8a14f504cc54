"""Models as repositories on the Hugging Face hub: card, files, upload."""

from leadline.hub.push_model import PushedModel, push

__all__ = ["PushedModel", "push"]
