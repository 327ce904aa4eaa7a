"""WeCom's HTTP API: requests, tokens, errors, media, the menu, and the limit on what may be sent."""
