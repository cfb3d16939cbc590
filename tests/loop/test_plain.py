"""The plain loop, by hand: training rows, metrics, schedules and streams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KernelDensity

from modelcollapse import (
    Accumulate,
    AccumulateSubsample,
    FreshData,
    Gaussian,
    KeepReal,
    Replace,
    Rows,
    SlidingWindow,
    run,
)
from modelcollapse._support import generators
from tests.helpers.toys import FLOORED, PLANE, Ladder, mixture, same, stream_keys


@given(first=st.integers(1, 5), steps=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_replace_by_hand(first, steps):
    """Under replace, batch t + 1 starts one above the mean of batch t."""
    result = run(Ladder(), [0.0, 10.0], Replace(), [first, *steps], len(steps) + 1)

    for before, batch, n in zip(result.batches, result.batches[1:], steps, strict=False):
        assert np.sort(batch[:, 0]) == pytest.approx(before.mean() + np.arange(1, n + 1))
    assert result.model.mean == pytest.approx(result.batches[-1].mean())


@given(first=st.integers(1, 5), steps=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_accumulate_by_hand(first, steps):
    """Under accumulate, batch t + 1 starts one above the mean of batches 1..t."""
    result = run(Ladder(), [0.0, 10.0], Accumulate(), [first, *steps], len(steps) + 1)

    for t, n in enumerate(steps, 1):
        pool = np.concatenate(result.batches[:t])
        assert np.sort(result.batches[t][:, 0]) == pytest.approx(pool.mean() + np.arange(1, n + 1))


def test_weights_by_hand():
    """KeepReal(share) fits share * (mean of batch 1) + (1 - share) * (mean of batch t)."""
    result = run(Ladder(), [0.0, 10.0], KeepReal(0.25), [4, 2, 3], 3)
    real, second, third = (batch.mean() for batch in result.batches)

    assert second == pytest.approx(real + 1.5)
    assert third == pytest.approx(0.25 * real + 0.75 * second + 2)
    assert result.model.mean == pytest.approx(0.25 * real + 0.75 * third)


def test_metrics_by_hand():
    """The moments of the training rows, weighted if they are, and those of the fit."""
    truth, share = Rows([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]]), 0.25
    result = run(Gaussian(2, ddof=1), truth, KeepReal(share), [5, 4, 3], 3, seed=3)
    X = np.concatenate([result.batches[0], result.batches[2]])
    w = np.repeat([share / 5, (1 - share) / 3], [5, 3])
    total, centre = truth.values.var(axis=0).sum(), w @ X

    assert result["second_moment"][2] * total == pytest.approx(
        w @ ((X - truth.values.mean(axis=0)) ** 2).sum(axis=1)
    )
    assert result["central_variance"][2] * total == pytest.approx(
        w @ ((X - centre) ** 2).sum(axis=1)
    )
    assert result["variance"][2] * total == pytest.approx(np.trace(np.cov(X.T, aweights=w, ddof=1)))
    assert result["squared_error"][2] * total == pytest.approx(
        ((centre - truth.values.mean(axis=0)) ** 2).sum()
    )


def test_test_log_loss_and_own_metrics():
    """A test set adds its loss; own metrics see the model, its training rows and the truth."""
    test = np.array([[0.0, 1.0], [1.0, 0.0], [3.0, 3.0]])
    own = {"rows": lambda model, X, truth: len(X) + truth.dim + model.dim}
    result = run(Gaussian(2), PLANE, SlidingWindow(2), 5, 3, test=test, metrics=own)

    assert list(result.metrics) == [
        *("second_moment", "central_variance", "variance", "squared_error", "test_log_loss"),
        "rows",
    ]
    assert result["test_log_loss"][-1] == -result.model.score_samples(test).mean()
    assert result["rows"].tolist() == [9.0, 14.0, 14.0]
    assert same(
        result, run(Gaussian(2), PLANE, SlidingWindow(2), 5, 3, test=Rows(test), metrics=own)
    )


def test_an_infinite_loss_is_a_value():
    """A test row where the fitted density is zero gives an infinite loss and no failure."""
    result = run(
        KernelDensity(kernel="tophat", bandwidth=0.1), [0.0, 1.0], Replace(), 5, 3, test=[9.0, 9.0]
    )

    assert result.completed
    assert np.isposinf(result["test_log_loss"]).all()


def test_streams_do_not_depend_on_metrics_or_length():
    """More metrics, a test set or more generations leave the batches as they are."""
    plain = run(Gaussian(2), PLANE, AccumulateSubsample(), 8, 4)
    more = run(
        *(Gaussian(2), PLANE, AccumulateSubsample(), 8, 6),
        test=np.zeros((2, 2)),
        metrics={"draw": lambda model, *_: model.sample(3, random_state=0).sum()},
    )

    assert all(np.array_equal(a, b) for a, b in zip(plain.batches, more.batches, strict=False))
    assert np.array_equal(plain["variance"], more["variance"][:4])


def test_streams_are_the_documented_ones():
    """Batch 1 is drawn with the key (0,), and generation t samples with the key (t, 2)."""

    def generator(*key):
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(7, spawn_key=key)))

    result = run(Gaussian(2), PLANE, Replace(), 5, 3, seed=7)

    assert np.array_equal(result.batches[0], PLANE.sample(5, generator(0)))
    for t in (1, 2):
        model = Gaussian(2).fit(result.batches[t - 1])
        integer = int(generator(t, 2).integers(2**31 - 1))
        assert np.array_equal(result.batches[t], model.sample(5, random_state=integer))


def test_every_stream_of_a_run_is_its_own(monkeypatch):
    """Batch 1, and of each generation its choice, fit, sample and fresh rows: all keys differ.

    So do those of the global generators, where they are seeded.
    """
    keys = stream_keys(monkeypatch)
    monkeypatch.setattr(
        "modelcollapse.loop.plain.Loop.check", lambda _: None
    )  # it draws for itself
    generations = 6
    run(Gaussian(2), PLANE, FreshData(2, 3), 5, generations, seed=3, seed_global=True)

    uses = {(3, (t, use)) for t in range(1, generations + 1) for use in range(4)}
    asked = {(3, (t, use)) for t in range(1, generations + 1) for use in (4, 5)}
    look = (3, (1, 6))  # whether other seeds give other rows
    assert len(set(keys)) == len(keys)
    assert set(keys) == {(3, (0,)), *uses, *asked, look} - {(3, (generations, u)) for u in (3, 5)}


@FLOORED
def test_the_global_generator_is_left_alone():
    """The loop neither reads nor changes NumPy's global state."""
    before = generators.state()
    run(mixture(0), PLANE, AccumulateSubsample(), 10, 3)

    assert generators.state() == before


@pytest.mark.parametrize("samples", [[3, 5, 4], np.array([3, 5, 4]), lambda t: [3, 5, 4][t - 1]])
def test_schedules(samples):
    """Sizes may be a sequence, an array or a function of the generation."""
    result = run(Gaussian(2), PLANE, Accumulate(), samples, 3)

    assert [len(batch) for batch in result.batches] == [3, 5, 4]
    assert result.experiment["samples"] == [3, 5, 4]


def test_real_rows_are_drawn_with_replacement():
    """Batch 1 holds rows of the data, more than there are if asked."""
    data = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    batch = run(Gaussian(2), data, Replace(), 40, 1).batches[0]

    assert {tuple(row) for row in batch} == {tuple(row) for row in data}


def test_progress_counts_generations():
    """Progress is told of each finished generation."""
    told = []
    run(Gaussian(2), PLANE, Replace(), 5, 4, progress=told.append)

    assert told == [1, 1, 1, 1]
