"""Keep what each person thinks of an answer: in a group several may."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "ratings",
        sa.Column("message_id", _BIG, sa.ForeignKey("messages.id", ondelete="CASCADE"), autoincrement=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "person"),
    )
    op.create_index("ix_ratings_person", "ratings", ["person"])
    # `messages.rating` goes on saying what was thought of it last: a process of the version before reads that.
    op.execute(
        "INSERT INTO ratings (message_id, person, rating, note, at) "
        "SELECT m.id, CASE WHEN m.speaker = '' THEN c.person ELSE m.speaker END, "
        "CASE WHEN m.rating > 0 THEN 1 ELSE -1 END, m.rating_note, m.created_at "
        "FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.rating != 0"
    )


def downgrade() -> None:
    """Undo the migration."""
    op.drop_table("ratings")
