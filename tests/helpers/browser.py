"""Debian's headless Chromium, for looking at pages."""

import shutil
from contextlib import contextmanager

import pytest


@contextmanager
def chromium(profile):
    """Give a browser that keeps its log; skip the test where there is none."""
    selenium = pytest.importorskip("selenium.webdriver")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(driver, log_output=None)
    with selenium.Chrome(options=options, service=service) as found:
        yield found
