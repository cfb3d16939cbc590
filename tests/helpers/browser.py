"""Debian's headless Chromium, for looking at pages."""

import shutil
import time
from contextlib import contextmanager

import pytest

# The contrast of every piece of text with what is behind it, as WCAG 2 defines it.
CONTRASTS = """
    const parsed = (colour) => colour.match(/[0-9.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parsed(colour).map((c) => {
            c /= 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            const [, , , alpha] = parsed(colour);
            if (alpha !== 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = {};
    for (const e of document.querySelectorAll('body *')) {
        const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!says || e.closest('script') || !e.getClientRects().length) continue;
        const style = getComputedStyle(e);
        const drawn = e.closest('svg');
        const pages = [behind(e)];
        if (drawn) pages.push(getComputedStyle(drawn.querySelector('rect')).fill);
        for (const page of pages) {
            const [a, b] = [light(drawn ? style.fill : style.color), light(page)];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            found[`${e.tagName}.${e.className.baseVal ?? e.className}`] = ratio;
            if (ratio < 4.5) return [[e.outerHTML.slice(0, 200), ratio]];
        }
    }
    return Object.entries(found);
"""


@contextmanager
def chromium(profile):
    """Give a browser that keeps its log; skip the test where there is none.

    It has no network: what a page asks of one is an error in the log.
    """
    selenium = pytest.importorskip("selenium.webdriver")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(driver, log_output=None)
    with selenium.Chrome(options=options, service=service) as found:
        yield found


def sized(browser, width, height):
    """Give the browser a window of that size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def schemed(browser, scheme):
    """Let the reader prefer light or dark pages."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def eventually(check):
    """Wait until a check is true, for at most five seconds."""
    until = time.monotonic() + 5
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.02)
    assert found
