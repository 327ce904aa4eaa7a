"""Long work that users begin and that survives a restart: kept in the database, run in the background."""
