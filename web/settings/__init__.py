"""The settings' layers: read, checked, compared and documented."""
