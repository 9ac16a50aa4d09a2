"""Limits of principals that were added."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; those that are there have none."""
    op.add_column("principals", sa.Column("limits", sa.Text, nullable=False, server_default=""))
