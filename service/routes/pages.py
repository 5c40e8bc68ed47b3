"""Pages for people: Swagger UI from files of our own, without a host outside and without inline script."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from service.api.auth.authorization import PUBLIC
from service.api.routing.strict_route import StrictRoute
from service.api.transport.middleware import CONTENT_SECURITY_POLICY

PAGES = Path(__file__).parent.parent / "pages"

router = APIRouter(dependencies=[PUBLIC], route_class=StrictRoute)
files = StaticFiles(directory=PAGES / "static", packages=[("fastapi_offline", "static")])
"""Our own, and beside them those of Swagger UI as the package brings them."""
DOCS_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self' data:", "img-src 'self' data: blob:")
"""Swagger UI shows a picture that was answered from a blob: URL of its own."""


@router.get("/docs", include_in_schema=False)
def read_docs() -> FileResponse:
    """Swagger UI. Its addresses are relative: it works below any prefix."""
    headers = {"Content-Security-Policy": DOCS_POLICY}
    return FileResponse(PAGES / "docs.html", media_type="text/html", headers=headers)


@router.get("/static/{name}", include_in_schema=False)
async def read_file(name: str, request: Request) -> Response:
    """A route rather than a mount, so that errors are those of every other route."""
    return await files.get_response(name, request.scope)
