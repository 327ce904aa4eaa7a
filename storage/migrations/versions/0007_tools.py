"""Keep which tools a model used on its way to an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("tools", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("messages", "tools")
