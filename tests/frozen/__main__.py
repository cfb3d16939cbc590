"""Show, compare and renew the frozen record.

::

    python -m tests.frozen show 1234            what experiment 1234 is, and what is recorded of it
    python -m tests.frozen compare [CHUNK...]   print everything that differs from the record
    python -m tests.frozen record [CHUNK...]    renew the record, and print what differs

A chunk is a family and a workflow, such as ``gaussian-replace``, or ``labels``, or ``region``; none
stands for all of them.

The record is renewed when the package is meant to do something else than before, and for no other
reason. Then ``compare`` first: each difference must be one that was meant, and each kind of them is
named in CHANGELOG.md. ``record`` prints how many experiments differ in which quantity, for the
commit's message; commit the data with the change that made them differ. It draws the experiments
afresh from their seed, so that it is also what is run after `families` or `schedules` have changed.

Bits belong to a machine (see `tests.frozen.machine`): where others than the recorded one compare,
simulations need only be near. Renewing a chunk on another machine makes its bits that machine's.
"""

# ruff: noqa: T201 - commands print

import sys
from collections import Counter

import numpy as np

from tests.frozen.differences import changes, differences
from tests.frozen.experiments import CHUNKS, HUNDRED, cases
from tests.frozen.machine import fingerprint, foreign
from tests.frozen.observe import observed
from tests.frozen.store import Record, path_of, read, write


def show(*numbers):
    """Print experiments and what is recorded of them."""
    for number in map(int, numbers):
        chunk, index = CHUNKS[number // HUNDRED], number % HUNDRED
        record = read(chunk)
        print(f"experiment {number} ({chunk}, its number {index})\n  {record.cases[index]}")
        for name, value in record.observed[index].items():
            print(f"  {name}: {value if isinstance(value, str) else np.array2string(value)}")
    return 0


def compare(*chunks):
    """Print what differs from the record; the status is 1 if anything does."""
    found = []
    for chunk in chunks or CHUNKS:
        record = read(chunk)
        for text in foreign(record.machine):
            print(f"{chunk}: simulations need only be near: {text}")
        found += differences(chunk, record)
    print(*found, _summary(found), sep="\n")
    return 1 if found else 0


def record(*chunks):
    """Write the record anew and print what differs from the former one."""
    found = []
    for chunk in chunks or CHUNKS:
        drawn = cases(chunk)
        new = Record(fingerprint(), drawn, [observed(case) for case in drawn])
        if path_of(chunk).exists():
            former = read(chunk)
            if former.cases == drawn:
                found += changes(chunk, former, dict(enumerate(new.observed)))
            else:
                print(f"{chunk}: other experiments than before")
        else:
            print(f"{chunk}: {len(drawn)} experiments, not recorded before")
        write(chunk, new)
    print(_summary(found))
    return 0


def _summary(found):
    """Return how many experiments differ, by chunk and quantity."""
    counts = Counter((difference.chunk, difference.name) for difference in found)
    lines = [f"{chunk}: {name}: {count} experiments" for (chunk, name), count in counts.items()]
    loops = len({(difference.chunk, difference.index) for difference in found})
    return "\n".join([*lines, f"{loops} experiments differ"])


if __name__ == "__main__":
    command, *given = sys.argv[1:] or ["help"]
    commands = {"show": show, "compare": compare, "record": record}
    if command not in commands:
        sys.exit(__doc__)
    sys.exit(commands[command](*given))
