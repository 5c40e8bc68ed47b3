"""The doorbell that wakes an agent. The rows stay the truth: a ring that is lost, late or doubled changes nothing."""

from sqlalchemy import make_url

from service.engines.engine import Engine, Rung
from service.engines.none import NoEngine
from service.settings import Settings, UnusableSetting


def engine_of(settings: Settings) -> Engine:
    """The engine that the settings name. Raises UnusableSetting where it cannot work with the rest of them."""
    if settings.engine == "none":
        return NoEngine()
    if make_url(settings.url).get_backend_name() != "postgresql":
        raise UnusableSetting(
            "The engine procrastinate works on Postgres: set HOLDOUT_DATABASE_URL to "
            "postgresql://USER:PASSWORD@HOST/DATABASE, or leave the engine at none."
        )
    try:
        from service.engines.procrastinate import ProcrastinateEngine
    except ModuleNotFoundError as missing:
        needed = f"The engine procrastinate needs {missing.name}: pip install 'holdout[cluster]'"
        raise UnusableSetting(needed) from None
    return ProcrastinateEngine(settings.url)


__all__ = ["Engine", "NoEngine", "Rung", "engine_of"]
