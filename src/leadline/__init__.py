"""Leadline: one photograph in, metres out."""

__version__ = "0.1.0"
