"""A pretend WeCom, for people without one and for tests."""
