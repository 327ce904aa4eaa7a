"""Models that speak the OpenAI protocol: chat, images, speech, and the transport under them."""
