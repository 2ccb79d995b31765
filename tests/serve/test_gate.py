"""The token, headers, explanations, and the pages about the server itself."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tests.serve.made import in_base64, model_of, png

from deepwell.core.errors import UserError
from deepwell.serve.routes import ROUTES, STATUSES

ONE = {"inputs": [in_base64(png())]}
TOKEN = "a-token-of-some-length"


def explained(model: Any, raw: Sequence[Any], *, method: str | None = None, target: str | None = None) -> list[Any]:
    """Stands for ``deepwell.explain.explain``."""
    assert model is not model_of("image")  # a copy: hooks and gradients are its own
    if target == "nonsense":
        raise UserError("there is no class 'nonsense'", expected="0, 1, 2")
    if target == "fault":
        raise RuntimeError("secret")
    return [SimpleNamespace(to_json=lambda: {"target": target}, html=lambda lang: f"<p>{lang} {method}</p>")]


def test_a_token_opens(client: Callable[..., Any]) -> None:
    served = client(token=TOKEN)
    for entry in ROUTES:
        answer = served.request(entry.method, entry.path)
        assert (answer.status_code == 401) == (not entry.open), entry
    assert served.get("/nope").status_code == 401
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"):
        answer = served.post("/predict", json=ONE, headers={"authorization": wrong.encode("latin-1")})
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    for right in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
        assert served.post("/predict", json=ONE, headers={"authorization": right}).status_code == 200


def test_only_under_its_own_names(client: Callable[..., Any]) -> None:
    """A page of the web whose name leads to this machine asks under its own name (DNS rebinding)."""
    served = client(hosts={"localhost", "127.0.0.1", "::1"})
    for right in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert served.get("/model", headers={"host": right}).status_code == 200, right
    for wrong in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::1"):
        assert served.get("/model", headers={"host": wrong}).status_code == 421, wrong


def test_safety_is_on_every_answer(client: Callable[..., Any]) -> None:
    served = client()
    for path in ("/", "/docs", "/health", "/metrics", "/nope", "/model"):
        answer = served.get(path, headers={"origin": "http://elsewhere.example"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in answer.headers)
    policy = served.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "connect-src 'self'" in policy
    assert "script-src 'none'" in served.get("/docs").headers["content-security-policy"]


def test_explanations(client: Callable[..., Any]) -> None:
    served = client(explain=explained)
    found = served.post("/explain?lang=zh&target=1&method=occlusion", json=ONE).json()
    assert found["explanation"] == {"target": "1"} and found["html"] == "<p>zh occlusion</p>"
    wanted = model_of("image").predict([png()])[0]
    assert found["answer"]["prediction"] == wanted["prediction"]
    assert served.post("/explain", files={"a": png()}).json()["html"] == "<p>en None</p>"
    for query, status in (("target=nonsense", 400), ("lang=xx", 400), ("path=/etc", 400), ("target=fault", 500)):
        answer = served.post(f"/explain?{query}", json=ONE)
        assert answer.status_code == status and "secret" not in answer.text
    assert served.post("/explain?lang=%ff", json=ONE).status_code == 400
    assert served.post("/explain", json={"inputs": ONE["inputs"] * 2}).status_code == 422
    assert served.post("/explain", json={"inputs": [in_base64(b"x")]}).status_code == 400
    assert served.get("/model").json()["explains"]
    assert client().post("/explain", json=ONE).status_code == 404


def test_the_model_is_described(client: Callable[..., Any]) -> None:
    found = client("image", max_inputs=7).get("/model").json()
    assert found["input"]["kind"] == "image" and found["output"] == {"kind": "category", "classes": ["0", "1", "2"]}
    assert found["limits"]["max_inputs"] == 7 and found["explains"] is False


@pytest.mark.parametrize("kind", ["image", "text", "tokens", "tree"])
def test_the_interface_describes_what_is_there(kind: str, client: Callable[..., Any]) -> None:
    served = client(kind, token=TOKEN)
    head = {"authorization": f"Bearer {TOKEN}"}
    api = served.get("/openapi.json", headers=head).json()
    assert api["openapi"] == "3.1.0"
    assert list(api["paths"]) == [entry.path for entry in ROUTES]
    for entry in ROUTES:
        operation = api["paths"][entry.path][entry.method.lower()]
        assert set(operation["responses"]) == {"200", *map(str, entry.statuses)}
        assert ("security" in operation) == (not entry.open)
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(api)):
        assert name in api["components"]["schemas"]
    page = served.get("/docs", headers=head)
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /predict" in page.text and "<script" not in page.text and "//" not in page.text.replace("spec://", "")
    if kind != "image":
        example = api["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert served.post("/predict", json=example, headers=head).status_code == 200


def test_metrics_are_read_by_prometheus_and_bounded(client: Callable[..., Any]) -> None:
    served = client()
    served.post("/predict", json=ONE)
    for number in range(50):
        served.get(f"/unknown/{number}")
        served.request(f"METHOD{number}", "/predict")
    text = served.get("/metrics").text
    assert 'deepwell_requests_total{route="/predict",status="200"} 1' in text
    assert 'deepwell_requests_total{route="other",status="404"} 50' in text
    assert 'deepwell_request_seconds_count{route="/predict"} 51' in text
    line = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+$')
    named = set()
    for row in text.splitlines():
        if row.startswith("# TYPE "):
            named.add(row.split()[2])
        elif not row.startswith("#"):
            found = line.match(row)
            assert found, row
            assert re.sub(r"_(bucket|sum|count)$", "", found[1]) in named
    assert len(text.splitlines()) < 250


def test_a_line_for_every_request(client: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    served = client(access_log=True)
    with caplog.at_level(logging.INFO, "deepwell.serve"):
        served.get("/a%0ab%1b[31m")
    [line] = [record.getMessage() for record in caplog.records if '"path"' in record.getMessage()]
    assert json.loads(line)["status"] == 404 and "\n" not in line and "\x1b" not in line


def test_every_status_has_its_words() -> None:
    assert {status for entry in ROUTES for status in entry.statuses} <= set(STATUSES)
