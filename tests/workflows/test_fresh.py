"""Fresh real rows and arbitrary weights: rows, files, the plain loop and the Gaussian's moments."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.evidence import samples_needed
from modelcollapse.loop.schedule import Schedule
from modelcollapse.testing import assert_mean
from modelcollapse.workflows import curves, sources
from modelcollapse.workflows.selection import select

SIZES = st.integers(1, 6)


def moments(first, parts, share, generations):
    """Return E v_t and E m_t^2 of a Gaussian loop (ddof 0, d = 1), from pairs of rows, exactly.

    `parts(t)` is (real, sampled) rows of batch t; `share(t)` the weight of every row, a list over
    all rows so far. E x_i x_j of all pairs of rows is kept: a row of batch t + 1 has the products
    E x_i m_t with old rows, and E m_t^2 (+ E v_t on the diagonal) with its own batch.
    """
    products = [[Fraction(int(i == j)) for j in range(first)] for i in range(first)]
    found = []
    for t in range(1, generations + 1):
        weights = share(t)
        with_fit = [sum(w * x for w, x in zip(weights, row, strict=True)) for row in products]
        square = sum(w * x for w, x in zip(weights, with_fit, strict=True))
        raw = sum(w * products[i][i] for i, w in enumerate(weights))
        found.append((raw - square, square))
        if t == generations:
            break
        real, drawn = parts(t + 1)
        for _ in range(real):
            for row in products:
                row.append(Fraction(0))
            products.append([Fraction(0)] * len(products) + [Fraction(1)])
        old = len(products)
        with_fit += [Fraction(0)] * real
        for k in range(drawn):
            for i, row in enumerate(products):
                row.append(square if i >= old else with_fit[i])
            products.append([*with_fit, *[square] * k, raw])
    return found


@settings(max_examples=25)
@given(first=st.integers(2, 5), real=SIZES, drawn=SIZES, weight=st.none() | st.integers(1, 9))
def test_gaussian_moments_with_fresh_data(first, real, drawn, weight):
    """The predictions are those of the pairs of rows, in exact arithmetic."""
    w = Fraction(real, real + drawn) if weight is None else Fraction(weight, 10)

    def share(t):
        if t == 1:
            return [Fraction(1, first)] * first
        before = first + (t - 2) * (real + drawn)
        return [Fraction(0)] * before + [w / real] * real + [(1 - w) / drawn] * drawn

    workflow = mc.FreshData(real, drawn, None if weight is None else float(w))
    prediction = mc.predict(mc.Experiment(mc.Gaussian(), workflow, first, 4))

    exact = moments(first, lambda _: (real, drawn), share, 4)
    assert prediction["variance"] == pytest.approx([float(v) for v, _ in exact], rel=1e-12)
    assert prediction["squared_error"] == pytest.approx([float(m) for _, m in exact], rel=1e-12)


@settings(max_examples=25)
@given(first=st.integers(2, 4), data=st.data())
def test_gaussian_moments_on_a_growing_web(first, data):
    """The same, with everything accumulated and parts of a batch empty."""
    pairs = st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(any)
    grown = data.draw(st.lists(pairs, min_size=3, max_size=3))

    def share(t):
        count = first + sum(map(sum, grown[: t - 1]))
        return [Fraction(1, count)] * count

    web = mc.Web([real for real, _ in grown], [drawn for _, drawn in grown])
    prediction = mc.predict(mc.Experiment(mc.Gaussian(), web, first, 4))

    exact = moments(first, lambda t: grown[t - 2], share, 4)
    assert prediction["variance"] == pytest.approx([float(v) for v, _ in exact], rel=1e-12)
    assert prediction["squared_error"] == pytest.approx([float(m) for _, m in exact], rel=1e-12)


@pytest.mark.parametrize(
    "workflow", [mc.FreshData(3, 4, 0.6), mc.Web(2, (3, 0, 4)), mc.Web(0, 5)], ids=repr
)
@pytest.mark.parametrize("dim", [1, 2])
def test_simulated_moments_are_the_predicted_ones(workflow, dim, seed):
    """Mean by Catoni's estimator with the predicted variance, for a normal truth and for rows."""
    truth = None if dim == 1 else np.random.default_rng(1).standard_normal((7, 2)) ** 3
    e = mc.Experiment(mc.Gaussian(dim, ddof=dim - 1), workflow, 5, 4, truth=truth)
    prediction = mc.predict(e)
    for name in ("variance", "squared_error"):
        value, variance = prediction[name][-1], prediction.variances[name][-1]
        count = samples_needed("mean", 0.1 * value, variance=variance)
        assert count < 200_000
        runs = mc.simulate(e, count, seed)
        assert_mean(runs[name][:, -1], value, variance)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("ddof", [0, 1])
def test_a_web_of_real_rows_is_a_larger_sample(dim, ddof):
    """Without sampled rows generation t is one fit to N_t real rows: mean and variance, exactly."""
    truth = np.random.default_rng(1).standard_normal((7, dim)) ** 3
    e = mc.Experiment(mc.Gaussian(dim, ddof), mc.Web((3, 1, 4), 0), 2, 4, truth=truth)
    web = mc.predict(e)
    for t, n in enumerate(np.cumsum(e.sizes)):
        alone = mc.Experiment(mc.Gaussian(dim, ddof), mc.Replace(), int(n), 1, truth=truth)
        sample = mc.predict(alone)
        for name in ("variance", "squared_error", "second_moment"):
            assert web[name][t] == pytest.approx(sample[name][0], rel=1e-12)
            both = web.variances[name][t], sample.variances[name][0]
            assert both[0] == pytest.approx(both[1], rel=1e-10)


@pytest.mark.parametrize("workflow", [mc.FreshData(3, 4, 0.6), mc.Web(2, 3)], ids=repr)
def test_the_plain_loop_brings_fresh_rows(workflow):
    """`run` draws the real part of each batch from the data and samples the other part."""
    data = np.linspace(100.0, 101.0, 50)
    result = mc.run(mc.Gaussian(), data, workflow, samples=6, generations=4, seed=3)
    sizes = [len(batch) for batch in result.batches]
    counts = sources.real_counts(workflow, sizes)

    assert sizes == workflow.batch_sizes(6, 4).tolist()
    for batch, real in zip(result.batches, counts, strict=True):
        known = np.isin(batch[:, 0], data)
        assert known[:real].all()
        assert not known[real:].any()


def test_fresh_rows_leave_other_loops_as_they_were():
    """With nothing fresh the web is accumulate, number for number."""
    data = np.linspace(0.0, 1.0, 50)
    web = mc.run(mc.Gaussian(), data, mc.Web(0, 6), samples=6, generations=4)
    pool = mc.run(mc.Gaussian(), data, mc.Accumulate(), samples=6, generations=4)

    assert web["variance"].tolist() == pool["variance"].tolist()


def test_kernel_densities_with_fresh_rows(seed):
    """S' = (n_r + n_s (S + h^2)) / (n_r + n_s); the statistic of 20,000 runs is a mean of rows."""
    e = mc.Experiment(mc.KDE(0.5), mc.FreshData(3, 4), samples=5, generations=3)
    runs, expected = mc.simulate(e, 20_000, seed), 1.0
    for _ in range(2):
        expected = (3 + 4 * (expected + 0.25)) / 7
    # Rows of one training set have E x^4 <= 3 (1 + 2 h^2)^2: normal mixtures of that variance.
    assert_mean(runs["second_moment"][:, -1], expected, 3 * 1.5**2)
    assert mc.predict(e)["second_moment"][-1] == pytest.approx(expected, rel=1e-14)


class Announcing(mc.FreshData):
    """A workflow that announces the given numbers of real rows."""

    counts = (4, 4, 4)

    def real_rows(self, generation):
        """Return the number of batch `generation`."""
        return self.counts[generation - 2]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((4, 6, 7), r"real_rows\(3\) = 6 and batch 3 has 5 rows"),
        ((-1, 2, 7), r"real_rows\(2\) = -1 is not valid"),
        ((5, 0, 6), r"real_rows\(4\) = 6 and batch 4 has 5 rows"),
    ],
)
def test_more_real_rows_than_rows(counts, message):
    """The first batch that they do not fit into is named; none and all of its rows fit."""
    workflow = Announcing(2, 3)
    workflow.__dict__["counts"] = counts
    assert sources.real_counts(Announcing(2, 3), [7, 4, 5, 6]).tolist() == [7, 4, 4, 4]
    with pytest.raises(mc.InvalidInput, match=message):
        sources.real_counts(workflow, [9, 5, 5, 5])


@given(rows=st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=4, max_size=4))
def test_weighted_is_its_matrix(rows):
    """Row weights are W[t, s] / n_s; a row's later entries are zero."""
    lower = [row[: t + 1] for t, row in enumerate(rows)]
    lower = [row if sum(row) else [1] + [0] * (len(row) - 1) for row in lower]
    matrix = [[value / sum(row) for value in row] for row in lower]
    workflow, sizes = mc.Weighted(matrix), [3, 1, 2, 4]
    for t in range(1, 5):
        chosen, weights = select(workflow, sizes[:t], np.random.default_rng(0))
        shares = np.repeat(np.array(matrix[t - 1]) / sizes[:t], sizes[:t])
        assert weights == pytest.approx(shares[chosen])
        assert np.flatnonzero(shares).tolist() == chosen.tolist()
    square = [row + [0] * (4 - len(row)) for row in matrix]
    assert workflow == mc.Weighted(square)
    assert hash(workflow) == hash(mc.Weighted(square))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1], [0.5, 0.4]], r"generation 2 = \[0.5, 0.4\] is not valid: it sums to 0.9; make it 1"),
        ([[1, 0], [0.5, 0.5], [1, 0, 0]], "generation 1: an array of shape"),
        ([[0, 1], [0.5, 0.5]], "generation 1 trains on batch 2, which is sampled after it"),
        ([[1], [-0.5, 1.5]], "not negative"),
        ([[1], [float("nan"), 1]], "weights are finite"),
        ([], "at least one generation"),
        (3, "one list of numbers per generation"),
        ([["a"]], "one list of numbers per generation"),
    ],
)
def test_weights_that_are_no_workflow(matrix, message):
    """Each is refused, with the generation."""
    with pytest.raises(mc.InvalidInput, match=message):
        mc.Weighted(matrix)


def test_weights_cannot_be_changed_afterwards():
    """Neither through the workflow, nor through the array that it was made of."""
    mine = np.array([[1.0, 0.0], [0.25, 0.75]])
    workflow = mc.Weighted(mine)
    before = hash(workflow)
    mine[1] = [1.0, 0.0]
    workflow.batch_weights([1, 1])[:] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        workflow.matrix[1] = [1.0, 0.0]
    assert hash(workflow) == before
    assert workflow == mc.Weighted([[1], [0.25, 0.75]])


def test_no_more_generations_than_weights():
    """An experiment ends where the table does."""
    with pytest.raises(mc.InvalidInput, match="generations = 3 is not valid"):
        mc.Experiment(mc.Gaussian(), mc.Weighted([[1], [0.5, 0.5]]), 10, 3)


def test_weights_from_a_file(tmp_path):
    """Square or triangular, with blank lines; what is wrong names the line."""
    file = tmp_path / "weights.csv"
    file.write_text("1,,\n0.25,0.75,\n\n0,0.5,0.5\n")
    assert mc.Weighted.read(file) == mc.Weighted([[1, 0, 0], [0.25, 0.75, 0], [0, 0.5, 0.5]])
    for text, message in (
        ("1\nx,y\n", r"line 2 = 'x,y' is not valid"),
        ("1\n0.5,0.6\n", "generation 2"),
        ("1\n0.5,,0.5\n", "without a header or gaps"),
        ("", "the file has no numbers: give one line per generation"),
    ):
        file.write_text(text)
        with pytest.raises(mc.InvalidInput, match=message):
            mc.Weighted.read(file)
    with pytest.raises(mc.InvalidInput, match="cannot be read"):
        mc.Weighted.read(tmp_path / "nowhere.csv")
    with pytest.raises(mc.InvalidInput, match="path = 3"):
        mc.Weighted.read(3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: mc.FreshData(0, 3), "real = 0"),
        (lambda: mc.FreshData(3, 0), "synthetic = 0"),
        (lambda: mc.FreshData(3, 3, 1.0), "weight = 1.0"),
        (lambda: mc.Web(-1, 3), "real = -1"),
        (lambda: mc.Web("3", 3), "real = '3'"),
        (lambda: mc.Web([1, -2], 3), r"real\[1\] = -2"),
        (lambda: curves.growing(10, 0.0, 0.5), "growth = 0.0"),
        (lambda: curves.growing(10, 0.5, 1.5), "real_share = 1.5"),
        (lambda: mc.Web(0, 0), r"real, synthetic = \(0, 0\)"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Web([0], 0), 5, 2), "at generation 2 = 0"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Web([1], 1), 5, 3), "generations = 3"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Web(1, 1), [5, 5], 2), "the size of batch 1"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.FreshData(1, 1), 1, 2), "at least 2"),
    ],
)
def test_wrong_fresh_data_is_refused(build, message):
    """Counts, shares and schedules are checked before anything runs."""
    with pytest.raises(mc.InvalidInput, match=message):
        build()


@given(
    first=st.integers(1, 1000),
    rate=st.floats(0.01, 2.0),
    share=st.floats(0.0, 1.0),
    T=st.integers(2, 12),
)
def test_a_growing_web_has_the_rate_asked_for(first, rate, share, T):
    """After t generations there are first (1 + rate)^(t-1) rows, in the shares asked for."""
    web = curves.growing(first, rate, share)
    total = first
    for t in range(2, T + 1):
        real, drawn = web.real_rows(t), web.synthetic_rows(t)
        total += real + drawn
        assert total == round(first * (1 + rate) ** (t - 1))
        assert abs(real - share * (real + drawn)) <= 0.5


def test_growth_curves_from_a_file(tmp_path):
    """The first line is batch 1, without sampled rows."""
    file = tmp_path / "web.csv"
    file.write_text("real,synthetic\n1000000000000,0\n5,0\n2,7\n")
    first, web = curves.read(file)
    e = mc.Experiment(mc.Gaussian(), web, first, 3)

    assert e.sizes.tolist() == [10**12, 5, 9]
    assert sources.real_counts(web, e.sizes.tolist()).tolist() == [10**12, 5, 2]
    for text, message in (
        ("a,b\n1,0\n", "header real,synthetic"),
        ("real,synthetic\n", "no line for batch 1"),
        ("real,synthetic\n10,1\n", "before any model"),
        ("real,synthetic\n10,0\n1.5,2\n", "line 3 = '1.5,2'"),
        ("real,synthetic\n10,0\n1\n", "line 3 = '1'"),
    ):
        file.write_text(text)
        with pytest.raises(mc.InvalidInput, match=message):
            curves.read(file)


def test_a_random_workflow_has_no_memory():
    """What is missing is said, as by its weights."""
    with pytest.raises(mc.NoClosedForm, match="has no batch_weights"):
        Schedule(mc.AccumulateSubsample(), np.array([3, 3])).step(2)


def test_more_rows_than_a_batch_has_are_refused_where_they_are_given():
    """Not where the batches are made."""
    with pytest.raises(mc.InvalidInput, match=r"real \+ synthetic"):
        mc.FreshData(3, 10**12)
