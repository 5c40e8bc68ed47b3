"""Webhooks: who is told when an experiment is over."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import problems
from service.api.routing.dependencies import DatabaseDep, SettingsDep
from service.api.routing.strict_route import StrictRoute
from service.http.query import InvalidQuery
from service.schemas.webhooks import Delivery, NewWebhook, SecretWebhook, Webhook, WebhookDeliveries, Webhooks
from service.store.errors import UnknownWebhook
from service.store.webhooks import outbox, webhooks
from service.webhooks.ssrf_protection import PrivateAddress, resolve
from workers.validation.errors import InvalidSpec

router = APIRouter(
    prefix="/webhooks", tags=["webhooks"], dependencies=[allow("admin")], route_class=StrictRoute
)

WebhookId = Annotated[int, Path(ge=1, lt=2**31, description="The webhook's number.", examples=[1])]


@router.post(
    "",
    status_code=201,
    operation_id="create_webhook",
    summary="Add a webhook",
    responses=problems(InvalidSpec, PrivateAddress, body=True),
)
def create_webhook(
    webhook: NewWebhook, response: Response, settings: SettingsDep, database: DatabaseDep
) -> SecretWebhook:
    """The service sends a POST when an experiment ends, signed as https://www.standardwebhooks.com describes. Only
    this answer contains the `secret`.

    A message without a 2xx answer within 10 seconds is sent again, up to 8 times over some 15 hours.
    """
    url = urlsplit(webhook.url)
    resolve(url.hostname or "", url.port or 80, private=settings.webhooks_private)
    with database.write() as connection:
        made = SecretWebhook.model_validate(webhooks.create(connection, webhook.url, webhook.events))
    response.headers["Location"] = f"/webhooks/{made.id}"
    return made


@router.get("", operation_id="list_webhooks", summary="List the webhooks", responses=problems(InvalidQuery))
def list_webhooks(database: DatabaseDep) -> Webhooks:
    """The secrets are left out."""
    with database.read() as connection:
        return Webhooks(items=[Webhook.model_validate(row) for row in webhooks.list_all(connection)])


@router.get(
    "/{webhook_id:number}",
    operation_id="read_webhook",
    summary="Read a webhook and its messages",
    responses=problems(UnknownWebhook, InvalidQuery),
)
def read_webhook(webhook_id: WebhookId, database: DatabaseDep) -> WebhookDeliveries:
    """Its latest hundred messages, each with the answer to its last attempt."""
    with database.read() as connection:
        webhook = webhooks.find(connection, webhook_id)
        sent = [Delivery.of(row) for row in outbox.latest(connection, webhook_id)]
    return WebhookDeliveries.model_validate({**webhook._mapping, "deliveries": sent})


@router.delete(
    "/{webhook_id:number}",
    status_code=204,
    operation_id="delete_webhook",
    summary="Delete a webhook",
    responses=problems(UnknownWebhook, InvalidQuery),
)
def delete_webhook(webhook_id: WebhookId, database: DatabaseDep) -> None:
    """Deletes its messages as well; those not yet delivered are never sent."""
    with database.write() as connection:
        webhooks.delete(connection, webhook_id)
