"""Tools a chain may use, one file each."""
