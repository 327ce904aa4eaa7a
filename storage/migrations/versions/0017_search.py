"""Add the index by which what was said is found; it is built in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("indexed", sa.Boolean(), nullable=False, server_default=sa.false()))
    unindexed = sa.text("indexed = false AND role = 'ai'")
    op.create_index("ix_messages_unindexed", "messages", ["id"], sqlite_where=unindexed, postgresql_where=unindexed)
    op.create_table("search_index", sa.Column("unclean", sa.BigInteger(), nullable=False))
    op.execute("INSERT INTO search_index (unclean) VALUES (0)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE exchange_terms ("
            "message_id bigint PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE, terms integer[] NOT NULL)"
        )
        # A small list of what is not yet in the index keeps both writes and searches even.
        op.execute(
            "CREATE INDEX ix_exchange_terms_terms ON exchange_terms USING gin (terms) "
            "WITH (gin_pending_list_limit = 512)"
        )
    else:
        op.execute(
            "CREATE VIRTUAL TABLE exchange_terms USING fts5"
            "(terms, content='', detail=none, columnsize=0, tokenize='ascii')"
        )


def downgrade() -> None:
    """Undo the migration."""
    op.execute("DROP TABLE exchange_terms")
    op.drop_table("search_index")
    op.drop_index("ix_messages_unindexed", "messages")
    op.drop_column("messages", "indexed")
