"""sweeps that stop after some seconds, and messages when they have ended"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

COLUMNS = ("max_seconds", "deadline", "stopped_at", "announced_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("sweeps", sa.Column(name, sa.Double(), nullable=True))
    op.create_index(op.f("ix_sweeps_announced_at"), "sweeps", ["announced_at"])
    op.execute(
        "UPDATE sweeps SET announced_at = created_at WHERE NOT EXISTS (SELECT 1 FROM experiments e "
        "WHERE e.sweep_id = sweeps.id AND e.status IN ('queued', 'running'))"
    )
    op.add_column("deliveries", sa.Column("sweep_id", sa.Integer(), nullable=True))
    _require_experiment(required=False)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE experiment_id IS NULL")
    _require_experiment(required=True)
    op.execute("ALTER TABLE deliveries DROP COLUMN sweep_id")
    op.drop_index(op.f("ix_sweeps_announced_at"), table_name="sweeps")
    for name in COLUMNS:
        op.execute(f"ALTER TABLE sweeps DROP COLUMN {name}")


def _require_experiment(*, required: bool) -> None:
    """Whether a message needs an experiment. SQLite copies the table; its ids, which receivers know, go on."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    last = op.get_bind().execute(LAST).scalar() if is_sqlite else None
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("experiment_id", existing_type=sa.Integer(), nullable=not required)
    if last is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'deliveries'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('deliveries', {int(last)})")  # noqa: S608


LAST = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'")
