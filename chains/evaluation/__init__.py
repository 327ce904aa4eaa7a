"""Trying chains outside the service: test cases, and replays of real questions."""
