"""What was said, filtered and searched."""
