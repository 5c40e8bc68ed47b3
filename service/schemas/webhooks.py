"""The models of requests and responses of webhooks."""

from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.schemas.base import OptionalTime, ResponseModel, Time
from service.store.tables import FinalStatus, MonitorAlarm, SweepEnd
from workers.validation.patterns import worded

Announcement = Literal[SweepEnd, MonitorAlarm]
HOST = r"[!\x22$-.0->A-\[\]-~]"
"""Printable ASCII without /, ?, #, @ and the backslash."""
REST = r"[!\x22$-\[\]-~]"
"""Printable ASCII without # and the backslash."""


def _complete(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("should be an address like https://HOST:PORT/PATH, in ASCII")
    return url


Url = Annotated[
    str,
    Field(
        max_length=2000,
        pattern=worded(
            rf"^https?://{HOST}+([/?]{REST}*)?$", "an address like https://HOST:PORT/PATH, in ASCII"
        ),
    ),
    AfterValidator(_complete),
]


def _repeatable(schema: dict[str, Any]) -> None:
    """Do not declare the items unique: in JSON, a client may well send one twice."""
    schema.pop("uniqueItems", None)


class NewWebhook(BaseModel):
    """A webhook to add: the URL that receives a message when an experiment or a sweep ends, or a monitor raises its
    alarm.
    """

    model_config = ConfigDict(extra="forbid")

    url: Url = Field(examples=["https://example.org/hooks/holdout"])
    events: frozenset[FinalStatus | Announcement] = Field(
        frozenset(get_args(FinalStatus)),
        min_length=1,
        description="What to send a message for: final statuses of experiments, by default all of them; those of "
        "sweeps; and the first alarm of a monitor.",
        json_schema_extra=_repeatable,
    )


class Webhook(ResponseModel):
    """A webhook."""

    id: int
    url: str
    events: list[FinalStatus | Announcement]
    created_at: Time


class SecretWebhook(Webhook):
    """A webhook with the secret that signs its messages. The secret is shown only once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class Webhooks(ResponseModel):
    """All webhooks."""

    items: list[Webhook]


class Delivery(ResponseModel):
    """One message, about an experiment, a sweep or a monitor.

    answer: the result of the last attempt. next_attempt_at: null if there is no further attempt.
    """

    id: int
    experiment_id: int | None
    sweep_id: int | None
    monitor_id: int | None
    event: str
    state: Literal["waiting", "delivered", "given_up"]
    attempts: int
    answer: str | None
    created_at: Time
    delivered_at: OptionalTime
    next_attempt_at: OptionalTime

    @classmethod
    def of(cls, row: Any) -> "Delivery":
        state = "delivered" if row.delivered_at else "waiting" if row.due_at else "given_up"
        return cls.model_validate({**row._mapping, "state": state, "next_attempt_at": row.due_at})


class WebhookDeliveries(Webhook):
    """A webhook with its latest messages, newest first."""

    deliveries: list[Delivery]
