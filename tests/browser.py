"""A headless Chromium for tests of pages: opened without any network, looked at by its console, widths and pictures.

    from tests.browser import browser

    def test_page(tmp_path):
        with browser(width=390, language="zh-CN", dark=True) as page:
            page.open(tmp_path / "report.html")
            assert page.errors() == []
            assert page.scroll_width() <= page.window_width()
            page.screenshot(tmp_path / "phone.png")

A test that uses it is skipped where selenium, chromium or chromedriver is missing, and says which.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PHONE = 390
"""CSS pixels: the width of a common phone. Windows up to 600 pixels are emulated as phones (viewport, touch)."""

_WIDEST_PHONE = 600
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DRIVERS = ("chromedriver", "chromium.chromedriver")
_NO_NETWORK = (
    "--proxy-server=127.0.0.1:9",  # nobody listens there; loopback itself goes past a proxy
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)


class Page:
    """One browser window. Elements are found by CSS selectors."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, place: str | Path) -> None:
        """Load a file or an address; returns when the page has loaded. What the console held before is forgotten."""
        self.errors()
        text = str(place)
        self.driver.get(text if "://" in text else Path(text).resolve().as_uri())

    def console(self) -> list[str]:
        """Every message of the console since the last call (of this, of ``errors`` or of ``open``)."""
        return [entry["message"] for entry in self._entries()]

    def errors(self) -> list[str]:
        """The severe messages since the last call: exceptions, failed requests, refused scripts and styles."""
        return [entry["message"] for entry in self._entries() if entry["level"] == "SEVERE"]

    def _entries(self) -> list[dict[str, Any]]:
        return list(self.driver.get_log("browser"))

    def scroll_width(self) -> int:
        """Of the whole page, in CSS pixels: more than ``window_width`` is a horizontal scroll bar."""
        return int(self.run("return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"))

    def window_width(self) -> int:
        """In CSS pixels, as asked for: a phone that zooms out to show a page that is too wide doesn't change it."""
        return int(self.run("return document.documentElement.clientWidth"))

    def load_seconds(self) -> float:
        """From the start of the navigation to the end of the load event."""
        return float(self.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000

    def screenshot(self, path: str | Path, *, whole: bool = True) -> Path:
        """A PNG of the whole page, or of the window alone."""
        import base64

        path = Path(path)
        asked = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            asked["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16_000), "scale": 1}
        path.write_bytes(base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]))
        return path

    def run(self, script: str, *arguments: Any) -> Any:
        """JavaScript in the page; ``return`` gives its value, ``arguments[0]`` is the first argument."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """The first element, a selenium ``WebElement``; an error where there is none."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """Every element."""
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        """What a person reads in the first element: hidden text is left out."""
        return str(self.find(selector) and self.run("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        """A real click: fails where the element is hidden or covered."""
        self.find(selector).click()

    def type(self, selector: str, text: str) -> None:
        """Type into the first element, key by key."""
        self.find(selector).send_keys(text)

    def choose(self, selector: str, files: Sequence[str | Path]) -> None:
        """Choose files in a file input, as a person does in the dialogue."""
        self.find(selector).send_keys("\n".join(str(Path(file).resolve()) for file in files))

    def press(self, *keys: str) -> None:
        """Press keys where the focus is: ``"TAB"``, ``"ENTER"``, or characters."""
        from selenium.webdriver import ActionChains, Keys

        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(getattr(Keys, key) if len(key) > 1 else key)
        actions.perform()

    def wait(self, selector: str, *, text: str = "", seconds: float = 20) -> Any:
        """The first element as soon as it can be seen and holds the text; a failed test if that doesn't come."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
        from selenium.webdriver.support.wait import WebDriverWait

        def there(_: Any) -> Any:
            element = self.find(selector)
            return element if element.is_displayed() and text in element.text else False

        try:
            passing = [NoSuchElementException, StaleElementReferenceException]  # a page that is drawn anew
            return WebDriverWait(self.driver, seconds, 0.05, ignored_exceptions=passing).until(there)
        except TimeoutException:
            shown = self.run("return document.body.innerText")
            raise AssertionError(
                f"no {selector} with '{text}' in {seconds} s; the page reads:\n{shown[:2000]}"
            ) from None


@contextmanager
def browser(width: int = 1200, height: int = 900, dark: bool = False, language: str = "en") -> Iterator[Page]:
    """A window of that many CSS pixels, in light or dark, whose user reads ``language`` (``"en"``, ``"zh-CN"``)."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: pip install selenium")
    program = _found("browser", _BROWSERS, "chromium")
    driver_program = _found("driver", _DRIVERS, "chromium-driver")
    profile = tempfile.mkdtemp(prefix="deepwell-browser-")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", *_NO_NETWORK):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.add_argument(f"--window-size={width},{height}")
    options.add_argument(f"--lang={language}")
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver_program))
    try:
        _emulate(driver, width, height, dark)
        yield Page(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def _emulate(driver: Any, width: int, height: int, dark: bool) -> None:
    phone = width <= _WIDEST_PHONE
    size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def _found(what: str, names: Sequence[str], package: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    pytest.skip(f"no {what} for tests of pages ({', '.join(names)}): apt-get install {package}")
