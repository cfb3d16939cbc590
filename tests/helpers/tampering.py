"""Predictions made wrong by some per cent, each with the theorem of the ledger that finds it."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from modelcollapse.evidence import samples_needed
from modelcollapse.families.curated import predict as curated_predict
from modelcollapse.families.exponential import limits as exponential_limits
from modelcollapse.families.exponential import predict as exponential_predict
from modelcollapse.families.gaussian import (
    determinants,
    limits,
    moments,
    pooled_laws,
    predict,
    replace_laws,
    selected,
)
from modelcollapse.families.gaussian.laws import LogChiSquareSum
from modelcollapse.families.kde import limits as kde_limits
from modelcollapse.families.kde import predict as kde_predict
from modelcollapse.families.kde.density import ExpectedDensity
from modelcollapse.families.markov import used as markov_used
from modelcollapse.families.regression import limits as regression_futures
from modelcollapse.families.regression import moments as regression_moments
from modelcollapse.families.regression import ridge as regression_ridge
from modelcollapse.ledger.claims import MeanClaim
from modelcollapse.ledger.entries.curated import labels as curated_labels
from modelcollapse.ledger.entries.curated import regions as curated_regions
from modelcollapse.ledger.entries.kde import bandwidths
from modelcollapse.ledger.entries.mixed import fresh as mixed_fresh
from modelcollapse.ledger.entries.mixed import kept as mixed_kept
from modelcollapse.ledger.entries.mixed import selection as mixed_selection
from modelcollapse.ledger.entries.mixed import sources as mixed_sources
from modelcollapse.ledger.entries.mixed import web as mixed_web
from modelcollapse.ledger.verification import ALPHA


def scaled(function, factor, part):
    """Return the function with one of its results (or its only one) multiplied."""

    def wrong(*args, **options):
        result = function(*args, **options)
        if part is None:
            return result * factor
        changed = [value * factor if i == part else value for i, value in enumerate(result)]
        return type(result)(*changed) if hasattr(result, "_fields") else tuple(changed)

    return wrong


def shifted(cdf, deviations):
    """Return a law's cdf moved by a share of its standard deviation."""

    def wrong(self, x):
        return cdf(self, x - deviations * np.sqrt(self.variance))

    return wrong


# Which theorem catches a prediction that is wrong by 3 % (ledger/test_ledger.py asserts that a
# design's replicates are enough), by 2 % where no chance is involved. VARIANCE and ERROR are
# positions.
VARIANCE = MEAN = SECOND = BIAS = RISK = 0
ERROR = ROOT = SPREAD = CENTRAL = NORM = 1
WRONG = {
    "markov/accumulate/unseen-for-ever": (markov_used, "unseen", 1.03, MEAN),
    "gaussian/replace/variance": (moments, "replace", 1.03, VARIANCE),
    "gaussian/replace/squared-error": (moments, "replace", 1.03, ERROR),
    "gaussian/replace/log-variance": (replace_laws, "log_determinant_moments", 1.03, MEAN),
    "gaussian/replace/log-variance-law": (LogChiSquareSum, "cdf", 0.03, None),
    "gaussian/replace/w2-mle": (replace_laws, "w2_moments", 1.03, MEAN),
    "gaussian/replace/log-determinant": (replace_laws, "log_determinant_moments", 1.03, MEAN),
    "gaussian/replace/lyapunov": (limits, "lyapunov", 1.03, None),
    "gaussian/replace/pseudo-log-determinant": (
        *(replace_laws, "pseudo_determinant_moments", 1.03, MEAN),
    ),
    "gaussian/replace/test-log-loss": (replace_laws, "test_loss_mean", 1.03, None),
    "gaussian/accumulate/variance": (moments, "accumulate", 1.03, VARIANCE),
    "gaussian/accumulate/squared-error": (moments, "accumulate", 1.03, ERROR),
    "gaussian/accumulate/log-variance": (pooled_laws, "accumulated", 1.03, MEAN),
    "gaussian/accumulate-subsample/variance": (moments, "accumulate_subsample", 1.03, VARIANCE),
    "gaussian/accumulate-subsample/squared-error": (moments, "accumulate_subsample", 1.03, ERROR),
    "gaussian/replace/determinant": (determinants, "determinant", 1.03, None),
    "gaussian/accumulate/determinant": (determinants, "determinant", 1.03, None),
    "gaussian/accumulate/determinant-limit": (determinants, "accumulate_limit", 1.02, None),
    "gaussian/keep-real/variance": (predict, "second_order", 1.03, VARIANCE),
    "gaussian/accumulate/limit": (limits, "accumulate_limits", 1.02, VARIANCE),
    "gaussian/accumulate/limit-squared-error": (limits, "accumulate_limits", 1.02, ERROR),
    "gaussian/accumulate-subsample/limit-exact": (limits, "subsample_limits", 1.02, VARIANCE),
    "gaussian/accumulate-subsample/unbiased-diverges": (limits, "power", 1.02, None),
    "kde/replace/second-moment": (kde_predict, "second_order", 1.03, SECOND),
    "kde/accumulate/second-moment": (kde_predict, "second_order", 1.03, SECOND),
    "kde/accumulate-subsample/second-moment": (kde_predict, "second_order", 1.03, SECOND),
    "kde/replace/central-variance": (kde_predict, "second_order", 1.03, CENTRAL),
    "kde/accumulate/central-variance": (kde_predict, "second_order", 1.03, CENTRAL),
    "kde/accumulate-subsample/central-variance": (kde_predict, "second_order", 1.03, CENTRAL),
    "kde/accumulate/expected-density": (ExpectedDensity, "cdf", 0.03, None),
    "kde/replace/mise": (kde_predict, "mean_integrated_squared_error", 1.05, BIAS),
    "kde/accumulate/mise": (kde_predict, "mean_integrated_squared_error", 1.05, SPREAD),
    "kde/accumulate-subsample/mise": (kde_predict, "mean_integrated_squared_error", 1.05, SPREAD),
    "kde/replace/central-variance-limit": (kde_limits, "central_variance", 1.02, None),
    "kde/replace/mise-limit": (kde_limits, "mise", 1.2, None),
    "kde/accumulate/scipy-scott-bounded": (kde_predict, "second_order", 1.03, SECOND),
    "kde/replace/scipy-scott-explodes": (bandwidths, "rule_of_thumb", 1.06, None),
}


WRONG |= {
    "exponential/replace/squared-error-gamma": (
        *(exponential_predict, "squared_errors", 1.1, None),
    ),
    "exponential/replace/squared-error-poisson": (
        *(exponential_predict, "squared_errors", 1.08, None),
    ),
    "exponential/accumulate/squared-error-gamma": (
        *(exponential_predict, "squared_errors", 1.1, None),
    ),
    "exponential/accumulate/squared-error-poisson": (
        *(exponential_predict, "squared_errors", 1.06, None),
    ),
    "exponential/accumulate-subsample/squared-error": (
        *(exponential_predict, "squared_errors", 1.1, None),
    ),
    "exponential/weighted/squared-error": (exponential_predict, "squared_errors", 1.1, None),
    "exponential/web/squared-error": (exponential_predict, "squared_errors", 1.06, None),
    "exponential/accumulate-subsample/two-routes": (
        *(exponential_predict, "squared_errors", 1.02, None),
    ),
    "exponential/accumulate/limit-sinh": (exponential_limits, "error_limit", 1.02, None),
    "exponential/accumulate/inflation-limit": (exponential_limits, "error_limit", 1.02, None),
    "regression/replace/fixed-design-risk": (regression_moments, "fixed", 1.03, RISK),
    "regression/replace/fixed-design-fewer-rows": (regression_moments, "fixed", 1.03, RISK),
    "regression/replace/fresh-design-forgets": (regression_moments, "replaced", 1.03, RISK),
    "regression/replace/noise-free-collapse": (regression_moments, "replaced", 1.03, NORM),
    "regression/accumulate/fixed-design-risk": (regression_moments, "fixed", 1.03, RISK),
    "regression/accumulate/fresh-design-risk": (regression_moments, "accumulated", 1.03, RISK),
    "regression/accumulate/passing-the-peak": (regression_moments, "accumulated", 1.15, RISK),
    "regression/accumulate/ridge": (regression_ridge, "fixed", 1.03, RISK),
    "regression/accumulate/fixed-design-limit": (regression_futures, "limits", 1.02, RISK),
    "regression/accumulate/fresh-design-limit": (regression_futures, "limits", 1.02, RISK),
    "regression/accumulate/fresh-design-below-pi-squared-over-6": (
        *(regression_futures, "limits", 1.02, RISK),
    ),
    "gaussian/replace/selection-variance": (selected, "moments", 1.08, VARIANCE),
    "gaussian/accumulate/selection-variance": (selected, "moments", 1.1, VARIANCE),
    "gaussian/accumulate/pairwise-variance": (selected, "moments", 1.03, VARIANCE),
    "gaussian/accumulate/selection-along": (selected, "moments", 1.1, VARIANCE),
    "gaussian/replace/selection-across": (selected, "across", 1.06, None),
    "mixed/selection/critical-share": (mixed_selection, "selection_critical_share", 1.02, None),
    "mixed/selection/settles": (mixed_selection, "selected_fixed_point", 1.02, 1),
    "mixed/fresh-data/known-variance": (mixed_fresh, "fresh_inflation", 1.07, None),
    "mixed/fresh-data/inflation": (mixed_fresh, "fresh_inflation", 1.02, None),
    "mixed/fresh-data/optimal-weight": (mixed_fresh, "optimal_weight", 1.02, None),
    "mixed/fresh-data/temperature": (mixed_fresh, "fresh_fixed_point", 1.02, VARIANCE),
    "mixed/keep-real/squared-error": (mixed_kept, "kept_squared_error", 1.05, None),
    "mixed/keep-real/limit": (mixed_kept, "kept_fixed_point", 1.02, None),
    "mixed/value/optimum": (mixed_sources, "optimal_synthetic", 1.02, 2),
    "mixed/web/debiased-mean": (mixed_sources, "minimax_effective_samples", 1.02, None),
    "mixed/web/threshold": (mixed_web, "web_threshold", 1.02, None),
    "mixed/regression/plateau": (mixed_sources, "strong_collapse_plateau", 1.02, None),
    "curated/labels/label-error": (curated_predict, "_errors", 1.05, None),
    "curated/labels/majority": (curated_labels, "majority_correct", 1.02, None),
    "curated/region/contraction-rate": (curated_regions, "contraction_rate", 1.02, None),
    "curated/region/one-round": (curated_predict, "second_round", 1.06, 0),
}


@contextmanager
def tampering(slug):
    """Make the function that predicts a theorem wrong by some per cent."""
    home, name, factor, part = WRONG[slug]
    right = getattr(home, name)
    law = home in (LogChiSquareSum, ExpectedDensity)
    wrong = shifted(right, factor) if law else scaled(right, factor, part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, name, wrong)
        yield


def detecting(theorem):
    """Return the replicates with which a mean test sees the tampering, or the design's number.

    They are a quarter more than enough, as the tampering may reach the variance too; and the near
    misses are to be told from the wrong prediction as well.
    """
    claim = theorem.claim
    if not isinstance(claim, MeanClaim):
        return claim.design.replicates
    e = claim.design.experiment()
    value, variance = claim.value(e), claim.variance(e)
    with tampering(theorem.slug):
        effect, needed = abs(claim.value(e) - value), claim.needed(e, ALPHA, ALPHA)
    return max(math.ceil(1.25 * samples_needed("mean", effect, variance=variance)), needed)
