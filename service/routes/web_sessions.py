"""Sign in with a token, and out: the browser keeps the token in a cookie that no script can read."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.api.auth import session_cookie
from service.api.auth.authorization import PUBLIC
from service.api.auth.origins import require_same_site
from service.api.errors.page_route import PageRoute
from service.pages.api_client import ApiClient
from service.pages.forms import read_form
from service.pages.rendering import page

router = APIRouter(prefix="/ui", dependencies=[PUBLIC], route_class=PageRoute, include_in_schema=False)
OWN = "/ui/"
"""Where a page may lead after signing in: nowhere outside."""


@router.get("/sign-in")
async def show_sign_in(
    request: Request, back: Annotated[str, Query(alias="next")] = OWN + "experiments"
) -> Response:
    """Ask for a token."""
    return page(request, "sign_in.html", next=back, problem=None)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Keep a valid token in the browser, and lead back to where it was needed."""
    require_same_site(request, request.app.state.settings.cors_origins)
    form = await read_form(request)
    token, back = form.get("token", "").strip(), form.get("next", "")
    reply = await ApiClient(request).get_with_token("/experiments?limit=1", token)
    if reply.status >= 400:
        return page(request, "sign_in.html", reply.status, next=back, problem=reply.json())
    to = back if back.startswith(OWN) and "\\" not in back else OWN + "experiments"
    response = RedirectResponse("../" + to.removeprefix("/"), status_code=303)
    session_cookie.remember(response, token, secure=request.url.scheme == "https")
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Let the browser drop the token."""
    require_same_site(request, request.app.state.settings.cors_origins)
    response = RedirectResponse("sign-in", status_code=303)
    session_cookie.forget(response)
    return response
