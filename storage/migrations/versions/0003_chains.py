"""Keep what chains said, and what of it was released to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "chain_revisions",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "revision", name="pk_chain_revisions"),
    )
    op.create_table(
        "chain_releases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("users", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chain_releases"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chain_releases_chain_id", "chain_releases", ["chain", "id"], unique=False)


def downgrade() -> None:
    """Undo the migration."""
    op.drop_index("ix_chain_releases_chain_id", table_name="chain_releases")
    op.drop_table("chain_releases")
    op.drop_table("chain_revisions")
