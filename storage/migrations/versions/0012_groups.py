"""Keep who spoke in a group beside what was said there."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("messages", sa.Column("speaker", sa.Text(), nullable=False, server_default=""))
    named = sa.text("speaker != ''")
    op.create_index("ix_messages_speaker", "messages", ["speaker"], sqlite_where=named, postgresql_where=named)


def downgrade() -> None:
    """Undo the migration."""
    op.drop_index("ix_messages_speaker", "messages")
    op.drop_column("messages", "speaker")
