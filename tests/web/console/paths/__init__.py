"""The main paths through the console as a person goes them, in a real Chromium and in both languages."""
