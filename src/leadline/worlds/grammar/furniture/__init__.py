"""Furniture: one file per kind, one table of all."""
