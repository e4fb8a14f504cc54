"""Recipes, losses, augmentation and the training loop."""
