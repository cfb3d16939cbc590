"""Predictions, trajectories and runs as data frames: the same as the commands' files."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import modelcollapse as mc
from modelcollapse.cli import main

LOOP = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 10, 4)
COMMON = ["--workflow", "accumulate", "--samples", "10", "--generations", "4"]


def test_a_prediction_is_a_row_per_generation():
    """With a column for each expectation."""
    prediction = mc.predict(LOOP)
    found = prediction.to_frame()

    assert found.columns == ["generation", *prediction.expected]
    assert found["generation"].to_list() == [1, 2, 3, 4]
    for name in prediction:
        assert found[name].to_list() == prediction[name].tolist()
    long = prediction.to_frame(long=True)
    assert long.columns == ["generation", "quantity", "value"]
    assert len(long) == 4 * len(prediction.expected)
    variance = long.filter(pl.col("quantity") == "variance")
    assert variance["value"].to_list() == prediction["variance"].tolist()


def test_trajectories_are_a_row_per_replicate_and_generation():
    """As recorded; a quantity with a further axis has no column."""
    runs = mc.simulate(LOOP, 3, at=[1, 4], extra=["log_pivots"])
    found = runs.to_frame()

    assert found.columns == ["replicate", "generation", *(n for n in runs if n != "log_pivots")]
    assert found["replicate"].to_list() == [0, 0, 1, 1, 2, 2]
    assert found["generation"].to_list() == [1, 4] * 3
    for replicate in range(3):
        own = found.filter(pl.col("replicate") == replicate)
        assert own["variance"].to_list() == runs["variance"][replicate].tolist()
    long = runs.to_frame(long=True)
    assert len(long) == 6 * (len(found.columns) - 2)
    wide = long.pivot("quantity", index=["replicate", "generation"], values="value")
    assert_frame_equal(wide, found, check_exact=True)


def test_trajectories_share_their_memory():
    """A column of the frame is the array."""
    runs = mc.simulate(LOOP, 3)

    assert np.shares_memory(runs.to_frame()["variance"].to_numpy(), runs["variance"])


def test_the_simulate_commands_file_is_the_same_table(tmp_path):
    """Bit by bit, of the same call."""
    path = tmp_path / "runs.parquet"
    assert main(["simulate", "gaussian", *COMMON, "--replicates", "5", "--output", str(path)]) == 0

    assert_frame_equal(pl.read_parquet(path), mc.simulate(LOOP, 5).to_frame(), check_exact=True)


def test_the_run_commands_file_is_the_same_table(tmp_path):
    """Bit by bit, of the same call."""
    path = tmp_path / "run.parquet"
    arguments = ["--estimator", "gaussian", "--data", "iris", *COMMON, "--output", str(path)]
    assert main(["run", *arguments]) == 0
    run = mc.run(mc.Gaussian(4), mc.datasets.load("iris"), mc.Accumulate(), 10, 4)

    found = run.to_frame()
    assert found.columns == ["generation", *run.metrics]
    assert_frame_equal(pl.read_parquet(path), found, check_exact=True)
    long = run.to_frame("pandas", long=True)
    assert long["value"].tolist() == [x for values in run.metrics.values() for x in values]


def test_wrong_libraries():
    """Each result says which there are."""
    for result in (mc.predict(LOOP), mc.simulate(LOOP, 2)):
        with pytest.raises(mc.InvalidInput, match="unknown library 'numpy'"):
            result.to_frame("numpy")
