"""Heterozygosity and absent outcomes, workflow by workflow, against simulations."""

from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete.lost import absence
from modelcollapse.families.discrete.moments import all_different
from modelcollapse.families.discrete.survival import poisson_survival
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.claims import BoundedClaim, Design, mean_claim
from modelcollapse.ledger.entries.discrete.common import (
    ANY,
    DERIVED,
    ROWS,
    SEDDIK,
    SHARES,
    N,
    T,
    bounded_heterozygosity,
    loop,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, Trajectories
from modelcollapse.solver.determinants import symmetric
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    Edit,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Weighted,
    Workflow,
)

LOST = 5  # generations
GEOMETRIC = Weighted([[2.0**s / (2.0**t - 1) for s in range(t)] for t in range(1, T + 1)])


def replaced() -> Experiment:
    """Each generation trains on the last batch."""
    return loop(Replace())


def pooled() -> Experiment:
    """Accumulate."""
    return loop(Accumulate())


def subsampled() -> Experiment:
    """Accumulate-subsample at the batch size."""
    return loop(AccumulateSubsample())


def kept() -> Experiment:
    """Three tenths of the weight on the real batch."""
    return loop(KeepReal(0.3))


def weighted() -> Experiment:
    """Batch s weighs 2^s."""
    return loop(GEOMETRIC)


def edited() -> Experiment:
    """Each row is edited with the chance 0.4."""
    return loop(Edit(share=0.4))


def losing() -> Experiment:
    """Replace until some of three outcomes is as likely lost as not."""
    return loop(Replace(), 20, LOST, (0.5, 0.3, 0.2))


def refreshed() -> Experiment:
    """Two fresh real rows beside three sampled ones."""
    return loop(FreshData(2, 3))


REPLICATES = 400_000
LOSING = Design(losing, REPLICATES, at=(LOST,))
REPLACED, POOLED, SUBSAMPLED, KEPT, WEIGHTED, REFRESHED, EDITED = (
    Design(build, REPLICATES, at=(T,))
    for build in (replaced, pooled, subsampled, kept, weighted, refreshed, edited)
)


def _three_differ(runs: Trajectories) -> Floats:
    """Return the chance that three draws from each fit all differ."""
    return np.asarray(6 * symmetric(runs["probabilities"][:, -1])[:, 2])


def _different(workflow: Workflow) -> Value:
    return lambda e: float(all_different(replace(e, workflow=workflow), 3)[-1])


def _all_different(
    design: Design, workflow: str, statement: str, formula: str, near: dict[str, Value]
) -> Theorem:
    """Claim the chance that three draws differ; it is at most that of even probabilities."""
    return Theorem(
        f"discrete/{workflow}/all-different",
        statement,
        formula,
        "derived here: theory/gaussian_determinant.py",
        f"{ANY}, equal batches",
        "law",
        f"D=3 {ROWS}",
        BoundedClaim(
            replace(design, extra=("probabilities",)),
            _three_differ,
            lambda e: float(all_different(e, 3)[-1]),
            constant(0.0),
            lambda e: float((1 - np.arange(3) / e.model.outcomes).prod()),
            near,
        ),
    )


def _missing_mass(
    design: Design,
    workflow: str,
    statement: str,
    formula: str,
    near: dict[str, Value],
    parameters: str = ROWS,
) -> Theorem:
    """Claim the true probability of all that the fit lacks."""
    return Theorem(
        f"discrete/{workflow}/missing-mass",
        statement,
        formula,
        DERIVED,
        ANY,
        "law",
        parameters,
        BoundedClaim(
            design,
            quantity("missing_mass", T),
            expectation("missing_mass", T),
            constant(0.0),
            constant(1.0),
            near,
        ),
    )


def _unseen(rows: float) -> float:
    """Return the expected number of outcomes that so many real rows miss."""
    return float(((1 - np.array(SHARES)) ** rows).sum())


def _unseen_mass(rows: float) -> float:
    """Return the expected probability of the outcomes that so many real rows miss."""
    return float(np.array(SHARES) @ (1 - np.array(SHARES)) ** rows)


def _share_absent(e: Experiment) -> float:
    """Return the expected share of the outcomes that are absent, all counted alike."""
    return expectation("absent", T)(e) / len(SHARES)


def _lost_alone(e: Experiment) -> float:
    """Return the chance that an outcome is lost, were the losses independent."""
    return float(1 - np.prod(1 - absence(e, truth_of(e).probabilities)[-1]))


def _poisson(e: Experiment) -> float:
    p = np.array(SHARES)
    return float((1 - poisson_survival(e.sizes[0] * p, T)[:, -1]).sum())


def _lost(share: float) -> Value:
    """Return the heterozygosity if each generation lost so much, over n, of it."""
    return lambda e: float(truth_of(e).heterozygosity * (1 - 1 / N) * (1 - share / N) ** (T - 1))


THEOREMS = [
    Theorem(
        "discrete/replace/heterozygosity",
        "Under replace the probability that two draws differ falls by 1 - 1/n each generation.",
        r"E(1-\sum p_i^2)=(1-\tfrac1n)^t(1-\sum p_{0,i}^2)",
        SEDDIK,
        f"{ANY}, equal batches",
        "law",
        ROWS,
        mean_claim(
            REPLACED,
            "heterozygosity",
            T,
            {
                "accumulate's": expectation("heterozygosity", T, workflow=Accumulate()),
                "one generation early": expectation("heterozygosity", T - 1),
                "unbiased: preserved": expectation("heterozygosity", T, samples=10**9),
                "1 - 1/(n+1)": expectation("heterozygosity", T, samples=N + 1),
            },
        ),
    ),
    Theorem(
        "discrete/replace/absent",
        "Outcomes are lost one by one, each like a binomial chain of its own.",
        r"E\,\#\mathrm{absent}=\sum_iE(1-p_i)^{D_t},\ "
        r"D_t\ \mathrm{ancestors\ of\ a\ batch}",
        DERIVED,
        ANY,
        "law",
        ROWS,
        mean_claim(
            REPLACED,
            "absent",
            T,
            {
                "the Poisson limit": _poisson,
                "accumulate's": expectation("absent", T, workflow=Accumulate()),
                "one generation early": expectation("absent", T - 1),
                "the bound of arXiv 2412.17646": constant(
                    float(np.exp(-N * np.array(SHARES) / T).sum())
                ),
            },
        ),
        keywords="collapse mode tail",
    ),
    Theorem(
        "discrete/accumulate/heterozygosity",
        "Under accumulate it keeps the share prod (1 - 1/(n j^2)): no collapse.",
        r"E(1-\sum p_i^2)=(1-\sum p_{0,i}^2)\prod_{j\le t}\left(1-\frac1{nj^2}\right)",
        DERIVED,
        f"{ANY}, equal batches",
        "law",
        ROWS,
        mean_claim(
            POOLED,
            "heterozygosity",
            T,
            {
                "replace's": expectation("heterozygosity", T, workflow=Replace()),
                "accumulate-subsample's": expectation(
                    "heterozygosity", T, workflow=AccumulateSubsample()
                ),
                "real data only": expectation("heterozygosity", 1),
            },
        ),
        keywords="bounded survive",
    ),
    Theorem(
        "discrete/accumulate/absent-for-ever",
        "Under accumulate an outcome that the real batch missed never comes, and no other is lost.",
        r"E\,\#\mathrm{absent}=\sum_i(1-p_i)^n\quad\mathrm{for\ all}\ t",
        DERIVED,
        ANY,
        "law",
        ROWS,
        mean_claim(
            POOLED,
            "absent",
            T,
            {
                "replace's": expectation("absent", T, workflow=Replace()),
                "as if one more row were real": constant(_unseen(N + 1)),
                "as if all rows were real": constant(_unseen(N * T)),
                "the Poisson limit": constant(float(np.exp(-N * np.array(SHARES)).sum())),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate-subsample/heterozygosity",
        "A fixed number of the pool's rows keeps less than all of them, and does not collapse.",
        r"E H_t=Q_t\,\frac{t(n-1)}{tn-1},\ "
        r"Q_{t+1}=Q_t\left[1-\frac{2t-1-t/n}{(nt-1)(t+1)^2}\right]",
        DERIVED,
        f"{ANY}, equal batches, budget n",
        "law",
        ROWS,
        mean_claim(
            SUBSAMPLED,
            "heterozygosity",
            T,
            {
                "accumulate's": expectation("heterozygosity", T, workflow=Accumulate()),
                "replace's": expectation("heterozygosity", T, workflow=Replace()),
                "budget 2n": expectation("heterozygosity", T, workflow=AccumulateSubsample(2 * N)),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate-subsample/absent",
        "The pool loses nothing, and a subset of it misses what is rare in it.",
        r"E\,\#\mathrm{absent}=\sum_iE\binom{N-c_i}{k}/\binom Nk",
        DERIVED,
        ANY,
        "law",
        ROWS,
        mean_claim(
            SUBSAMPLED,
            "absent",
            T,
            {
                "accumulate's": expectation("absent", T, workflow=Accumulate()),
                "replace's": expectation("absent", T, workflow=Replace()),
                "real data only": expectation("absent", 1),
            },
        ),
    ),
    Theorem(
        "discrete/keep-real/heterozygosity",
        "A fixed weight on the real batch keeps the heterozygosity bounded away from zero.",
        r"E H_t=H_0(1-e_t),\ e_t=\alpha^2/n+(1-\alpha)^2"
        r"[e_{t-1}+(1-e_{t-1})/n]+\ldots",
        DERIVED,
        ANY,
        "law",
        f"{ROWS} alpha=0.3",
        bounded_heterozygosity(
            KEPT,
            {
                "no real rows": expectation("heterozygosity", T, workflow=Replace()),
                "half real": expectation("heterozygosity", T, workflow=KeepReal(0.5)),
                "accumulate's": expectation("heterozygosity", T, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "discrete/any-weights/heterozygosity",
        "Any deterministic workflow with batch weights W is solved by one linear recursion.",
        r"e_t=\sum_sA_{ts}^2(1-e_{s-1})/n_s,\ A=(I-WS)^{-1}W,\ EH_t=H_0(1-e_t)",
        DERIVED,
        f"{ANY}; here weights 2^s",
        "law",
        ROWS,
        bounded_heterozygosity(
            WEIGHTED,
            {
                "equal weights": expectation("heterozygosity", T, workflow=Accumulate()),
                "the newest batch alone": expectation("heterozygosity", T, workflow=Replace()),
                "the last two alike": expectation("heterozygosity", T, workflow=SlidingWindow(2)),
            },
        ),
    ),
    Theorem(
        "discrete/fresh-data/heterozygosity",
        "A few fresh real rows in each batch stop the collapse of replace.",
        r"e_t=\frac{n_r+n_s(1-e_{t-1})}{(n_r+n_s)^2}+\frac{n_s^2}{(n_r+n_s)^2}e_{t-1}",
        DERIVED,
        ANY,
        "law",
        f"{ROWS} n_r=2 n_s=3",
        bounded_heterozygosity(
            REFRESHED,
            {
                "no fresh rows": expectation("heterozygosity", T, workflow=Replace()),
                "one fresh row": expectation("heterozygosity", T, workflow=FreshData(1, 4)),
                "all rows fresh": expectation("heterozygosity", 1),
            },
        ),
    ),
    Theorem(
        "discrete/fresh-data/absent",
        "With fresh rows one outcome's count is a Markov chain too: what is lost comes back.",
        r"E\,\#\mathrm{absent}=\sum_iP(c_{t,i}=0),\ "
        r"c_{t+1,i}=\mathrm{Bin}(n_r,p_i)+\mathrm{Bin}(n_s,c_{t,i}/n)",
        DERIVED,
        ANY,
        "law",
        f"{ROWS} n_r=2 n_s=3",
        mean_claim(
            REFRESHED,
            "absent",
            T,
            {
                "no fresh rows": expectation("absent", T, workflow=Replace()),
                "one fresh row": expectation("absent", T, workflow=FreshData(1, 4)),
                "all rows fresh": expectation("absent", 1),
            },
        ),
    ),
    Theorem(
        "discrete/fresh-data/collapsed",
        "With fresh rows the chance that one outcome alone is left is known, too, and a collapsed "
        "loop recovers.",
        r"P(\mathrm{one\ left})=\sum_iP(c_{t,i}=n),\ "
        r"c_{t+1,i}=\mathrm{Bin}(n_r,p_i)+\mathrm{Bin}(n_s,c_{t,i}/n)",
        DERIVED,
        ANY,
        "law",
        f"{ROWS} n_r=2 n_s=3",
        mean_claim(
            REFRESHED,
            "collapsed",
            T,
            {
                "no fresh rows": expectation("collapsed", T, workflow=Replace()),
                "one fresh row": expectation("collapsed", T, workflow=FreshData(1, 4)),
                "all rows fresh": expectation("collapsed", 1),
            },
        ),
    ),
    Theorem(
        "discrete/replace/first-loss",
        "Whether some outcome is lost has an exact law too: absence is for ever, and outcomes "
        "lumped together are one outcome.",
        r"P(\mathrm{none\ lost})=\sum_{S}(-1)^{|S|}a_t(p_S),\ "
        r"a_{t+1}(x)=E\,a_t(\mathrm{Bin}(n,x)/n)",
        DERIVED,
        ANY,
        "law",
        "n=20 t=5 p=0.5,0.3,0.2",
        mean_claim(
            LOSING,
            "any_absent",
            LOST,
            {
                "accumulate's": expectation("any_absent", LOST, workflow=Accumulate()),
                "one generation early": expectation("any_absent", LOST - 1),
                "as if outcomes were lost independently": _lost_alone,
            },
        ),
        keywords="first extinction time lost mode",
    ),
    _missing_mass(
        REPLACED,
        "replace",
        "Under replace the true probability of what the model lacks grows to the chance that two "
        "real rows differ.",
        r"E\sum_{i\ \mathrm{absent}}p_i=\sum_ip_iE(1-p_i)^{D_t}\to1-\sum p_i^2",
        {
            "accumulate's": expectation("missing_mass", T, workflow=Accumulate()),
            "one generation early": expectation("missing_mass", T - 1),
            "all outcomes counted alike": _share_absent,
            "its limit": lambda _: 1 - float(np.square(SHARES).sum()),
        },
    ),
    _missing_mass(
        POOLED,
        "accumulate",
        "Under accumulate it stays what the real batch misses, the Good-Turing quantity.",
        r"E\sum_{i\ \mathrm{absent}}p_i=\sum_ip_i(1-p_i)^n\quad\mathrm{for\ all}\ t",
        {
            "replace's": expectation("missing_mass", T, workflow=Replace()),
            "as if one more row were real": constant(_unseen_mass(N + 1)),
            "as if all rows were real": constant(_unseen_mass(N * T)),
            "all outcomes counted alike": _share_absent,
        },
    ),
    _missing_mass(
        REFRESHED,
        "fresh-data",
        "Fresh real rows hold it near what they miss.",
        r"E\sum_{i\ \mathrm{absent}}p_i=\sum_ip_iP(c_{t,i}=0),\ "
        r"c_{t+1,i}=\mathrm{Bin}(n_r,p_i)+\mathrm{Bin}(n_s,c_{t,i}/n)",
        {
            "no fresh rows": expectation("missing_mass", T, workflow=Replace()),
            "one fresh row": expectation("missing_mass", T, workflow=FreshData(1, 4)),
            "all rows fresh": expectation("missing_mass", 1),
            "all outcomes counted alike": _share_absent,
        },
        f"{ROWS} n_r=2 n_s=3",
    ),
    _all_different(
        REPLACED,
        "replace",
        "Under replace the probability that D draws all differ is multiplied by (n)_D/n^D each "
        "generation.",
        r"E\,D!\,e_D(p_t)=D!\,e_D(p_0)\left[\frac{(n)_D}{n^D}\right]^t",
        {
            "the heterozygosity's factor": lambda e: float(
                all_different(e, 2)[-1] / all_different(e, 2)[0] * all_different(e, 3)[0]
            ),
            "accumulate's": _different(Accumulate()),
            "one generation early": lambda e: float(all_different(e, 3)[-2]),
        },
    ),
    _all_different(
        POOLED,
        "accumulate",
        "Under accumulate it keeps the share prod P_D(s)/s^D, D = 3: P = s^3 - 3s/n + 2/n^2.",
        r"E\,D!\,e_D(p_t)=D!\,e_D(p_0)\prod_{s\le t}\frac{P_D(s)}{s^D}",
        {
            "replace's": _different(Replace()),
            "accumulate-subsample's": _different(AccumulateSubsample()),
            "the heterozygosity's factor": lambda e: float(
                all_different(e, 2)[-1] / all_different(e, 2)[0] * all_different(e, 3)[0]
            ),
        },
    ),
    _all_different(
        SUBSAMPLED,
        "accumulate-subsample",
        "Under accumulate-subsample it keeps the share that a Gaussian's determinant keeps in "
        "dimension D - 1.",
        r"\frac{G'}G=\sum_j\binom Dj\left(\frac N{N'}\right)^{D-j}\frac{(n)_j}{N'^j}"
        r"\frac{N^j(k)_j}{k^j(N)_j},\ E\,D!\,e_D(p_t)=G\,\frac{N^D(k)_D}{k^D(N)_D}",
        {
            "accumulate's": _different(Accumulate()),
            "replace's": _different(Replace()),
            "one generation early": lambda e: float(all_different(e, 3)[-2]),
        },
    ),
    Theorem(
        "discrete/edit/heterozygosity",
        "Where each row is edited with the chance p a generation loses (2p - p^2)/n of the "
        "probability that two draws differ.",
        r"E(1-\sum p_i^2)=H_0(1-\tfrac1n)\left[1-\frac{2p-p^2}n\right]^{t-1}",
        f"{DERIVED}; editing as in arXiv 2412.14689",
        ANY,
        "law",
        f"p_edit=0.4 {ROWS}",
        mean_claim(
            EDITED,
            "heterozygosity",
            T,
            {
                "p for 2p - p^2": _lost(0.4),
                "2p": _lost(0.8),
                "replace's": expectation("heterozygosity", T, workflow=Replace()),
                "two rows of five": expectation("heterozygosity", T, workflow=Edit(rows=2)),
            },
        ),
        keywords="token editing rewriting Moran",
    ),
]
