"""Second moment and central variance of the training rows, for the three workflows."""

import numpy as np

from modelcollapse.ledger.claims import MeanClaim, mean_claim
from modelcollapse.ledger.entries.kde.common import ANY, DERIVED, MOMENTS, H, N, T
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

PARAMETERS = f"d=1 n={N} h={H} t={T}"


def variance_bound(t: int) -> Value:
    """Bound Var V by E Q^2 - (E V)^2: the central variance V is at most the second moment Q."""

    def value(e: Experiment) -> float:
        p = predict(e)
        square = p.variances["second_moment"][t - 1] + p["second_moment"][t - 1] ** 2
        return float(square - p["central_variance"][t - 1] ** 2)

    return value


def _central(name: str, near: dict[str, Value]) -> MeanClaim:
    value = expectation("central_variance", T)
    return MeanClaim(MOMENTS[name], quantity("central_variance", T), value, variance_bound(T), near)


def _recursion(growth: Value) -> Value:
    """Return the variance of the generation before, plus a wrong growth."""
    return lambda e: float(predict(e)["central_variance"][T - 2] + growth(e))


SECOND = [
    Theorem(
        "kde/replace/second-moment",
        "Under replace every generation adds the kernel's variance: the second moment grows like "
        "the sum of squared bandwidths.",
        r"E\,\overline{|x-\mu_0|^2}=\sigma_0^2+\sum_{s<t}h_s^2",
        DERIVED,
        ANY,
        "law",
        PARAMETERS,
        mean_claim(
            MOMENTS["replace"],
            "second_moment",
            T,
            {
                "one generation too many": constant(1 + T * H**2),
                "accumulate's": expectation("second_moment", T, workflow=Accumulate()),
                "h for h^2": constant(1 + (T - 1) * H),
                "no noise": constant(1.0),
            },
        ),
    ),
    Theorem(
        "kde/accumulate/second-moment",
        "Accumulating adds h_s^2/(s+1) instead of h_s^2: with a fixed bandwidth the spread grows "
        "like log t.",
        r"E\,\overline{|x-\mu_0|^2}=\sigma_0^2+\sum_{s<t}\frac{h_s^2}{s+1}",
        DERIVED,
        f"{ANY}; equal batches",
        "law",
        PARAMETERS,
        mean_claim(
            MOMENTS["accumulate"],
            "second_moment",
            T,
            {
                "replace's": expectation("second_moment", T, workflow=Replace()),
                "h_s^2 / s": constant(1 + H**2 * float((1 / np.arange(1, T)).sum())),
                "one generation early": expectation("second_moment", T - 1),
            },
        ),
    ),
    Theorem(
        "kde/accumulate-subsample/second-moment",
        "Subsampling changes nothing in the second moment: it is accumulate's, at every budget.",
        r"E\,\overline{|x-\mu_0|^2}=\sigma_0^2+\sum_{s<t}\frac{h_s^2}{s+1}",
        DERIVED,
        f"{ANY}; equal batches, any budget",
        "law",
        PARAMETERS,
        mean_claim(
            MOMENTS["accumulate-subsample"],
            "second_moment",
            T,
            {
                "replace's": expectation("second_moment", T, workflow=Replace()),
                "h_s^2 / s": constant(1 + H**2 * float((1 / np.arange(1, T)).sum())),
                "one generation early": expectation("second_moment", T - 1),
            },
        ),
    ),
]
CENTRAL = [
    Theorem(
        "kde/replace/central-variance",
        "Under replace the variance of the rows follows V' = (1 - 1/n)(V + h^2).",
        r"E V_{t+1}=(1-\tfrac1n)(E V_t+h_t^2)",
        DERIVED,
        ANY,
        "law",
        PARAMETERS,
        _central(
            "replace",
            {
                "accumulate's": expectation("central_variance", T, workflow=Accumulate()),
                "the second moment": expectation("second_moment", T),
                "without the factor": _recursion(constant(H**2)),
            },
        ),
    ),
    Theorem(
        "kde/accumulate/central-variance",
        "Under accumulate V' = V + h^2/(t+1) - (V + h^2)/(n (t+1)^2).",
        r"E V_{t+1}=E V_t+\frac{h_t^2}{t+1}-\frac{E V_t+h_t^2}{n(t+1)^2}",
        DERIVED,
        f"{ANY}; equal batches",
        "law",
        PARAMETERS,
        _central(
            "accumulate",
            {
                "replace's": expectation("central_variance", T, workflow=Replace()),
                "the second moment": expectation("second_moment", T),
                "one generation early": expectation("central_variance", T - 1),
                "accumulate-subsample's": expectation(
                    "central_variance", T, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "kde/accumulate-subsample/central-variance",
        "A budget of n rows costs central variance, because the rows drawn share their "
        "subsample's mean.",
        r"E V_{t+1}=E V_t+\frac{h_t^2}{t+1}-\frac1{(t+1)^2}\left[\frac{E v_t+h_t^2}n"
        r"+E V_t\frac{t-1}{tn-1}\right],\ E v_t=E V_t\,\frac{t(n-1)}{tn-1}",
        DERIVED,
        f"{ANY}; equal batches, budget n",
        "law",
        PARAMETERS,
        _central(
            "accumulate-subsample",
            {
                "accumulate's": expectation("central_variance", T, workflow=Accumulate()),
                "replace's": expectation("central_variance", T, workflow=Replace()),
                "the second moment": expectation("second_moment", T),
            },
        ),
    ),
]


THEOREMS = [*SECOND, *CENTRAL]
