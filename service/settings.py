"""The settings: HOLDOUT_* in the environment, each with a default that suits one machine."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once, when a command starts; a command's options override the environment."""

    model_config = SettingsConfigDict(env_prefix="HOLDOUT_", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("data")
    """Database, datasets, caches."""
    database_url: str | None = None
    """Where not the SQLite file `holdout.db` in the data folder."""
    workers: Annotated[int, Field(ge=0)] = Field(default_factory=lambda: os.cpu_count() or 1)
    """Worker processes of this agent: each trains on one core. 0 only serves."""
    lease_seconds: Annotated[float, Field(gt=0)] = 15.0
    """How long a run stays with an agent that is not heard of."""
    max_attempts: Annotated[int, Field(ge=1)] = 5
    """How often a run may die under an agent before it counts as lost."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 30.0
    """The longest a run trains without a checkpoint, even within an epoch."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    """The largest JSON body that a request may carry."""
    log_level: str = "info"

    @property
    def url(self) -> str:
        """The database URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'holdout.db'}"
