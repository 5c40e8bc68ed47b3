"""Numbers that no row has, up to the largest that the API accepts: every route responds with 404 or 422."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

NUMBERS = (2**31 - 1, 2**31, 2**40, 10**18 - 1)
ROWS = {"rows": [[0.0]]}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_an_experiment_that_is_not_there(app: FastAPI, client: TestClient, number: int) -> None:
    mine = {path: methods for path, methods in app.openapi()["paths"].items() if "{experiment_id}" in path}
    assert len(mine) > 10
    for path, methods in mine.items():
        url = path.replace("{experiment_id}", str(number)).replace("{chart}", "curves").replace("{row}", "0")
        assert "{" not in url
        for method in methods:
            body = {} if method == "patch" else ROWS if url.endswith("/predict") else None
            response = client.request(method, url, json=body)
            assert response.status_code in (404, 422), (method, url, response.text)


@pytest.mark.parametrize("number", NUMBERS)
def test_such_a_number_in_a_list_or_of_a_webhook(client: TestClient, number: int) -> None:
    for path in (
        f"/epochs?ids={number}",
        f"/comparisons?ids={number},{number - 1}",
        f"/webhooks/{number}",
        f"/experiments/{number}?wait=1",
    ):
        response = client.get(path)
        assert response.status_code in (404, 422), (path, response.text)
