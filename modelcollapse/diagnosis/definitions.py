"""The eight definitions, each a function from a case to an answer."""

from dataclasses import replace

import numpy as np

from modelcollapse.diagnosis import effects, observed
from modelcollapse.diagnosis.answer import Answer
from modelcollapse.diagnosis.bars import Bar
from modelcollapse.diagnosis.case import Case
from modelcollapse.diagnosis.comparing import paired_test, sign_test, steps_test
from modelcollapse.diagnosis.record import Series, lacking
from modelcollapse.diagnosis.rising import infinite, rises
from modelcollapse.diagnosis.roles import Metric

MANY = 6  # runs whose changes are looked at and not their steps: 2^-6 < .05/2
SPREADS = ("variance", "central_variance", "heterozygosity")  # 0 at a point mass only
PERMANENT = "a point mass, to double precision"


def no_risk(case: Case) -> Answer:
    """Return the answer where no column is a risk."""
    return case.unnamed("risk", "a loss on fresh real data")


def catastrophic_risk(case: Case, bar: Bar | None) -> Answer:
    """Return whether the risk passes the user's threshold of a catastrophe."""
    metric = case.metrics["risk"]
    if metric is None:
        return no_risk(case)
    name = str(metric)
    if bar is None:
        return infinite(case, "risk") or Answer(
            "undetermined",
            metric=name,
            statistic=_shown(case, metric.name),
            reason="how much is a catastrophe was not said, and there is no natural threshold",
            needed="catastrophe=FACTOR of generation 1's risk, or ceiling=RISK, such as that of "
            f"an untrained model{_factors(case, metric)}",
        )
    if bar.level is None and not _is_positive(case, metric):
        return Answer(
            "undetermined",
            metric=name,
            reason="a multiple is a threshold of a risk that is above 0 and gets worse as it rises",
            needed="ceiling=RISK, such as that of an untrained model",
        )
    return rises(case, "risk", bar, bounded=True)


def _factors(case: Case, metric: Metric) -> str:
    """Return which factors the runs are shown to pass."""
    if metric.sign < 0 or not case.recorded(metric):
        return ""
    series = case.record.series(metric.name)
    if series.runs < 2 or len(series.generations) < 2:
        return ""
    most = effects.beyond(series, 1, case.alpha)
    return "" if most is None or most <= 1 else f"; it holds for each FACTOR below {most:.4g}"


def _is_positive(case: Case, metric: Metric) -> bool:
    """Return whether the first risk is above 0, in expectation and in every run."""
    expected = case.theory.expected(metric.name)
    if expected is not None and not metric.sign * expected[0] > 0:
        return False
    if not case.recorded(metric):
        return True
    first = case.record.series(metric.name).values[:, :1]
    return bool(np.all(metric.sign * first > 0))


def any_risk(case: Case) -> Answer:
    """Return whether the risk is above generation 1's at any later generation."""
    if case.metrics["risk"] is None:
        return no_risk(case)
    return rises(case, "risk", Bar(), bounded=True)


def diverging_risk(case: Case) -> Answer:
    """Return whether the risk grows without bound: only a theorem or a bound can say."""
    metric = case.metrics["risk"]
    if metric is None:
        return no_risk(case)
    limit = "a statement on t -> infinity: it needs a theorem"
    if (proof := case.theory.diverges(metric.name)) is not None:
        return Answer(proof.verdict, "theorem", str(metric), proof.text, limit, proof.text)
    shown = _shown(case, metric.name)
    if case.bounds is not None:
        low, high = case.bounds
        text = f"the risk was said to be within [{low:.5g}, {high:.5g}]"
        return Answer("does not hold", "fact", str(metric), shown, limit, text)
    return Answer(
        "undetermined",
        metric=str(metric),
        statistic=shown,
        threshold=limit,
        reason="a finite trajectory cannot show a divergence, and no theorem is at hand",
        needed="an experiment whose fates or limits are known, or bounds=(low, high) on the risk",
    )


def variance_collapse(case: Case, vanished: float | None) -> Answer:
    """Return whether the variance tends to 0, is 0, or is below the user's share of the first."""
    metric = case.metrics["variance"]
    if metric is None:
        return case.unnamed("variance", "the spread of what the model samples")
    limit = "a statement on t -> infinity: it needs a theorem, or a variance that is 0"
    if (proof := case.theory.vanishes(metric.name)) is not None:
        return Answer(proof.verdict, "theorem", metric.name, proof.text, limit, proof.text)
    if metric.name not in case.record.columns:
        reason = "it is not recorded, and its long run is not known in closed form"
        return Answer("undetermined", metric=metric.name, reason=reason, needed="the column")
    series = case.record.series(metric.name)
    if len(series.generations) < 2:
        reason = lacking(case.record, metric.name)
        return Answer("undetermined", metric=metric.name, reason=reason, needed="the column")
    return _observed_variance(case, metric, series, vanished, limit)


def _observed_variance(
    case: Case, metric: Metric, series: Series, vanished: float | None, limit: str
) -> Answer:
    first, last, t = series.values[:, :1], series.values[:, -1:], series.generations[-1]
    name, shown, runs = metric.name, series.numbers(-1), series.runs
    if np.all(last == 0) and np.all(first > 0) and case.theory.absorbs():
        which = f"in all {runs} runs" if runs > 1 else "in the run"
        reason = f"it is 0 {which} at generation {t}: {PERMANENT}"
        return Answer("holds", "fact", name, shown, "exactly 0", reason)
    if runs == 1:
        return Answer(
            "undetermined",
            metric=name,
            statistic=shown,
            threshold=limit,
            reason="one run has not reached 0, and shows nothing of others or of later generations",
            needed="independent runs with vanished=SHARE, or an experiment with a theorem",
        )
    if np.any(first <= 0):
        return Answer(
            "undetermined",
            metric=name,
            statistic=shown,
            reason="a share of a variance that is not above 0 is no bar",
            needed="a column of variances: is it a logarithm?",
        )
    if vanished is not None:
        return _below(case, metric, series, vanished)
    found = _falls(case, metric, series)
    fell = "falls" if found.verdict == "holds" else "is not shown to fall"
    some = effects.beyond(series, -1, case.alpha)
    shares = "" if some is None or some <= -1 else f"; it holds for each SHARE above {-some:.4g}"
    return replace(
        found,
        verdict="undetermined",
        basis="",
        threshold=f"{limit}; of a fall: {found.threshold}",
        reason=f"so far it {fell} ({found.reason}); a limit of 0 is another thing",
        needed=f"vanished=SHARE of the first variance that counts as none{shares}; or an "
        "experiment with a theorem",
    )


def _falls(case: Case, metric: Metric, series: Series) -> Answer:
    """Return whether the variance falls: by its logarithm, unless a sign test is asked for.

    What a fit does to a variance is a factor. Of few runs all steps are looked at, of which there
    are more than changes; of many the changes, which asks less of the runs.
    """
    values, falling = series.worse(-1), replace(metric, sign=-1)
    positive = np.isfinite(values).all() and (series.values > 0).all()
    if case.test == "sign" or not positive:
        signs = replace(case, test="sign")
        return replace(observed.runs(signs, falling, Bar(sign=-1), series), metric=metric.name)
    logs = replace(series, values=np.log(series.values))
    way = "steps" if series.runs < MANY and case.test == "auto" else case.test
    way = "paired" if way == "auto" else way
    test = steps_test if way == "steps" else paired_test
    outcome = test(-logs.values, case.alpha, of="its logarithm's ")
    named = replace(falling, name=f"log {metric.name}")
    return replace(observed.flipped(outcome, named, logs, way), metric=metric.name)


def _below(case: Case, metric: Metric, series: Series, share: float) -> Answer:
    """Return whether the last variance is below a share of the first one."""
    t, bar = series.generations[-1], Bar(share, sign=-1)
    ends = series.worse(-1)[:, [0, -1]]
    outcome = sign_test(ends[:, 1:] > share * ends[:, :1], case.alpha)
    below = f"below {bar.text(case.first)}"
    return observed.answer(
        outcome,
        metric,
        f"{below} in {outcome.counted('run')} at generation {t}; {series.numbers(-1)}",
        f"the median run at the last generation: half of the runs; {outcome.method}",
        outcome.explained(f"at generation {t} it is {below}", "run", "median decrease"),
        f"at generation {t} {metric.name} is {below} in at most half of all such runs",
        "runs",
    )


def mode_loss(case: Case) -> Answer:
    """Return whether more of the truth's modes are lost than at generation 1."""
    if case.metrics["modes"] is None:
        example = "the number of lost modes (with a minus: of those that are there)"
        return case.unnamed("modes", example)
    return rises(case, "modes", Bar())


def tail_loss(case: Case) -> Answer:
    """Return whether the truth's tail is lost more than at generation 1."""
    variance = case.metrics["variance"]
    proof = None if variance is None else case.theory.vanishes(variance.name)
    spreads = variance is not None and variance.name in SPREADS
    if spreads and proof is not None and proof.verdict == "holds":
        reason = (
            "the fit tends to a point mass (its variance to 0), which leaves nothing to every "
            "region of the truth away from that point"
        )
        known = "a law whose variance tends to 0 tends to a point mass"
        return Answer("holds", "theorem", str(variance), proof.text, known, reason)
    if case.metrics["tail"] is None:
        return case.unnamed("tail", "the loss on rare rows (with a minus: the mass of the tail)")
    return rises(case, "tail", Bar())


def hallucination(case: Case) -> Answer:
    """Return whether more samples that the truth cannot give appear than at generation 1."""
    if case.theory.never_invents():
        reason = "a fit by relative frequencies samples only what it was trained on"
        return Answer("does not hold", "theorem", reason=reason, threshold="none is possible")
    if case.metrics["hallucinated"] is None:
        return replace(
            case.unnamed("hallucinated", "the share of samples that the truth cannot give"),
            reason="no column is known for the role 'hallucinated': which samples the truth cannot "
            "give is not recorded",
        )
    return rises(case, "hallucinated", Bar())


def _shown(case: Case, name: str) -> str:
    if name in case.record.columns:
        series = case.record.series(name)
        return series.numbers() if len(series.generations) else ""
    expected = case.theory.expected(name)
    if expected is None:
        return ""
    return f"expected {expected[0]:.5g} at generation 1, {expected[-1]:.5g} at {len(expected)}"
