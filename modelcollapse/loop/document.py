"""A prediction as strict JSON data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelcollapse._support.strict_json import plain
from modelcollapse.loop.identity import described

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Prediction


def document(p: "Prediction") -> dict[str, Any]:
    """Return all that is known of a prediction; see `Prediction.to_dict`."""
    fates = {name: vars(fate) for name, fate in p.fates.items()}
    told: dict[str, Any] = plain(
        {
            "experiment": described(p.experiment),
            "generation": list(range(1, p.experiment.generations + 1)),
            "expected": dict(p.expected),
            "laws": {name: _law(laws) for name, laws in p.laws.items()},
            "limits": dict(p.limits),
            "exponents": dict(p.exponents),
            **({"fates": fates} if fates else {}),
            "reasons": p.reasons,
        }
    )
    return told


def _law(laws: Any) -> Mapping[str, Any]:
    """Return a sequence of laws, one per generation, as its name, means and variances."""
    return {
        "law": type(laws[0]).__name__ if len(laws) else None,
        "mean": [law.mean for law in laws],
        "variance": [law.variance for law in laws],
    }
