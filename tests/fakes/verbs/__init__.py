"""A shell of pretend verbs, for what every verb may rely on."""
