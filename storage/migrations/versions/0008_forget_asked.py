"""Keep when a person was asked whether everything of theirs shall go."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("people", sa.Column("forget_asked_at", sa.Double(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("people", "forget_asked_at")
