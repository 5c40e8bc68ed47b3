"""Writes the migration from the last one to the tables as they are declared now. Review it before use.

Run: python -m tools.make_migration "what changes"
"""

import sys
import tempfile

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from service.store import migrations
from service.store.database import Database


def main(message: str, configuration: Config | None = None) -> str | None:
    """Compare a newly migrated database with service/store/tables.py. Returns what is wrong, or None.

    configuration: Alembic's configuration, if not that of the service.
    """
    if not message.strip():
        return 'Say what changes: make migration MESSAGE="what changes"'
    configuration = configuration or migrations.config()
    head = ScriptDirectory.from_config(configuration).get_current_head() or "0"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/holdout.db")
        database.prepare()
        with database.write() as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
            command.revision(configuration, message, autogenerate=True, rev_id=f"{int(head) + 1:04}")
        database.close()
    return None


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
