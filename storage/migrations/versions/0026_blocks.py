"""Begin the index of what was said anew on PostgreSQL, in blocks; it is built in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


_BLOCK = "ARRAY[(message_id >> 13)::integer]"


def upgrade() -> None:
    """Apply the migration."""
    # A process of the version before, which goes on during an upgrade, reads by the first column and writes both.
    _begin_anew(f"terms, ({_BLOCK})")


def downgrade() -> None:
    """Undo the migration."""
    _begin_anew("terms")


def _begin_anew(columns: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # Built at once, it would hold up everything for minutes.
    op.execute("TRUNCATE exchange_terms")
    op.execute("DROP INDEX ix_exchange_terms_terms")
    op.execute(
        f"CREATE INDEX ix_exchange_terms_terms ON exchange_terms USING gin ({columns}) "
        "WITH (gin_pending_list_limit = 512)"
    )
    # A column made anew says false in every row without one being written.
    op.drop_index("ix_messages_unindexed", "messages")
    op.drop_column("messages", "indexed")
    op.add_column("messages", sa.Column("indexed", sa.Boolean(), nullable=False, server_default=sa.false()))
    unindexed = sa.text("indexed = false AND role = 'ai'")
    op.create_index("ix_messages_unindexed", "messages", ["id"], postgresql_where=unindexed)
