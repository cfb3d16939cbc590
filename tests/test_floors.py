"""The order of the floors: what stands on a floor imports what is below it, and nothing above."""

import ast
from pathlib import Path

import modelcollapse as mc

PACKAGE = Path(mc.__file__).parent
# From the ground up.
FLOORS = (
    "_support",
    "workflows",
    "loop",
    "evidence",
    "datasets",
    "solver",
    "families",
    "mixed",
    "advice",
    "comparison",
    "language",
    "ledger",
    "testing",
    "diagnosis",
    "monitoring",
    "sweep",
    "reproduce",
    "cli",
    "docs",
)

# A language by counts is a discrete family in each context: its predictions are sums of those.
BUILT_ON = {"markov": {"discrete"}}


def imported(path):
    """Return the rooms that a file imports from, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("modelcollapse."))


def test_every_room_has_a_floor():
    """No folder of the package is left out, and there are few files beside them."""
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    beside = {path.name for path in PACKAGE.iterdir() if path.is_file()}

    assert folders == set(FLOORS)
    assert beside == {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}


def test_no_arrow_runs_up():
    """A room imports from its own floor and from those below."""
    for path in PACKAGE.glob("*/**/*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        for other in set(imported(path)) & set(FLOORS):
            assert FLOORS.index(other) <= FLOORS.index(room), (path, other)


def test_families_do_not_know_each_other():
    """No family imports another one, but what it is built on; `names` alone knows them all."""
    families = PACKAGE / "families"
    for path in families.glob("*/**/*.py"):
        own = path.relative_to(families).parts[0]
        text = path.read_text(encoding="utf-8")
        known = BUILT_ON.get(own, set()) | {own, "__pycache__"}
        others = {p.name for p in families.iterdir() if p.is_dir()} - known
        for other in others:
            assert f"modelcollapse.families.{other}" not in text, (path, other)
