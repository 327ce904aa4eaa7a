"""Keep whose documents were exported, and which files are to go because somebody asked to be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "exported_files",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("person", "sha256", name="pk_exported_files"),
    )
    op.create_table(
        "doomed_files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_doomed_files"),
    )


def downgrade() -> None:
    """Undo the migration."""
    op.drop_table("doomed_files")
    op.drop_table("exported_files")
