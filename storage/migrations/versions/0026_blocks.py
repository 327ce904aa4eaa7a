"""Begin the index of what was said anew on PostgreSQL, in blocks; it is built in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    _begin_anew()


def downgrade() -> None:
    """Undo the migration."""
    _begin_anew()


def _begin_anew() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("TRUNCATE exchange_terms")
    # A column made anew says false in every row without one being written.
    op.drop_index("ix_messages_unindexed", "messages")
    op.drop_column("messages", "indexed")
    op.add_column("messages", sa.Column("indexed", sa.Boolean(), nullable=False, server_default=sa.false()))
    unindexed = sa.text("indexed = false AND role = 'ai'")
    op.create_index("ix_messages_unindexed", "messages", ["id"], postgresql_where=unindexed)
