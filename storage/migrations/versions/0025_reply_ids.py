"""Keep by which id a message can be answered, so that another process can end what is shown of its answer."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("inbox", sa.Column("reply_id", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("inbox", "reply_id")
