"""The value of synthetic data: a grid of fits, its regressions and its report."""

import csv
import json
import math
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from modelcollapse._support.errors import InvalidInput, MissingDependency
from modelcollapse._support.sealed import read_json, read_table, write_json, write_table
from modelcollapse.language import backend
from modelcollapse.language.folder import FORMAT, read_rows
from modelcollapse.language.judging import Judge
from modelcollapse.language.loop import run
from modelcollapse.language.regression import CONSTANT, DEPENDENT, least_squares, regressions
from modelcollapse.language.settings import prepare
from modelcollapse.language.training import fine_tune
from modelcollapse.language.value import read_pool, value
from modelcollapse.language.value_report import Values, draw, tables, write_report
from tests.helpers.language_models import offline, options, settings, texts, wrapped  # noqa: F401

pytestmark = pytest.mark.language

REAL, SYNTHETIC = (0, 8, 24), (0, 16, 40)
TRAINING_ROWS = 68  # of the data
TIMES = ("training_seconds", "sampling_seconds")
NAMES = ["log_real", "real", "proportion", "log_real + proportion", "real + proportion"]
SIZES = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 100_000)), min_size=5, max_size=20, unique=True
)


def grid(path, **changes):
    """Run the small grid, or what is left of it."""
    own = {name: changes.pop(name) for name in ("samples", "recipe") if name in changes}
    wanted = {"settings": settings(**{"samples": None, **own}), "options": options()}
    wanted |= {"real": REAL, "synthetic": SYNTHETIC}
    return value(output=path, **{**wanted, **changes})


def numbers(path):
    """Return the bits of everything in a run's folder, but times and what is about the machine."""
    found = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if file.suffix == ".parquet":
            found[name] = read_table(file).to_dict(as_series=False)
        elif file.name == "metrics.json":
            record = read_json(file)
            found[name] = {key: x for key, x in record.items() if key not in TIMES}
        elif file.name == "run.json":
            found[name] = read_json(file)["configuration"]
    return found


def stamps(path):
    """Return when each file was written."""
    return {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.name != "lock"}


def record_of(path, real, synthetic):
    """Return the metrics of a cell."""
    return read_json(path / f"seed-0/cell-r{real}-s{synthetic}/metrics.json")


def nats_of(path, real, synthetic):
    """Return the held-out losses of a cell."""
    return read_table(path / f"seed-0/cell-r{real}-s{synthetic}/held_out.parquet")["nats"].to_list()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a finished grid."""
    return grid(tmp_path_factory.mktemp("value") / "run")


@pytest.fixture
def pool(tmp_path):
    """Return a file of 30 synthetic rows."""
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in texts(30, seed=5)))
    return path


def written(path, cells):
    """Write the folder of a grid with given (seed, real, synthetic) -> loss."""
    configuration = {"experiment": "value of synthetic data", "columns": ["text"]}
    about = {"format": FORMAT, "configuration": configuration}
    path.mkdir()
    write_json(path / "run.json", about)
    for (seed, r, s), loss in cells.items():
        place = path / f"seed-{seed}" / f"cell-r{r}-s{s}"
        place.mkdir(parents=True)
        record = {"seed": seed, "real": r, "synthetic": s, "loss": loss, "steps": r + s}
        record["outcome"] = "completed"
        write_json(place / "metrics.json", record)
    return path


def test_the_cell_without_rows_is_the_base(finished):
    """Bit for bit: nothing is trained."""
    setup = prepare(settings(samples=None))
    with backend.quiet(), backend.threads(1):
        expected = Judge(setup).nats(wrapped(setup.base.model(0), setup.encoder))

    assert nats_of(finished, 0, 0) == expected.tolist()
    assert record_of(finished, 0, 0)["steps"] == 0


@pytest.mark.parametrize(("real", "synthetic"), [(8, 0), (24, 0), (0, 16), (8, 40)])
def test_a_cell_is_a_plain_fit_to_the_first_rows(finished, real, synthetic):
    """Of both files: the base, fine-tuned with streams of the seed and the two numbers."""
    setup = prepare(settings(samples=None))
    rows = read_rows(finished / "seed-0/real.parquet")[:real]
    rows += read_rows(finished / "seed-0/real/generation-001/samples.parquet")[:synthetic]
    with backend.quiet(), backend.threads(1):
        model = setup.base.model(0)
        stream = backend.derived(0, backend.TRAIN, real, synthetic)
        fine_tune(model, setup.encoder, setup.encoder.encode(rows), setup.recipe, stream)
        expected = Judge(setup).nats(wrapped(model, setup.encoder))

    assert len(rows) == real + synthetic
    assert nats_of(finished, real, synthetic) == expected.tolist()
    assert record_of(finished, real, synthetic)["row_loss"] == expected.mean()


def test_the_real_rows_are_the_loops_in_random_order(finished, tmp_path):
    """The same rows as the loop's batch 1, and the pool has the largest number of rows."""
    loop = run(settings(samples=24), tmp_path / "loop", generations=1, options=options("none"))
    own, other = (read_rows(path / "seed-0/real.parquet") for path in (finished, loop))

    assert own != other
    assert sorted(row["text"] for row in own) == sorted(row["text"] for row in other)
    assert len(read_rows(finished / "seed-0/real/generation-001/samples.parquet")) == 40


def test_every_cell_is_announced_and_the_share_grows_to_one(tmp_path):
    """In steps that never go back."""
    shares, lines = [], []
    grid(
        tmp_path / "run",
        real=(8,),
        synthetic=(0, 8),
        report=lambda share, what: shares.append((share, what)),
        announce=lines.append,
    )
    grown = [share for share, _ in shares]

    assert [line.partition(":")[0] for line in lines[3:]] == [
        "real, seed 0, generation 1",
        "8 real and 0 synthetic rows, seed 0",
        "8 real and 8 synthetic rows, seed 0",
    ]
    assert grown == sorted(grown)
    assert 0.8 < grown[-1] <= 1


def test_an_interrupted_grid_goes_on_with_the_same_numbers(finished, tmp_path):
    """Wherever it was interrupted, half-written folders are gone and finished ones untouched."""
    count = 0

    def interrupt(share, what):
        nonlocal count
        del share
        if what.startswith("8 real and 40"):
            count += 1
            if count == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grid(tmp_path / "run", real=(8, 24), report=interrupt)
    before = stamps(tmp_path / "run" / "seed-0" / "cell-r8-s16")

    assert not list((tmp_path / "run").rglob("*.partial"))
    assert not (tmp_path / "run/seed-0/cell-r8-s40").exists()
    grid(tmp_path / "run", real=(8, 24))
    assert numbers(tmp_path / "run").items() <= numbers(finished).items()
    assert (tmp_path / "run/seed-0/cell-r8-s40/metrics.json").exists()
    assert stamps(tmp_path / "run" / "seed-0" / "cell-r8-s16") == before


def test_a_finished_grid_is_left_alone_and_extended(finished, tmp_path):
    """More cells within the largest numbers change no other cell, and order does not matter."""
    some = grid(tmp_path / "run", real=(24,), synthetic=(40, 0))
    before = stamps(some / "seed-0")
    grid(some, real=(24,), synthetic=(0, 40))
    assert stamps(some / "seed-0").items() >= before.items()

    grid(some, real=(24, 0, 8), synthetic=(40, 16, 0))
    assert numbers(some) == numbers(finished)
    assert stamps(some / "seed-0/cell-r24-s40").items() <= before.items()


def test_the_users_pool_is_used_in_a_random_order(tmp_path, pool):
    """Nothing is sampled; the same rows in a Parquet file are the same pool."""
    path = grid(tmp_path / "run", pool=pool, real=(8,), synthetic=(20,), seeds=(0, 1))
    orders = [read_rows(path / f"seed-{seed}" / "pool.parquet") for seed in (0, 1)]
    before = stamps(path / "seed-1")

    assert not (path / "seed-0/real").exists()
    assert texts(30, seed=5) != orders[0] != orders[1] != texts(30, seed=5)
    for rows in orders:
        assert sorted(row["text"] for row in rows) == sorted(r["text"] for r in texts(30, seed=5))

    other = tmp_path / "pool.parquet"
    write_table(other, {"text": [row["text"] for row in texts(30, seed=5)]})
    grid(path, pool=other, real=(8,), synthetic=(20, 30))
    assert stamps(path / "seed-1") == before
    assert record_of(path, 8, 30)["steps"] == 5


def test_a_pool_needs_no_real_rows(tmp_path, pool):
    """And synthetic rows alone are a grid."""
    path = grid(tmp_path / "run", pool=str(pool), real=(0,), synthetic=(30,))
    assert not (path / "seed-0/real.parquet").exists()
    assert record_of(path, 0, 30)["steps"] == 4


def test_models_are_kept_if_asked_for(tmp_path):
    """By default that of the pool; "all" keeps those of the cells."""
    for keep, kept in (("last", 1), ("all", 3)):
        path = grid(tmp_path / keep, real=(8,), synthetic=(0, 8), options=options(keep))
        models = list(path.rglob("model.safetensors"))
        assert len(models) == kept
        assert path / "seed-0/real/generation-001/model/model.safetensors" in models


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real": (8, TRAINING_ROWS + 1)}, "real = 69.* 68 usable training rows"),
        ({"real": (8, 8)}, "real = .* none twice"),
        ({"synthetic": (0, 3, 0)}, "synthetic = .* none twice"),
        ({"real": (-1, 8)}, "real = -1 .* at least 0"),
        ({"synthetic": (0, 2.5)}, "synthetic = 2.5 .* whole number"),
        ({"synthetic": (True,)}, "synthetic = True .* whole number"),
        ({"real": ()}, "real = .* at least one"),
        ({"real": (0,)}, r"real = \[0\]: .* give one above 0, or a pool"),
        ({"seeds": (0, 0)}, "seeds = .* different"),
        ({"samples": 24}, "samples = 24 .* leave it out"),
        ({"pool": "absent.jsonl"}, "pool = 'absent.jsonl' is not a .* file"),
    ],
)
def test_wrong_arguments_are_refused_before_a_folder_is_made(tmp_path, changes, message):
    """With the name, the value and the remedy."""
    with pytest.raises(InvalidInput, match=message):
        grid(tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_what_is_left_out_of_a_pool_is_said(pool):
    """Rows by their reasons, and columns."""
    rows = [{"text": "every " * 100, "id": 1}, {"text": "", "id": 2}]
    with pool.open("a") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    kept, (told, columns) = read_pool(pool, prepare(settings()))

    assert len(kept) == 30
    assert "31 synthetic rows, 1 of them left out: 1 longer than 24 tokens; 1 rows with" in told
    assert columns.endswith(": columns not used: id")


def test_a_pool_that_is_too_small_or_of_another_kind_is_refused(tmp_path, pool):
    """With both numbers; with the columns; rows that are too long do not count."""
    with pytest.raises(InvalidInput, match=r"synthetic = 40: pool = .* has 30 usable rows"):
        grid(tmp_path / "run", pool=pool)
    with pool.open("a") as file:
        file.write(json.dumps({"text": "every " * 100}) + "\n")
    with pytest.raises(InvalidInput, match=r"synthetic = 31: pool = .* has 30 usable rows"):
        grid(tmp_path / "run", pool=pool, synthetic=(31,))
    pool.write_text(json.dumps({"prompt": "a", "response": "b"}) + "\n")
    with pytest.raises(InvalidInput, match=r"pool = .* has no rows of text"):
        grid(tmp_path / "run", pool=pool)
    pool.write_text("{")
    with pytest.raises(InvalidInput, match=r"pool: data = .* cannot be loaded"):
        grid(tmp_path / "run", pool=pool)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real": (0, 8)}, "real_rows is 24 there and 8 here"),
        ({"synthetic": (0, 41)}, "pool is '40 sampled rows' there and '41 sampled rows' here"),
        ({"recipe": {"epochs": 2.0}}, "epochs is 1.0 there and 2"),
    ],
)
def test_another_grid_is_refused_with_the_difference(finished, changes, message):
    """And nothing is overwritten."""
    before = stamps(finished)
    with pytest.raises(InvalidInput, match=message):
        grid(finished, **changes)
    assert stamps(finished) == before


def test_a_loops_folder_is_refused(finished, tmp_path, pool):
    """Either way, and the pool of another digest too."""
    loop = run(settings(samples=8), tmp_path / "loop", generations=1, options=options())
    with pytest.raises(InvalidInput, match="experiment is None there"):
        grid(loop)
    with pytest.raises(InvalidInput, match="experiment is 'value of synthetic data' there"):
        run(settings(samples=8), finished, generations=1, options=options())
    with pytest.raises(InvalidInput, match="pool is '40 sampled rows' there and '30 given rows"):
        grid(finished, pool=pool, synthetic=(0,))


@given(sizes=SIZES, slope=st.floats(-9, 9), level=st.floats(-9, 9))
def test_a_line_is_found_exactly(sizes, slope, level):
    """The loss level + slope log r has R² = 1 with log_real, and that of the line in r likewise."""
    r, s = np.array(sizes).T
    assume(np.ptp(r) > 0)
    assume(abs(slope) > 1e-3)
    for number, (name, x) in enumerate((("log_real", np.log(r)), ("real", r.astype(float)))):
        fit = regressions(r, s, level + slope * x)[number]

        assert fit.name == name
        assert fit.cells == len(r)
        assert fit.r_squared == pytest.approx(1, abs=1e-9)
        assert fit.coefficients[name] == pytest.approx(slope, rel=1e-6)
        scale = 1 + abs(level) + abs(slope) * abs(x).max()
        assert fit.intercept == pytest.approx(level, abs=1e-6 * scale)


def test_a_plane_is_found_exactly():
    """In the logarithm and the proportion together; neither alone explains it."""
    r, s = (np.array(x).ravel() for x in np.meshgrid([1, 10, 100, 1000], [0, 10, 300]))
    fits = {f.name: f for f in regressions(r, s, 2 - 0.1 * np.log(r) + 0.3 * r / (r + s))}
    both = fits["log_real + proportion"]

    assert list(fits) == NAMES
    assert both.r_squared == pytest.approx(1)
    assert both.intercept == pytest.approx(2)
    assert both.coefficients == pytest.approx({"log_real": -0.1, "proportion": 0.3})
    assert fits["log_real"].r_squared < 0.999
    assert fits["proportion"].r_squared < 0.999


def test_one_predictor_agrees_with_scipy(seed):
    """Slope, intercept and squared correlation of random losses."""
    rng = np.random.default_rng(seed)
    r, s, loss = rng.integers(1, 999, 30), rng.integers(0, 999, 30), rng.normal(size=30)
    for fit, x in zip(regressions(r, s, loss)[:3], (np.log(r), r, r / (r + s)), strict=True):
        known = stats.linregress(x, loss)
        assert fit.coefficients[fit.name] == pytest.approx(known.slope)
        assert fit.intercept == pytest.approx(known.intercept)
        assert fit.r_squared == pytest.approx(known.rvalue**2)


def test_two_predictors_agree_with_the_normal_equations(seed):
    """(X'X)^-1 X'y with a column of ones."""
    rng = np.random.default_rng(seed)
    r, s, loss = rng.integers(1, 999, 30), rng.integers(0, 999, 30), rng.normal(size=30)
    for fit, x in zip(regressions(r, s, loss)[3:], (np.log(r), r), strict=True):
        X = np.column_stack([np.ones(30), x, r / (r + s)])
        solved = np.linalg.solve(X.T @ X, X.T @ loss)
        unexplained = ((loss - X @ solved) ** 2).sum() / ((loss - loss.mean()) ** 2).sum()

        assert [fit.intercept, *fit.coefficients.values()] == pytest.approx(solved.tolist())
        assert fit.r_squared == pytest.approx(1 - unexplained)


@given(sizes=SIZES, data=st.data(), a=st.floats(1e-3, 1e3), b=st.floats(-10, 10))
def test_affine_maps_of_the_loss_leave_the_share_unchanged(sizes, data, a, b):
    """R² is that of a y + b, and of -y; more predictors never explain less; it is in [0, 1]."""
    losses = st.lists(st.integers(-50, 50), min_size=len(sizes), max_size=len(sizes))
    r, s = np.array(sizes).T
    y = np.array(data.draw(losses)) / 10
    fits, mapped, turned = regressions(r, s, y), regressions(r, s, a * y + b), regressions(r, s, -y)
    shares = [fit.r_squared for fit in fits]

    assume(not any(fit.note for fit in fits))
    assert [fit.r_squared for fit in mapped] == pytest.approx(shares, abs=1e-6)
    assert [fit.r_squared for fit in turned] == pytest.approx(shares, abs=1e-9)
    assert all(-1e-9 <= share <= 1 for share in shares)
    log_real, real, proportion, with_log, with_real = shares
    assert with_log >= max(log_real, proportion) - 1e-9
    assert with_real >= max(real, proportion) - 1e-9


@given(order=st.permutations(range(9)))
def test_the_order_of_the_cells_does_not_matter(order):
    """Up to rounding."""
    r, s = (np.array(x).ravel() for x in np.meshgrid([1, 10, 100], [0, 10, 300]))
    y = np.sin(np.arange(9.0))
    for one, other in zip(regressions(r, s, y), regressions(r[order], s[order], y[order])):  # noqa: B905
        assert one.r_squared == pytest.approx(other.r_squared)
        assert one.coefficients == pytest.approx(other.coefficients)


def test_cells_without_real_rows_take_no_part():
    """Their losses may be anything."""
    r, s = [0, 0, 1, 10, 100, 7], [0, 5, 3, 4, 0, 9]
    known = regressions(r[2:], s[2:], [4.0, 3.0, 2.0, 5.0])
    assert regressions(r, s, [99.0, -99.0, 4.0, 3.0, 2.0, 5.0]) == known


def test_too_few_cells_are_refused():
    """Three numbers always fit a plane."""
    with pytest.raises(InvalidInput, match="3 cells with real rows: at least 4"):
        regressions([0, 1, 2, 3], [1, 1, 2, 5], [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InvalidInput, match=r"2 cells .* 2 coefficients of x .* at least 3"):
        least_squares({"x": np.arange(2.0)}, np.arange(2.0))


def test_losses_that_are_not_finite_are_refused():
    """By name."""
    with pytest.raises(InvalidInput, match=r"loss = .* finite"):
        regressions([1, 2, 3, 4], [0, 1, 1, 1], [1.0, 2.0, math.inf, 3.0])


def test_equal_losses_have_no_share():
    """0/0 is NaN, and the note says why; the line itself is known."""
    for fit in regressions([1, 2, 3, 4], [0, 1, 1, 1], [0.3] * 4):
        assert math.isnan(fit.r_squared)
        assert fit.note == CONSTANT
        assert fit.intercept == 0.3
        assert set(fit.coefficients.values()) == {0.0}


def test_predictors_that_do_not_vary_have_no_coefficients():
    """Without synthetic rows the proportion is 1 everywhere; the other lines are unaffected."""
    fits = {fit.name: fit for fit in regressions([1, 2, 3, 5], [0] * 4, [4.0, 3.0, 2.0, 2.5])}
    for name in ("proportion", "log_real + proportion", "real + proportion"):
        assert fits[name].note == DEPENDENT
        assert math.isnan(fits[name].r_squared)
        assert math.isnan(fits[name].coefficients["proportion"])
    assert 0 < fits["log_real"].r_squared < 1


def test_a_finished_grid_is_reported(finished, tmp_path):
    """One line per cell, one per regression, and a picture."""
    values = Values.read(finished)
    paths = write_report(values, tmp_path)
    cells, fits = (list(csv.DictReader(path.read_text().splitlines())) for path in paths[:2])

    assert [path.name for path in paths] == ["value.csv", "value-regressions.csv", "value.png"]
    assert [(c["real"], c["synthetic"]) for c in cells] == [
        (str(r), str(s)) for r in REAL for s in SYNTHETIC
    ]
    assert [c["proportion"] for c in cells[:4]] == ["", "0.0", "0.0", "1.0"]
    assert [float(c["loss"]) for c in cells] == [
        record_of(finished, r, s)["loss"] for r in REAL for s in SYNTHETIC
    ]
    assert [fit["predictors"] for fit in fits] == NAMES
    assert [float(fit["r_squared"]) for fit in fits] == [
        fit.r_squared for fit in values.regressions()
    ]
    assert fits[0]["cells"] == "6"
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    assert [len(rows) for _, _, rows in tables(values)] == [9, 5]


def test_a_grid_with_seeds_gaps_and_wide_ranges_is_drawn(tmp_path):
    """Missing cells, two seeds, a logarithmic axis, a steep base; or a single cell."""
    sizes = [
        (0, 0, 0),
        (0, 0, 8),
        *((seed, r, s) for seed in (0, 1) for r in (1, 9) for s in (0, 3)),
    ]
    some = {key: 9.0 if key == (0, 0, 0) else 1 + sum(key) / 99 for key in [*sizes, (0, 9, 9000)]}
    for name, cells in (("some", some), ("one", {(0, 0, 0): 1.0})):
        values = Values.read(written(tmp_path / name, cells))
        assert write_report(values)[2].stat().st_size > 5000
    assert len(tables(values)) == 1
    assert values.regression_table()["predictors"] == []


def test_the_loss_of_the_truth_is_known_with_a_grammar(tmp_path):
    """Nats per token of the grammar on the held-out rows, from the excess."""
    path = written(tmp_path / "run", {(0, 0, 0): 2.0})
    file = path / "seed-0/cell-r0-s0/metrics.json"
    assert Values.read(path).entropy is None
    write_json(file, {**read_json(file), "row_loss": 20.0, "excess": 5.0})
    assert Values.read(path).entropy == pytest.approx(1.5)  # 10 tokens per row


def test_what_is_no_grid_is_refused_by_the_report(tmp_path, finished):
    """Another folder, an unfinished one, a damaged file, an unknown loss."""
    with pytest.raises(InvalidInput, match="not the folder of a run"):
        Values.read(tmp_path)
    about = {"format": FORMAT, "configuration": {"columns": ["text"]}}
    write_json(tmp_path / "run.json", about)
    with pytest.raises(InvalidInput, match="not of a grid"):
        Values.read(tmp_path)
    with pytest.raises(InvalidInput, match="no cell is finished"):
        Values.read(written(tmp_path / "empty", {}))
    damaged = written(tmp_path / "damaged", {(0, 1, 1): 1.0})
    (damaged / "seed-0/cell-r1-s1/metrics.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"metrics.json is damaged"):
        Values.read(damaged)
    with pytest.raises(InvalidInput, match="unknown loss 'los'; did you mean loss"):
        Values.read(finished).regressions("los")
    with pytest.raises(InvalidInput, match="is not a folder"):
        write_report(Values.read(finished), tmp_path / "absent")


def test_drawing_without_matplotlib_says_what_to_install(finished, tmp_path, monkeypatch):
    """And leaves no file."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependency, match=r"in a clone.* pip install '\.\[plot\]'$"):
        draw(Values.read(finished), tmp_path / "value.png")
    assert not list(tmp_path.iterdir())
