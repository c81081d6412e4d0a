"""A real browser for the tests: headless Chromium, and the viewer's page in it.

Needs Debian's packages `chromium` and `chromium-driver` (one source, so always the same version)
and the package `selenium`. Nothing is downloaded: both programs are named to selenium.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

CHROMIUM, DRIVER = "chromium", "chromedriver"
FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root in tests
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's /dev/shm is small
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en",
    "--enable-precise-memory-info",  # else the size of the page's memory is a rough one
)
PAGE_SECONDS = 20


class Page:
    """The viewer's page, as a person sees it."""

    def __init__(self, driver: webdriver.Chrome, downloads: Path) -> None:
        """Wrap a running browser, which puts what it saves into `downloads`."""
        self.driver = driver
        self.downloads = downloads

    def open(self, url: str) -> None:
        """Go to the page, anew even if only the part after # is another one."""
        self.driver.get("about:blank")
        self.driver.get(url)

    def text(self, element_id: str) -> str:
        """Return the visible text of an element."""
        return self.driver.find_element(By.ID, element_id).text

    @property
    def banner(self) -> str:
        """What is wrong and what to do, in the page's words; empty when all is well."""
        return " ".join(self.text("banner").split())

    @property
    def state(self) -> str:
        """Return "live", "slow", "waiting", "paused" or "offline", in the page's language."""
        return self.text("link")

    @property
    def view(self) -> str:
        """Return the view that is chosen: "wall", "one", "side" or "figures"."""
        chosen = self.driver.find_element(By.CSS_SELECTOR, "#views [aria-pressed=true]")
        return chosen.get_attribute("data-view")

    @property
    def people(self) -> int | None:
        """The number of people shown."""
        return _number(self.text("people"))

    @property
    def raw_rate(self) -> float | None:
        """The camera's frames per second."""
        return _number(self.text("raw-rate"))

    @property
    def annotated_rate(self) -> float | None:
        """The worker's frames per second."""
        return _number(self.text("annotated-rate"))

    @property
    def age(self) -> float | None:
        """The age of the frame shown, in seconds."""
        number, _, unit = self.text("age").partition(" ")
        scale = {"ms": 0.001, "s": 1.0, "min": 60.0}.get(unit)
        return None if scale is None else float(number) * scale

    @property
    def cameras(self) -> list[str]:
        """The cameras that can be chosen; the only one's name where there is no choice."""
        select = self.driver.find_element(By.ID, "cameras")
        if not select.is_displayed():
            return [self.text("camera")]
        return [option.text for option in Select(select).options]

    @property
    def tiles(self) -> dict[str, str]:
        """The cameras on the wall, with what stands below each of them."""
        script = """
            return [...document.querySelectorAll("#stage .pane")].map((pane) =>
                [pane.dataset.camera, pane.querySelector(".state").textContent]);
        """
        return dict(self.driver.execute_script(script))

    def choose(self, camera: str) -> None:
        """Choose a camera as a person does."""
        Select(self.driver.find_element(By.ID, "cameras")).select_by_visible_text(camera)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def click(self, selector: str) -> None:
        """Click on what a CSS selector finds."""
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def size(self, pane: str) -> tuple[int, int]:
        """Return width and height of a pane's canvas, in the device's pixels."""
        canvas = self._canvas(pane)
        return int(canvas.get_attribute("width")), int(canvas.get_attribute("height"))

    def colour(self, pane: str, x: float = 0.5, y: float = 0.5) -> tuple[int, int, int]:
        """Return red, green, blue (0..255) at a place (0..1 of width, height) of a pane."""
        script = """
            const [canvas, x, y] = arguments;
            const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
            return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
        """
        red, green, blue = self.driver.execute_script(script, self._canvas(pane), x, y)
        return red, green, blue

    def checksum(self, pane: str) -> int:
        """Return a number that differs for different pictures in a pane."""
        script = """
            const [canvas] = arguments;
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.reduce((sum, value) => (sum * 31 + value) % 4294967291, 7);
        """
        return self.driver.execute_script(script, self._canvas(pane))

    def resize(self, width: int, height: int, pixels: float = 1) -> None:
        """Make the viewport so large, in CSS pixels of so many device pixels; knows phones too."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": pixels, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def pixels(self) -> np.ndarray:
        """Return what is to be seen, uint8 (height, width, 3), blue, green, red: a screenshot."""
        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True}
        )
        png = np.frombuffer(base64.b64decode(shot["data"]), np.uint8)
        return cv2.imdecode(png, cv2.IMREAD_COLOR)

    def places(self) -> dict[str, tuple[int, int, int, int]]:
        """Return left, top, width and height of each camera's picture in the viewport."""
        script = """
            return [...document.querySelectorAll("#stage .pane")].map((pane) => {
                const place = pane.querySelector("canvas").getBoundingClientRect();
                const {left, top, width, height} = place;
                return [pane.dataset.camera, [left, top, width, height].map(Math.round)];
            });
        """
        return {camera: tuple(place) for camera, place in self.driver.execute_script(script)}

    def saved(self, ending: str, seconds: float = 30) -> Path:
        """Wait for a file of that ending that the page saves, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := list(self.downloads.glob(f"*.{ending}"))):
            assert time.monotonic() < deadline, f"no .{ending} was saved"
            time.sleep(0.1)
        return found[0]

    def complaints(self) -> list[str]:
        """Return the errors in the browser's console, connections that failed aside."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
            and "WebSocket" not in entry["message"]
            and "net::ERR" not in entry["message"]
        ]

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 20) -> None:
        """Wait until `condition` holds; AssertionError, saying what the page shows, if it does not.

        The words of `what` complete "waited for …".
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                shown = self.driver.find_element(By.TAG_NAME, "body").text
                message = f"waited {seconds} s for {what}; the page shows:\n{shown}"
                raise AssertionError(message)
            time.sleep(0.1)

    def _canvas(self, pane: str) -> webdriver.remote.webelement.WebElement:
        """Find the canvas of a pane: "people", "camera", or a camera's name."""
        selector = f'.pane:is([data-what="{pane}"], [data-camera="{pane}"]) canvas'
        return self.driver.find_element(By.CSS_SELECTOR, selector)


@contextlib.contextmanager
def browser(width: int = 1440, height: int = 800) -> Iterator[Page]:
    """Run Chromium with a viewport of `width` by `height` pixels and an empty profile.

    Raises FileNotFoundError, naming the package to install, where a program is missing.
    """
    programs = {}
    for program, package in ((CHROMIUM, "chromium"), (DRIVER, "chromium-driver")):
        programs[program] = shutil.which(program)
        if programs[program] is None:
            message = f"{program} is not there: apt-get install --no-install-recommends {package}"
            raise FileNotFoundError(message)
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = programs[CHROMIUM]
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(executable_path=programs[DRIVER])
        driver = webdriver.Chrome(options=options, service=service)
        try:
            driver.set_page_load_timeout(PAGE_SECONDS)
            downloads = Path(profile, "saved")
            driver.execute_cdp_cmd(
                "Browser.setDownloadBehavior",
                {"behavior": "allow", "downloadPath": str(downloads)},
            )
            page = Page(driver, downloads)
            page.resize(width, height)  # the window's size is not the viewport's
            yield page
        finally:
            driver.quit()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
