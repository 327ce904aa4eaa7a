"""The index by which what was said is found."""
