"""Ways to reach people, one file a channel kind."""
