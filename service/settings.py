"""The settings: environment variables HOLDOUT_*, each with a default that suits one machine."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.validation.patterns import worded

Rate = Annotated[
    str, Field(pattern=worded(r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$", "a rate such as 6000/minute"))
]
Hostname = Annotated[
    str,
    Field(
        pattern=worded(r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", "a host name in small letters, without a port")
    ),
]
Origin = Annotated[
    str, Field(pattern=worded(r"^(null|https?://[^/?#*@]+)$", "an origin such as https://example.org"))
]


def _separated(given: Any) -> Any:
    return given.replace(",", " ").split() if isinstance(given, str) else given


class UnusableSetting(ValueError):
    """A setting cannot be used here; the message says what is missing."""


class Settings(BaseSettings):
    """Read once, when a command starts; a command's options override the environment."""

    model_config = SettingsConfigDict(env_prefix="HOLDOUT_", env_ignore_empty=True, frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("data")
    """Database, datasets, caches."""
    database_url: (
        Annotated[
            str,
            Field(
                pattern=worded(
                    r"^(sqlite|postgresql)://", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
                )
            ),
        ]
        | None
    ) = None
    """sqlite:///PATH or postgresql://...; by default the SQLite file `holdout.db` in the data folder."""
    engine: Literal["none", "procrastinate"] = "none"
    """What wakes agents on other machines: `procrastinate`, on Postgres. Without it, they only poll."""
    artifacts: str | None = None
    """A folder or URL (s3://BUCKET/PREFIX) that every machine reaches, for this database alone: it stores data sets
    and what is too large for a row. By default the folder `artifacts` in the data folder."""
    artifact_bytes: Annotated[int, Field(ge=0)] = 10_000_000
    """Larger checkpoints and models are stored as artifacts, the others in rows of the database."""
    workers: Annotated[int, Field(ge=0)] = Field(default_factory=lambda: os.cpu_count() or 1)
    """Worker processes of this agent: each trains on one core. With 0 the service only serves requests."""
    lease_seconds: Annotated[float, Field(ge=2, le=86_400)] = 15.0
    """How long a run stays with an agent that sends no heartbeat. It sends one each second: a lease of less than two
    would end between them, and the run would be taken from a healthy agent."""
    max_attempts: Annotated[int, Field(ge=1)] = 5
    """How many deaths of its worker or agent a run may have before it counts as lost."""
    checkpoint_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """The longest a run trains without a checkpoint, even within an epoch."""
    worker_memory_bytes: Annotated[int, Field(gt=0)] | None = None
    """What a worker process may allocate; a run that needs more fails as `out_of_memory`. Data sets do not count."""
    api_memory_bytes: Annotated[int, Field(gt=0)] | None = None
    """How much memory the API process, with its embedded agent, may allocate before it refuses requests. By default
    half of the memory of this machine or container."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 1_000_000
    """The largest JSON body that a request may carry."""
    max_upload_bytes: Annotated[int, Field(gt=0)] = 1_000_000_000
    """The largest upload of a data set."""
    max_unpacked_bytes: Annotated[int, Field(gt=0)] = 2_000_000_000
    """How large the files of an upload may be once they are unpacked."""
    upload_quota_bytes: Annotated[int, Field(ge=0)] = 10_000_000_000
    """How much disk the uploads of one owner may take."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 500_000_000
    """While the disk of the data folder has less free space, no experiments and uploads are accepted."""
    upload_memory_bytes: Annotated[int, Field(ge=200_000_000)] = 2_000_000_000
    """How much memory reading an upload may allocate. Only IDX files are read into memory as a whole."""
    upload_transfer_seconds: Annotated[int, Field(ge=1)] = 3600
    """How long an upload may take to arrive."""
    upload_seconds: Annotated[int, Field(ge=1)] = 300
    """How long reading an upload may take, once it has arrived."""
    trust_network: bool = False
    """Whether a proxy or firewall controls access, so that no token is needed on any address."""
    hosts: Annotated[tuple[Hostname, ...], BeforeValidator(_separated), NoDecode] = ()
    """Host names that an open service accepts beside addresses and this machine's own name, separated by spaces."""
    proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(_separated), NoDecode] = ()
    """Addresses and networks of the proxies in front of this service, separated by spaces. They tell the address of
    the client in X-Forwarded-For, under which refused requests are counted. It is believed from no other."""
    rate_limit: Rate = "6000/minute"
    """How many requests that change something, or are refused, one token or one address may send."""
    read_rate_limit: Rate = "60000/minute"
    """How many requests that read it may send."""
    max_streams: Annotated[int, Field(ge=1)] = 100
    """How many event streams one token or one address may have open."""
    max_queued: Annotated[int, Field(ge=1)] = 10_000
    """How many runs of one owner may wait in the queue."""
    test_budget: Annotated[int, Field(ge=0)] = 1
    """How many models may be evaluated on the same test rows, unless a request accepts more."""
    test_strict: bool = False
    """Whether the budget of the test rows holds even for a request that accepts more."""
    test_ladder: bool = False
    """Answer test evaluations as a Ladder: any number of them, each with the best accuracy so far and no more."""
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(_separated), NoDecode] = ()
    """Origins whose pages may use this service, such as `https://dashboard.example.org`, separated by spaces. `null`
    is the origin of every page opened from a file, and of sandboxed frames of any site."""
    secret_key_file: Path | None = None
    """A file with a key of 32 bytes or more, the same for all replicas, that seals the secrets of webhooks in the
    database. By default `secret.key` in the data folder on SQLite, and none on PostgreSQL."""
    webhooks_private: bool = False
    """Whether webhooks may lead into private networks, this machine included."""
    log_level: str = "info"

    @property
    def url(self) -> str:
        """The database URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'holdout.db'}"

    @property
    def artifacts_url(self) -> str:
        """The folder or URL of the artifact store."""
        return self.artifacts or str(self.data_dir / "artifacts")

    @property
    def poll_seconds(self) -> float:
        """How often an idle agent polls the queue: seldom, if a notifier of other machines wakes it."""
        return 0.1 if self.engine == "none" else 1.0
