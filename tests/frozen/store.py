"""The record in files, one for each family and workflow, without pickles.

A file holds two arrays of bytes: ``words``, JSON with all texts, and ``numbers``, the float64
values, first the first byte of each of them, then the second, and so on, which compresses better.
Texts, names and arrays that occur more than once are kept once.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.frozen.experiments import CHUNKS, Case

FOLDER = Path(__file__).with_name("data")


class Record(NamedTuple):
    """The loops of a chunk, what each of them did, and on which machine."""

    machine: dict[str, str]
    cases: list[Case]
    observed: list[dict[str, Any]]


class _Table:
    """Things by their number, each kept once."""

    def __init__(self):
        self.things, self.places = [], {}

    def place(self, key, thing):
        """Return the number of a thing that the key stands for."""
        if key not in self.places:
            self.places[key] = len(self.things)
            self.things.append(thing)
        return self.places[key]


def path_of(chunk):
    """Return the file of a chunk."""
    return FOLDER / f"{chunk}.npz"


def recorded_chunks():
    """Return the chunks that have a file, in their order."""
    return [chunk for chunk in CHUNKS if path_of(chunk).exists()]


def write(chunk, record):
    """Write a chunk's file; the same record gives the same bytes."""
    texts, arrays, schemas = _Table(), _Table(), _Table()
    rows = []
    for case, found in zip(record.cases, record.observed, strict=True):
        values = [_value(found[name], texts, arrays) for name in sorted(found)]
        names = [texts.place(name, name) for name in sorted(found)]
        what = [texts.place(text, text) for text in case]
        rows.append([what, schemas.place(tuple(names), names), values])
    numbers = np.concatenate([np.zeros(0), *(array.ravel() for array in arrays.things)])
    words = {
        "machine": record.machine,
        "texts": texts.things,
        "shapes": [array.shape for array in arrays.things],
        "names": schemas.things,
        "loops": rows,
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(words, separators=(",", ":"), ensure_ascii=False)
    np.savez_compressed(
        path_of(chunk),
        words=np.frombuffer(text.encode(), dtype=np.uint8),
        numbers=np.ascontiguousarray(numbers.astype("<f8").view(np.uint8).reshape(-1, 8).T),
    )


def _value(value, texts, arrays):
    """Return [place] for an array and a place for a text."""
    if isinstance(value, str):
        return texts.place(value, value)
    if value.dtype != np.float64:
        raise TypeError(f"an array of {value.dtype}: the record holds float64")
    return [arrays.place((value.shape, value.tobytes()), value)]


def read(chunk):
    """Read a chunk's record."""
    with np.load(path_of(chunk), allow_pickle=False) as file:
        words = json.loads(file["words"].tobytes().decode())
        numbers = np.ascontiguousarray(file["numbers"].T).view("<f8").ravel()
    shapes = [tuple(shape) for shape in words["shapes"]]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = zip(np.split(numbers, ends), shapes, strict=True) if shapes else ()
    arrays = [part.reshape(shape) for part, shape in parts]
    texts = words["texts"]
    cases = [Case(*(texts[i] for i in what)) for what, _, _ in words["loops"]]
    observed = [
        {
            texts[name]: arrays[value[0]] if isinstance(value, list) else texts[value]
            for name, value in zip(words["names"][schema], values, strict=True)
        }
        for _, schema, values in words["loops"]
    ]
    return Record(words["machine"], cases, observed)
