"""What operators look at, as the shell, the console and the API show it."""
