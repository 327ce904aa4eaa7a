"""Makes the pictures of README and docs/ from a running service: `make pictures`."""
