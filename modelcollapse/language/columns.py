"""Data sets of others: files, folders and the hub, and which of their columns are text.

Rows like Alpaca's have an instruction and some an input that it is about; questions may have a
context. Whoever trains on such rows joins the two, and so does this module, with a line break
between: instruction and input, context and question. A column of messages is a prompt and its last
answer. Where columns are named, they alone are read.
What is not used, of columns and splits, is said.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelcollapse._support.csv_lines import cause, read_lines
from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import messages
from modelcollapse.language.rows import Part, Rows
from modelcollapse.language.template import (
    Conversation,
    Dialogue,
    MarkedTemplate,
    Plain,
    Row,
    Template,
)

PAIRS = (("prompt", "response"), ("instruction", "output"), ("question", "answer"))
BESIDE = {"instruction": ("instruction", "input"), "question": ("context", "question")}
TEXTS = ("text", "story", "content")
HELD_OUT_SPLITS = ("validation", "valid", "dev", "test")
READERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


@dataclass(frozen=True, eq=False)
class Found:
    """The rows of a data set; `held_out` is empty if it has no split of its own for that.

    `dropped` rows had a part without text; `notes` say what the columns and splits are used for.
    """

    template: Template
    train: Sequence[Row]
    held_out: Sequence[Row]
    dropped: int
    notes: tuple[str, ...]


def read(
    data: str | Path,
    subset: str | None,
    columns: Sequence[str] | None,
    own: Template | None = None,
) -> Found | None:
    """Read a file, a folder or a data set of the hub; None if the name can be none of them."""
    splits = _load(data, subset)
    if splits is None:
        return None
    names = list(splits)
    first = "train" if "train" in names else names[0]
    other = next((name for name in HELD_OUT_SPLITS if name in names and name != first), None)
    present = splits[first].column_names
    template, parts = choose(str(data), present, columns, own, messages.columns(splits[first]))
    train = Rows.of(splits[first], template.columns, parts)
    held_out = Rows.of(splits[other], template.columns, parts) if other else []
    there = len(splits[first]) + (len(splits[other]) if other else 0)
    for name, rows in ((first, train), (other, held_out)):
        if name is not None and not rows:
            raise InvalidInput(
                f"data = {str(data)!r}: the split {name!r} has no row with text in "
                f"{' and '.join(part.main for part in parts)}"
            )
    notes = _columns(template, parts, present)
    if unused := [name for name in names if name not in (first, other)]:
        notes.append(f"splits not used: {', '.join(unused)}")
    return Found(template, train, held_out, there - len(train) - len(held_out), tuple(notes))


def _columns(template: Template, parts: Sequence[Part], present: Sequence[str]) -> list[str]:
    """Return what the columns are used for, if that is not plain."""
    pairs = zip(template.columns, parts, strict=True)
    made = [f"{name} from {' and '.join(part.columns)}" for name, part in pairs]
    used = {name for part in parts for name in part.columns}
    notes = [", ".join(made)] if used != set(template.columns) else []
    notes += [messages.TAKES] * any(isinstance(part, messages.Turns) for part in parts)
    unused = ", ".join(name for name in present if name not in used)
    return [*notes, f"columns not used: {unused}"] if unused else notes


def choose(
    data: str,
    present: Sequence[str],
    columns: Sequence[str] | None,
    own: Template | None = None,
    talks: Sequence[str] = (),
) -> tuple[Template, list[Part]]:
    """Return the template, and the columns of each of its parts; those of `talks` hold messages."""
    marked = isinstance(own, MarkedTemplate)
    talk = next((name for name in messages.NAMES if name in talks), None)
    if own is not None and not marked:
        same = own.columns == Conversation().columns and not set(own.columns) <= set(present)
        if same and columns is None and talk is not None:
            return own, messages.parts(talk, whole=False)
        return own, _own(data, present, columns, own)
    if columns is not None:
        found = _named(data, present, columns, talks, whole=marked)
    else:
        found = _recognised(data, present, talk, whole=marked)
    template, parts = found
    if not marked or own is None:
        return found
    if template.columns != own.columns:
        raise InvalidInput(
            f"template = 'chat': {data} is plain text, and a chat has a prompt and a response: "
            "name two columns, or one of messages, or leave the template out"
        )
    return own, parts


def _own(
    data: str, present: Sequence[str], columns: Sequence[str] | None, own: Template
) -> list[Part]:
    """Return the columns of a template of one's own: those of its name, or those named."""
    names = tuple(own.columns if columns is None else columns)
    absent = [name for name in names if name not in present]
    if absent or len(names) != len(own.columns):
        raise InvalidInput(
            f"columns = {','.join(names)!r}: the template has {', '.join(own.columns)} and "
            f"{data} has {', '.join(present)}; name one of them for each of the template's"
        )
    return [Part(name, (name,)) for name in names]


def _named(
    data: str,
    present: Sequence[str],
    columns: Sequence[str],
    talks: Sequence[str],
    *,
    whole: bool,
) -> tuple[Template, list[Part]]:
    """Return what to make of the columns that are named."""
    absent = [name for name in columns if name not in present]
    if absent or not 1 <= len(columns) <= 2:
        raise InvalidInput(
            f"columns = {','.join(columns)!r}: give one column of texts or messages, or two of "
            f"prompts and responses; {data} has {', '.join(present)}"
        )
    if len(columns) == 1 and columns[0] in talks:
        return Dialogue(), messages.parts(columns[0], whole=whole)
    alone = [Part(name, (name,)) for name in columns]
    return (Conversation() if len(columns) == 2 else Plain()), alone


def _recognised(
    data: str, present: Sequence[str], talk: str | None, *, whole: bool
) -> tuple[Template, list[Part]]:
    """Return what to make of columns whose names are usual ones."""
    for pair in PAIRS:
        if set(pair) <= set(present):
            beside = {main: BESIDE.get(main, (main,)) for main in pair}
            return Conversation(), [
                Part(main, tuple(name for name in names if name in present))
                for main, names in beside.items()
            ]
    if talk is not None:
        return Dialogue(), messages.parts(talk, whole=whole)
    for name in TEXTS:
        if name in present:
            return Plain(), [Part(name, (name,))]
    raise InvalidInput(
        f"data = {data!r} has the columns {', '.join(present)}, and none is recognised: rename "
        "them to prompt and response, to messages, or to text, or name them, as in columns = "
        f"{','.join(list(present)[:2])}{cause(present)}"
    )


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
    plain = path
    try:
        # The cache of datasets goes by names and time stamps, and it reads patterns and addresses
        # into names: local files are read afresh, by a name that is none.
        with _uncounted(), TemporaryDirectory() as cache:
            afresh = {"cache_dir": f"{cache}/cache", "keep_in_memory": True}
            plain = _linked(path, Path(cache))
            if path.is_file():
                kind, how = READERS[path.suffix.lower()], _as_text([path])
                found = load_dataset(kind, data_files=str(plain), **how, **afresh)
            elif (path / "state.json").exists() or (path / "dataset_dict.json").exists():
                found = load_from_disk(str(plain), keep_in_memory=True)
            elif path.exists():
                how = _as_text([file for file in path.rglob("*") if file.is_file()])
                found = load_dataset(str(plain), **how, **afresh)
            else:
                found = load_dataset(str(data), subset)
    except Exception as error:  # every reader of datasets raises its own
        why = _chain(error).replace(str(plain), str(path))
        raise InvalidInput(
            f"data = {str(data)!r} cannot be loaded: {why} Give a readable file, a folder of them, "
            "or a hub id that you have access to"
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


def _as_text(files: Sequence[Path]) -> dict[str, Any]:
    """Return the options that keep the cells of CSV files as they are: "NA" and 007 are words."""
    kinds = {READERS[file.suffix.lower()] for file in files if file.suffix.lower() in READERS}
    if kinds != {"csv"}:
        return {}
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    heads = [next(read_lines(file), (0, list[str]()))[1] for file in tables]
    names = dict.fromkeys(name for head in heads for name in head)
    return {"keep_default_na": False, "converters": dict.fromkeys(names, str)}


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
