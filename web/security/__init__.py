"""Who may use the service: passwords, tokens, where a request comes from, and how often a password is guessed."""
