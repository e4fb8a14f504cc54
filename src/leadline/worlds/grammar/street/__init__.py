"""Streets: the road, what borders it, what stands and moves on it, and the weather."""
