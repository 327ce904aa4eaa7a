"""What the simulated WeCom knows: apps, members, tokens, media, and what each phone shows."""
