"""Watching a loop while it runs, with an alarm that is valid at every look.

Every update compares generation t with the first one, by n paired differences D_i in [-w, w],
w = high - low:

loss    D_i = clip(loss_t(x_i)) - clip(loss_1(x_i)), over held-out rows x_i that are independent,
        come from the truth, and that no model was trained on;
rows    D_i = s(y_i) - s(z_i), over independent rows y_i sampled from model 1 and z_i from model t,
        drawn for the monitor (no model is trained on the y_i), with a statistic s in [low, high].

The null hypothesis H_t of generation t is E[D_i | model 1, model t] <= margin: the held-out loss,
clipped, has grown by no more than the margin, or the statistic has fallen by no more. The monitor
tests that H_s is true of every generation s so far. It raises an alarm, of a loop in which that is
true for ever, with probability at most alpha, however often one looks and whenever one stops. An
alarm says that some generation so far is beyond the margin.

One generation
--------------
Let m be the margin and 0 <= f <= 1. Given the models, the D_i are independent, and

    G_f = prod_i (1 + f (D_i - m)/(w + m))

has factors that are at least 1 - f >= 0, as D_i >= -w, and whose expectation is
1 + f (E D_i - m)/(w + m), at most 1 under H_t and 1 if E D_i = m. So E G_f <= 1 under H_t: it is
the wealth of a player who bets the share f of it on each row. The mean of G_f over a grid of f,
E_t, is an e-value too. (It does not depend on the order of the rows.)

The same rows at every generation: fresh=False
----------------------------------------------
The models do not depend on the rows (given all models, these are still independent rows), but for
where the loop stops. The E_t share their rows and are dependent, so their product means nothing;
but each has E E_t <= 1, and with w_k = 1/(k (k + 1)), which sum to 1, for the k-th comparison,

    S_k = w_1 E_(1) + ... + w_k E_(k)

never falls and its supremum has an expectation of at most 1. Markov's inequality gives
P(S_k >= 1/alpha for some k) <= alpha. The price of the same rows is the factor 1/w_k.

Fresh rows at every update: fresh=True
--------------------------------------
The rows of an update are independent of all that was before, which the models may depend on in any
way: the loop may react to the monitor. Given the past, the wealth of one f is multiplied by a
factor with conditional expectation at most 1. A player who starts at update s with the share w_s
of the capital, and before holds it, has with G_f,r that of update r

    W_k = sum_{s <= k} w_s mean_f prod_{r = s..k} G_f,r + 1/(k + 1),

where the last term is what is not yet bet. W is a nonnegative supermartingale under the null, a
martingale where every E D_i = m, that starts at 1, and Ville's inequality gives
P(W_k >= 1/alpha for some k) <= alpha. As some share starts at each update, no long good time
before a collapse is held against it.

The bound of a generation
-------------------------
E_t falls as m grows: its factors are 1 - f + f (D_i + w)/(w + m). So the set of m with
w_k E_t(m) < 1/alpha is an interval, and its lower end is below E D_i but for w_k alpha: the lower
bounds of all generations hold together with probability at least 1 - alpha, whatever is true. A
bound above the margin implies an alarm, as S_k and W_k are at least w_k E_t.

References
----------
Ville, Étude critique de la notion de collectif, 1939. Waudby-Smith and Ramdas, "Estimating means
of bounded random variables by betting", Journal of the Royal Statistical Society B 86(1), 2024.
Vovk and Wang, "E-values: calibration, combination and applications", Annals of Statistics 49(3),
2021 (averages of e-values under any dependence). Shin, Ramdas and Rinaldo, "E-detectors",
New England Journal of Statistics in Data Science, 2023 (restarts).
"""

from modelcollapse.monitoring.monitor import Kind, Monitor
from modelcollapse.monitoring.status import MonitorStatus

__all__ = ["Kind", "Monitor", "MonitorStatus"]
