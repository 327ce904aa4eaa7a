"""Files by their digest, images and audio."""
