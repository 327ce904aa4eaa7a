"""Keep what answers cost, what people think of them, and which model a person has chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_RATED = sa.text("rating != 0")


def upgrade() -> None:
    """Take the step."""
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


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_spending_day", "spending")
    op.drop_table("spending")
    op.drop_index("ix_messages_rating", "messages")
    op.drop_column("messages", "rating_note")
    op.drop_column("messages", "rating")
    op.drop_column("messages", "cost")
    op.drop_column("people", "model")
