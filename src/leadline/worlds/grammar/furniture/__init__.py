"""Furniture: one file a kind, one table of everything."""
