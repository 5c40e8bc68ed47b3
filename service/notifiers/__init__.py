"""Notifiers wake agents when there is work. The rows are the truth: a wake-up may be lost, late or doubled."""

from sqlalchemy import make_url

from service.notifiers.notifier import Notifier, Wakeable
from service.notifiers.polling import PollingNotifier
from service.settings import Settings, UnusableSetting


def notifier_of(settings: Settings) -> Notifier:
    """The notifier that the settings name. Raises UnusableSetting if the other settings rule it out."""
    if settings.engine == "none":
        return PollingNotifier()
    if make_url(settings.url).get_backend_name() != "postgresql":
        raise UnusableSetting(
            "The engine procrastinate works on Postgres: set HOLDOUT_DATABASE_URL to "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or leave the engine at none."
        )
    try:
        from service.notifiers.procrastinate import ProcrastinateNotifier
    except ModuleNotFoundError as missing:
        needed = f"The engine procrastinate needs {missing.name}: pip install 'holdout[cluster]'"
        raise UnusableSetting(needed) from None
    return ProcrastinateNotifier(settings.url)


__all__ = ["Notifier", "PollingNotifier", "Wakeable", "notifier_of"]
