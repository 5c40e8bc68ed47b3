"""The ceiling of a FastAPI endpoint: it sends the same bytes from memory, and does nothing else.

It runs under uvicorn with the settings of the service: python -m benchmarks.service.fastapi_ceiling --port N FILE.
The file has a response as JSON: its headers and its content.
"""

import argparse
import json
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

SERVER_HEADERS = ("date", "content-length", "content-type")
"""Headers that FastAPI and uvicorn add themselves."""


def create_app(headers: dict[str, str], content: bytes) -> FastAPI:
    """Two endpoints: one sends `content`, the other responds 304 Not Modified."""
    app = FastAPI()
    headers = {name: value for name, value in headers.items() if name not in SERVER_HEADERS}

    @app.get("/content")
    async def read() -> Response:
        return Response(content, headers=headers, media_type="application/json")

    @app.get("/unchanged")
    async def compare() -> Response:
        return Response(status_code=304, headers=headers)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    response = json.loads(given.file.read_text())
    app = create_app(response["headers"], response["content"].encode())
    uvicorn.run(app, port=given.port, server_header=False, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
