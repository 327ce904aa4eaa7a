"""The schema's history, one file a step; `migrate.py` walks it."""
