"""Data sets of others: files, folders and the hub, and which of their columns are text."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language.template import Conversation, Plain, Row, Template

PAIRS = (("prompt", "response"), ("instruction", "output"), ("question", "answer"))
TEXTS = ("text", "story", "content")
HELD_OUT_SPLITS = ("validation", "valid", "dev", "test")
READERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


@dataclass(frozen=True, eq=False)
class Found:
    """The rows of a data set; `held_out` is empty if it has no split of its own for that."""

    template: Template
    train: list[Row]
    held_out: list[Row]
    dropped: int


def read(data: str | Path, subset: str | None, columns: Sequence[str] | None) -> Found | None:
    """Read a file, a folder or a data set of the hub; None if the name can be none of them."""
    splits = _load(data, subset)
    if splits is None:
        return None
    names = list(splits)
    first = "train" if "train" in names else names[0]
    other = next((name for name in HELD_OUT_SPLITS if name in names and name != first), None)
    template, chosen = choose(str(data), splits[first].column_names, columns)
    train, dropped = _rows(splits[first], template, chosen)
    held_out, more = _rows(splits[other], template, chosen) if other else ([], 0)
    for name, rows in ((first, train), (other, held_out)):
        if name is not None and not rows:
            raise InvalidInput(
                f"data = {str(data)!r}: the split {name!r} has no row with text in "
                f"{' and '.join(chosen)}"
            )
    return Found(template, train, held_out, dropped + more)


def choose(
    data: str, present: Sequence[str], columns: Sequence[str] | None
) -> tuple[Template, tuple[str, ...]]:
    """Return the template, and the columns that fill it."""
    if columns is not None:
        absent = [name for name in columns if name not in present]
        if absent or not 1 <= len(columns) <= 2:
            raise InvalidInput(
                f"columns = {','.join(columns)!r}: give one column of texts, or two of prompts and "
                f"responses; {data} has {', '.join(present)}"
            )
        return (Conversation() if len(columns) == 2 else Plain()), tuple(columns)
    for pair in PAIRS:
        if set(pair) <= set(present):
            return Conversation(), pair
    for name in TEXTS:
        if name in present:
            return Plain(), (name,)
    raise InvalidInput(
        f"data = {data!r} has the columns {', '.join(present)}, and none is recognised: rename "
        "them to prompt and response, or to text, or name them, as in columns = "
        f"{','.join(list(present)[:2])}"
    )


def _rows(
    table: Iterable[Mapping[str, Any]], template: Template, columns: Sequence[str]
) -> tuple[list[Row], int]:
    """Return the rows whose parts are all text, and the number of others."""
    rows, dropped = [], 0
    for record in table:
        parts = [record[name] for name in columns]
        if all(isinstance(part, str) and part.strip() for part in parts):
            rows.append(dict(zip(template.columns, parts, strict=True)))
        else:
            dropped += 1
    return rows, dropped


def _load(data: str | Path, subset: str | None) -> Mapping[str, Any] | None:
    from datasets import DatasetDict, load_dataset, load_from_disk

    path = Path(data)
    if path.is_file() and path.suffix.lower() not in READERS:
        raise InvalidInput(
            f"data = {str(data)!r} ends in {path.suffix!r}: give a {', '.join(READERS)} file"
        )
    local = path.suffix.lower() in READERS or str(data).count("/") > 1 or _beside(path)
    if not path.exists() and local:
        raise InvalidInput(f"data = {str(data)!r}: no such file or folder")
    if not path.exists() and "/" not in str(data):
        return None
    if path.is_file() and path.stat().st_size == 0:
        raise InvalidInput(f"data = {str(data)!r} is empty: give a file with at least two rows")
    if subset is not None and path.exists():
        raise InvalidInput(f"subset = {subset!r}: {data} is local and has none; leave it out")
    try:
        # The cache of datasets goes by names and time stamps, and it reads patterns and addresses
        # into names: local files are read afresh, by a name that is none.
        with _uncounted(), TemporaryDirectory() as cache:
            afresh = {"cache_dir": f"{cache}/cache", "keep_in_memory": True}
            plain = _linked(path, Path(cache))
            if path.is_file():
                kind = READERS[path.suffix.lower()]
                # In a CSV file "NA" and "None" are words like others.
                how = {"keep_default_na": False} if kind == "csv" else {}
                found = load_dataset(kind, data_files=str(plain), **how, **afresh)
            elif (path / "state.json").exists() or (path / "dataset_dict.json").exists():
                found = load_from_disk(str(plain), keep_in_memory=True)
            elif path.exists():
                found = load_dataset(str(plain), **afresh)
            else:
                found = load_dataset(str(data), subset)
    except Exception as error:  # every reader of datasets raises its own
        raise InvalidInput(
            f"data = {str(data)!r} cannot be loaded: {_chain(error)} Give a readable file, a "
            "folder of them, or a hub id that you have access to"
        ) from error
    return found if isinstance(found, DatasetDict) else {"train": found}


def _linked(path: Path, folder: Path) -> Path:
    """Return another name of a file or a folder of files, without any special character."""
    plain = folder / (f"data{path.suffix.lower()}" if path.is_file() else "data")
    if path.is_file():
        plain.symlink_to(path.absolute())
    elif path.is_dir():  # datasets follows the links of files, and resolves those of folders
        shutil.copytree(path.absolute(), plain, copy_function=os.symlink)
    return plain


def _beside(path: Path) -> bool:
    """Return whether a name with a slash begins with a folder that is here: no hub id, then."""
    return len(path.parts) > 1 and Path(path.parts[0]).is_dir()


@contextmanager
def _uncounted() -> Iterator[None]:
    """Keep datasets from telling its maker, over the network, that a file was read."""
    from datasets import config

    before = config.HF_UPDATE_DOWNLOAD_COUNTS
    config.HF_UPDATE_DOWNLOAD_COUNTS = False
    try:
        yield
    finally:
        config.HF_UPDATE_DOWNLOAD_COUNTS = before


def _chain(error: BaseException) -> str:
    """Return the innermost reason: datasets wraps what its readers say."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(". ") + "."
