"""Measures the real service, side by side in one run: each module is a program, `python -m benchmarks.NAME`."""
