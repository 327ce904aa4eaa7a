"""Media services: image generation and input, speech in and out, safe downloads."""
