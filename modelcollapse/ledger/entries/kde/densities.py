"""The expected fitted density, and the integrated squared error, of the three workflows."""

from collections.abc import Callable

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.kde.frequencies import squared_norm
from modelcollapse.ledger.claims import BoundedClaim, LawClaim
from modelcollapse.ledger.entries.kde.common import DERIVED, FITS, NORMAL, WORKFLOWS, H, N, T, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Workflow

PARAMETERS = f"d=1 n={N} h={H} t={T}"
LATEX = {
    "replace": r"E\hat p_t=p_0*N(0,th^2)",
    "accumulate": r"E\hat p_t=p_0*\sum_kP(D_t=k)N(0,(k+1)h^2),\ "
    r"E\kappa^{D_t}=\frac{\Gamma(t+\kappa)}{\Gamma(1+\kappa)t!}",
    "accumulate-subsample": r"E\hat p_t\ \text{is accumulate's}",
}
DENSITY = {
    "replace": "Under replace the expected fitted density is the truth blurred t times, at any n.",
    "accumulate": "Under accumulate it is a mixture over the depth of a random recursive tree, at "
    "any n: only about log t blurs.",
    "accumulate-subsample": "Subsampling leaves the expected fitted density of accumulate as it "
    "is, at any n and budget.",
}
ERROR = {
    "replace": r"F\leftarrow\tfrac1n+(1-\tfrac1n)\kappa^2F",
    "accumulate": r"P\leftarrow\frac{t^2P+2t\kappa P+\frac1n+(1-\frac1n)\kappa^2P}{(t+1)^2}",
    "accumulate-subsample": r"F=\tfrac1n+(1-\tfrac1n)\frac{NP-1}{N-1}",
}


def last_draw(runs: Trajectories) -> Floats:
    """Return one row drawn from the last fit of each replicate."""
    return np.asarray(runs["draw"][:, -1, 0])


def _law(workflow: Workflow, t: int = T, h: float = H) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        del e
        law: Cdf = predict(loop(workflow, h, N, t)).laws["density"][t - 1].cdf
        return law

    return cdf


def _density(name: str) -> Theorem:
    workflow = WORKFLOWS[name]
    other = WORKFLOWS["accumulate" if name == "replace" else "replace"]
    return Theorem(
        f"kde/{name}/expected-density",
        DENSITY[name],
        LATEX[name],
        DERIVED,
        f"{NORMAL} (a mixture in general), constant h, equal batches",
        "law",
        PARAMETERS,
        LawClaim(
            FITS[name],
            last_draw,
            _law(workflow),
            {
                "the neighbour workflow's": _law(other),
                "one generation of five": _law(workflow, 1),
                "1.2 times the bandwidth": _law(workflow, T, 1.2 * H),
            },
        ),
    )


def largest_error(e: Experiment) -> float:
    """Bound the squared error: int p^2 <= 1/(2 sqrt(pi) h), int p_0^2, and the product is >= 0."""
    return float(1 / (2 * np.sqrt(np.pi) * e.model.bandwidth) + squared_norm(e.truth))


def _part(name: str) -> Value:
    return lambda e: float(predict(e)[name][-1])


def _error(name: str) -> Theorem:
    others = {w: WORKFLOWS[w] for w in WORKFLOWS if w != name}
    near: dict[str, Value] = {
        f"{w}'s": expectation("mise", T, workflow=other) for w, other in others.items()
    }
    near["the bias alone"] = _part("mise_bias")
    near["independent rows"] = _independent
    return Theorem(
        f"kde/{name}/mise",
        "The integrated squared error of the fitted density has an exact mean at every n and t: "
        "two moments of the empirical characteristic function follow a recursion.",
        ERROR[name],
        DERIVED,
        f"{NORMAL} (a mixture in general), any schedule",
        "law",
        PARAMETERS,
        BoundedClaim(
            FITS[name],
            quantity("mise", T),
            expectation("mise", T),
            constant(0.0),
            largest_error,
            near,
        ),
    )


def _independent(e: Experiment) -> float:
    """Return the error if the training rows were independent draws of the expected density."""
    p = predict(e)
    variance = predict(loop(e.workflow, H, N, 1))["mise_variance"][0]
    return float(p["mise_bias"][-1] + variance)


THEOREMS = [*map(_density, WORKFLOWS), *map(_error, WORKFLOWS)]
