"""Brings the database of the settings to the current schema. Commands import this without the application."""

from contextlib import closing

from service.notifiers import notifier_of
from service.operations.file_access import close_to_others
from service.settings import Settings
from service.store import history, migrations
from service.store.database import Database
from service.store.sealing import sealing_key
from service.store.webhooks import webhooks


def migrate(settings: Settings) -> None:
    """Close the files to other users, and migrate the database to the current schema. Raises UnusableSetting."""
    close_to_others(settings)
    key = sealing_key(settings)
    with closing(Database(settings.url)) as database:
        migrations.upgrade(database, notifier_of(settings).migrate)
        webhooks.seal_all(database, key)
        history.begin(database)
