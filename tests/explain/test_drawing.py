"""How explanations look and read."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.explain import ImageExplanation, Weight, WordsExplanation
from deepwell.explain.colour import AGAINST, FOR, mixed
from deepwell.explain.language import _REGIONS, _SENTENCES, METHOD_NAMES


def image(values: np.ndarray, channels: int = 1) -> ImageExplanation:
    shape = (*values.shape, channels)
    return ImageExplanation(
        "occlusion", "<猫>", 0.9, True, values.astype(np.float32), np.full(shape, 200, np.uint8), {"steps": 1}
    )


def test_the_picture_shows_where() -> None:
    values = np.zeros((10, 20))
    values[2, 3], values[8, 17] = 5, -5
    page = Image.open(io.BytesIO(image(values).picture(200))).convert("RGB")
    left = page.width // 2 + 4
    for row, column, colour in ((2, 3, FOR), (8, 17, AGAINST)):
        pixel = np.array(page.getpixel((left + column * 10 + 2, row * 10 + 5)), float)
        plain = np.array(page.getpixel((left + 100, 50)), float)
        assert np.linalg.norm(pixel - colour) < np.linalg.norm(plain - colour)
    assert page.getpixel((50, 50)) == (200, 200, 200)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (224, 224)])
def test_any_size_is_drawn(shape: tuple[int, int]) -> None:
    for channels in (1, 3):
        assert image(np.zeros(shape), channels).picture(64).startswith(b"\x89PNG")


def test_equal_steps_of_strength_look_equal() -> None:
    from deepwell.explain.colour import _lab

    ramp = mixed(np.full((1, 11, 3), 128, np.uint8), np.linspace(0, 1, 11)[None])[0]
    steps = np.linalg.norm(np.diff(_lab(ramp), axis=0), axis=1)
    assert steps.max() < 1.35 * steps.min()


def test_the_sentence_names_the_region() -> None:
    values = np.zeros((9, 9))
    values[8, 0], values[0, 8] = 3, 1
    one = image(values)
    assert one.sentence("en").endswith("75% lies in the lower left")
    assert "左下方" in one.sentence("zh")
    assert "nothing" in image(-np.ones((3, 3))).sentence()
    assert json.loads(json.dumps(one.to_json()))["values"][8][0] == 3.0
    page = one.html("zh")
    assert "&lt;猫&gt;" in page and "<猫>" not in page and "data:image/png;base64," in page


TEXT = "a <b>good</b> film\n很好 \x00\x1b"
WORDS = WordsExplanation(
    "occlusion",
    "<y>",
    0.5,
    [Weight("good", 5, 9, 2.0), Weight("film", 14, 18, -1.0), Weight("很", 19, 20, 0.5), Weight("", 0, 0, 9.0)],
    TEXT,
)


def test_words_are_marked_and_escaped() -> None:
    assert "".join(text for text, _ in WORDS.shades()) == TEXT
    page = WORDS.html("zh")
    assert "<b>" not in page and "<y>" not in page and "&lt;b&gt;" in page
    assert f"rgba({','.join(map(str, FOR))}" in page and f"rgba({','.join(map(str, AGAINST))}" in page
    assert "支持" in page and "遮挡法" in page
    assert "“good” (+2.00), “很” (+0.50); most against it “film” (-1.00)" in WORDS.sentence()


def test_words_are_drawn_as_whole_svg() -> None:
    root = ElementTree.fromstring(WORDS.picture())
    drawn = "".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "good" in drawn and "很" in drawn and "\x1b" not in drawn
    narrow = ElementTree.fromstring(WORDS.picture(40))
    assert int(narrow.attrib["height"]) > int(root.attrib["height"])
    long = WordsExplanation("occlusion", "y", 0.5, [Weight("x" * 500, 0, 500, 1.0)], "x" * 500)
    boxes = [n for n in ElementTree.fromstring(long.picture()).iter() if n.tag.endswith("rect") and "x" in n.attrib]
    assert all(float(n.attrib["x"]) + float(n.attrib["width"]) <= 3 * 224 for n in boxes)


def test_both_languages_are_whole() -> None:
    for table in (*_SENTENCES.values(), *METHOD_NAMES.values(), _REGIONS):
        assert set(table) == {"en", "zh"}
    with pytest.raises(UserError, match="unknown language 'fr'"):
        WORDS.html("fr")
