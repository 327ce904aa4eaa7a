"""Scripted conversations: played through the simulator, and reported."""
