"""Real and synthetic rows together: every derivation with the function it must equal, every proof.

mixed_loop      the loops, and the moments of one fit
mixed_fresh     fresh and kept real rows: fixed points, best weights, smallest shares
mixed_value     what synthetic rows are worth to a mean
mixed_collapse  one regression on real rows and on rows with shifted labels
mixed_prior     few fresh rows among many sampled ones: the conjugate prior
mixed_information  what no estimator can beat, and what sampled rows reveal
"""

from theory import mixed_collapse, mixed_fresh, mixed_information, mixed_prior, mixed_value
from theory.derivation import HE, Derivation, Proof
from theory.mixed_loop import MixedDomain

HERE = "derived here"
ROWS = ("real", "synthetic")
VALUE = (*ROWS, "generator_rows")
COLLAPSE = (*ROWS, "dim", "shift", "noise")


def _derivation(key, statement, values, arguments, optional=(), source=HERE):
    slug = "mixed-" + key.replace("_", "-")
    domain = MixedDomain(arguments, optional)
    return Derivation(slug, source, statement, f"mixed.{key}", values, domain)


DERIVATIONS: tuple[Derivation, ...] = (
    _derivation(
        "fresh_inflation", "n_r lim E m^2 = (w^2 + k u^2) / (1 - g u^2), u = 1 - w, g = 1 + v2/n_s",
        mixed_fresh.fresh_inflation, ROWS, ("weight", "curvature"),
    ),
    _derivation(
        "fresh_effective_samples", "1 / lim E m^2",
        mixed_fresh.fresh_effective_samples, ROWS, ("weight", "curvature"),
    ),
    _derivation(
        "optimal_weight", "u is the smaller root of g u^2 - (1 + k + g) u + 1",
        mixed_fresh.optimal_weight, ROWS, ("curvature",), HE,
    ),
    _derivation(
        "fresh_fixed_point", "lim E v and E m^2 of fitted Gaussians, any temperature and weight",
        mixed_fresh.fresh_fixed_point, ROWS, ("temperature", "weight"),
    ),
    _derivation(
        "fresh_critical_temperature", "(1 + u) / (u (1 + u) - u^2/n_s)",
        mixed_fresh.critical_temperature, ROWS, ("weight",),
    ),
    _derivation(
        "critical_share_at", "the share at which that temperature is critical, or 0",
        mixed_fresh.critical_share_at, ("temperature", "synthetic"),
    ),
    _derivation(
        "kept_fixed_point", "lim E m^2 = 1/n_1 + u^2 (1 + v2/n_1) / (n (1 - g u^2))",
        mixed_fresh.kept_fixed_point, ("share", *ROWS), ("curvature",),
    ),
    _derivation(
        "kept_squared_error", "E m_t^2 with kept rows",
        mixed_fresh.kept_squared_error, ("generation", "share", *ROWS), ("curvature",),
    ),
    _derivation(
        "kept_moments", "lim E v and E m^2 of fitted Gaussians with kept rows",
        mixed_fresh.kept_moments, ("share", *ROWS), ("temperature",),
    ),
    _derivation(
        "smallest_share", "the least share with n_r lim E m^2 below a bound",
        mixed_fresh.smallest_share, ("inflation", *ROWS, "workflow"), ("curvature",),
    ),
    _derivation(
        "contraction", "(1 - a)^2 (1 + v2/n)",
        mixed_fresh.contraction, ("real_share",), ("curvature_per_row",),
    ),
    _derivation(
        "critical_share", "1 - (1 + v2/n)^(-1/2), or 0",
        mixed_fresh.critical_share, ("curvature_per_row",),
    ),
    _derivation(
        "pooled_effective_samples", "1 / E m_t^2 of all rows so far, real and sampled",
        mixed_fresh.pooled_effective_samples, ("sizes", "real_shares"), ("curvature",),
    ),
    _derivation(
        "synthetic_value", "(1-p)/n_r + p^2/n_0", mixed_value.synthetic_value, VALUE,
    ),
    _derivation(
        "shared_generator_value", "1/n_r + n_s/N^2", mixed_value.shared_generator_value, ROWS,
    ),
    _derivation(
        "weighted_synthetic_value", "1/(n_r + n_0 n_s/(n_0 + n_s))",
        mixed_value.weighted_synthetic_value, VALUE,
    ),
    _derivation(
        "break_even_synthetic", "n_r n_0/(n_r - n_0), or infinite",
        mixed_value.break_even_synthetic, ("real", "generator_rows"),
    ),
    _derivation(
        "optimal_synthetic", "p* = min(1, n_0/(2 n_r)), its rows and its error",
        mixed_value.optimal_synthetic, ("real", "generator_rows"),
    ),
    _derivation(
        "strong_collapse_risk", "|Delta|^2 (a + b + b (Nd-2)/(N-d-1)), and sigma^2 d/(N-d-1)",
        mixed_collapse.strong_collapse_risk, COLLAPSE,
    ),
    _derivation(
        "strong_collapse_plateau", "p_2^2 |Delta|^2",
        mixed_collapse.plateau, ("synthetic_share", "shift"),
    ),
    _derivation(
        "harmless_shift", "the |Delta|^2 at which synthetic rows leave the risk as it is",
        mixed_collapse.harmless_shift, (*ROWS, "dim", "noise"),
    ),
)  # fmt: skip
PROOFS: tuple[Proof, ...] = (
    *mixed_fresh.PROOFS,
    *mixed_value.PROOFS,
    *mixed_collapse.PROOFS,
    *mixed_information.PROOFS,
    *mixed_prior.PROOFS,
)
