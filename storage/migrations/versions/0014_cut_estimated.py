"""Keep where an answer was cut off, and how many of the tokens were estimated."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("cut", sa.Text(), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("estimated", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("spending", sa.Column("estimated", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the migration."""
    op.drop_column("spending", "estimated")
    op.drop_column("messages", "estimated")
    op.drop_column("messages", "cut")
