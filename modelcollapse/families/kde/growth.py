"""Orders of growth t^p (log t)^q (log log t)^r, and schedules of bandwidths that have one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from modelcollapse.families.kde.bandwidth import Bandwidth, PowerBandwidth

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class Growth(NamedTuple):
    """The order t^power (log t)^log (log log t)^loglog; all zero is bounded."""

    power: float = 0.0
    log: float = 0.0
    loglog: float = 0.0

    def __str__(self) -> str:
        names = zip(("t", "(log t)", "(log log t)"), self, strict=True)
        parts = [name if p == 1 else f"{name}^{p:.4g}" for name, p in names if p]
        text = " ".join(parts) or "1"
        return text[1:-1] if text in ("(log t)", "(log log t)") else text

    def times(self, other: "Growth") -> "Growth":
        """Return the product of two orders."""
        return Growth(*(p + q for p, q in zip(self, other, strict=True)))

    def raised(self, power: float) -> "Growth":
        """Return a power of the order."""
        return Growth(*(p * power for p in self))


BOUNDED = Growth()


@dataclass(frozen=True)
class Shape:
    """Equal batches with h_t = c t^-a (1 + log t)^-b."""

    a: float
    b: float
    n: int
    dim: int

    @property
    def order(self) -> Growth:
        """The order of h_t."""
        return Growth(-self.a, -self.b)

    @property
    def shrinks(self) -> bool:
        """Whether h_t -> 0."""
        return self.a > 0 or (self.a == 0 and self.b > 0)

    @property
    def grows(self) -> bool:
        """Whether h_t -> infinity."""
        return self.a < 0 or (self.a == 0 and self.b < 0)

    def summed(self, offset: int) -> Growth:
        """Return the order of sum h_s^2 s^-offset; BOUNDED if it converges."""
        p, q = 1 - 2 * self.a - offset, -2 * self.b
        if p > 0:
            return Growth(p, q)
        if p < 0 or q < -1:
            return BOUNDED
        return Growth(loglog=1.0) if q == -1 else Growth(log=q + 1)


def shape_of(e: "Experiment", rule: Bandwidth | None = None) -> Shape | None:
    """Return a schedule's form, by default the generator's; None if it is of no known form."""
    n, d = int(e.sizes[0]), e.model.dim
    rule = e.model.bandwidth if rule is None else rule
    if isinstance(rule, str):
        pooled = e.schedule.rule == "accumulate"
        return Shape(1 / (d + 4) if pooled else 0.0, 0.0, n, d)
    if isinstance(rule, PowerBandwidth):
        return Shape(float(rule.exponent), float(rule.log_exponent), n, d)
    if isinstance(rule, float) and rule > 0:
        return Shape(0.0, 0.0, n, d)
    return None
