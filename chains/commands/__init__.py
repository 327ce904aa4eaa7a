"""Chat commands, one file each."""
