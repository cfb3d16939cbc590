"""The installed version, in a module of its own: looking it up costs more than the package."""

import hashlib
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

__version__ = version("modelcollapse")


@cache
def build() -> str:
    """Return what numbers that are kept were computed by: the version.

    Unless it is an installed release, a digest of the sources follows: a clone may hold anything.
    """
    release = distribution("modelcollapse").read_text("direct_url.json") is None
    return __version__ if release else f"{__version__}+{sources(Path(__file__).parents[1])}"


def sources(folder: Path) -> str:
    """Return a digest of a folder's Python files."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:12]
