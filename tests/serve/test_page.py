"""The page of the server in a real browser: chosen, clicked and read as a person does."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.browser import PHONE, Page, browser
from tests.conftest import blobs

from deepwell.dataset import arrays
from deepwell.explain import explain
from deepwell.learner import Learner
from deepwell.serve.app import make_app
from deepwell.serve.page import read_page

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("multipart", reason="python-multipart reads forms")

from tests.serve.page_server import Stub, running


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One window for all tests that need nothing of it."""
    with browser() as found:
        yield found


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grey picture of 28x28."""
    values = np.random.default_rng(0).integers(0, 255, (28, 28), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "boot.png")
    return tmp_path / "boot.png"


def test_a_picture_is_chosen_answered_and_explained_in_both_languages(page: Page, picture: Path) -> None:
    with running(Stub().app()) as address:
        page.open(address)
        page.wait("#zone", text="Drop pictures here")
        page.choose("#files", [picture])
        page.wait(".answer", text="ankle boot")
        assert "confidence 81.5%" in page.text(".card")
        assert len(page.all(".card > div > .bars li")) == 5
        page.wait(".why img")
        assert "What made it “ankle boot”" in page.text(".why")
        page.click("summary")
        assert page.text("details").count("%") == 7
        page.click("#language")
        assert "置信度 81.5%" in page.text(".card")
        assert page.text("#zone strong") == "把图片拖到这里，或点击选择"
        assert page.run("return document.documentElement.lang") == "zh-CN"
        assert page.errors() == []


def test_a_picture_is_dropped_and_one_is_pasted(page: Page, picture: Path) -> None:
    make = """
        const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
        const held = new DataTransfer();
        held.items.add(new File([bytes], arguments[1], {type: "image/png"}));
        const event = arguments[1] === "dropped" ? new DragEvent("drop", {dataTransfer: held, bubbles: true})
          : new ClipboardEvent("paste", {clipboardData: held, bubbles: true});
        document.querySelector("#zone").dispatchEvent(event);"""
    with running(Stub().app()) as address:
        page.open(address)
        page.wait("#zone")
        for how in ("dropped", "pasted"):
            page.run(make, base64.b64encode(picture.read_bytes()).decode(), how)
            page.wait(".why img")
            assert page.find(".card img").get_attribute("alt") == f"Picture {how}"


@pytest.mark.parametrize(("language", "width", "dark"), [("zh-CN", PHONE, True), ("en", PHONE, False)])
def test_a_phone_has_no_horizontal_scroll(language: str, width: int, dark: bool, picture: Path, tmp_path: Path) -> None:
    long = tmp_path / ("a_name_without_any_blank_" * 6 + ".png")
    long.write_bytes(picture.read_bytes())
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with running(Stub().app()) as address, browser(width, 800, dark, language) as page:
        page.open(address)
        page.wait("#zone")
        assert page.scroll_width() <= page.window_width() == PHONE
        page.choose("#files", [picture, long, broken])
        page.wait(".answer", text="ankle boot")
        page.wait(".fault", text="建议" if language == "zh-CN" else "What to do")
        assert page.scroll_width() <= page.window_width()
        # what the browser itself says of the answer 400, and nothing else
        assert all("400" in error for error in page.errors())


def test_many_files_give_a_list_and_one_at_fault_spares_the_others(page: Page, picture: Path, tmp_path: Path) -> None:
    files = []
    for number in range(5):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(picture.read_bytes())
    files[1].write_bytes(b"no picture")
    stub = Stub()
    with running(stub.app()) as address:
        page.open(address)
        page.wait("#zone")
        page.choose("#files", files)
        page.wait("#status", text="4 answered")
        assert [len(card.find_elements("css selector", ".answer")) for card in page.all(".card")] == [1, 0, 1, 1, 1]
        assert "it is no picture" in page.all(".card")[1].text
        assert max(stub.asked) <= 3  # as /model says
        page.all(".why button")[-1].click()
        page.wait(".card:last-child .why img")


def test_a_file_that_is_too_large_is_not_sent(page: Page, picture: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(300_000))
    stub = Stub()
    with running(stub.app()) as address:
        page.open(address)
        page.wait("#zone")
        page.choose("#files", [large, picture])
        page.wait(".answer")
        assert "large.png has 0.3 MB; the server takes 0.2 MB at most" in page.all(".card")[0].text
        assert stub.asked == [1]


def test_a_text_is_typed_and_explained_without_running_what_comes_with_it(page: Page) -> None:
    with running(Stub("text").app()) as address:
        page.open(address)
        page.wait("#text")
        page.click("#go")
        page.wait("#status", text="Nothing was written yet")
        page.type("#text", "a <b>fine</b> film & 你好")
        page.click("#go")
        page.wait(".answer", text="ankle boot")
        assert page.text(".source") == "a <b>fine</b> film & 你好"
        page.wait(".why .words", text="a <b>fine</b> film & 你好")
        assert [(part.text, part.get_attribute("class")) for part in page.all(".why .words span")] == [
            ("a", "against"),
            ("你好", "for"),
        ]
        assert page.run("return document.title") == "compact"
        assert page.all(".why img, .why script") == []
        assert page.errors() == []


def test_a_sentence_is_tagged_by_keyboard_alone() -> None:
    with running(Stub("tokens", tags=True).app()) as address, browser(language="zh-CN") as page:
        page.open(address)
        page.wait("#text")
        page.press("TAB", "TAB", *"Ada wrote it")
        page.press("TAB", "ENTER")
        page.wait(".tagged", text="B-PER")
        assert page.text(".card .bars") == "Ada\nPER"
        assert page.text("#task") == "序列标注"


def test_a_busy_server_is_asked_again(page: Page) -> None:
    stub = Stub("text", busy=1)
    with running(stub.app()) as address:
        page.open(address)
        page.wait("#text").send_keys("a text")
        page.click("#go")
        page.wait("#status", text="trying again in 1 s")
        page.wait(".answer")
        assert stub.asked == [1, 1]


def test_a_token_is_asked_for(page: Page) -> None:
    with running(Stub("text", token="secret").app()) as address:
        page.open(address)
        page.wait("#secret").send_keys("wrong\n")
        page.wait(".fault", text="The token is not right")
        page.type("#secret", "secret\n")
        page.wait("#text")
        assert not page.find("#token").is_displayed()
        assert page.all(".fault") == []


def test_a_server_that_is_gone_is_said_and_asked_again(page: Page, picture: Path) -> None:
    with running(Stub().app()) as address:
        page.open(address)
        page.wait("#zone")
    page.choose("#files", [picture])
    page.wait(".fault", text="Is it still running?")
    assert page.find("#again").is_displayed()


def test_both_languages_have_the_same_words_and_nothing_comes_from_elsewhere() -> None:
    html = read_page()
    found = {
        lang: set(re.findall(r"(?:^ *|, )(\w+): \"", text, re.MULTILINE))
        for lang, text in re.findall(r"^  (en|zh): \{(.*?)^  \},", html, re.DOTALL | re.MULTILINE)
    }
    assert len(found["en"]) > 30
    assert found["en"] == found["zh"]
    assert set(re.findall(r"data-say=\"(\w+)\"", html)) <= found["en"]
    assert "innerHTML" not in html
    assert not re.search(r"https?://|//[a-z]+\.", html)


def test_the_page_and_the_server_of_a_trained_model_fit(page: Page, tmp_path: Path) -> None:
    x, y = blobs(60)
    learner = Learner(arrays(x, y), model="cnn")
    learner.fit(epochs=3, batch_size=10)
    model = learner.saved()
    Image.fromarray(x[0]).save(tmp_path / "new.png")
    with running(make_app(model, explain=explain)) as address:
        page.open(address)
        page.wait("#zone")
        page.choose("#files", [tmp_path / "new.png"])
        answer = model.predict([x[0]])[0]
        page.wait(".answer", text=str(answer["prediction"]))
        assert f"confidence {answer['confidence'] * 100:.1f}".removesuffix(".0") in page.text(".card")
        page.wait(".why img")
        assert page.errors() == []
