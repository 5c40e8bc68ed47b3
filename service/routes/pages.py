"""Pages for people: Swagger UI from our own files, without other hosts and without inline scripts."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from service.api.auth.authorization import PUBLIC
from service.api.openapi.document import FILE as DOCUMENT
from service.api.routing.strict_route import StrictRoute
from service.api.transport.middleware import CONTENT_SECURITY_POLICY

PAGES = Path(__file__).parent.parent / "pages"

router = APIRouter(dependencies=[PUBLIC], route_class=StrictRoute)
files = StaticFiles(directory=PAGES / "static", packages=[("fastapi_offline", "static")])
"""Our own files, and those of Swagger UI from its package."""
DOCS_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self' data:", "img-src 'self' data: blob:")
"""Swagger UI shows a picture of a response from its own blob: URL."""


@router.get("/docs", include_in_schema=False)
def read_docs() -> FileResponse:
    """Show Swagger UI. Its addresses are relative, so it works below any path prefix."""
    headers = {"Content-Security-Policy": DOCS_POLICY}
    return FileResponse(PAGES / "docs.html", media_type="text/html", headers=headers)


@router.get("/openapi.json", include_in_schema=False)
def read_openapi() -> FileResponse:
    """Send the OpenAPI document."""
    return FileResponse(DOCUMENT, media_type="application/json")


@router.get("/static/{name}", include_in_schema=False)
async def read_file(name: str, request: Request) -> Response:
    """Send a static file. This is a route, not a mount, so that its errors are problems as on every other route."""
    return await files.get_response(name, request.scope)
