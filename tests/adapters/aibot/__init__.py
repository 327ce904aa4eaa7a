"""The AI bot."""
