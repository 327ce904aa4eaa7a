"""What the doctor looks at in a self-built application: WeCom's answers, the keys, and the ways back to us."""
