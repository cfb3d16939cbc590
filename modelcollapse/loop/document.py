"""A prediction as strict JSON data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelcollapse._support.strict_json import plain
from modelcollapse.loop.experiment import chosen_generations
from modelcollapse.loop.identity import described
from modelcollapse.loop.tables import at_generations

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Prediction


def document(p: "Prediction", at: Sequence[int] | None = None) -> dict[str, Any]:
    """Return all that is known of a prediction, at some generations; see `Prediction.to_dict`."""
    generations = chosen_generations(at, p.experiment.generations)
    fates = {name: vars(fate) for name, fate in p.fates.items()}
    told: dict[str, Any] = plain(
        {
            "experiment": described(p.experiment),
            "generation": generations,
            "expected": at_generations(p.expected, generations),
            "variances": at_generations(p.variances, generations),
            "laws": {
                name: _law([laws[t - 1] for t in generations]) for name, laws in p.laws.items()
            },
            "limits": dict(p.limits),
            "exponents": dict(p.exponents),
            **({"fates": fates} if fates else {}),
            "reasons": p.reasons,
        }
    )
    return told


def _law(laws: Sequence[Any]) -> Mapping[str, Any]:
    """Return a sequence of laws, one per generation, as its name, means and variances."""
    return {
        "law": type(laws[0]).__name__ if len(laws) else None,
        "mean": [law.mean for law in laws],
        "variance": [law.variance for law in laws],
    }
