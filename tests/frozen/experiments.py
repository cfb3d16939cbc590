"""The loops of each family and workflow: text that builds them, and what is simulated."""

from typing import Any, NamedTuple

import modelcollapse as mc
from tests.frozen import parts
from tests.frozen.dice import Dice
from tests.frozen.families import FAMILIES
from tests.frozen.schedules import WORKFLOWS, generations, sizes

SEED = 2410_16713
COUNTS = {"gaussian": 48, "kde": 50, "exponential": 48, "discrete": 36, "regression": 36}
CURATED = {"labels": ("replace",) * 9 + ("accumulate",), "region": tuple(WORKFLOWS)}
CURATED_COUNT = 30
HUNDRED = 100  # the numbers of a chunk's loops begin with its place
CHUNKS = [*(f"{f}-{w}" for f in COUNTS for w in WORKFLOWS), *CURATED]
NAMES = {"mc": mc, **{name: getattr(parts, name) for name in dir(parts) if name[0].isupper()}}


class Case(NamedTuple):
    """One loop: text that builds it, and the arguments of its simulation."""

    experiment: str
    simulated: str

    def __str__(self):
        return f"e = {self.experiment}; mc.simulate(e, {self.simulated})"

    def build(self) -> Any:
        """Build the experiment."""
        return eval(self.experiment, dict(NAMES))  # noqa: S307

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the simulation."""
        return eval(f"dict({self.simulated})", dict(NAMES))  # noqa: S307


def number_of(chunk, index):
    """Return the number of a loop: 1234 is loop 34 of the chunk at place 12."""
    return HUNDRED * CHUNKS.index(chunk) + index


def cases(chunk):
    """Return the loops of a chunk, such as "gaussian-replace", from the seed."""
    if chunk in CURATED:
        workflows = CURATED[chunk]
        return [
            _case(chunk, workflows[i % len(workflows)], i, Dice(SEED, chunk, i))
            for i in range(CURATED_COUNT)
        ]
    family, workflow = chunk.split("-", 1)
    return [_case(family, workflow, i, Dice(SEED, chunk, i)) for i in range(COUNTS[family])]


def _case(family, workflow, index, dice):
    drawn = FAMILIES[family](dice, index)
    count = min(generations(dice, workflow), drawn.longest)
    least, most = drawn.least, drawn.most
    if "'fixed'" in drawn.model and dice.chance(0.9):
        first = dice.whole(least, most)  # a fixed design has one size
        samples = str(first)
    else:
        samples, first = sizes(dice, workflow, least, most, count)
    rule = WORKFLOWS[workflow](dice, first, count)
    options = {"samples": samples, "generations": str(count), **drawn.options}
    if drawn.truth is not None:
        options["truth"] = drawn.truth
    at = sorted({1, (count + 1) // 2, count})
    how = {"replicates": "2", "seed": str(index), "at": str(at), **drawn.simulated}
    return Case(f"mc.Experiment({drawn.model}, {rule}, {_joined(options)})", _joined(how))


def _joined(options):
    return ", ".join(f"{name}={value}" for name, value in options.items())
