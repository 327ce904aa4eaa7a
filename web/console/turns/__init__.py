"""The page of turns: what waits, what failed and why, and running it again."""
