"""The report in a real browser: no errors, all pictures, the filter, phones, print, contrast."""

import base64
from datetime import UTC, datetime

import pytest

import modelcollapse as mc
from modelcollapse.reproduce.report import read_figures, read_verdicts, write
from tests.helpers.browser import CONTRASTS, chromium, eventually, schemed, sized
from tests.helpers.report_inputs import figure, verdict_file

COUNT = len(mc.theorems())
# Both in one script: the page may change between two.
VISIBLE = """
    const shown = [...document.querySelectorAll('article.theorem')]
        .filter(a => a.getBoundingClientRect().height > 0).map(a => a.id);
    return [shown, document.getElementById('count').innerText];
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Write a report with all verdicts and two figures; return its address."""
    home = tmp_path_factory.mktemp("page")
    figure(home / "figures", "gaussian")
    figure(home / "figures", "budget")
    decisions = read_verdicts(verdict_file(home / "verdicts.json"))
    write(home / "r.html", decisions, read_figures(home / "figures"), datetime.now(UTC))
    return (home / "r.html").as_uri()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Start one browser for the module."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(shared, address):
    """Open the page in a wide window, and see that it says nothing on the console."""
    sized(shared, 1280, 900)
    shared.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    shared.get(address)
    yield shared
    assert shared.get_log("browser") == []


def typed(browser, text):
    """Type into the search box."""
    box = browser.find_element("id", "words")
    box.clear()
    box.send_keys(text)


def visible(browser):
    """Return the slugs of the theorems that are shown, having checked the count."""
    shown, said = browser.execute_script(VISIBLE)
    whole = f"Showing all {COUNT} theorems."
    assert said == (whole if len(shown) == COUNT else f"Showing {len(shown)} of {COUNT} theorems.")
    return shown


def test_everything_is_drawn(browser):
    """Pictures have a size, formulas and drawings are laid out, nothing was asked for."""
    widths = browser.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert widths == [4, 4]
    boxes = """
        return [...document.querySelectorAll(arguments[0])].map(e => {
            const box = e.getBoundingClientRect();
            return Math.min(box.width, box.height);
        });
    """
    for kind in ("math", "svg.scale", "math mfrac"):
        found = browser.execute_script(boxes, kind)
        assert len(found) >= 100
        assert min(found) > 0, kind
    over = browser.execute_script("""
        return [...document.querySelectorAll('math munder')].filter(e =>
            e.children[1].getBoundingClientRect().top < e.children[0].getBoundingClientRect().top
        ).length
    """)
    assert over == 0
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    assert [name for name in asked if not name.startswith("data:")] == []


def test_the_filter_finds_words(browser):
    """All words are looked for, in name, statement and source; the count is said."""
    assert len(visible(browser)) == COUNT
    typed(browser, "Accumulate VARIANCE")
    shown = visible(browser)
    expected = [
        t.slug
        for t in mc.theorems()
        if all(
            word in f"{t.slug} {t.statement} {t.source} {t.assumptions}".lower()
            for word in ("accumulate", "variance")
        )
    ]
    assert shown == expected
    assert 0 < len(shown) < COUNT
    typed(browser, "no such theorem")
    assert visible(browser) == []
    rooms = browser.find_elements("css selector", "section.room")
    assert not any(room.is_displayed() for room in rooms)
    browser.find_element("css selector", "#filter button").click()
    eventually(lambda: len(visible(browser)) == COUNT)


def test_the_filter_has_boxes(browser):
    """Boxes of a group add up, groups narrow each other, and they work from the keyboard."""
    from selenium.webdriver.common.keys import Keys

    def tick(name, value):
        box = browser.find_element("css selector", f"input[name={name}][value={value}]")
        box.send_keys(Keys.SPACE)

    tick("room", "kde")
    tick("room", "mixed")
    rooms = {slug.split("/")[0] for slug in visible(browser)}
    assert rooms == {"kde", "mixed"}
    tick("status", "refuted")
    refuted = [t.slug for t in mc.theorems() if t.kind == "refuted"]
    assert visible(browser) == [s for s in refuted if s.startswith(("kde/", "mixed/"))]
    tick("kind", "law")
    assert visible(browser) == []


def test_a_link_shows_what_is_filtered_away(browser):
    """A link in the contents leads to its theorem, filter or not."""
    typed(browser, "poisson")
    browser.execute_script("location.hash = '#gaussian/conservation'")
    article = browser.find_element("id", "gaussian/conservation")
    eventually(article.is_displayed)
    assert len(visible(browser)) == COUNT


def test_without_a_script_everything_is_there(browser, address):
    """The filter is not, and all theorems are."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(address)
        assert len(browser.find_elements("css selector", "article.theorem")) == COUNT
        assert not browser.find_element("id", "filter").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(browser, width):
    """Wide formulas and tables scroll in boxes of their own."""
    sized(browser, width, 800)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    out = browser.execute_script("""
        return [...document.querySelectorAll('body *')].filter(e =>
            e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.wide, .formula')
        ).map(e => e.outerHTML.slice(0, 100))
    """)
    assert out == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser, scheme):
    """All text stands out from what is behind it by 4.5 to 1 at least."""
    schemed(browser, scheme)
    found = browser.execute_script(CONTRASTS)
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert (dark == "rgb(20, 24, 28)") == (scheme == "dark")
    assert len(found) > 20
    assert min(ratio for _, ratio in found) >= 4.5, found


def test_names_for_screen_readers(browser):
    """Pictures, drawings, controls and regions have names, and ids are unique."""
    problems = browser.execute_script("""
        const all = (selector) => [...document.querySelectorAll(selector)];
        const words = (id) => document.getElementById(id).textContent;
        const labels = (e) => (e.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean);
        const named = (e) => e.getAttribute('aria-label') || labels(e).map(words).join('');
        const ids = all('[id]').map((e) => e.id);
        return [
            ...all('img').filter((e) => !e.alt),
            ...all('svg, nav, [role=region], form, main > section, table').filter((e) => !named(e)),
            ...all('input').filter((e) => !e.labels.length),
            ...all('button, a').filter((e) => !e.textContent.trim()),
            ...all('[id]').filter((e, i) => ids.indexOf(e.id) !== i),
        ].map((e) => e.outerHTML.slice(0, 100));
    """)
    assert problems == []
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node["role"]["value"] for node in tree if not node.get("ignored")]
    assert [roles.count(r) for r in ("banner", "navigation", "main", "contentinfo")] == [1] * 4
    assert sum(role in ("MathMLMath", "math") for role in roles) == COUNT
    assert sum(role in ("img", "image") for role in roles) == COUNT + 2
    assert browser.find_element("tag name", "html").get_attribute("lang") == "en"


def test_the_keyboard_finds_the_content(browser):
    """The first stop is a link that skips what comes before the content."""
    from selenium.webdriver.common.keys import Keys

    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    link = browser.switch_to.active_element
    assert link.text == "Skip to the content"
    link.send_keys(Keys.ENTER)
    assert browser.current_url.endswith("#main")


def test_it_prints(browser):
    """The ledger takes pages of its own, without the filter."""
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    content = base64.b64decode(printed)
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") > 20
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not browser.find_element("id", "filter").is_displayed()
    parted = browser.execute_script("""
        return [...document.querySelectorAll('article.theorem')]
            .filter((e) => getComputedStyle(e).breakInside !== 'avoid').length
    """)
    assert parted == 0
