"""The database: SQLite or PostgreSQL, its schema, and how both are opened."""
