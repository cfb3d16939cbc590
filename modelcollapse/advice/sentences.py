"""The numbers in words."""

from collections.abc import Sequence

from modelcollapse._support.words import many
from modelcollapse.advice.needs import SLACK, Need
from modelcollapse.advice.plans import Plan, Split, best_information
from modelcollapse.advice.question import Question
from modelcollapse.mixed import optimal_weight

EXACT = (
    "These numbers are exact, for any number of rows, for the mean of a normal law whose variance "
    "is known and of a Poisson law (modelcollapse predict normal-mean and poisson). For the other "
    "families, and for any regular model, a network too, they are the law of many rows: the error "
    "given here is c_t, and c_t times what one generation loses by estimation is what generation t "
    "loses. That loss can be measured (--first-generation-gap); what a model cannot express is no "
    "such loss, and is not multiplied."
)
UNKNOWN = "not known"
FEW = 12  # entries of a list that are shown


def rows(count: float) -> str:
    """Return a number of rows."""
    return f"{count:,.0f}" if 100 <= count < 1e15 or count == int(count) else f"{count:.3g}"


def ratio(value: float) -> str:
    """Return an error over that of the real rows alone."""
    return f"{value:.4g}"


def long_run(plan: Plan) -> str:
    """Return what becomes of a workflow's error, in a few words."""
    if plan.fate == "diverges":
        return "grows without end"
    if plan.fate != "bounded":
        return UNKNOWN
    if plan.limit is None:
        return "stays bounded"
    return f"vanishes like {plan.rate}" if plan.limit == 0 else f"settles at {ratio(plan.limit)}"


def sentences(
    q: Question, plans: Sequence[Plan], needs: Sequence[Need], best: Split | None
) -> list[str]:
    """Return the advice, one sentence or a few for each question."""
    if q.generations == 1:
        told = ["One generation is the fit to the real rows: there is nothing to keep yet."]
        return [*told, *_gap(q, plans), EXACT]
    return [
        _replaced(q, plans),
        _keep(q, plans),
        _fresh(q, plans[0]),
        _needed(q, needs),
        *_split(best, plans),
        *_gap(q, plans),
        EXACT,
    ]


def worth(q: Question, plan: Plan) -> str:
    """Return how good a workflow ends."""
    return f"{ratio(plan.last)} times that error, as of {rows(q.real / plan.last)} real rows"


def _replaced(q: Question, plans: Sequence[Plan]) -> str:
    plan = _ends(plans)[0]
    end = f", and the error {long_run(plan)}" if plan.fate == "diverges" else ""
    alone = f"the {rows(q.real)} real rows" if q.real > 1 else "the one real row"
    return (
        f"Errors are compared with that of {alone} alone. After {_all(q)} a model that replaces "
        f"its data every time has {worth(q, plan)}{end}."
    )


def best_of(plans: Sequence[Plan], *, keeps: bool) -> Plan:
    """Return the workflow that ends best among those that keep, or forget, the first real rows."""
    some = (plan for plan in plans if plan.keeps == keeps and plan.workflow != "none")
    return min(some, key=lambda plan: plan.last)


def must_keep(q: Question, plans: Sequence[Plan]) -> bool:
    """Return whether no workflow without the first real rows has the wanted quality."""
    return best_of(plans, keeps=False).last > q.at_most * SLACK


def _keep(q: Question, plans: Sequence[Plan]) -> str:
    kept, other = best_of(plans, keeps=True), best_of(plans, keeps=False)
    wanted = f"at most {ratio(q.at_most)} times that error after {_all(q)}"
    if must_keep(q, plans):
        lead = "Keep the first real rows"
        if kept.last > q.at_most * SLACK:
            lead += f", though no workflow here has {wanted}"
    else:
        lead = f"The first real rows may go, if {wanted} is enough"
    first, second = (other, kept) if q.keep is False or not must_keep(q, plans) else (kept, other)
    told = f"{_told(q, first)}; the best {_with(second)}, {_told(q, second)}"
    return f"{lead}. The best workflow {_with(first)}, {told}."


def _with(plan: Plan) -> str:
    return "with them" if plan.keeps else "without them"


def _told(q: Question, plan: Plan) -> str:
    later = long_run(plan)
    later = f"in the long run it {later}" if later != UNKNOWN else f"its long run is {UNKNOWN}"
    return f"{plan.workflow} ({plan.title}), ends with {worth(q, plan)}, and {later}"


def _fresh(q: Question, alone: Plan) -> str:
    if not q.fresh.any():
        return (
            "No sampled row says anything new about the truth: without fresh real rows no workflow "
            "is better than the real rows alone, and any weight on sampled rows costs something."
        )
    weights = q.fresh / best_information(q, q.fresh)[1:]
    later = ""
    if q.steady is not None and q.steady_fresh:
        later = f", in the long run {float(optimal_weight(q.steady_fresh, q.steady)):.4g}"
    ends = f"{weights[0]:.4g} in generation 2"
    if len(weights) > 1:
        ends += f", {weights[-1]:.4g} in generation {q.generations}"
    return (
        f"The best weight of the fresh real rows, beside the last batch, is {ends}{later}. No "
        "sampled row says anything new about the truth: all real rows alone, the first and the "
        f"fresh ones, have {worth(q, alone)}."
    )


def _needed(q: Question, needs: Sequence[Need]) -> str:
    told = "; ".join(f"{amount(need, need.value)} {need.words}" for need in needs)
    return f"For at most {ratio(q.at_most)} times that error after {_all(q)}: {told}."


def _all(q: Question) -> str:
    return many(q.generations, "generation")


def amount(need: Need, value: float | None) -> str:
    """Return one of the values of a need."""
    if value is None:
        return "no number of" if need.name != "kept-weight" else "no number"
    return f"{value:.4g}" if need.name == "kept-weight" else rows(value)


def _split(best: Split | None, plans: Sequence[Plan]) -> list[str]:
    if best is None:
        return []
    even, split = (plan for plan in plans if plan.workflow == "accumulate-subsample")
    shown = [rows(k) for k in best.best]
    if len(shown) > FEW:
        shown = [*shown[: FEW // 2], "...", *shown[-FEW // 2 :]]
    told = (
        f"Of the {rows(sum(best.even))} training rows of all random parts the best split is "
        f"{'; '.join(shown)}: it ends with {ratio(split.last)} in the place of {ratio(even.last)}."
    )
    return [told]


def _gap(q: Question, plans: Sequence[Plan]) -> list[str]:
    if q.gap is None:
        return []
    told = "; ".join(f"{q.gap * plan.last:.4g} under {plan.workflow}" for plan in _ends(plans))
    return [f"What the first generation loses by estimation, {q.gap:.4g}, becomes {told}."]


def _ends(plans: Sequence[Plan]) -> list[Plan]:
    """Return replace, and the best workflows without and with the first real rows."""
    replaced = next(plan for plan in plans if plan.workflow == "replace")
    best = [best_of(plans, keeps=keeps) for keeps in (False, True)]
    return list({plan.title: plan for plan in (replaced, *best)}.values())
