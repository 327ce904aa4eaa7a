"""What the shell's commands do, without the command line."""
