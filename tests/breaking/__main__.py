"""Try to break the package.  python -m tests.breaking flips --count 500 --seed 0

flips: single bits of files that are read again are turned over.
lines: command lines, generated from the command tree.
calls: calls of public functions with values of all kinds.
kills: commands are ended by signals at random moments.

Each prints what went wrong, a line for each, and at last how many were tried; the exit status is 1
if anything went wrong. The tests do a tenth of it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.breaking.calls import calls
from tests.breaking.flips import flips
from tests.breaking.kills import kills
from tests.breaking.lines import lines

WAYS = {"flips": flips, "lines": lines, "calls": calls, "kills": kills}


def main() -> int:
    """Try one way, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.breaking")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for problem in WAYS[given.way](given.count, given.seed, Path(folder) / "work"):
            wrong += 1
            print(problem, flush=True)
    print(f"{given.count} tried, {wrong} went wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
