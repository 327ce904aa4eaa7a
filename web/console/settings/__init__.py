"""The page of the settings: what holds, which file says so, and what waits for a restart."""
