"""Checkpoints: a file of another run, a damaged or an unwritable one is refused."""

import io
import json

import numpy as np
import pytest

from modelcollapse import Accumulate, Gaussian, InvalidInput, Normal, Replace, run
from modelcollapse.loop import json_data
from tests.helpers.toys import ARGUMENTS, PLANE, Failing, Ladder, fail


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 6}, "seed is 5 there and 6 here"),
        ({"samples": [6, 4, 8, 5, 6, 8]}, "samples is [6, 4, 7, 5, 6, 8] there and [6, 4, 8"),
        ({"temperature": 2.0}, "sampling is None there and {'name': 'tempered', 'temp"),
        ({"test": None}, "there and None here"),
        ({"test": np.ones((2, 2))}, "test is {'shape': [2, 2], 'type': 'float64', "),
        ({"metrics": {"own": lambda *_: 0.0}}, "metrics is {} there and {'own': "),
        (
            {"workflow": Accumulate()},
            "workflow is {'name': 'replace'} there and {'name': 'accumulate'} here",
        ),
        (
            {"estimator": Gaussian(2, 1)},
            "estimator is {'model': 'gaussian', 'dim': 2, 'ddof': 0} there",
        ),
        (
            {"data": Normal.standard(2).sample(9, np.random.default_rng(0))},
            "data is 'standard normal in 2 dimensions' there",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, message):
    """The message shows the difference, and the file stays as it was."""
    path = tmp_path / "run.npz"
    arguments = {"estimator": Gaussian(2), "data": PLANE, "workflow": Replace(), **ARGUMENTS}
    run(**arguments, checkpoint=path)
    content = path.read_bytes()
    with pytest.raises(InvalidInput) as caught:
        run(**{**arguments, **change}, checkpoint=path)

    assert message in str(caught.value)
    assert "belongs to another run" in str(caught.value)
    assert path.read_bytes() == content


class Plain(Ladder):
    """Has the default repr."""

    def __init__(self, table):
        self.table = table


def test_objects_without_a_repr_are_told_apart(tmp_path):
    """A plain object is known by its attributes, in any process, not by its address."""
    arguments = ([0.0, 1.0], Replace(), 3, 2)
    run(Plain(np.arange(3)), *arguments, checkpoint=tmp_path / "c")
    run(Plain(np.arange(3)), *arguments, checkpoint=tmp_path / "c")
    with pytest.raises(InvalidInput, match=r"estimator is \{'class': 'tests.*Plain'"):
        run(Plain(np.arange(3) + 1), *arguments, checkpoint=tmp_path / "c")


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"no archive",
        lambda data: data[: len(data) // 2],
        lambda data: data[:700] + bytes([data[700] ^ 1]) + data[701:],
        lambda _: archived(rows=np.zeros((3, 2))),
        lambda _: archived(header=np.array("{")),
        lambda _: archived(chosen=np.array([1])),
        lambda _: archived(chosen=np.array([-1]), chosen_sizes=np.array([1])),
        lambda _: archived(chosen=np.array([0.0]), chosen_sizes=np.array([1])),
        lambda _: archived(chosen=np.array([0, 0]), chosen_sizes=np.array([1, 1])),
        lambda _: archived(header=np.array('{"format": "other"}')),
        lambda _: archived(header=np.array(Bomb(), dtype=object)),
        lambda _: plain_array(),
    ],
    ids=[
        *("empty", "text", "half", "bit", "rows", "no JSON", "chosen", "negative", "floats"),
        *("too many", "version", "pickle", "array"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    """A file that is not a whole checkpoint is named and left as it is."""
    path = tmp_path / "run.npz"
    run(Gaussian(2), PLANE, Replace(), **ARGUMENTS, checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    with pytest.raises(InvalidInput, match="is damaged or not a checkpoint"):
        run(Gaussian(2), PLANE, Replace(), **ARGUMENTS, checkpoint=path)

    assert path.read_bytes() == content


class Bomb:
    """Fails the test if it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickled object was loaded",)


def archived(**arrays):
    """Return the bytes of an .npz file."""
    buffer = io.BytesIO()
    header = {"format": "modelcollapse run 2", "metrics": ["a"], "warnings": {}}
    header["configuration"] = {"samples": [1]}
    complete = {
        "header": np.array(json.dumps(header)),
        "metrics": np.zeros((1, 1)),
        "sizes": np.array([1]),
        "rows": np.zeros((1, 2)),
        "chosen": np.empty(0, np.int64),
        "chosen_sizes": np.empty(0, np.int64),
    }
    np.savez(buffer, **{**complete, **arrays})
    return buffer.getvalue()


def plain_array():
    """Return the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def test_a_checkpoint_that_cannot_be_written(tmp_path):
    """The path is tried before any work."""
    touched = Failing("fit", 1, fail)
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none" / "c", tmp_path / "file" / "c", "a\0b", ""):
        with pytest.raises(InvalidInput, match="checkpoint = "):
            run(touched, PLANE, Replace(), 5, 3, checkpoint=path)

    assert touched.counts == []


def test_an_error_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    """The file is replaced as a whole or not at all, and no other file stays behind."""
    path = tmp_path / "run.npz"
    run(Gaussian(2), PLANE, Replace(), 5, 3, checkpoint=path)
    content = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        if arrays:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        run(Gaussian(2), PLANE, Replace(), 5, 4, checkpoint=path)

    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_changed_code_is_another_run(tmp_path):
    """Of an estimator, a workflow and a measure, under the names that they had."""

    def made(factor):
        class Mine(Gaussian):
            def fit(self, X, y=None, sample_weight=None):
                return super().fit(factor * X, y, sample_weight)

        Mine.__qualname__ = "Mine"
        return Mine

    one, other = json_data.code_of(made(1)()), json_data.code_of(made)
    assert one != other
    assert one == json_data.code_of(made(1)())
    assert json_data.code_of(Gaussian()) == ""
    assert json_data.code_of(fail) != json_data.code_of(made)
    path = tmp_path / "run.npz"
    measures = {"own": lambda *_: 1.0}, {"own": lambda *_: 2.0}
    for measure in measures:
        given = Gaussian(2), PLANE, Replace(), 6, 2

        def again(measure=measure, given=given):
            return run(*given, metrics=measure, checkpoint=path)

        if measure is measures[0]:
            again()
        else:
            with pytest.raises(InvalidInput, match="belongs to another run"):
                again()
