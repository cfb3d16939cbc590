"""Do the tests notice a wrong line?  python -m tests.mutation --count 200 --seed 0

Makes small changes to the package's code, one at a time (an operator, a comparison, a constant, a
guard turned round, a result, an error or a statement taken away), runs the tests that cover the
changed line, and prints which changes made a test fail ("killed") and which none ("survived"),
with a diff of each, and the share that was killed at last.

The changes are drawn with a seed, evenly over the files. They are made in a private copy of the
checkout, in the folder --work, never in the checkout itself. The first run records there which
tests cover which lines, which takes about twice as long as the tests; later ones record only what
has changed. It needs coverage.py besides what the tests need.

A test that hangs is a failure too. The tests of one change may take --limit seconds of CPU time
together, the likeliest and fastest first: a change that outlives them counts as survived.

Some changes alter nothing that can be observed. Those which were looked at are listed in
equivalent.toml with the reason, and are not drawn. --again tries those alone that survived the
last time. Commands, language models, reproductions and reports are left out, and their tests.
"""

import argparse
import fnmatch
import json
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.mutation.checkout import ROOT, Checkout, Run
from tests.mutation.covering import Cover, file_of
from tests.mutation.mutants import Mutant, of, sample
from tests.mutation.ordering import LATE

LEFT_OUT = {"cli", "docs", "entries", "language", "reproduce", "__main__.py"}
SKIPPED = ("docs/*", "language/*", "reproduce/*")
SLOWER, MORE, COMPILING = 4, 60, 400  # how long a test may take: see `Order`
HANGS = 3600  # seconds of wall time
PASSED, FAILED, EMPTY = 0, 1, 5


def mutants(only: str, seed: int) -> Iterator[Mutant]:
    """Yield the mutants of all files that the pattern matches, but for equivalent ones."""
    table = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
    known = {(e["file"], e["line"], e["becomes"]) for e in table.get("mutant", [])}
    found = {}
    for path in sorted((ROOT / "modelcollapse").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not LEFT_OUT & set(name.split("/")) and fnmatch.fnmatch(name, only):
            found[name] = of(name, path.read_text(encoding="utf-8"))
    for mutant in sample(found, seed):
        if (mutant.path, *mutant.change) not in known:
            yield mutant


def attempt(mutant: Mutant, checkout: Checkout, cover: Cover, limit: float) -> dict[str, Any]:
    """Run the tests that may kill a mutant and return what became of it."""
    result = {"mutant": [mutant.path, mutant.first, *mutant.change], "killed": False}
    more = COMPILING if checkout.recompiled(mutant) else MORE
    ended = "no test covers it"
    with checkout.mutated(mutant):
        for tests in cover.stages(mutant):
            times = {name: cover.seconds[name] for name in tests}
            table = {"tests": times, "limit": limit, "slower": SLOWER, "more": more}
            run = tried(table, checkout)
            if run.status not in (PASSED, LATE, EMPTY):
                return result | {"killed": True, "by": reason(run)}
            ended = "the time is up" if run.status == LATE else "all its tests pass"
    return result | {"by": ended}


def tried(table: dict[str, Any], checkout: Checkout) -> Run:
    """Run tests in their order until the first failure: see `Order`."""
    order = checkout.folder.with_name(f"{checkout.folder.name}-order.json")
    order.write_text(json.dumps(table), encoding="utf-8")
    files = dict.fromkeys(file_of(name) for name in table["tests"])
    options = ["-x", "-p", "tests.mutation.ordering", "-o", "faulthandler_timeout=0"]
    return checkout.pytest([*options, *files], {"MUTATION_ORDER": str(order)}, HANGS)


def reason(run: Run) -> str:
    """Return what ended a run that did not pass."""
    lines = [line for line in run.output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    hung = "a hang" if run.status is None else f"pytest's exit status {run.status}"
    return lines[0][:160] if lines else hung


def results(chosen: list[Mutant], work: Path, jobs: int, limit: float) -> Iterator[Any]:
    """Yield (mutant, what became of it), in the order of the mutants."""
    first = Checkout(work / "copy-0")
    first.update()
    cover = Cover(first, work / "covering", SKIPPED)
    for name in sorted(cover.failed):
        print(f"left out, as it fails without a mutant: {name}")
    free: SimpleQueue[Checkout] = SimpleQueue()
    for i in range(jobs):
        free.put(first.twin(work / f"copy-{i}") if i else first)

    def one(mutant: Mutant) -> dict[str, Any]:
        checkout = free.get()
        try:
            return attempt(mutant, checkout, cover, limit)
        finally:
            free.put(checkout)

    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(chosen, pool.map(one, chosen), strict=True)


def main() -> None:
    """Try mutants and print the share that was killed."""
    summary, _, more = __doc__.partition("\n")
    parser = argparse.ArgumentParser("python -m tests.mutation", description=summary, epilog=more)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=200, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0, help="of their choice")
    parser.add_argument("--only", default="*", help="a pattern of files, as modelcollapse/solver/*")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at a time")
    parser.add_argument("--limit", type=float, default=120, help="CPU seconds of each one's tests")
    parser.add_argument("--again", action="store_true", help="try last time's survivors alone")
    default = Path(tempfile.gettempdir()) / "modelcollapse-mutation"
    parser.add_argument("--work", type=Path, default=default, help="the folder of the copies")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    last = options.work / "last.json"
    chosen = list(islice(mutants(options.only, options.seed), options.count))
    if options.again:
        left = [
            r["mutant"] for r in json.loads(last.read_text(encoding="utf-8")) if not r["killed"]
        ]
        chosen = [m for m in chosen if [m.path, m.first, *m.change] in left]
    table = []
    for mutant, result in results(chosen, options.work, options.jobs, options.limit):
        word = "killed" if result["killed"] else "survived"
        print(f"{word:8} {mutant.path}:{mutant.first} ({mutant.kind}; {result['by']})")
        if not result["killed"]:
            print(mutant.diff)
        print(end="", flush=True)
        table.append(result)
        last.write_text(json.dumps(table, indent=1), encoding="utf-8")
    killed = sum(result["killed"] for result in table)
    print(f"{killed} of {len(table)} mutants killed: {killed / max(len(table), 1):.1%}")


if __name__ == "__main__":
    main()
