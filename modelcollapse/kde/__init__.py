"""The kernel density room: a kernel on every training row, again and again."""

from modelcollapse.fate import Fate
from modelcollapse.kde.bandwidth import PowerBandwidth
from modelcollapse.kde.critical import critical_bandwidth
from modelcollapse.kde.estimator import KDE
from modelcollapse.kde.kernel import Kernel
from modelcollapse.kde.optimal import OptimalBandwidths, optimal_bandwidths

__all__ = [
    "KDE",
    "Fate",
    "Kernel",
    "OptimalBandwidths",
    "PowerBandwidth",
    "critical_bandwidth",
    "optimal_bandwidths",
]
