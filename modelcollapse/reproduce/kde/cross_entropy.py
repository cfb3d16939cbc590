r"""Cross-entropies of expected densities: lower bounds on the test loss that many rows reach.

The expected fitted density is the truth blurred by the noise of each row's ancestors
(`modelcollapse.reproduce.kde.blurs`). By Jensen's inequality

    E[-log p_t(x)] >= -E_x log E p_t(x),

for test rows x of any law, not only of the truth's. `mc.predict` has this bound for truths that
depend on the distance from one centre; here it is for the paper's data sets, by quadrature.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.datasets.synthetic import NOISE
from modelcollapse.families.kde.scoring import log_densities
from modelcollapse.loop.truth import NormalMixture
from modelcollapse.reproduce.kde.blurs import blurs

CURVE, ROLL = 600, 2000  # points that stand for two curves, and for the roll, which is long
NODES = 200  # of them that are integrated over
FEW, MANY = 12, 24  # Gauss-Hermite nodes per coordinate, around a curve and in a cluster
HEIGHT = 21.0  # of the swiss roll
EDGE, INSIDE, AROUND = 1.0, 10, 4  # how its height is integrated over


@dataclass(frozen=True)
class Law:
    """Points of the plane, equally likely, with normal noise on each coordinate.

    With a height above 0 there is a third coordinate, uniform on [0, height], and noise on it.
    """

    points: Floats
    noise: float
    height: float = 0.0

    @classmethod
    def of(cls, mixture: NormalMixture) -> "Law":
        """Return blobs as a law."""
        return cls(mixture.means, float(np.sqrt(mixture.covariances[0, 0, 0])))

    def nodes(self) -> tuple[Floats, Floats]:
        """Return nodes (m, 2) and weights that integrate over the plane's two coordinates."""
        count = len(self.points)
        middle = (
            self.points[count // NODES // 2 :: count // NODES] if count > NODES else self.points
        )
        x, w = _normal_nodes(FEW if count > NODES else MANY)
        shifts = self.noise * np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
        nodes = (middle[:, None, :] + shifts).reshape(-1, 2)
        return nodes, np.tile(np.outer(w, w).ravel(), len(middle)) / len(middle)

    def heights(self) -> tuple[Floats, Floats]:
        """Return nodes and weights of the third coordinate: its lower half, as both are alike."""
        x, w = np.polynomial.legendre.leggauss(INSIDE)
        ends = [(0.0, EDGE), (EDGE, self.height / 2)]
        places = np.concatenate([a + (b - a) * (x + 1) / 2 for a, b in ends])
        weights = np.concatenate([(b - a) * w for a, b in ends]) / self.height
        z, v = _normal_nodes(AROUND)
        return (places[:, None] + self.noise * z).ravel(), np.outer(weights, v).ravel()


def named(name: str) -> Law:
    """Return the law of "circles", "moons" or "swiss_roll"."""
    if name == "swiss_roll":
        angle = 1.5 * np.pi * (1 + 2 * _midpoints(ROLL))
        return Law(angle[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), NOISE, HEIGHT)
    half = np.exp(1j * np.pi * _midpoints(CURVE // 2))
    first, second = (half**2, 0.8 * half**2) if name == "circles" else (half, 1 + 0.5j - half)
    both = np.concatenate([first, second])
    return Law(np.stack([both.real, both.imag], 1), NOISE)


def lower_bound(
    train: Law,
    bandwidths: float | Floats,
    workflow: str,
    at: Integers,
    test: Law | None = None,
) -> Floats:
    """Return the cross-entropy of the expected density of each generation, in nats, (len(at),).

    One bandwidth, or one per generation; 0 gives the truth's own entropy, below which no density
    falls. The test rows are of the training rows' law, or of another one.
    """
    test = test or train
    variances, shares = blurs(workflow, at, bandwidths, train.noise)
    deviations = np.sqrt(variances)
    x, weights = test.nodes()
    plane = np.array([log_densities(x, train.points, s, tolerance=1e-9) for s in deviations])
    upright, own = np.ones((len(deviations), 1)), np.ones(1)
    if train.height:
        y, own = test.heights()
        upright = np.array([_blurred_uniform(y, train.height, s) for s in deviations])
    return np.array([-(weights @ _mixed(plane, upright, share) @ own) for share in shares])


def _mixed(plane: Floats, upright: Floats, share: Floats) -> Floats:
    """Return the logarithm of sum_k share_k exp(plane_k) upright_k at pairs of nodes."""
    used = share > 0
    peak = plane[used].max(axis=0)
    parts = np.exp(plane[used] - peak) * share[used, None]
    return np.asarray(np.log(parts.T @ upright[used]) + peak[:, None])


def _midpoints(count: int) -> Floats:
    """Return the middles of equal parts of [0, 1]."""
    return (np.arange(count) + 0.5) / count


def _blurred_uniform(y: Floats, height: float, deviation: float) -> Floats:
    """Return the density of a uniform number on [0, height] plus normal noise."""
    return np.asarray(ndtr((height - y) / deviation) - ndtr(-y / deviation)) / height


def _normal_nodes(order: int) -> tuple[Floats, Floats]:
    """Return Gauss-Hermite nodes and weights for a standard normal."""
    x, w = np.polynomial.hermite_e.hermegauss(order)
    return x, w / w.sum()
