"""The kernel density room: a kernel on every training row, again and again.

estimator, kernel, bandwidth   the estimator and its options
training       what each generation trains on, as second moments see it
moments, pairs second moments and variances of the rows; their variance over replicates
density, frame, errors_squared, losses, frequencies   expected density, squared error, test loss
shares         real rows that keep a share of the weight
limits, fates, growth, critical   t -> infinity
optimal, search, control   the bandwidths of least error
predict        which quantity has which route
simulate       exact simulation; plan: which rows; genealogy, summaries: compiled steps; scores,
               scoring: held-out scores
"""

from modelcollapse.families.kde.bandwidth import PowerBandwidth
from modelcollapse.families.kde.critical import critical_bandwidth
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.families.kde.kernel import Kernel
from modelcollapse.families.kde.optimal import OptimalBandwidths, optimal_bandwidths
from modelcollapse.loop.fate import Fate

__all__ = [
    "KDE",
    "Fate",
    "Kernel",
    "OptimalBandwidths",
    "PowerBandwidth",
    "critical_bandwidth",
    "optimal_bandwidths",
]
