"""Leadline as a node of ROS 2: pictures of a camera in, depth in metres and points out."""
