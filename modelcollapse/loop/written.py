"""What a written table says that it is a simulation of, so that its theorems are known again.

Parquet has a place for such words, a CSV file has none: there the W3C's "Metadata Vocabulary for
Tabular Data" puts them into a file beside it, whose name is the table's and "-metadata.json". They
are bound to the bytes of the table by its SHA-256.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modelcollapse._support import sealed
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.loop.experiment import Experiment
from modelcollapse.loop.identity import described
from modelcollapse.loop.json_data import canonical

OURS = "modelcollapse"  # the name of this package's words among the notes
CHANGED = "has changed since it was written, so what it said of its experiment is not used"
Said = tuple[Experiment | None, str]  # and a note


def told(experiment: Experiment) -> str:
    """Return an experiment as text.

    Raises
    ------
    InvalidInput
        If it cannot be built again from that, such as from rows, or a model of one's own.
    """
    _built(described(experiment))
    return experiment.identity


def beside(path: Path) -> Path:
    """Return the file beside a CSV file that says what it is."""
    return path.with_name(f"{path.name}-metadata.json")


def check_beside(path: Path) -> None:
    """Raise InvalidInput unless the file beside a CSV file can be written, or is not needed."""
    other = beside(path)
    if os.path.lexists(other) and _notes(other) is None:
        raise InvalidInput(
            f"output = {str(path)!r}: beside it stands {str(other)!r}, which was not written here "
            "and would be replaced: give another name, or move that file away"
        )
    check_writable("output", other)


def write_beside(path: Path, text: str) -> None:
    """Write what a CSV file is of; of nothing, remove what was said of another.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    other = beside(path)
    if os.path.lexists(other) and _notes(other) is None:
        return  # it is somebody's
    if not text:
        other.unlink(missing_ok=True)
        return
    words = _signed({"csv_sha256": sealed.digest(path), "experiment": json.loads(text)})
    document = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": quote(os.fsencode(path.name)),
        "notes": [{OURS: words}],
    }
    with replacing(other) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def of_csv(path: Path) -> Said:
    """Return what a CSV file is of, and what is wrong with that."""
    other = beside(path)
    words = _notes(other)
    if words is None:
        return None, ""
    if words != _signed({name: words.get(name) for name in ("csv_sha256", "experiment")}):
        return None, f"{other} has changed since it was written, so it is not used"
    if words["csv_sha256"] != sealed.digest(path):
        return None, f"{path} {CHANGED}"
    return of_data(path, words["experiment"])


def of_parquet(path: Path) -> Said:
    """Return what a Parquet file is of, and what is wrong with that."""
    text, whole = sealed.told_of(path)
    if not text.startswith("{"):  # other files of this package say other things
        return None, ""
    return of_data(path, json.loads(text)) if whole else (None, f"{path} {CHANGED}")


def of_data(path: Path, data: Any) -> Said:
    """Return the experiment that data describe."""
    try:
        return _built(data), ""
    except InvalidInput as error:
        return None, f"{path}: its experiment is not used: {error}"


def _built(data: Any) -> Experiment:
    try:
        return Experiment.from_dict(data)
    except (TypeError, ValueError, KeyError, AttributeError) as error:  # of another version
        raise InvalidInput(str(error)) from error


def _signed(words: dict[str, Any]) -> dict[str, Any]:
    text = canonical(words)
    return {**words, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _notes(path: Path) -> dict[str, Any] | None:
    """Return this package's words in a file beside a table, or None if there are none."""
    try:
        notes = json.loads(path.read_bytes())["notes"]
        found = next(note[OURS] for note in notes if OURS in note)
    except (OSError, ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None
    return found if isinstance(found, dict) else None
