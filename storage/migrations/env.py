"""Alembic's entry: runs the steps on the connection it is handed."""

from alembic import context

from storage.database import console_tables  # noqa: F401 -- so that metadata has these tables, too
from storage.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
