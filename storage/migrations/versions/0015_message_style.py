"""Keep how a person wants messages to look."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("people", sa.Column("message_style", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("people", "message_style")
