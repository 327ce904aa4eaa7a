"""Models added, changed and removed in the settings files: for the shell, the console, the API."""
