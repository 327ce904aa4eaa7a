"""The conversations' pages: what was said, found, filtered and read."""
