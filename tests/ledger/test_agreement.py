"""Verifying a loop of one's own: the same verdicts, near misses and errors as the ledger's."""

import json
from dataclasses import replace

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.cli import main
from modelcollapse.families.gaussian import predict as gaussian_predict
from modelcollapse.ledger import by_loop
from modelcollapse.loop import consistency

EPS = np.finfo(float).eps
WEIGHTS = [[1], [0.3, 0.7], [0.2, 0.2, 0.6], [0.1, 0.2, 0.3, 0.4]]


def loop(**changes):
    """Return a small loop with weights of one's own."""
    usual = {"workflow": mc.Weighted(WEIGHTS), "samples": 10, "generations": 4}
    return mc.Experiment(mc.Gaussian(), **usual | changes)


def test_a_loop_of_ones_own_holds(seed):
    """Every predicted moment is tested at the last generation, each with near misses."""
    verdicts = mc.verify_experiment(loop(), seed=seed)

    assert [v.slug for v in verdicts] == [
        "gaussian/weighted/variance",
        "gaussian/weighted/squared-error",
        "gaussian/weighted/second-moment",
        "gaussian/weighted/determinant",
    ]
    for verdict in verdicts:
        assert verdict.verdict == "holds"
        assert "t=4" in verdict.parameters
        assert {"5 % more", "5 % less"} <= set(verdict.near_misses)
    assert {"replace's", "accumulate's"} <= set(verdicts[0].near_misses)


def test_near_misses_are_what_they_are_called(seed):
    """Each is as far from what was observed as the prediction that its name says."""
    e = loop()
    others = {
        f"{workflow.name}'s": mc.predict(loop(workflow=workflow))
        for workflow in (mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample())
    }
    seen = set()
    for verdict in mc.verify_experiment(e, seed=seed, effect=0.02):
        name = verdict.slug.split("/")[-1].replace("-", "_")
        value, before = mc.predict(e)[name][[-1, -2]]
        expected = {"2 % more": 1.02 * value, "2 % less": 0.98 * value}
        expected |= {miss: other[name][-1] for miss, other in others.items()}
        expected["a generation too few"] = before
        for miss, distance in verdict.near_statistics.items():
            # What was observed is printed to six digits.
            found = abs(float(verdict.observed) - expected[miss])
            assert distance == pytest.approx(found, abs=1e-5 * value), (name, miss)
            seen.add(miss)
    assert seen >= {"2 % more", "2 % less", "a generation too few", "replace's", "accumulate's"}


@pytest.mark.parametrize("verifies", ["an experiment", "the ledger"])
def test_progress_is_a_share(verifies):
    """It begins at 0, grows with every check by the same, and ends at 1."""
    told = []
    if verifies == "the ledger":
        verdicts = mc.verify_all(
            "gaussian/accumulate*/limit*", progress=lambda *more: told.append(more)
        )
    else:
        verdicts = mc.verify_experiment(loop(), progress=lambda *more: told.append(more))
    found = [verdict.slug for verdict in verdicts]

    assert [name for name, _ in told] == [*found, ""]
    shares = [share for _, share in told]
    assert shares == pytest.approx(np.linspace(0, 1, len(found) + 1), abs=1e-15)


def test_a_wrong_prediction_is_found(monkeypatch, seed):
    """A prediction that is off by the effect asked for fails."""
    right = gaussian_predict.second_order
    monkeypatch.setattr(
        gaussian_predict, "second_order", lambda e: type(right(e))(*(1.08 * x for x in right(e)))
    )
    verdicts = mc.verify_experiment(loop(), seed=seed, effect=0.08)

    assert {v.verdict for v in verdicts} == {"fails"}


def test_long_and_wild_loops_are_cut_to_what_can_be_seen():
    """Replace's variance is carried by rare runs late, so that an earlier generation is tested."""
    e = mc.Experiment(mc.Gaussian(), mc.Replace(), samples=3, generations=1000)
    verdicts = mc.verify_experiment(e, effect=0.3)
    tested = {v.slug.split("/")[-1]: int(v.parameters.split(",")[0][2:]) for v in verdicts}

    assert {v.verdict for v in verdicts} == {"holds"}
    assert tested["variance"] < tested["log-variance"] == 30


class Bootstrap:
    """Trains on rows of the last batch, drawn with replacement."""

    name = "bootstrap"

    def training_rows(self, sizes, rng):
        """Draw rows."""
        return rng.integers(sum(sizes[:-1]), sum(sizes), size=sizes[-1])


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (mc.Gaussian(2), ["variance", "squared-error"]),
        (mc.KDE(0.5), ["second-moment", "central-variance"]),
        (mc.Poisson(), ["variance", "squared-error"]),
    ],
    ids=repr,
)
def test_a_random_workflow_is_held_against_the_plain_loop(model, names, seed):
    """What has no prediction is simulated as `run` runs it, and what time cannot tell is weak."""
    e = mc.Experiment(model, Bootstrap(), 10, 3)
    verdicts = mc.verify_experiment(e, effect=0.9, seconds=1, seed=seed)

    assert [v.slug.split("/", 1)[1] for v in verdicts] == [f"bootstrap/loop-{n}" for n in names]
    for verdict in verdicts:
        assert verdict.verdict == ("holds" if all(verdict.near_misses.values()) else "weak")
        assert {"90 % more", "90 % less"} <= verdict.near_misses.keys()
        assert verdict.near_misses["90 % less"]


def test_a_simulation_of_another_loop_is_found(monkeypatch, seed):
    """A simulator that takes the workflow for replace does not have the plain loop's law."""
    right = by_loop.simulate
    e = mc.Experiment(mc.Gaussian(), Bootstrap(), 5, 5)
    monkeypatch.setattr(
        by_loop,
        "simulate",
        lambda e, *more: right(replace(e, workflow=mc.Accumulate()), *more),
    )
    verdicts = mc.verify_experiment(e, effect=0.9, seconds=3, seed=seed)

    assert "fails" in {v.verdict for v in verdicts}


def test_what_was_not_compared_is_said(monkeypatch, seed):
    """Of a workflow of one's own, at how many generations its methods were not compared."""
    monkeypatch.setattr(consistency, "SECONDS", 0.0)
    e = mc.Experiment(mc.Gaussian(), Pool(), 5, 5)
    found = mc.verify_experiment(e, effect=0.5, seconds=0.1, seed=seed)

    assert "training_rows was not compared with the weights at 2 of 5" in found[0].parameters


class Pool:
    """Accumulate, as one's own."""

    def training_rows(self, sizes, rng):
        """Return all rows."""
        del rng
        return np.arange(sum(sizes))

    def batch_weights(self, sizes):
        """Return the shares of the batches."""
        return np.array(sizes) / sum(sizes)


def test_what_cannot_be_tested_says_why():
    """A random workflow without weights has no prediction to test."""

    class Half:
        def training_rows(self, sizes, rng):
            return rng.integers(sum(sizes), size=2)

    with pytest.raises(mc.InvalidInput, match=r"nothing can be tested: .*batch_weights"):
        mc.verify_experiment(mc.Experiment(mc.Discrete(3), Half(), 10, 3))
    with pytest.raises(mc.InvalidInput, match="seconds = 0"):
        mc.verify_experiment(loop(), seconds=0)
    with pytest.raises(mc.InvalidInput, match="effect = 2"):
        mc.verify_experiment(loop(), effect=2)
    with pytest.raises(mc.InvalidInput, match="experiment = 3"):
        mc.verify_experiment(3)


def test_a_plain_loop_that_ends_early_is_said(monkeypatch):
    """Its numbers are those of fewer generations."""
    stopped = mc.run(mc.Gaussian(), mc.Normal.standard(1), mc.Replace(), 9, 2)
    stopped = replace(stopped, outcome="fit failed at generation 3: no")
    monkeypatch.setattr(by_loop, "run", lambda *_, **__: stopped)
    own = mc.Experiment(mc.Gaussian(), Named(), 9, 4)
    with pytest.raises(mc.InvalidInput, match="the plain loop ended early: fit failed at gen"):
        mc.verify_experiment(own, effect=0.9)


class Named(mc.Replace):
    """A workflow of one's own, of another schedule method than its parent's."""

    def training_rows(self, sizes, rng):
        """Return the last batch."""
        return mc.Replace().training_rows(sizes, rng)


def test_the_three_commands_take_a_workflow_from_a_file(tmp_path, capsys):
    """predict, simulate and verify, with the same options."""
    file = tmp_path / "weights.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in WEIGHTS))
    options = ["gaussian", "--workflow", "weighted", "--weights", str(file), "--samples", "10"]

    assert main(["predict", *options, "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)
    assert predicted["experiment"]["workflow"]["matrix"] == WEIGHTS
    assert predicted["generation"] == [1, 2, 3, 4]
    assert predicted["expected"]["variance"] == mc.predict(loop())["variance"].tolist()
    assert main(["simulate", *options, "--replicates", "50", "--json"]) == 0
    simulated = json.loads(capsys.readouterr().out)
    assert np.shape(simulated["mean"]["variance"]) == (4,)
    assert main(["verify", *options, "--json"]) == 0
    verdicts = json.loads(capsys.readouterr().out)
    assert [v["verdict"] for v in verdicts["verdicts"]] == ["holds"] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--workflow", "accumulate"], "workflow needs a family"),
        (["verify", "--workflow", "replace"], "workflow needs a family"),
        (["verify", "--effect", "0.1"], "effect needs a family"),
        (["verify", "gaussian", "--generations", "2.5"], "give a whole number"),
        (["predict", "gaussian", "--workflow", "web"], "--growth and --real-share"),
        (["verify", "gaussian", "--only", "*"], "only = '*'"),
        (["verify", "gausian"], "did you mean gaussian"),
        (["predict", "gaussian", "--weights", "x.csv"], "cannot be read"),
        (["predict", "gaussian", "--growth", "1"], "belongs to the workflow 'web'"),
        (["predict", "gaussian", "--workflow", "web", "--growth", "1"], "belong together"),
        (["predict", "gaussian", "--workflow", "web", "--real", "x", "--synthetic", "3"], "real ="),
        (["predict", "gaussian", "--workflow", "fresh-data", "--real", "1,2"], "one whole number"),
    ],
)
def test_wrong_use_is_one_line(arguments, message, capsys):
    """Exit status 2 and a line that names the option."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_the_web_on_the_command_line(tmp_path, capsys):
    """Rates and a file describe the same web."""
    assert (
        main(
            [
                "predict",
                "gaussian",
                "--workflow",
                "web",
                "--samples",
                "100",
                "--growth",
                "0.5",
                "--real-share",
                "0.5",
                "--generations",
                "4",
                "--json",
            ]
        )
        == 0
    )
    by_rate = json.loads(capsys.readouterr().out)
    rows = tmp_path / "web.csv"
    rows.write_text("real,synthetic\n100,0\n25,25\n38,37\n56,57\n")
    assert (
        main(
            [
                "predict",
                "gaussian",
                "--workflow",
                "web",
                "--rows",
                str(rows),
                "--generations",
                "4",
                "--json",
            ]
        )
        == 0
    )
    by_file = json.loads(capsys.readouterr().out)

    assert by_rate["expected"] == by_file["expected"]
    assert by_rate["experiment"]["workflow"]["real"]["rate"] == 0.5
    assert by_file["experiment"]["workflow"]["real"] == [25, 38, 56]
    assert (
        main(["predict", "gaussian", "--workflow", "web", "--rows", str(rows), "--samples", "5"])
        == 2
    )


def test_bounds_serve_where_a_variance_is_open(seed):
    """Heterozygosity under weights of one's own: its variance is at most that of its bounds."""
    e = mc.Experiment(mc.Discrete(5), mc.Weighted(WEIGHTS), samples=10, generations=4)
    assert "heterozygosity" not in mc.predict(e).variances
    verdicts = mc.verify_experiment(e, seed=seed)

    assert [v.slug.split("/")[-1] for v in verdicts][:2] == ["heterozygosity", "squared-error"]
    assert {v.verdict for v in verdicts} == {"holds"}
    low, high = mc.predict(e).bounds["heterozygosity"]
    runs = mc.simulate(e, 2000, seed)["heterozygosity"]
    assert low <= runs.min() <= runs.max() <= high * (1 + 4 * EPS)


def test_an_inherited_name_is_not_the_built_ins():
    """A class that extends replace and does something else gets no verdict on replace."""

    class Kept(mc.Replace):
        training_rows, batch_weights = mc.KeepReal().training_rows, mc.KeepReal().batch_weights
        memory = None

    verdicts = mc.verify_experiment(mc.Experiment(mc.Gaussian(), Kept(), 9, 3), seconds=0.2)
    assert {v.slug.split("/")[1] for v in verdicts} == {"own"}
