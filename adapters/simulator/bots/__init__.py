"""AI bots as WeCom plays them: by connection and by callback."""
