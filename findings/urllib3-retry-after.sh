#!/usr/bin/env bash
# urllib3 2.8.0: a request with timeout=0.5 waits as long as the server's Retry-After says, and hides the 503.
#
# Without any retry option, urllib3 retries 413, 429 and 503 answers that carry Retry-After, and sleeps for the time
# given. The timeout covers the socket, not this sleep. The caller sees the second answer, 200, and nothing of the first.
#
# Why it matters: a polling script or a load test against a service that answers 429 or 503 blocks inside one call, and
# counts no refusal. (requests sets its own retries to 0 and returns the 503.)
# Instead: pass retries=False, or Retry(respect_retry_after_header=False), and act on the status yourself.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check urllib3==2.8.0

cat >expected <<'TEXT'
urllib3 2.8.0: the first answer is 503 with Retry-After: 2, timeout 0.5 s
defaults: status 200, 2 requests, took 2 s or longer: True
retries=False: status 503, 1 requests, took 2 s or longer: False
TEXT

cat >program.py <<'PYTHON'
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import urllib3

answered = []


class BusyOnce(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if answered else 503)
        answered.append(self.path)
        self.send_header("Retry-After", "2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), BusyOnce)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"urllib3 {urllib3.__version__}: the first answer is 503 with Retry-After: 2, timeout 0.5 s")
for name, options in (("defaults", {}), ("retries=False", {"retries": False})):
    answered.clear()
    started = time.monotonic()
    response = urllib3.PoolManager().request("GET", f"http://127.0.0.1:{server.server_port}/", timeout=0.5, **options)
    waited = time.monotonic() - started >= 2
    print(f"{name}: status {response.status}, {len(answered)} requests, took 2 s or longer: {waited}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
