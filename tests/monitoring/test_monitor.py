"""The monitor's door: what it takes, refuses, says and saves."""

import copy
import doctest
import json
import math
import pickle

import joblib
import numpy as np
import pytest
import scipy.stats

import modelcollapse as mc
from modelcollapse import monitoring
from modelcollapse.evidence import betting

LOSSES = np.linspace(1, 2, 40)


def loss_monitor(**options):
    """Return a monitor of losses on the same rows."""
    return mc.Monitor("loss", **{"margin": 0.1, "range": (0, 5), "fresh": False} | options)


def begun(*, rise=0.3, updates=3):
    """Return one that has seen a reference and some generations."""
    monitor = loss_monitor()
    for t in range(1, updates + 1):
        monitor.update(t, losses=LOSSES + rise * (t - 1))
    return monitor


def second(rows):
    """Return a statistic of each row."""
    return rows[:, 1]


def test_the_example():
    """Of the class."""
    assert doctest.testmod(monitoring.monitor).failed == 0
    assert doctest.testmod(monitoring.monitor).attempted > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "losses"}, "unknown kind 'losses'; did you mean loss"),
        ({"margin": -0.1}, "margin = -0.1 .* from 0 to below 5"),
        ({"margin": 5}, "margin = 5 .* below 5, the width of the range"),
        ({"margin": math.nan}, "margin = nan"),
        ({"margin": True}, "margin = True"),
        ({"range": (5, 0)}, r"range = \(5, 0\) .* low below high"),
        ({"range": (1, 1)}, r"range = \(1, 1\)"),
        ({"range": (0, math.inf)}, r"range = \(0, inf\)"),
        ({"range": (-1e308, 1e308)}, "range = "),
        ({"range": 5}, "range = 5 .* two finite numbers"),
        ({"range": (0, 1, 2)}, r"range = \(0, 1, 2\)"),
        ({"alpha": 0}, "alpha = 0 .* strictly between 0 and 1"),
        ({"alpha": 1}, "alpha = 1"),
        ({"fresh": 1}, "fresh = 1 .* true or false"),
        ({"statistic": second}, 'statistic = .* only with kind="rows"'),
        ({"kind": "rows", "statistic": 3}, "statistic = 3"),
    ],
)
def test_a_wrong_argument_is_named(options, told):
    """With its value and the remedy."""
    with pytest.raises(mc.InvalidInput, match=told):
        mc.Monitor(**{"kind": "loss", "margin": 0.1, "range": (0, 5), "fresh": False} | options)


@pytest.mark.parametrize("name", ["margin", "range", "fresh"])
def test_what_matters_has_no_default(name):
    """Nobody else can choose it."""
    given = {"margin": 0.1, "range": (0, 5), "fresh": False}
    del given[name]
    with pytest.raises(TypeError, match=name):
        mc.Monitor("loss", **given)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ({"generation": 3}, "generation = 3 .* after the last, 3"),
        ({"generation": 2}, "generation = 2 .* after the last, 3"),
        ({"generation": 4.5}, "generation = 4.5"),
        ({"losses": LOSSES[:-1]}, r"the number of losses = 39 .* \(40\) go in pairs"),
        (
            {"losses": np.where(LOSSES > 1.9, np.nan, LOSSES)},
            r"losses\[36\] = nan .* \(4 of 40 are wrong\)",
        ),
        ({"losses": np.zeros((40, 2))}, r"losses = .*shape \(40, 2\)"),
        ({"losses": np.zeros(0)}, r"losses = .*shape \(0,\)"),
        ({"losses": 1.0}, "losses = "),
        ({"losses": ["a"] * 40}, r"losses\[0\] = 'a'"),
        ({"losses": None}, "losses = None .* one for each row"),
        ({"rows": LOSSES}, "rows = .* of kind 'loss' takes losses="),
        ({"reference": LOSSES}, "reference = .* fresh=True"),
    ],
)
def test_a_wrong_update_is_named_and_changes_nothing(update, told):
    """Whatever is wrong with it."""
    monitor = begun()
    before = joblib.hash(monitor)

    with pytest.raises(mc.InvalidInput, match=told):
        monitor.update(**{"generation": 4, "losses": LOSSES} | update)
    assert joblib.hash(monitor) == before
    assert monitor.update(4, losses=LOSSES).generation == 4


def test_an_update_that_is_interrupted_changes_nothing(monkeypatch):
    """At its last computation."""
    monitor = begun()
    before = joblib.hash(monitor)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(monitoring.monitor, "lower_bound", interrupted)
    with pytest.raises(KeyboardInterrupt):
        monitor.update(4, losses=LOSSES)
    assert joblib.hash(monitor) == before


def test_fresh_rows_need_a_reference_of_their_number():
    """At every update."""
    monitor = loss_monitor(fresh=True)

    with pytest.raises(mc.InvalidInput, match=r"reference = None .* fresh=True"):
        monitor.update(1, losses=LOSSES)
    with pytest.raises(mc.InvalidInput, match=r"the number of losses = 40 .* \(39\)"):
        monitor.update(1, losses=LOSSES, reference=LOSSES[1:])
    assert monitor.status is None
    assert monitor.update(1, losses=LOSSES[1:], reference=LOSSES[1:]).rows == 39
    assert monitor.update(2, losses=LOSSES, reference=LOSSES).rows == 40


def test_rows_are_measured_by_the_statistic():
    """In both directions: a statistic that falls is what is looked for."""
    rng = np.random.default_rng(0)
    rows = rng.random((300, 2))
    options = {"margin": 0.1, "range": (0, 1), "fresh": False}
    monitor = mc.Monitor("rows", statistic=second, **options)
    plain = mc.Monitor("rows", **options)
    for t, factor in enumerate((1, 0.9, 0.2)):
        one = monitor.update(t, rows=rows * factor)
        other = plain.update(t, rows=(rows * factor)[:, 1])
        assert one == other
    assert one.alarmed_at == 2
    assert one.estimate == pytest.approx(0.8 * rows[:, 1].mean())
    assert "the statistic has fallen by 0.4" in one.sentence
    with pytest.raises(mc.InvalidInput, match=r"statistic\(rows\)\[0\] = 1.5 .* \[0, 1\]"):
        monitor.update(3, rows=np.full((300, 2), 1.5))
    with pytest.raises(mc.InvalidInput, match=r"losses = .* of kind 'rows' takes rows="):
        monitor.update(3, losses=LOSSES)


def test_truth_values_are_shares():
    """Whether each row is in a tail; losses are none."""
    monitor = mc.Monitor("rows", margin=0.1, range=(0, 1), fresh=False)
    monitor.update(1, rows=LOSSES > 1.5)
    status = monitor.update(2, rows=LOSSES > 1.25)

    assert status.estimate == pytest.approx(-0.25)
    assert "the statistic has risen by 0.25 since generation 1, a fall of at least -" in str(status)
    with pytest.raises(mc.InvalidInput, match="losses"):
        loss_monitor().update(1, losses=LOSSES > 1.5)


def test_losses_are_clipped():
    """Infinite ones too; those of the caller stay as they are."""
    monitor, given = loss_monitor(), np.array([-np.inf, 7.0, 1.0])
    monitor.update(1, losses=given)
    found = monitor.update(2, losses=np.array([np.inf, 9.0, 1.0]))

    assert found.estimate == pytest.approx(5 / 3)
    assert given.tolist() == [-np.inf, 7.0, 1.0]


@pytest.mark.parametrize("kind", [list, np.asarray, lambda x: x[:, None], np.float32])
def test_numbers_in_any_form(kind):
    """Lists, columns, and other types."""
    wanted = begun(updates=2).status
    monitor = loss_monitor()
    monitor.update(1, losses=kind(LOSSES))
    found = monitor.update(2, losses=kind(LOSSES + 0.3))

    assert found.log_e_value == pytest.approx(wanted.log_e_value, rel=1e-4)


def test_an_alarm_stays_and_the_bound_agrees():
    """An alarm is for ever; a bound above the margin is an alarm."""
    monitor = loss_monitor()
    for t, rise in enumerate([0, 0, 3, 0, 0], 1):
        status = monitor.update(t, losses=LOSSES + rise)
        assert status.alarmed == (t >= 3) == monitor.alarmed
        assert not status.lower > status.margin or status.alarmed
        assert status.e_value == pytest.approx(math.exp(status.log_e_value))
    assert status.alarmed_at == 3
    assert monitor.history["lower"][2] > 0.1
    assert monitor.history["p_value"] == sorted(monitor.history["p_value"], reverse=True)
    assert "alarm at generation 3" in str(status)


@pytest.mark.parametrize("fresh", [True, False])
def test_each_bound_spends_its_share_of_alpha(fresh):
    """The k-th is where the evidence of its rows is k (k + 1)/alpha; above the margin it alarms."""
    rng = np.random.default_rng(2)
    monitor = loss_monitor(fresh=fresh, alpha=0.1)
    first = rng.random(200)
    if not fresh:
        monitor.update(0, losses=first)
    above = 0
    for k in range(1, 30):
        losses = rng.random(200) + 0.02 * k
        status = monitor.update(k, losses=losses, **({"reference": first} if fresh else {}))
        wealths = betting.log_wealths(losses - first, 5.0, status.lower)
        assert betting.log_mean(wealths) == pytest.approx(math.log(k * (k + 1) / 0.1), abs=1e-3)
        assert status.alarmed or status.lower <= status.margin
        above += status.lower > status.margin
    assert above


def test_bounds_hold_together():
    """Over all data of ten fair rows that serve thirty generations; the truth is 0."""
    n, alpha, wrong = 10, 0.5, 0.0
    for k in range(n + 1):
        up = np.arange(n) < k
        monitor = mc.Monitor("loss", margin=0.5, range=(0, 1), fresh=False, alpha=alpha)
        monitor.update(0, losses=(~up).astype(float))
        lower = [monitor.update(t, losses=up.astype(float)).lower for t in range(1, 31)]
        wrong += scipy.stats.binom.pmf(k, n, 0.5) * (max(lower) > 0)

    assert 0 < wrong <= alpha


def test_it_says_where_no_rows_could_raise_an_alarm():
    """Two rows are too few, and more of them are not."""
    few, many = loss_monitor(), loss_monitor()
    few.update(1, losses=[0, 0])
    many.update(1, losses=[0] * 40)

    found = few.update(2, losses=[5, 5])
    assert not found.decidable
    assert not found.alarmed
    assert "2 rows cannot show it here: give more" in found.sentence
    assert many.update(2, losses=[0] * 40).decidable
    assert many.update(3, losses=[5] * 40).alarmed


def test_evidence_beyond_all_floats():
    """It is infinite as a number, and not as a logarithm."""
    monitor = loss_monitor()
    monitor.update(1, losses=np.zeros(10_000))
    status = monitor.update(2, losses=np.full(10_000, 5.0))

    assert status.e_value == math.inf
    assert 1000 < status.log_e_value < math.inf
    assert 0 <= status.p_value < 1e-300


@pytest.mark.parametrize("fresh", [True, False])
def test_a_saved_monitor_goes_on_bit_by_bit(fresh, tmp_path):
    """With what it has seen, through a file that is strict JSON."""
    rng, path = np.random.default_rng(1), tmp_path / "monitor.json"
    one = loss_monitor(fresh=fresh)
    other = loss_monitor(fresh=fresh)
    for t in range(6):
        losses = rng.random(50) + 0.1 * t
        extra = {"reference": rng.random(50)} if fresh else {}
        other.save(path)
        json.loads(path.read_text(), parse_constant=pytest.fail)
        other = mc.Monitor.load(path)
        assert one.update(t, losses=losses, **extra) == other.update(t, losses=losses, **extra)
        assert one.history == other.history


def test_the_state_of_another_monitor_is_refused(tmp_path):
    """Its settings are named; what was there stays."""
    path, monitor = tmp_path / "monitor.json", begun()
    monitor.save(path)
    for options in ({"alpha": 0.01}, {"margin": 0.2}, {"range": (0, 4)}, {"fresh": True}):
        other = loss_monitor(**options)
        name = next(iter(options))
        with pytest.raises(mc.InvalidInput, match=f"{name} = .* is not that of the monitor in"):
            other.resume(path)
        assert other.status is None
    again = loss_monitor()
    again.resume(path)
    assert again.status == monitor.status


def test_the_statistic_is_known_by_its_name(tmp_path):
    """A file holds no code."""
    path = tmp_path / "monitor.json"
    options = {"margin": 0.1, "range": (0, 1), "fresh": False}
    mc.Monitor("rows", statistic=second, **options).save(path)

    assert mc.Monitor.load(path, statistic=second).statistic is second
    with pytest.raises(mc.InvalidInput, match=r"statistic = None is not that .* 'second'"):
        mc.Monitor.load(path)


def test_files_that_are_none(tmp_path):
    """Missing, damaged, of something else, or not to be written."""
    path = tmp_path / "monitor.json"
    with pytest.raises(mc.InvalidInput, match="cannot be read"):
        mc.Monitor.load(path)
    begun().save(path)
    text = path.read_text()
    path.write_text(text.replace('"comparisons": 2', '"comparisons": 1'))
    with pytest.raises(mc.InvalidInput, match="damaged"):
        mc.Monitor.load(path)
    monitoring.saving.write_json(path, {"format": 1})
    with pytest.raises(mc.InvalidInput, match=r"holds no monitor: give a file of Monitor.save"):
        mc.Monitor.load(path)
    with pytest.raises(mc.InvalidInput, match="path = 3"):
        mc.Monitor.load(3)
    with pytest.raises(mc.InvalidInput, match="no folder"):
        begun().save(tmp_path / "none" / "monitor.json")


def test_it_travels():
    """Pickle and copy; a copy goes its own way."""
    monitor = begun()
    for again in (pickle.loads(pickle.dumps(monitor)), copy.deepcopy(monitor), copy.copy(monitor)):  # noqa: S301
        assert again.status == monitor.status
        again.update(9, losses=LOSSES)
        assert monitor.status.generation == 3


def test_it_is_shown():
    """As text, as a table, and as a frame."""
    monitor = begun()

    assert repr(loss_monitor()).endswith("no update yet)")
    assert "margin=0.1" in repr(monitor)
    assert "<table>" in monitor._repr_html_()
    assert "<table>" in monitor.status._repr_html_()
    assert "<table>" in loss_monitor()._repr_html_()
    assert monitor.to_frame()["generation"].to_list() == [1, 2, 3]
    assert monitor.status.as_dict()["rows"] == 40


def test_a_stop_rule_is_a_plain_function():
    """Of the model and its generation."""
    monitor = loss_monitor()
    stop = monitor.stop_rule(lambda model: LOSSES + model)

    assert [stop(model, t) for t, model in enumerate([0, 0, 3, 3])] == [False, False, True, True]
    with pytest.raises(mc.InvalidInput, match="measure = 3"):
        monitor.stop_rule(3)
    fresh = loss_monitor(fresh=True)
    stop = fresh.stop_rule(lambda model: LOSSES + model)
    with pytest.raises(mc.InvalidInput, match=r"measure\(model\) = .* a tuple of two"):
        stop(0, 1)
    assert not fresh.stop_rule(lambda model: (LOSSES + model, LOSSES))(0, 1)
