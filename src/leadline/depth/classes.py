"""Class ids beside a depth map."""

MAX_CLASSES = 1024
"""Class ids lie below it: what a network may have scores for, and what is counted."""
