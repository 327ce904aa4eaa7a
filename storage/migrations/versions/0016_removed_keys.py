"""Keep until when the keys of events have been removed, so that what they refused stays refused."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "removed_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removed_keys"),
    )


def downgrade() -> None:
    """Undo the migration."""
    op.drop_table("removed_keys")
