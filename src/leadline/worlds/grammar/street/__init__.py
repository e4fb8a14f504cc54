"""Streets: the road with its borders, objects and traffic, and the weather."""
