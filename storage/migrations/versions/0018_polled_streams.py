"""Keep the answers that WeCom asks for again and again until they are whole."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "polled_streams",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("pictures", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("addressed", sa.Text(), nullable=False),
        sa.Column("is_address_used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_polled_streams"),
    )
    op.create_index("ix_polled_streams_person", "polled_streams", ["person"])
    op.create_index("ix_polled_streams_opened_at", "polled_streams", ["opened_at"])


def downgrade() -> None:
    """Undo the migration."""
    op.drop_table("polled_streams")
