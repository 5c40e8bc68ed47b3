"""the version of each stored split: 1 for every experiment so far, so that it keeps its rows"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 500

experiments = sa.table("experiments", sa.column("id", sa.Integer), sa.column("spec", sa.JSON))


def upgrade() -> None:
    _change_splits(lambda split: split | {"version": 1, "groups": "none"})


def downgrade() -> None:
    _change_splits(lambda split: {key: split[key] for key in split if key not in {"version", "groups"}})


def _change_splits(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection, last = op.get_bind(), 0
    ordered = sa.select(experiments).order_by(experiments.c.id).limit(BATCH)
    while rows := connection.execute(ordered.where(experiments.c.id > last)).all():
        last = rows[-1].id
        for row in rows:
            if isinstance(row.spec, dict) and isinstance(row.spec.get("split"), dict):
                spec = row.spec | {"split": change(row.spec["split"])}
                mine = experiments.c.id == row.id
                connection.execute(sa.update(experiments).where(mine).values(spec=spec))
