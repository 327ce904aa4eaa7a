"""Keep what commands draw out of the models' window, and pictures until somebody asks about them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("aside", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("conversations", sa.Column("asides", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("people", sa.Column("pictures", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("people", "pictures")
    op.drop_column("conversations", "asides")
    op.drop_column("messages", "aside")
