"""The pages show what the API says, work without script, escape everything, and need a token as the API does."""

import html
import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from service.api.auth.session_cookie import COOKIE
from service.store.credentials import tokens
from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker

HOSTILE = "<script>alert(1)</script>\"'&"
LARGEST = 300_000


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def finished(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit(name=HOSTILE, tags=["demo"])
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    fake_worker.save_rows(experiment_id, CONFUSION)
    fake_worker.finish(experiment_id, "succeeded")
    return experiment_id


def shown(response: Response, status: int = 200) -> str:
    """The text of a page, if it is one and nothing in it is inline or from elsewhere."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert len(response.content) <= LARGEST
    text = response.text
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", re.sub(r"&\w+;|&#\d+;", "", text)
    )
    assert "<script>alert" not in text
    for address in re.findall(r'(?:src|href|srcset|action)="([^"]+)"', text):
        assert not address.startswith(("http:", "https:", "//", "/")), address
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


@pytest.mark.parametrize(
    "path",
    [
        "experiments",
        "experiments?status=succeeded&q=script&tag=demo&sort=id",
        "experiments?status=failed",
        "experiments/{id}",
        "experiments/{id}?metric=loss",
        "experiments/{id}/predict",
        "experiments/{id}/test",
        "compare",
        "datasets",
        "datasets/digits",
        "datasets/iris",
        "upload",
        "new",
        "new?dataset=iris&loss=focal",
        "new?like={id}",
        "sign-in",
    ],
)
def test_every_page_is_shown(client: TestClient, finished: int, path: str) -> None:
    shown(client.get(f"/ui/{path.replace('{id}', str(finished))}"))


def test_the_parts_that_change_with_each_epoch_are_those_of_the_page(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    """By the address that the page names, with the relative addresses of the page, and only if they have changed."""
    experiment_id = fake_worker.submit(name=HOSTILE, seeds=[0, 1])
    fake_worker.claim()
    page = f"/ui/experiments/{experiment_id}"
    (address,) = re.findall(r'data-renewed-by="([^"]+)"', client.get(page).text)
    parts = str(client.base_url.join(page).join(address))
    known = client.get(parts)
    shown(known)
    assert client.get(parts, headers={"If-None-Match": known.headers["etag"]}).status_code == 304
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    changed = client.get(f"{parts}?wait=20", headers={"If-None-Match": known.headers["etag"]})
    assert 'data-epoch="1"' in changed.text
    assert "Read with care" in changed.text
    for part in re.split(r"(?=<div data-live)", changed.text):
        assert part.strip() in client.get(page).text
    fake_worker.finish(experiment_id, "succeeded")
    client.post(f"/experiments/{experiment_id}/cancel")
    over = client.get(f"{parts}?wait=20", headers={"If-None-Match": changed.headers["etag"]}).text
    assert 'data-succeeded="1"' in over
    assert "data-renewed-by" not in over
    shown(client.get("/ui/experiment-states/99"), 404)


def test_addresses_in_a_page_lead_somewhere(client: TestClient, finished: int) -> None:
    for path in ("/ui/experiments", f"/ui/experiments/{finished}", "/ui/datasets/digits"):
        text = client.get(path).text
        for address in {html.unescape(each) for each in re.findall(r'(?:src|href)="([^"#]+)"', text)}:
            found = client.get(str(client.base_url.join(path).join(address)))
            # the model of the fake worker is none
            is_broken = address.endswith("/bundle") or "importance" in address
            assert found.status_code == (409 if is_broken else 200), (path, address)


def test_the_list_shows_the_result_beside_the_best_baseline(client: TestClient, finished: int) -> None:
    summary = client.get(f"/experiments/{finished}").json()["summary"]
    estimate = summary["metrics"]["balanced_accuracy"]
    text = " ".join(shown(client.get("/ui/experiments")).split())
    assert f"{estimate['mean']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}] balanced accuracy" in text
    assert "majority 0.500" in text
    assert HOSTILE in text


def test_the_list_ranks_and_filters_by_metrics(client: TestClient, fake_worker: FakeWorker) -> None:
    for name, confusion in (("worse", [[90, 10], [8, 2]]), ("better", [[95, 5], [1, 9]])):
        experiment_id = fake_worker.submit(name=name)
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, confusion)
        fake_worker.finish(experiment_id, "succeeded")
    page = client.get("/ui/experiments?sort=balanced_accuracy&fields=mcc")
    text = " ".join(shown(page).split())
    assert text.index("worse") < text.index("better")
    rows = client.get("/experiments?fields=mcc,balanced_accuracy").json()["items"]
    for row in rows:
        assert f'data-of="MCC">{row["metrics"]["mcc"]:.3f}' in page.text
    for where, names in (
        ("balanced_accuracy>=0.8", ["better"]),
        ("mcc<0.5", ["worse"]),
        ("", ["better", "worse"]),
    ):
        text = shown(client.get("/ui/experiments", params={"where": where, "dataset": "synthetic"}))
        assert [name for name in ("better", "worse") if name in text] == names
    refused = client.get("/ui/experiments", params={"where": "luck>1", "q": "w"})
    assert "unknown field" in shown(refused, 422)
    assert 'value="luck&gt;1"' in refused.text


def test_name_tags_and_note_are_changed_from_the_page(client: TestClient, finished: int) -> None:
    form = {"name": "other", "tags": "a, b, a", "note": f"seen: {HOSTILE}"}
    text = shown(client.post(f"/ui/experiments/{finished}/edit", data=form))
    assert f"seen: {HOSTILE}" in text
    experiment = client.get(f"/experiments/{finished}").json()
    assert (experiment["name"], experiment["tags"], experiment["note"]) == ("other", ["a", "b"], form["note"])
    assert f"seen: {HOSTILE}" in shown(client.get("/ui/experiments"))
    assert "tags" in shown(client.post(f"/ui/experiments/{finished}/edit", data={"tags": "no spaces"}), 422)
    shown(client.post(f"/ui/experiments/{finished}/edit", data={"tags": ""}))
    experiment = client.get(f"/experiments/{finished}").json()
    assert (experiment["name"], experiment["tags"]) == ("other", [])


def test_the_search_finds_a_part_of_a_name(client: TestClient, fake_worker: FakeWorker) -> None:
    fake_worker.submit(name="Focal 100%")
    fake_worker.submit(name="plain")
    for part, names in (
        ("focal", ["Focal 100%"]),
        ("%", ["Focal 100%"]),
        ("a", ["plain", "Focal 100%"]),
        ("_", []),
    ):
        assert [
            each["name"] for each in client.get("/experiments", params={"q": part}).json()["items"]
        ] == names


def test_a_page_that_has_not_changed_is_304(client: TestClient, finished: int) -> None:
    path = f"/ui/experiments/{finished}"
    first = client.get(path).headers
    again = client.get(path, headers={"If-None-Match": first["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("content-security-policy", "referrer-policy"):
        assert again.headers[name] == first[name]


def test_what_is_not_there_is_a_page_too(client: TestClient) -> None:
    assert "no experiment" in shown(client.get("/ui/experiments/99"), 404)
    assert "digits" in shown(client.get("/ui/datasets/digts"), 404)


def test_a_form_submits_what_it_shows(client: TestClient) -> None:
    form = {
        "name": "from a form",
        "tags": "a, b",
        "dataset": "iris",
        "loss": "focal",
        "loss_options": "gamma=3",
    }
    form |= {"epochs": "2", "seeds": "4, 5", "more": '{"scaling": "none"}', "optimizer": ""}
    checked = shown(client.post("/ui/new/preview", data=form, headers={"X-Part": "yes"}))
    assert "Valid" in checked
    command = checked[checked.index("-d '") + 4 :]
    spec = json.loads(command[: command.index("'")])
    response = client.post("/ui/new", data=form, follow_redirects=False)
    assert response.status_code == 303
    stored = client.get(f"/{response.headers['location']}").json()["spec"]
    resolved = client.post("/experiments/validate", json=spec).json()["spec"]
    assert stored == resolved
    assert (stored["loss"]["gamma"], stored["seeds"], stored["scaling"]["name"]) == (3, [4, 5], "none")
    copied = client.get("/ui/new", params={"like": response.headers["location"].rpartition("/")[2]}).text
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input name="(\w+)" value="([^"]*)"', copied)
    }
    assert "gamma=3.0" in fields["loss_options"].split(", ")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"dataset": "iris", "loss": "focal", "loss_options": "gama=3"}, "gama"),
        ({"dataset": "iris", "epochs": "many"}, "epochs"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"dataset": "iris", "more": "{"}, "more"),
        ({"dataset": "iris", "more": "[]"}, "more"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(client: TestClient, form: dict[str, str], said: str) -> None:
    assert said in shown(client.post("/ui/new/preview", data=form))
    response = client.post("/ui/new", data=form)
    assert response.status_code in (404, 422)
    assert said in shown(response, response.status_code)


def test_a_running_experiment_can_be_cancelled(client: TestClient, running: int) -> None:
    shown(client.post(f"/ui/experiments/{running}/cancel"))
    assert client.get(f"/experiments/{running}").json()["status"] in ("running", "cancelled")
    assert client.get("/ui/experiments/99/cancel").status_code == 405
    assert "no experiment" in shown(client.post("/ui/experiments/99/cancel"), 404)


def test_the_test_set_is_not_touched_without_a_confirmation(client: TestClient, finished: int) -> None:
    text = shown(client.post(f"/ui/experiments/{finished}/test", data={}))
    assert "kept away" in text
    assert client.get(f"/experiments/{finished}/test-evaluations").json()["looks"] == 0


def test_an_empty_sweep_form_is_told_what_to_fill_in_and_not_that_it_is_wrong(client: TestClient) -> None:
    page = client.post("/ui/sweeps/new/preview", data={}, headers={"X-Part": "yes"})
    assert "Choose a preset, or name a field" in shown(page)
    assert "problem" not in page.text
    page = client.post("/ui/sweeps/new/preview", data={"preset": "losses"}, headers={"X-Part": "yes"})
    assert "Valid. 5 candidates" in shown(page)


def test_the_columns_of_a_row_to_predict_are_named(client: TestClient, fake_worker: FakeWorker) -> None:
    table = b"width,height,kind\n" + b"1,2,a\n2,1,b\n3,4,a\n4,3,b\n" * 10
    client.post("/datasets", data={"name": "boxes"}, files={"file": table}).raise_for_status()
    experiment_id = fake_worker.submit(dataset="boxes")
    assert "The columns in their order: width, height." in shown(
        client.get(f"/ui/experiments/{experiment_id}/predict")
    )


def test_an_experiment_that_ended_without_an_epoch_has_no_result(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    experiment_id = fake_worker.submit()
    assert "no epoch yet" in shown(client.get(f"/ui/experiments/{experiment_id}"))
    client.post(f"/experiments/{experiment_id}/cancel")
    for path in (f"/ui/experiments/{experiment_id}", "/ui/experiments"):
        text = shown(client.get(path))
        assert "no result" in text
        assert "no epoch yet" not in text


def test_a_table_is_inspected_and_uploaded(client: TestClient) -> None:
    file = "petal,species\n1.4,setosa\n1.3,setosa\n4.7,versicolor\n4.5,versicolor\n"
    sent: Any = {
        "data": {"name": "flowers", "format": "csv", "label": "species"},
        "files": {"file": file.encode()},
    }
    assert "petal" in shown(client.post("/ui/upload/inspect", **sent))
    assert client.get("/datasets/flowers").status_code == 404
    assert "versicolor" in shown(client.post("/ui/upload", **sent))
    assert client.get("/datasets/flowers").status_code == 200
    refused = client.post("/ui/upload", **sent | {"data": sent["data"] | {"label": "colour"}})
    assert "colour" in shown(refused, 422)


class TestTokens:
    @pytest.fixture
    def token(self, database: Database) -> str:
        with database.write() as connection:
            return tokens.create(connection, "dashboard", "submit")

    def sign_in(self, client: TestClient, token: str, **form: str) -> Response:
        return client.post("/ui/sign-in", data={"token": token, **form}, follow_redirects=False)

    def test_a_page_leads_to_the_sign_in_and_back(self, client: TestClient, token: str) -> None:
        response = client.get("/ui/experiments?q=x", follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (
            303,
            "../ui/sign-in?next=%2Fui%2Fexperiments%3Fq%3Dx",
        )
        signed_in = self.sign_in(client, token, next="/ui/experiments?q=x")
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "../ui/experiments?q=x")
        assert "dashboard" in shown(client.get("/ui/experiments?q=x"))

    def test_a_page_of_one_caller_is_not_sent_to_another(
        self, client: TestClient, token: str, database: Database
    ) -> None:
        with database.write() as connection:
            other = tokens.create(connection, "other", "read")
        for each, name in ((token, "dashboard"), (other, "other"), (token, "dashboard")):
            text = shown(client.get("/ui/experiments", headers={"Authorization": f"Bearer {each}"}))
            assert f"Sign out {name}" in text

    def test_no_script_and_no_other_site_gets_the_token(self, client: TestClient, token: str) -> None:
        cookie = self.sign_in(client, token).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "max-age" not in cookie
        for site, status in (("same-origin", 200), ("none", 200), ("same-site", 401), ("cross-site", 401)):
            assert client.get("/experiments", headers={"Sec-Fetch-Site": site}).status_code == status

    def test_the_cookie_opens_what_the_token_opens(self, client: TestClient, token: str) -> None:
        self.sign_in(client, token)
        own = {"Sec-Fetch-Site": "same-origin"}
        experiment = client.post("/experiments", json={}, headers=own).json()
        assert (
            client.get(f"/experiments/{experiment['id']}/charts/curves.svg", headers=own).status_code == 200
        )
        assert client.delete(f"/experiments/{experiment['id']}", headers=own).status_code == 403
        cross = client.post("/experiments", json={}, headers={"Sec-Fetch-Site": "cross-site"})
        assert cross.status_code == 403

    def test_a_revoked_token_is_refused_at_once(
        self, client: TestClient, token: str, database: Database
    ) -> None:
        self.sign_in(client, token)
        assert client.get("/experiments").status_code == 200
        with database.write() as connection:
            tokens.revoke(connection, "dashboard")
        assert client.get("/experiments").status_code == 401

    def test_signing_out_forgets_the_token(self, client: TestClient, token: str) -> None:
        self.sign_in(client, token)
        client.post("/ui/sign-out")
        assert client.get("/experiments").status_code == 401

    def test_a_wrong_token_is_not_kept(self, client: TestClient, token: str) -> None:
        response = self.sign_in(client, "hold_wrong")
        assert "unknown" in shown(response, 401)
        assert "set-cookie" not in response.headers

    @pytest.mark.parametrize(
        "back", ["https://evil.example", "//evil.example", "/\\evil.example", "/docs", ""]
    )
    def test_it_leads_nowhere_outside(self, client: TestClient, token: str, back: str) -> None:
        assert self.sign_in(client, token, next=back).headers["location"] == "../ui/experiments"

    def test_another_site_cannot_sign_a_browser_in(self, client: TestClient, token: str) -> None:
        response = client.post("/ui/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 403
        assert "set-cookie" not in response.headers


def test_a_cookie_of_another_service_on_this_host_closes_nothing(client: TestClient) -> None:
    client.cookies.set(COOKIE, "hold_of_another")
    assert client.get("/experiments").status_code == 200


def test_errors_of_the_router_are_pages_among_the_pages(client: TestClient) -> None:
    assert "There is nothing at /ui/experiments/first." in shown(client.get("/ui/experiments/first"), 404)
    assert "like" in shown(client.get("/ui/new?like=first"), 422)
    refused = client.get("/ui/experiments/1/cancel")
    assert "Possible: " in shown(refused, 405)
    assert refused.headers["allow"]
    assert client.get("/uix").json()["title"] == "Not Found"
