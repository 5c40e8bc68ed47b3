"""Webhooks: who is told when an experiment is over."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Response

from service.api.dependencies import Configured, Store
from service.api.openapi import problems
from service.api.security import allow
from service.api.strict import StrictRoute
from service.http.query import InvalidQuery
from service.schemas.webhooks import Delivery, NewWebhook, SecretWebhook, Webhook, WebhookDeliveries, Webhooks
from service.store import webhooks
from service.store.errors import UnknownWebhook
from service.webhooks.outgoing import PrivateAddress, resolve
from workers.faults import InvalidSpec

router = APIRouter(
    prefix="/webhooks", tags=["webhooks"], dependencies=[allow("admin")], route_class=StrictRoute
)

WebhookId = Annotated[int, Path(ge=1, lt=2**31, description="The webhook's number.", examples=[1])]


@router.post(
    "",
    status_code=201,
    operation_id="create_webhook",
    summary="Be told when an experiment is over",
    responses=problems(InvalidSpec, PrivateAddress, body=True),
)
def create_webhook(
    webhook: NewWebhook, response: Response, settings: Configured, database: Store
) -> SecretWebhook:
    """Each message is a POST, signed by https://www.standardwebhooks.com with the `secret` that only this answer has.

    What is not answered with 2xx within 10 seconds is sent again, up to 8 times over some 15 hours.
    """
    url = urlsplit(webhook.url)
    resolve(url.hostname or "", url.port or 80, private=settings.webhooks_private)
    with database.write() as connection:
        made = SecretWebhook.model_validate(webhooks.create(connection, webhook.url, webhook.events))
    response.headers["Location"] = f"/webhooks/{made.id}"
    return made


@router.get("", operation_id="list_webhooks", summary="List the webhooks", responses=problems(InvalidQuery))
def list_webhooks(database: Store) -> Webhooks:
    """Without their secrets."""
    with database.read() as connection:
        return Webhooks(items=[Webhook.model_validate(row) for row in webhooks.listed(connection)])


@router.get(
    "/{webhook_id:number}",
    operation_id="read_webhook",
    summary="Read what became of a webhook's messages",
    responses=problems(UnknownWebhook, InvalidQuery),
)
def read_webhook(webhook_id: WebhookId, database: Store) -> WebhookDeliveries:
    """Its latest hundred, with the answer to the last attempt of each."""
    with database.read() as connection:
        webhook = webhooks.find(connection, webhook_id)
        sent = [Delivery.of(row) for row in webhooks.deliveries(connection, webhook_id)]
    return WebhookDeliveries.model_validate({**webhook._mapping, "deliveries": sent})


@router.delete(
    "/{webhook_id:number}",
    status_code=204,
    operation_id="delete_webhook",
    summary="Delete a webhook",
    responses=problems(UnknownWebhook, InvalidQuery),
)
def delete_webhook(webhook_id: WebhookId, database: Store) -> None:
    """With its messages; what was not delivered yet is not."""
    with database.write() as connection:
        webhooks.remove(connection, webhook_id)
