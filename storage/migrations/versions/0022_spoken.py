"""Keep which questions were spoken."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("spoken", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("messages", "spoken")
