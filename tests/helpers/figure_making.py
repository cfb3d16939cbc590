"""What the tests of all figures share: a quick figure, made once, and what its folder holds."""

import json

import pytest
from matplotlib.image import imread

import modelcollapse as mc
from modelcollapse.reproduce import Context, make, named

WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample(),
}


def fixtures(name):
    """Return two fixtures: the folder and the data of a quick figure, and its pictures by name."""

    @pytest.fixture(scope="module")
    def made(tmp_path_factory):
        """Return the folder of the quick figure, and its data."""
        folder, shares = tmp_path_factory.mktemp(name), []
        context = Context(folder, "quick", progress=lambda share, _: shares.append(share))
        make(name, context)
        assert shares == sorted(shares)
        assert shares[-1] == 1
        return folder, named(name).compute(context)

    @pytest.fixture(scope="module")
    def pictures(made):
        """Return its pictures by name."""
        return {picture.name: picture for picture in named(name).draw(made[1])}

    return made, pictures


def assert_files(made, pictures, names, parts):
    """Assert that pictures, data and captions are there."""
    folder, frames = made
    about = json.loads((folder / "figure.json").read_text())
    assert [p["png"] for p in about["pictures"]] == [f"{name}.png" for name in names]
    assert list(pictures) == names
    for name, picture in pictures.items():
        assert imread(folder / f"{name}.png").shape[2] == 4
        assert (folder / f"{name}.pdf").stat().st_size > 0
        assert len(picture.alt) > 40
    assert all(len(about[key]) > 100 for key in ("shows", "original", "difference"))
    assert parts <= set(frames)
    assert (folder / f"{about['name']}.parquet").exists()
