"""Keep which answers that could not be sent go out with the next message of their chat."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("lanes", sa.Column("held", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("holds", sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the migration."""
    op.execute("UPDATE outbox SET state = 'failed' WHERE state = 'held'")
    op.drop_column("outbox", "holds")
    op.drop_column("lanes", "held")
