"""The server's answers are those of the saved model, for every kind of input and both ways to send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.conftest import blobs
from tests.serve.made import in_base64, model_of, png

from deepwell.data.tree import parse

PICTURES = [png(0), png(1, (30, 20)), png(2, format="JPEG"), png(3, format="BMP"), png(4, format="GIF")]
TEXTS = ["the film was good", "", "bad bad bad", "好电影", "/etc/passwd", "../../etc/passwd", "a" * 5000]
SENTENCES = ["Ada went to Oslo", ["Ada", "went"], "x", "Ada " * 300]
TREES = ["(S (A good) (B film1))", "(0 (0 a) (0 (0 b) (0 c)))"]

# kind: (as JSON, as parts, as predict takes them)
WAYS: dict[str, tuple[list[Any], list[bytes] | None, list[Any]]] = {
    "image": ([in_base64(file) for file in PICTURES], PICTURES, PICTURES),
    "floats": ([{"array": (x * 3.0 - 100).tolist()} for x in blobs(3)[0]], None, [x * 3.0 - 100 for x in blobs(3)[0]]),
    "text": (TEXTS, [text.encode() for text in TEXTS], TEXTS),
    "tokens": (SENTENCES, [s.encode() for s in SENTENCES if isinstance(s, str)], SENTENCES),
    "tree": (TREES, [tree.encode() for tree in TREES], [parse(tree) for tree in TREES]),
}


def same(found: Any, wanted: Any) -> bool:
    """Equal, numbers to 1e-5: sums depend on the company in a batch in their last bits."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(abs(found - wanted) < 1e-5) if isinstance(wanted, float) else found == wanted


@pytest.mark.parametrize("kind", WAYS)
def test_answers_are_those_of_predict(kind: str, client: Callable[..., Any]) -> None:
    values, parts, raw = WAYS[kind]
    wanted = model_of(kind).predict(raw)
    served = client(kind, max_batch=4)
    many = served.post("/predict", json={"inputs": values})
    assert many.status_code == 200, many.text
    assert same(many.json()["answers"], wanted)
    for value, one in zip(values, wanted, strict=True):
        assert same(served.post("/predict", json={"inputs": [value]}).json()["answers"], [one])
    if parts:
        files = [("anything", ("../../x.png", part)) for part in parts]
        found = served.post("/predict", files=files)
        assert found.status_code == 200, found.text
        strings = [sample for sample in raw if not isinstance(sample, list)]
        assert same(found.json()["answers"], model_of(kind).predict(strings))


def test_whole_numbers_stand_for_a_picture_too(client: Callable[..., Any]) -> None:
    x = blobs(3)[0]
    found = client("image").post("/predict", json={"inputs": [{"array": picture.tolist()} for picture in x]})
    assert same(found.json()["answers"], model_of("image").predict(list(x)))


def test_a_data_url_and_broken_lines_are_base64_too(client: Callable[..., Any]) -> None:
    served, value = client("image"), in_base64(PICTURES[0])["image"]
    lines = "\r\n".join(value[i : i + 76] for i in range(0, len(value), 76))
    found = served.post("/predict", json={"inputs": [{"image": "data:image/png;base64," + value}, {"image": lines}]})
    assert same(found.json()["answers"], model_of("image").predict([PICTURES[0]] * 2))


def test_one_bad_input_among_many_is_named(client: Callable[..., Any]) -> None:
    served = client("image")
    good = in_base64(png())
    cut = [in_base64(png()[:60]), in_base64(png()[:-60]), in_base64(b"%PDF-1.4"), in_base64(b"")]
    images = [{"image": "/etc/hostname"}, {"image": "AAAA"}, {"image": 1}, {"image": "x", "more": 1}]
    arrays = [{"array": value} for value in ([[1, "x"]], [[1], [1, 2]], [], [[float("inf")]], [[[[1]]]], [[True]])]
    for bad in ("cat.png", "/etc/passwd", {"path": "x"}, None, 7, *cut, *images, *arrays):
        found = served.post("/predict", content=_json({"inputs": [good, good, bad]}), headers=JSON)
        assert found.status_code == 400, (bad, found.text)
        assert found.json()["error"]["input"] == 2
        assert found.json()["error"]["came"].startswith("input 2 ")
    assert served.post("/predict", json={"inputs": [good]}).status_code == 200


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("text", [7, None, ["a"], {"image": "x"}, "\ud800"]),
        ("tokens", [7, [], [""], ["a", 1], [["a"]], "", "  ", "\udfff", ["\ud800"]]),
        ("tree", ["", "(", "(a", "x", "()", "(a b))", 7, ["a"], "\ud800", "(" * 20_000]),
        ("floats", [in_base64(png()), {"array": [[[1.0, 2.0]]]}]),
    ],
)
def test_a_wrong_value_of_each_kind_is_named(kind: str, bad: list[Any], client: Callable[..., Any]) -> None:
    served = client(kind)
    for value in bad:
        found = served.post("/predict", content=_json({"inputs": [value]}), headers=JSON)
        assert found.status_code == 400, (value, found.text)
        assert found.json()["error"]["input"] == 0
    assert served.post("/predict", files={"a": b"\xff\xfe\x00"}).status_code == 400


def test_eps_is_not_opened(client: Callable[..., Any]) -> None:
    """Pillow would start Ghostscript."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    found = client("image").post("/predict", files={"a": eps})
    assert found.status_code == 400 and "is no picture" in found.json()["error"]["came"]


def test_a_picture_of_another_size_goes_through_the_resize_of_training(client: Callable[..., Any]) -> None:
    large = png(9, (200, 333))
    wanted = model_of("image").predict([large])
    assert same(client("image").post("/predict", files={"a": large}).json()["answers"], wanted)
    assert np.isclose(sum(wanted[0]["probabilities"].values()), 1)


JSON = {"content-type": "application/json"}


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()
