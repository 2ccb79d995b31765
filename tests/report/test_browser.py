"""The page in a real browser: no error, whole, no sideways scroll on a phone, light and dark, Chinese, sortable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import PHONE, Page, browser
from tests.report import made

from deepwell.report.page import SECTIONS, render

LONG = "a-class-name-without-any-blank-" * 6


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages with all that could widen them: long and hostile names, 2, 12 and 100 classes, sentences."""
    folder = tmp_path_factory.mktemp("pages")
    special = [*made.HOSTILE, LONG, "很长的类别名称" * 12]
    kinds = {
        "two": (made.facts(2, special=[LONG, "狗"]), "en"),
        "twelve": (made.facts(12, special=special), "en"),
        "hundred": (made.facts(100, special=special, samples=3_000), "en"),
        "chinese": (made.facts(12, special=["猫", "狗"]), "zh"),
        "texts": (made.facts(3, special=[LONG], input="text"), "en"),
        "tags": (made.of_tags(), "zh"),
    }
    paths = {}
    for name, (facts, language) in kinds.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render(facts, language), encoding="utf-8")  # type: ignore[arg-type]
    return paths


@pytest.fixture(scope="module")
def phone() -> Iterator[Page]:
    with browser(width=PHONE) as page:
        yield page


@pytest.fixture(scope="module")
def desk() -> Iterator[Page]:
    with browser(width=1280) as page:
        yield page


@pytest.mark.parametrize("name", ["two", "twelve", "hundred", "chinese", "texts", "tags"])
def test_no_sideways_scroll_on_a_phone_and_no_error(phone: Page, pages: dict[str, Path], name: str) -> None:
    phone.open(pages[name])
    assert phone.errors() == []
    assert phone.scroll_width() <= phone.window_width() == PHONE


@pytest.mark.parametrize("name", ["two", "hundred", "tags"])
def test_nor_on_a_desk(desk: Page, pages: dict[str, Path], name: str) -> None:
    desk.open(pages[name])
    assert desk.errors() == [] and desk.scroll_width() <= desk.window_width()


def test_every_section_is_seen(desk: Page, pages: dict[str, Path]) -> None:
    desk.open(pages["twelve"])
    for name in SECTIONS:
        section = desk.find(f"section#{name}")
        assert section.is_displayed() and section.size["height"] > 40
        assert desk.text(f"section#{name} h2")
    desk.click('nav a[href="#repeat"]')
    assert desk.run("return location.hash") == "#repeat"


def test_hostile_labels_run_nothing(desk: Page, pages: dict[str, Path]) -> None:
    desk.open(pages["twelve"])
    assert "<script>alert(1)</script>" in desk.text("#classes")
    assert desk.run("return document.querySelectorAll('img[src=x]').length") == 0
    assert desk.run("return document.scripts.length") == 1


def test_the_policy_stops_a_script_that_is_not_the_pages_own(desk: Page, pages: dict[str, Path]) -> None:
    path = pages["two"].with_name("foreign.html")
    text = pages["two"].read_text(encoding="utf-8")
    path.write_text(text.replace("</main>", "</main><script>window.foreign = 1</script>"), encoding="utf-8")
    desk.open(path)
    assert desk.run("return window.foreign === undefined")
    assert any("Content Security Policy" in error for error in desk.errors())


def test_tables_sort_by_a_click_and_back(desk: Page, pages: dict[str, Path]) -> None:
    desk.open(pages["twelve"])

    def column(number: int) -> list[Any]:
        script = "return [...document.querySelectorAll('#classes tbody tr')].map(r => r.cells[arguments[0]].innerText)"
        return [float(text.split("\n")[0]) for text in desk.run(script, number)]

    before = column(3)
    desk.run("document.querySelector('#classes').scrollIntoView({behavior: 'instant'})")
    desk.click("#classes thead th:nth-child(4) button")
    assert column(3) == sorted(before) != before
    desk.click("#classes thead th:nth-child(4) button")
    assert column(3) == sorted(before, reverse=True)
    assert desk.run("return document.querySelector('#classes [aria-sort]').getAttribute('aria-sort')") == "descending"


def test_dark_and_light_differ_and_both_can_be_read(pages: dict[str, Path]) -> None:
    seen = {}
    for dark in (False, True):
        with browser(dark=dark) as page:
            page.open(pages["two"])
            seen[dark] = page.run(
                "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color,"
                "getComputedStyle(document.querySelector('svg text')).fill]"
            )
    assert seen[False][0] != seen[True][0]
    for ground, *inks in seen.values():
        for ink in inks:
            assert contrast(ground, ink) > 4.5, (ground, ink)


def contrast(first: str, second: str) -> float:
    """Of two colours as WCAG 2.2 has it, 1 to 21."""

    def light(colour: str) -> float:
        parts = [float(v) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(first), light(second)))
    return (high + 0.05) / (low + 0.05)


def test_chinese_is_chinese(desk: Page, pages: dict[str, Path]) -> None:
    desk.open(pages["chinese"])
    assert desk.run("return document.documentElement.lang") == "zh-Hans"
    assert desk.text("#summary h2") == "概要" and "猫" in desk.text("#confusion")
    assert "Contents" not in desk.text("nav")


def test_without_scripts_everything_is_there(pages: dict[str, Path]) -> None:
    with browser() as page:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        page.open(pages["two"])
        assert len(page.all("#classes tbody tr")) == 2
        assert not page.all("#classes thead button") and not page.find("button.copy").is_displayed()


def test_it_prints_in_light_colours_without_its_buttons(pages: dict[str, Path]) -> None:
    with browser(dark=True) as page:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        page.open(pages["twelve"])
        assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.find("button.copy").is_displayed()
        printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
        assert len(printed["data"]) > 10_000
