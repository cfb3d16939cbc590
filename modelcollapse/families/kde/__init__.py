"""The kernel density room: a kernel on every training row, again and again."""

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
