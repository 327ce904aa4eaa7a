"""Keep the keys of forgotten people's spending, and what documents made in the chat were made of."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXTS = ("content", "mime", "name")


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "forgotten_keys",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("month", name="pk_forgotten_keys"),
    )
    for name in _TEXTS:
        op.add_column("exported_files", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("exported_files", sa.Column("place", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("exported_files", sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the migration."""
    for name in ("size", "place", *_TEXTS):
        op.drop_column("exported_files", name)
    op.drop_table("forgotten_keys")
