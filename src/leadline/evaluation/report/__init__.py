"""Reports of evaluations and comparisons: HTML pages, tables, pictures."""
