"""Webhooks: URLs that receive a message when an experiment or a sweep ends."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request, Response

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
    webhook: NewWebhook, request: Request, response: Response, settings: SettingsDep, database: DatabaseDep
) -> SecretWebhook:
    """Add a URL that receives a POST when an experiment or a sweep ends, signed as https://www.standardwebhooks.com
    describes.
    Only this response contains the `secret`.

    A message without a 2xx response within 10 seconds is sent again, up to 8 times over some 15 hours.
    """
    url = urlsplit(webhook.url)
    resolve(url.hostname or "", url.port or 80, private=settings.webhooks_private)
    key = request.app.state.sealing_key
    with database.write() as connection:
        row = webhooks.create(connection, webhook.url, webhook.events, key)
    made = SecretWebhook.model_validate({**row._mapping, "secret": key.open(row.secret)})
    response.headers.update({"Location": f"/webhooks/{made.id}", "Cache-Control": "no-store"})
    return made


@router.get("", operation_id="list_webhooks", summary="List the webhooks", responses=problems(InvalidQuery))
def list_webhooks(database: DatabaseDep) -> Webhooks:
    """List the webhooks, without their secrets."""
    with database.read() as connection:
        return Webhooks(items=[Webhook.model_validate(row) for row in webhooks.list_all(connection)])


@router.get(
    "/{webhook_id:number}",
    operation_id="read_webhook",
    summary="Read a webhook and its messages",
    responses=problems(UnknownWebhook, InvalidQuery),
)
def read_webhook(webhook_id: WebhookId, database: DatabaseDep) -> WebhookDeliveries:
    """Read a webhook and its latest hundred messages, each with the result of its last attempt."""
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
    """Delete a webhook with its messages. Messages not yet delivered are never sent."""
    with database.write() as connection:
        webhooks.delete(connection, webhook_id)
