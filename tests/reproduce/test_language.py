"""The figures on language models: what they run, their data, and what is drawn of them."""

import importlib.util
import json

import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread
from scipy import stats

from modelcollapse import mixed
from modelcollapse._support.errors import InvalidInput, MissingDependency
from modelcollapse.language import Results, Values, backend, compare_workflows
from modelcollapse.language.recipe import PAPER, SMALL
from modelcollapse.reproduce import Context, make, named
from modelcollapse.reproduce.figure import Stopped
from modelcollapse.reproduce.language import loop as language
from modelcollapse.reproduce.language import pooled_mean
from modelcollapse.reproduce.language import value as language_value
from modelcollapse.reproduce.language.options import parsed, planned
from tests.helpers.language_folders import TOKENS, generation, losses, real_batch, run_folder
from tests.helpers.language_models import folder, lines, offline

__all__ = ["offline"]
pytestmark = pytest.mark.language

TINY = {"held_out": "12", "max_length": "24", "batch_size": "8"}
OF_LOOP = {"samples": "24", "generations": "2", "seeds": "0,1"}
OF_VALUE = {"real": "8,16", "synthetic": "0,16", "seeds": "0"}
HUB = {"model": "google/gemma-2-2b", "data": "nvidia/HelpSteer2"}
WORKFLOWS = ("replace", "accumulate-subsample", "accumulate")


def context(path, own, **changes):
    """Return a context whose models take a second."""
    options = {"model": str(folder()), "data": str(lines()), **TINY, **own, **changes}
    return Context(path, "quick", options=options)


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """Return the folder of a finished figure."""
    return make("language", context(tmp_path_factory.mktemp("language"), OF_LOOP)).parent


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Return the folder of the other one."""
    return make("language-value", context(tmp_path_factory.mktemp("value"), OF_VALUE)).parent


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return the frames of a run on the grammar, written by hand."""
    path = run_folder(tmp_path_factory.mktemp("grammar") / "run")
    for seed in (0, 1):
        real_batch(path, seed)
        generation(path, "real", seed, 1, excess=0.5, grammatical=0.9)
        for place, workflow in enumerate(WORKFLOWS):
            for t in (2, 3):
                excess = 0.5 + 0.1 * t / (1 + place) + 0.01 * seed
                generation(path, workflow, seed, t, excess=excess, grammatical=0.9 - 0.01 * t)
    keys = [(w, s, t) for w in WORKFLOWS for s in (0, 1) for t in (1, 2, 3)]
    return language.frames(Results.read(path), keys)


@pytest.mark.parametrize(("name", "pictures"), [("loop", 2), ("grid", 2)])
def test_the_quick_figure_is_made(request, name, pictures):
    """Its pictures open, and its caption says something."""
    path = request.getfixturevalue(name)
    about = json.loads((path / "figure.json").read_text())

    assert len(about["pictures"]) == pictures
    for picture in about["pictures"]:
        assert imread(path / picture["png"]).std() > 0.01
        assert (path / picture["pdf"]).read_bytes().startswith(b"%PDF")
        assert len(picture["alt"]) > 50
    assert all(len(about[part]) > 200 for part in ("shows", "original", "difference"))


def test_the_data_are_the_runs(loop):
    """Each metric of the run is in the table, and each comparison."""
    results = Results.read(loop / "runs")
    data = pl.read_parquet(loop / "language.parquet")
    own = data.filter(part="language", quantity="loss")
    pairs = {
        (row["first"], row["second"], row["seed"]): row["mean"]
        for row in data.filter(part="paired").iter_rows(named=True)
    }

    assert {(r["workflow"], r["seed"], r["generation"]): r["value"] for r in own.to_dicts()} == {
        key: record["loss"] for key, record in results.records.items()
    }
    found = compare_workflows(results)
    assert len(found) == len(pairs) == 6
    for pair in found:  # in the order of the alphabet, which is from best to worst
        turned = pairs[pair.second, pair.first, pair.seed]
        assert turned == pytest.approx(-pair.comparison.mean, abs=1e-15)


def test_it_resumes_and_shows_what_is_asked_for(loop):
    """Nothing is trained again; seeds that the folder holds beside those are not shown."""
    stamps = {file: file.stat().st_mtime_ns for file in (loop / "runs").rglob("metrics.json")}
    frames = named("language").compute(context(loop, OF_LOOP, seeds=[1]))

    assert set(frames["language"]["seed"]) == set(frames["paired"]["seed"]) == {1}
    assert stamps == {file: file.stat().st_mtime_ns for file in stamps}
    assert "truth" not in frames


def test_another_model_does_not_fit_into_the_folder(grid):
    """The numbers would belong to both."""
    with pytest.raises(InvalidInput, match="learning_rate"):
        make("language-value", context(grid, OF_VALUE, learning_rate="0.5"))


def test_the_value_data_are_the_cells(grid):
    """With how much of the variance of the loss each regression explains."""
    values = Values.read(grid / "runs")
    data = pl.read_parquet(grid / "language-value.parquet")
    cells = data.filter(part="language").select("seed", "real", "synthetic", "loss").rows()
    shares = dict(data.filter(part="regressions").select("predictors", "r_squared").rows())

    table = values.table()
    own = zip(*(table[n] for n in ("seed", "real", "synthetic", "loss")), strict=True)
    assert sorted(cells) == sorted(own)
    assert len(cells) == 4
    assert shares == {fit.name: fit.r_squared for fit in values.regressions()}


def test_the_papers_size_by_its_model():
    """Gemma 2 2B on HelpSteer2: the paper's recipe, rows, generations and grid."""
    plan = planned(Context(None, options=HUB), language.DEFAULTS)
    assert (plan.settings.model, plan.settings.data) == (HUB["model"], HUB["data"])
    assert plan.settings.recipe == PAPER
    assert plan.settings.samples == [12_500, 20_324]
    assert plan.numbers == {"generations": 20, "seeds": [0, 1, 2]}
    assert plan.work.jobs == 1

    numbers = planned(Context(None, options=HUB), language_value.DEFAULTS).numbers
    assert (min(numbers["real"]), max(numbers["real"])) == (0, 12_288)
    assert numbers["real"][1] == numbers["synthetic"][1] == 256
    assert max(numbers["synthetic"]) == 131_072


def test_the_default_size_and_what_wins_over_it():
    """A built-in model has one that needs no GPU; options, text or not, come first."""
    plan = planned(Context(None, jobs=2), language.DEFAULTS)
    assert (plan.settings.model, plan.settings.data) == ("tiny-gemma2", "grammar")
    assert plan.settings.recipe == SMALL
    assert (plan.settings.samples, plan.numbers["generations"]) == ([500], 10)
    assert (plan.work.jobs, plan.work.threads, plan.work.keep) == (2, 1, "none")

    given = {"samples": "40,20", "learning_rate": "0.5", "columns": "a,b", "generations": 7}
    plan = planned(Context(None, options=given), language.DEFAULTS)
    assert plan.settings.samples == [40, 20]
    assert plan.settings.columns == ("a", "b")
    assert plan.settings.recipe.learning_rate == 0.5
    assert plan.numbers["generations"] == 7


def test_wrong_options(tmp_path):
    """The message names the option."""
    with pytest.raises(InvalidInput, match="seeds = '0,x': give whole numbers"):
        parsed("seeds", "0,x")
    with pytest.raises(InvalidInput, match="did you mean samples"):
        make("language", Context(tmp_path, options={"sample": "3"}))
    with pytest.raises(InvalidInput, match="option of the figure 'language-value'"):
        make("language-value", Context(tmp_path, options={"generations": "3"}))
    with pytest.raises(InvalidInput, match="generations = 1"):
        make("language", Context(tmp_path, options={"generations": 1}))
    with pytest.raises(InvalidInput, match="above 0"):
        named("language-value").compute(Context(tmp_path, options={"synthetic": [0]}))


@pytest.mark.parametrize("name", ["language", "language-value"])
def test_interrupted(name, tmp_path, monkeypatch):
    """Ctrl-C says that what is finished is kept."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(language, "run", interrupt)
    monkeypatch.setattr(language_value, "value", interrupt)
    with pytest.raises(Stopped, match="kept"):
        make(name, context(tmp_path, {}))


def test_without_torch(tmp_path, monkeypatch):
    """The message has the command that installs it."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        backend.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(MissingDependency, match=r"pip install '\.\[language\]'"):
        make("language", context(tmp_path, {}))


def test_dask_is_not_for_them(tmp_path):
    """It is said that the models are trained here."""
    heard = []
    planned(Context(tmp_path, dask="tcp://host:8786", found=heard.append), language.DEFAULTS)
    assert heard == ["language models are trained here, without Dask"]


def drawn(picture):
    """Return what each line of each panel shows, by its label."""
    return [
        {line.get_label(): line.get_xydata() for line in axis.lines}
        for axis in picture.drawing.axes
    ]


def test_the_losses_drawn(known):
    """Dots are means over seeds, and the grammar's own excess is 0, its share 1."""
    picture = named("language").draw(known)[0]
    excess, _, grammatical = drawn(picture)

    np.testing.assert_allclose(excess["replace"], [[1, 0.5], [2, 0.705], [3, 0.805]])
    np.testing.assert_allclose(
        excess["accumulate"], [[1, 0.5], [2, 0.5 + 0.2 / 3 + 0.005], [3, 0.605]]
    )
    (floor,) = [k for k in excess if "theorem" in k]
    assert any("21.07" in text.get_text() for text in picture.drawing.axes[0].texts)
    assert set(excess[floor][:, 1]) == {0.0}
    assert set(grammatical[floor][:, 1]) == {1.0}


def test_the_band_is_least_to_most(known):
    """Of the two seeds."""
    axis = named("language").draw(known)[0].drawing.axes[0]
    path = axis.collections[0].get_paths()[0].vertices

    assert path[:, 1].min() == pytest.approx(0.5)
    assert path[:, 1].max() == pytest.approx(0.81)


def test_the_differences_drawn(known):
    """Marks are the clipped means, and their colour tells whether it is decided."""
    panel = named("language").draw(known)[1].drawing.axes[1]
    difference = (losses("replace", 0, 3) - losses("accumulate", 0, 3)) / TOKENS
    marks = {
        round(float(line.get_xdata()[0]), 2): line
        for line in panel.lines
        if len(line.get_xdata()) == 1
    }

    assert marks[2.91].get_ydata()[0] == pytest.approx(np.clip(difference, -1, 1).mean())
    assert panel.get_title() == "replace\nless accumulate"
    assert "undecided" in panel.get_legend_handles_labels()[1]


def test_a_decided_difference_has_the_colour_of_the_worse(known):
    """And says so."""
    sure = known["paired"].with_columns(verdict=pl.lit("second worse"))
    panel = named("language").draw({**known, "paired": sure})[1].drawing.axes[0]

    assert set(panel.get_legend_handles_labels()[1]) == {"accumulate-subsample is worse"}


def test_without_an_entropy_the_loss_is_drawn(loop):
    """In nats per token."""
    data = pl.read_parquet(loop / "language.parquet")
    parts = {part: data.filter(part=part) for part in ("language", "paired")}
    picture = named("language").draw(parts)[0]

    assert picture.drawing.axes[0].get_ylabel() == "held-out loss,\nnats per token"
    dots = drawn(picture)[0]["replace"]
    expected = parts["language"].filter(quantity="loss", workflow="replace", generation=2)
    assert dots[1, 1] == pytest.approx(expected["value"].mean())


@pytest.fixture(scope="module")
def solvable():
    """Return the exactly solvable model on a grid."""
    real = [100, 250, 500, 1000]
    return {
        "gaussian": pooled_mean.means(real, [0, 250, 500, 4000]),
        "gaussian-best": pooled_mean.best_numbers(real),
    }


def test_the_pooled_mean_has_the_law_of_its_theorem(solvable):
    """An error is the square of a centred normal number, so that their sum is chi-squared."""
    frame = solvable["gaussian"]
    scaled = pooled_mean.REPLICATES * frame["mean"] / frame["expected"]
    low, high = stats.chi2(pooled_mean.REPLICATES).interval(1 - 1e-9 / len(frame))

    assert (
        frame["expected"].to_list()
        == mixed.synthetic_value(frame["real"], frame["synthetic"], pooled_mean.GENERATOR).tolist()
    )
    assert low < scaled.min() <= scaled.max() < high


def test_the_best_number_is_the_curves_lowest_point(solvable):
    """Where there is one."""
    best = solvable["gaussian-best"]
    assert best.filter(real=100)["best"].item() == np.inf
    at = np.arange(1.0, 4000)
    curve = mixed.synthetic_value(1000, at, pooled_mean.GENERATOR)
    row = best.filter(real=1000).row(0, named=True)

    assert abs(row["best"] - at[curve.argmin()]) <= 1
    assert row["least"] == pytest.approx(curve.min(), rel=1e-5)
    assert mixed.synthetic_value(1000, row["break_even"], pooled_mean.GENERATOR) == pytest.approx(
        1e-3
    )


def test_the_value_pictures_show_their_data(grid, solvable):
    """Dots are means over seeds, a star the lowest of a curve, lines the theorem."""
    data = pl.read_parquet(grid / "language-value.parquet")
    cells = data.filter(part="language")
    fits = data.filter(part="regressions")
    first, second = named("language-value").draw(
        {"language": cells, "regressions": fits, **solvable}
    )
    means = cells.filter(real=16).group_by("synthetic").agg(pl.col.loss.mean()).sort("synthetic")
    left, right = first.drawing.axes

    np.testing.assert_allclose(drawn(first)[0]["16 real rows"], means.rows())
    stars = [line.get_ydata()[0] for line in left.lines if line.get_marker() == "*"]
    assert means["loss"].min() == pytest.approx(stars[0])
    assert f"{fits.filter(predictors='log_real')['r_squared'].item():.2f}" in right.get_title()
    line = second.drawing.axes[0].lines[0].get_xydata()
    expected = mixed.synthetic_value(1000, line[:, 0], pooled_mean.GENERATOR)
    np.testing.assert_allclose(line[:, 1], 1000 * expected)
