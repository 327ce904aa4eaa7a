"""The simulator in a process of its own, driven by another: for tests that end services and look on from outside."""
