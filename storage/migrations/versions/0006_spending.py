"""Keep what answers cost, what people think of them, and which model a person has chosen."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_RATED = sa.text("rating != 0")


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("people", sa.Column("model", sa.Text(), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("cost", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("rating", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("rating_note", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_messages_rating", "messages", ["chain", "revision"], sqlite_where=_RATED, postgresql_where=_RATED
    )
    op.create_table(
        "spending",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "day", "chain", "model", name="pk_spending"),
    )
    op.create_index("ix_spending_day", "spending", ["day"])
    _add_up_what_was_said()


def _add_up_what_was_said() -> None:
    """Count the answers there are already; what they cost is not known."""
    offset = (datetime.now().astimezone().utcoffset() or timedelta()).total_seconds()
    days = f"(m.created_at + {offset}) / 86400"
    # A cast cuts off on SQLite and rounds on PostgreSQL.
    day = f"CAST({days} AS INTEGER)" if op.get_bind().dialect.name == "sqlite" else f"CAST(FLOOR({days}) AS INTEGER)"
    op.execute(
        f"""
        INSERT INTO spending (person, day, chain, model, answers, input_tokens, output_tokens, cost)
        SELECT c.person, {day}, m.chain, m.model, COUNT(*), SUM(m.input_tokens), SUM(m.output_tokens), 0
        FROM messages m JOIN conversations c ON c.id = m.conversation_id
        WHERE m.role = 'ai' AND m.model != ''
        GROUP BY 1, 2, 3, 4
        """  # noqa: S608 (ours)
    )


def downgrade() -> None:
    """Undo the migration."""
    op.drop_index("ix_spending_day", "spending")
    op.drop_table("spending")
    op.drop_index("ix_messages_rating", "messages")
    op.drop_column("messages", "rating_note")
    op.drop_column("messages", "rating")
    op.drop_column("messages", "cost")
    op.drop_column("people", "model")
