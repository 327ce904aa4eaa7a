"""Find messages with files without looking at all the others."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    shows = sa.text("media != '[]'")
    op.create_index("ix_messages_media", "messages", ["id"], sqlite_where=shows, postgresql_where=shows)


def downgrade() -> None:
    """Undo the migration."""
    op.drop_index("ix_messages_media", "messages")
