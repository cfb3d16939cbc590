"""The first page is short, and every page leads to places and commands that exist."""

import importlib.util
import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import modelcollapse as mc
from modelcollapse.cli import app
from tests.helpers.pages import HOSTED, PAGES, README, ROOT, blocks

BACK = "[Back to the first page](../../README.md)."
SET_UP = {
    "verify": "python3 -m venv .venv && .venv/bin/pip install -e . && "
    ".venv/bin/modelcollapse verify",
    "test": "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && "
    ".venv/bin/python -m pytest -n auto",
}
NOTHING_TO_SEE = {"printf"}  # programs of which there is nothing to check


def words(page):
    """Return the text of a page without its code."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.sub(r"`[^`]*`", "", text)


def targets(page):
    """Return where the links and pictures of a page lead, as far as that is in the clone."""
    found = re.findall(r"\]\(([^()\s]*)\)", words(page))
    return [target for target in found if not target.startswith("https://")]


def anchors(page):
    """Return the names that code hosts give to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def commands(page):
    """Return the shell commands of a page, each as its words, with the line of its block."""
    found = []
    for block in (b for b in blocks(page) if b.mark == "sh"):
        for line in block.code.replace("\\\n", " ").splitlines():
            split = shlex.shlex(line, posix=True, punctuation_chars=True)
            split.whitespace_split = True
            command = []
            for word in [*split, ";"]:
                if word in {"&&", ";"}:
                    found.append((block.where, command))
                    command = []
                else:
                    command.append(word)
    return found


def wrong(command):
    """Return what a shell command names that does not exist, or nothing."""
    program, *rest = command[: command.index(">")] if ">" in command else command
    name = Path(program).name
    if name == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        known = {".", *(f".[{extra}]" for extra in extras["optional-dependencies"])}
        return "" if rest[0] == "install" and rest[-1] in known else f"cannot install {rest}"
    if "-m" in rest:
        name, *rest = rest[rest.index("-m") + 1 :]
        if importlib.util.find_spec(name) is None:
            return f"there is no module {name}"
    elif name != "modelcollapse" and name not in NOTHING_TO_SEE:
        return f"cannot tell what {name} is"
    if name == "modelcollapse":
        app().parse_args(rest, exit_on_error=False, print_error=False)
    return ""


@pytest.mark.parametrize("page", PAGES + HOSTED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """Every link within the clone leads to a file, and to a heading of it if it names one."""
    assert targets(page)
    for target in targets(page):
        file, _, anchor = target.partition("#")
        place = page.parent / file if file else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("page", PAGES + HOSTED, ids=lambda page: page.stem)
def test_commands_exist(page):
    """The command line takes every command of the pages; modules and extras that it names exist."""
    for where, command in commands(page):
        assert not wrong(command), f"{where}: {wrong(command)}"
    for extra in re.findall(r"'(\.\[\w+\])'", page.read_text(encoding="utf-8")):
        assert not wrong(["pip", "install", extra]), extra


def test_wrong_commands_are_found():
    """What is not there is named."""
    assert wrong(["pip", "install", ".[frame]"])
    assert wrong(["python", "-m", "modelcollapse.reproduce.figures.no_such_picture"])
    assert wrong(["simulate", "gaussian"])
    with pytest.raises(Exception, match="--sample"):
        wrong(["modelcollapse", "simulate", "gaussian", "--sample", "3"])


def test_every_page_is_in_the_index():
    """The first page leads to every page, and every page leads back in its first line."""
    pages = {page for page in PAGES if page != README}
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in targets(README)}

    assert len(pages) >= 15
    assert pages <= linked
    for page in pages:
        assert page.read_text(encoding="utf-8").startswith(BACK), page


def test_the_first_page_is_short():
    """It has at most 120 lines, one picture, and an example of the three verbs in twelve lines."""
    text = README.read_text(encoding="utf-8")
    (example,) = (block for block in blocks(README) if block.mark == "python")

    assert text.count("\n") <= 120
    assert text.count("![") == 1
    assert example.code.count("\n") == 12
    assert set(re.findall(r"mc\.([a-z]+)\(", example.code)) == {"predict", "simulate", "verify"}
    assert example.shown.mark == "text"


@pytest.mark.parametrize("marker", SET_UP)
def test_the_set_up_is_on_the_first_screen(marker):
    """Each of the commands that `.ci/run` takes from the first page is there, under its marker."""
    text = README.read_text(encoding="utf-8")
    (found,) = re.finditer(rf"^<!-- {marker} -->\n```sh\n(.*)\n```$", text, re.MULTILINE)

    assert found[1] == SET_UP[marker]
    assert text.count("\n", 0, found.end()) < 35


def test_the_end_of_verify_is_as_shown():
    """The numbers that the first page shows are those of the ledger, as its command installs it."""
    shown = " ".join(blocks(README)[0].shown.code.split())
    bare = [one for one in mc.theorems() if not one.slug.startswith("language/")]
    expected = Counter(theorem.expected for theorem in bare)
    claims = [theorem.claim for theorem in bare]
    near = sum(len(claim.near) for claim in claims)
    by_chance = sum(claim.design is not None for claim in claims)

    assert len(mc.theorems()) - len(bare) == 16  # as the page says of the extra
    assert re.sub(r"[\d.]+ s$", "", shown) == (
        f"{len(claims)} theorems: {expected['holds']} hold, {expected['refuted']} refuted as "
        f"expected, 0 unexpected; {near} of {near} near misses rejected; "
        f"false alarms in all with probability below {by_chance * 1e-9:.3g}; "
    )
