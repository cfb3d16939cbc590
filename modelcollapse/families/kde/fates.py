r"""What becomes of a loop in the long run: a verdict for each quantity.

"Bounded" alone says little: with bandwidths that shrink fast the second moment stays bounded
while the rows clump to atoms and the integrated error explodes. So every quantity has a verdict
of its own, for h_t = c t^-a (1 + log t)^-b and equal batches:

second moment       replace: bounded iff sum h_t^2 < oo; the others: iff sum h_t^2 / t < oo
central variance    replace: (n-1) h_t^2, which clumps whenever h_t -> 0; the others: as above
mise                replace: C / h_t^d; accumulate-subsample: R(K) / (n h_t^d); accumulate:
                    bounded iff a < 1/d, or a = 1/d and b d < -1
test_log_loss       replace and accumulate-subsample: second moment / h_t^2; accumulate: between
                    bounds

Where real rows keep a share of the weight in every generation, of equal batches or fresh ones,
the second moment, the central variance and the expected density are bounded iff h_t is, and the
error clumps, C / h_t^d, iff h_t -> 0.

Proved in ``theory/kde_shrinkage.py`` and ``theory/kde_fresh.py``. A schedule of any other form is
"undetermined": its exact finite curves are predicted, its limit is not guessed.
"""

from typing import TYPE_CHECKING

from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.growth import BOUNDED, Growth, Shape, shape_of
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.shares import share_of
from modelcollapse.loop.fate import Fate, Outcome
from modelcollapse.loop.truth import Rows

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

QUANTITIES = ("second_moment", "central_variance", "mise", "test_log_loss")
ARBITRARY = "an arbitrary schedule can do anything after the last generation given"
RULES = ("replace", "accumulate", "accumulate-subsample")


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return the fate of each quantity of `QUANTITIES`."""
    if share_of(e) is not None:
        return _shared(e)
    if reason := _refused(e):
        return _all(reason)
    if bandwidths.is_scaled(e.model.bandwidth):
        return _scaled(e)
    if e.model.bandwidth == 0:
        return _bootstrap(e)
    shape = shape_of(e)
    if shape is None:
        return _all(ARBITRARY)
    moments = _replace(shape) if e.schedule.rule == "replace" else _pooled(shape)
    if e.schedule.budget == 1:
        moments["central_variance"] = Fate("bounded", "", "one training row has no variance")
    loss = _special_loss(e) or _loss(e, shape)
    return {**moments, "mise": _mise(e, shape), "test_log_loss": loss}


def _refused(e: "Experiment") -> str:
    """Return why there is no theorem for the rows, or nothing."""
    if e.schedule.rule not in RULES:
        return "no theorem for this workflow: see its exact finite curves"
    if e.schedule.equal is None or e.sizes[0] < 2:
        return "the theorems are for equal batches of at least 2 rows"
    return ""


def _all(reason: str) -> dict[str, Fate]:
    return {name: Fate("undetermined", "", reason) for name in QUANTITIES}


def _bootstrap(e: "Experiment") -> dict[str, Fate]:
    """Return the fates at bandwidth 0, where rows are only resampled."""
    found = _all("a bandwidth of 0 leaves atoms, which have no density")
    found["second_moment"] = Fate("bounded", "", "no noise is added")
    if e.schedule.rule == "replace":
        n = int(e.sizes[0])
        reason = "each generation multiplies it by 1 - 1/n"
        found["central_variance"] = Fate("clumps", f"{1 - 1 / n:.6g}^t", reason)
    else:
        reason = "rows are only resampled: it can only fall"
        found["central_variance"] = Fate("bounded", "", reason)
    return found


def _shared(e: "Experiment") -> dict[str, Fate]:
    """Return the fates where real rows keep a share of the weight."""
    if bandwidths.is_scaled(e.model.bandwidth):
        return _all("no theorem for a bandwidth scaled by the data")
    if e.model.bandwidth == 0:
        found = _all("a bandwidth of 0 leaves atoms, which have no density")
        bounded = Fate("bounded", "", "no noise is added, and real rows keep their share")
        return {**found, "second_moment": bounded, "central_variance": bounded}
    if (shape := shape_of(e)) is None:
        return _all(ARBITRARY)
    reason = "all but the share of the real rows is forgotten: bounded iff h_t is"
    order = shape.order.raised(2) if shape.grows else BOUNDED
    moment = _grown(order, reason)
    found = {"second_moment": moment, "central_variance": moment}
    loss = _special_loss(e) or _shared_loss(e, shape)
    return {**found, "mise": _mise(e, shape), "test_log_loss": loss}


def _grown(order: Growth, reason: str) -> Fate:
    return Fate("bounded", "", reason) if order == BOUNDED else Fate("diverges", str(order), reason)


def _replace(shape: Shape) -> dict[str, Fate]:
    total = shape.summed(0)
    second = _grown(total, "1 + sum h_s^2: bounded iff sum h_t^2 < infinity")
    order, reason = shape.order.raised(2), "(n - 1) h_t^2 in the long run"
    word: Outcome = "clumps" if shape.shrinks else "diverges" if shape.grows else "bounded"
    rate = "" if order == BOUNDED else str(order)
    return {"second_moment": second, "central_variance": Fate(word, rate, reason)}


def _pooled(shape: Shape) -> dict[str, Fate]:
    total = shape.summed(1)
    second = _grown(total, "1 + sum h_s^2 / (s + 1): bounded iff sum h_t^2 / t < infinity")
    central = _grown(total, "as the second moment; a bounded one has a positive limit")
    return {"second_moment": second, "central_variance": central}


def _unproved(e: "Experiment") -> str:
    """Return why the error and the loss have no verdict, or nothing."""
    if e.model.scoring_bandwidth is not None:
        return "the theorems are for a fit that is scored with its own bandwidth"
    return ""


def _mise(e: "Experiment", shape: Shape) -> Fate:
    reason = _unproved(e)
    shared = share_of(e) is not None
    if e.model.kernel is not GAUSSIAN and not shared:
        reason = "the theorem is for the Gaussian kernel"
    if isinstance(e.truth, Rows):
        reason = "a data set has no density to compare with"
    if reason:
        return Fate("undetermined", "", reason)
    if not shape.shrinks:
        reason = "the expected density flattens out: the error tends to a constant"
        if shared and not shape.grows:
            reason = "the expected density tends to a geometric mixture of blurs"
        return Fate("bounded", "", reason)
    volume = shape.order.raised(-shape.dim)
    if e.schedule.rule == "replace" or shared:
        return Fate("clumps", str(volume), "h_t^d MISE_t tends to a constant: atoms as h shrinks")
    if e.schedule.kind == "subset":
        reason = "n h_t^d MISE_t tends to the kernel's squared norm: n atoms as h shrinks"
        return Fate("clumps", str(volume), reason)
    return _pooled_error(shape)


def _pooled_error(shape: Shape) -> Fate:
    """Return the fate of accumulate's error: n t rows against volumes h_t^d."""
    excess, logs = shape.a * shape.dim - 1, shape.b * shape.dim
    if excess < 0:
        return Fate("bounded", "", "bounded iff the volume h_t^d shrinks slower than 1/t")
    reason = "the volume h_t^d shrinks as fast as 1/t: the rows are seen one by one"
    if excess > 0:
        return Fate("clumps", str(Growth(excess, logs)), reason)
    if logs < -1:
        return Fate("bounded", "", "sum 1/(t (log t)^-bd) < infinity")
    order = Growth(loglog=1.0) if logs == -1 else Growth(log=1 + logs)
    return Fate("clumps", str(order), reason)


def _special_loss(e: "Experiment") -> Fate | None:
    """Return the fate of a loss that is infinite, or that no theorem covers."""
    if reason := _unproved(e):
        return Fate("undetermined", "", reason)
    if e.model.kernel is not GAUSSIAN:
        if isinstance(e.truth, Rows):
            return Fate("undetermined", "", "the theorem is for the Gaussian kernel")
        reason = "a compact kernel misses a fresh row with positive probability: infinite"
        return Fate("diverges", "infinite from generation 1", reason)
    return None


def _loss(e: "Experiment", shape: Shape) -> Fate:
    inverse = shape.order.raised(-2)
    if e.schedule.rule == "replace":
        order = shape.summed(0).times(inverse)
        reason = "between two bounds of the order (1 + sum h_s^2) / h_t^2"
        return Fate("diverges", str(order), reason)
    if e.schedule.kind == "subset" and shape.a >= 0:
        return _subsampled_loss(e, shape, inverse)
    return _pooled_loss(e, shape, inverse)


def _shared_loss(e: "Experiment", shape: Shape) -> Fate:
    """Return the fate where real rows keep a share: a fixed number of rows, a bounded Q / h^2."""
    if shape.shrinks:
        return _covering(e, shape.order.raised(-2))
    if shape.grows:
        reason = "the fitted density flattens like h_t^-d"
        return Fate("diverges", "log t" if shape.a < 0 else "log log t", reason)
    return Fate("bounded", "", "between bounds that converge: see test_log_loss_upper")


def _subsampled_loss(e: "Experiment", shape: Shape, inverse: Growth) -> Fate:
    return _covering(e, shape.summed(1).times(inverse), shrinks=shape.shrinks)


def _covering(e: "Experiment", order: Growth, *, shrinks: bool = True) -> Fate:
    """Return the fate of a loss between the covering bound and the upper one, of one order."""
    if isinstance(e.truth, Rows):
        reason = "only an upper bound is known for a data set"
        return Fate("undetermined", f"at most {order}", reason)
    reason = "a fixed number of rows covers less and less: of the order second moment / h_t^2"
    return Fate("clumps" if shrinks else "diverges", str(order), reason)


def _pooled_loss(e: "Experiment", shape: Shape, inverse: Growth) -> Fate:
    """Return the fate under accumulate, and accumulate-subsample with growing bandwidths."""
    spread, d = shape.summed(1), shape.dim
    most = spread.times(inverse)
    if isinstance(e.truth, Rows):
        reason = "only an upper bound is known for a data set"
        return Fate("undetermined", f"at most {most}", reason)
    if shape.a < 0:
        return Fate("diverges", "log t", "the expected density flattens like t^(a d)")
    if shape.a * d > 1:
        least = Growth(2 * shape.a - 2 / d, 2 * shape.b)
        reason = "n t balls of radius h_t cover less and less of the truth"
        return Fate("clumps", f"at least {least}, at most {most}", reason)
    if shape.a == 0 and 2 * shape.b < 1:
        reason = "the expected density flattens out (Jensen), slowly"
        return Fate("diverges", f"at least log log t, at most {most}", reason)
    reason = "no theorem: the lower bounds stay finite, the upper one is of this order"
    return Fate("undetermined", f"at most {most}", reason)


def _scaled(e: "Experiment") -> dict[str, Fate]:
    """Return the fates under SciPy's rules: the noise is a share f^2 of the rows' variance."""
    n, d = int(e.sizes[0]), e.model.dim
    budget = e.schedule.budget or n
    factor = float(bandwidths.rule_of_thumb(str(e.model.bandwidth), budget, d))
    share = factor**2 * e.model.kernel.variance(d)
    if e.schedule.rule == "replace":
        rate = 1 - 1 / n + share
        word: Outcome = "diverges" if rate > 1 else "clumps"
        reason = "each generation multiplies it by 1 - 1/n + f^2 k, k the kernel's variance"
        return _all("no theorem for a bandwidth scaled by the data") | _exploding(
            word, f"{rate:.6g}^t", reason
        )
    if e.schedule.rule == "accumulate":
        fate = Fate("bounded", "", "sum f_t^2 / t < infinity")
    else:
        fate = Fate("diverges", f"t^{share:.4g}", "it gains a share f^2 / (t + 1)")
    found = _all("no theorem for a bandwidth scaled by the data")
    return {**found, "second_moment": fate, "central_variance": fate}


def _exploding(word: Outcome, rate: str, reason: str) -> dict[str, Fate]:
    """Return the fates of the moments under replace, where the variance is geometric."""
    central = Fate(word, rate, reason)
    if word == "diverges":
        return {"second_moment": central, "central_variance": central}
    bounded = Fate("bounded", "", "the variance, and with it the noise, vanishes geometrically")
    return {"second_moment": bounded, "central_variance": central}
