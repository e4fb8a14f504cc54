"""Evaluations and comparisons to read: HTML pages, tables, pictures."""
