"""Who may use the console and its API: users, their sessions, and tokens of programs."""
