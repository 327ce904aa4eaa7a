"""The page of the users, and of the tokens of programs."""
