"""The site as it is built and read: links, sizes, ten questions, the search, phones, contrast.

The site is that of the environment variable MODELCOLLAPSE_SITE, and else is built here.
"""

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

from modelcollapse.docs._site import pages
from tests.helpers.browser import CONTRASTS, chromium, eventually, schemed, sized

NEEDED = ("sphinx", "furo", "myst_parser", "numpydoc", "latex2mathml")
SEARCH = "search: "
# The newest version of which there is something to say, with that.
CHANGES = re.search(
    r"^## (.*)\n\n(?:### )?(?!#)(.+)$",
    (pages.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
# Each question of someone who has never seen the package: what is clicked on, from the first page
# on, or searched for, and what stands in the section that this leads to.
QUESTIONS = {
    "what does `variance` mean": (
        ("in ten minutes", "quantities"),
        "what the fit has, over what the truth has: the trace of the covariance S_t",
    ),
    "which theorem says that kernel densities collapse under replace, and how do I run it": (
        (f"{SEARCH}KDE collapse replace", "kde/replace/test-loss-linear"),
        "modelcollapse verify --only 'kde/replace/test-loss-linear'",
    ),
    "E tr S_t for accumulate, the unbiased covariance and doubling batches": (
        ("in ten minutes", "Ask"),
        "the product of 1 - n_s/(N_s (N_s - 1)) over s = 2, …, t",
    ),
    "how do I cite it": (("Licence and citation",), "modelcollapse cite SLUG lists all"),
    "what do the columns of verify mean": (
        ("one theorem", "Read the table"),
        "the largest gap that is put down to chance",
    ),
    "how do I plug in my VAE": (
        ("your own model, workflow or family", "A model"),
        "class VAE:",
    ),
    "must I keep my real data": (
        ("practitioners", "Must I keep the real data, and how much?"),
        "So: keep the real rows.",
    ),
    "what has changed since the last version": (("Changelog", CHANGES[1]), CHANGES[2]),
    "how do I run a sweep on Slurm": (("sweeps", "On Slurm"), "cluster = SLURMCluster("),
    "where is the proof of sin(pi/sqrt n)/(pi/sqrt n)": (
        ("in ten minutes", "proofs", "theory/gaussian_forms.py"),
        "limit - sin(pi * X) / (pi * X)",
    ),
}
# What a search has to find first.
FOUND = {
    "KDE collapse replace": {
        "kde/replace/test-loss-linear",
        "kde/replace/shrinking-too-fast-clumps",
    },
    "real data": {"How much real data is enough?"},
    "variance": {"Quantities, and where they are known exactly"},
    "language model": {"Language models", "From Gaussians to language models"},
}
# One page of each kind.
KINDS = (
    "index",
    "start",
    "quantities",
    "ledger",
    "family-kde",
    "reference/ledger/kde/replace/test-loss-linear",
    "reference/proofs/kde",
    "reference/commands",
    "reference/api/workflows",
    "genindex",
)
SECTION = """
    const at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return (at ? at.closest('section') : document.querySelector('article')).innerText;
"""
# What sticks out to the right, but from a box that scrolls.
WIDE = """
    const scrolls = (e) => e && (/auto|scroll/.test(getComputedStyle(e).overflowX)
        || scrolls(e.parentElement));
    return [...document.querySelectorAll('article *, header *')].filter((e) =>
        e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement)
    ).map((e) => e.outerHTML.slice(0, 100));
"""
CONTROLS = {"button", "checkbox", "combobox", "link", "searchbox", "switch", "textbox"}


def built(source, target):
    """Build a site as the documentation says, and return what was said of it."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", source, target]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=pages.ROOT)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site."""
    if given := os.environ.get("MODELCOLLAPSE_SITE"):
        return Path(given).resolve()
    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        pytest.skip(f"needs {', '.join(lacking)}: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = built(pages.DOCS, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def html(site):
    """Return the text of all pages."""
    return {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory, site):  # noqa: ARG001 - no browser without a site
    """Start a browser."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def browser(shared):
    """Give a wide light window, and see that nothing was said on the console."""
    sized(shared, 1440, 900)
    schemed(shared, "light")
    yield shared
    assert shared.get_log("browser") == []


def follow(browser, step):
    """Click on what has that text, or search for it."""
    if step.startswith(SEARCH):
        browser.find_element("name", "q").send_keys(step.removeprefix(SEARCH) + "\n")
        eventually(lambda: results(browser))
        return
    seen = [link for link in browser.find_elements("link text", step) if link.is_displayed()]
    assert seen, f"no link {step!r} on {browser.current_url}"
    to_it = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})"
    browser.execute_script(to_it, seen[0])  # else a click may fall beside it while pages scroll
    seen[0].click()


def results(browser):
    """Return the titles that a search has found first, in order, once they are there."""
    links = browser.find_elements("css selector", "ul.search li > a")
    said = browser.find_elements("css selector", "#search-results .search-summary")
    over = said and re.search(r"found (\d+|one) page", said[0].text)
    return [link.text for link in links[:4]] if over or len(links) >= 4 else []


def controls(browser):
    """Return the role and the name of each control, as a screen reader has them."""
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = [(n["role"]["value"], n["name"]["value"]) for n in tree if not n.get("ignored")]
    return [(role, name) for role, name in told if role in CONTROLS]


def test_no_link_is_broken(site, html):
    """Each leads to a file of the site, and to a place that is there."""
    places = {page: set(re.findall(r'\bid="([^"]+)"', told)) for page, told in html.items()}
    for page, told in html.items():
        for found in set(re.findall(r'<(?:a|link)\b[^>]*\bhref="([^"]*)"', told)):
            file, _, place = unquote(unescape(found)).partition("#")
            if "://" in file:
                continue
            target = page.parent.joinpath(file.partition("?")[0]).resolve() if file else page
            assert target.is_relative_to(site), (page, found)
            assert target.is_file(), (page, found)
            assert not place or place in places[target], (page, found)


def test_pages_are_small(html):
    """Below 1 MB without pictures."""
    assert {page: len(told) for page, told in html.items() if len(told.encode()) >= 1e6} == {}


def test_nothing_comes_from_elsewhere(site, html):
    """Scripts, styles, fonts and pictures are the site's own; only links lead out of it."""
    far = re.compile(r'<(?!a\b)\w+\b[^>]*\s(?:src|href|srcset|data)="\s*(?:\w+:)?//[^"]*"')
    assert [found[0] for told in html.values() if (found := far.search(told))] == []
    assert far.search('<script src="https://a.org/b.js">')
    for sheet in site.rglob("*.css"):
        told = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"@import|url\(\s*[\"']?(?:\w+:)?//", told), sheet


def test_every_page_has_the_whole_navigation(site, html):
    """The ledger's entries too, which share theirs; a page that is listed marks itself."""
    own = {page.relative_to(site).with_suffix("").as_posix(): told for page, told in html.items()}
    assert len({len(re.findall(r'<li class="toctree-l1', told)) for told in own.values()}) == 1
    entry = r'<li class="toctree-l\d[^"]*"><a class="reference internal" href="(.*?)\.html">'
    listed = re.findall(entry, own["index"])
    assert {"start", "reference/api/workflows"} < set(listed)
    for name in KINDS:
        assert ("current-page" in own[name]) == (name in listed), name


def test_signatures_can_be_read(html):
    """None is left as Python prints it, and arrays have no more than their name."""
    api = "".join(told for page, told in html.items() if page.parent.name == "api")
    heads = re.findall(r'<dt class="sig .*?</dt>', api, re.DOTALL)
    told = [unescape(re.sub(r"<[^>]*>", "", head)) for head in heads]

    assert any("ndarray" in head for head in told)
    assert [head for head in told if "~" in head or "dtype[" in head or "factory>" in head] == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered(question, browser, site):
    """By a few clicks from the first page, in the section that the last of them leads to."""
    path, answer = QUESTIONS[question]
    browser.get((site / "index.html").as_uri())
    for step in path:
        follow(browser, step)

    told = browser.execute_script(SECTION)
    assert answer in " ".join(told.split()), told


@pytest.mark.parametrize("words", FOUND)
def test_the_search_knows_what_is_meant(words, browser, site):
    """A page whose title says the words comes first, then the theorems that say them."""
    browser.get((site / "index.html").as_uri())
    follow(browser, f"{SEARCH}{words}")

    assert set(results(browser)[: len(FOUND[words])]) == FOUND[words]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_can_be_read(kind, browser, site):
    """On a phone nothing sticks out; text stands out in light and dark; controls have names."""
    sized(browser, 360, 800)
    browser.get((site / f"{kind}.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    assert browser.execute_script(WIDE) == []
    sized(browser, 1440, 900)
    pages = set()
    for scheme in ("light", "dark"):
        schemed(browser, scheme)
        pages.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        found = browser.execute_script(CONTRASTS)
        assert len(found) > 5
        assert min(ratio for _, ratio in found) >= 4.5, found
    assert len(pages) == 2
    found = controls(browser)
    assert {"button", "link"} <= {role for role, _ in found}
    assert [role for role, name in found if not re.search(r"\w", name)] == []
    pictures = browser.find_elements("css selector", "article img")
    assert all(picture.get_attribute("alt") for picture in pictures)


def test_what_is_seen_badly_is_noticed(browser, site):
    """A grey word, a wide box, a link without a name, a picture from elsewhere."""
    browser.get((site / "index.html").as_uri())
    browser.execute_script("""
        document.querySelector('article').insertAdjacentHTML('afterbegin',
            `<p style="color: #888; width: 200vw">grey <a href="https://a.org"></a></p>
            <img src="https://a.org/b.png">`);
    """)
    assert browser.execute_script(CONTRASTS)[0][1] < 4.5
    assert any("grey" in e for e in browser.execute_script(WIDE))
    assert [role for role, name in controls(browser) if not re.search(r"\w", name)] == ["link"]
    eventually(lambda: "https://a.org/b.png" in str(browser.get_log("browser")))


def test_without_a_browser_tests_are_skipped(monkeypatch, tmp_path):
    """And say what is needed."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"), chromium(tmp_path):
        pass


def test_what_is_broken_fails_the_build(tmp_path):
    """With its page and line: a link, a place on a page, a formula."""
    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        pytest.skip(f"needs {', '.join(lacking)}: pip install '.[docs]'")
    shutil.copy(pages.DOCS / "conf.py", tmp_path)
    shutil.copytree(pages.DOCS / "_site/static", tmp_path / "_site/static")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/scorer.js").touch()
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery/README.rst").write_text("Gallery\n=======\n", encoding="utf-8")
    lines = ["# A", "", "[b](nowhere.md)", "", "[c](#nothing)", "", r"$\left($"]
    (tmp_path / "index.md").write_text("\n".join(lines), encoding="utf-8")
    done = built(tmp_path, tmp_path / "site")

    assert done.returncode == 1
    warned = re.findall(r"index\.md:(\d+): WARNING: (.*)", done.stderr)
    assert [line for line, _ in warned] == ["3", "5", "7"], done.stderr
