"""The doors and the wiring; alone knows every name."""
