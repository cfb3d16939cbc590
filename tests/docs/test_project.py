"""What surrounds the package: its metadata, how it is cited, and what hosts run and show."""

import email
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
import yaml
from hatchling.build import build_sdist, build_wheel

from modelcollapse.ledger.references import PAPER, REFERENCES
from tests.helpers.pages import HOSTED, README, ROOT

TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = TABLE["project"]
PYTHONS = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
EMPTY, ADDRESS = 'address = ""', "https://example.org/someone/modelcollapse"
LINK = re.compile(r"(!?)\[[^\[\]]*\]\(([^()\s]+)\)")


def read(name):
    """Return a file of YAML."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Return a function of an address that gives the metadata of a wheel built from an sdist.

    In a clone without the package's own files, by what is installed, with nothing else at hand.
    """

    def build(address):
        clone = tmp_path / "clone"
        (clone / "modelcollapse").mkdir(parents=True)
        (clone / "modelcollapse" / "__init__.py").touch()
        shutil.copytree(ROOT / ".ci", clone / ".ci")
        for name in ("README.md", "LICENSE", "modelcollapse_pytest.py"):
            shutil.copy(ROOT / name, clone / name)
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert text.count(EMPTY) == 1
        text = text.replace(EMPTY, f'address = "{address}"')
        (clone / "pyproject.toml").write_text(text, encoding="utf-8")
        monkeypatch.chdir(clone)
        with tarfile.open(tmp_path / build_sdist(tmp_path)) as archive:
            archive.extractall(tmp_path, filter="data")
        monkeypatch.chdir(tmp_path / f"modelcollapse-{PROJECT['version']}")
        with zipfile.ZipFile(tmp_path / build_wheel(tmp_path)) as wheel:
            (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(wheel.read(name))

    return build


def page_of(metadata):
    """Return the page that a package index shows."""
    assert metadata["Description-Content-Type"] == "text/markdown"
    return metadata.get_payload(decode=True).decode()


def test_without_an_address_the_page_is_the_first_page(built):
    """No address is made up; the keywords and the authors are there."""
    metadata = built("")

    assert page_of(metadata) == README.read_text(encoding="utf-8")
    assert metadata.get_all("Project-URL") is None
    assert set(metadata["Keywords"].split(",")) == set(PROJECT["keywords"])
    assert metadata["Author"] == PROJECT["authors"][0]["name"]


def test_with_an_address_all_links_are_absolute(built):
    """Each leads to the file of this version, a picture to its bytes, and the rest is the same."""
    metadata = built(f"{ADDRESS}/")
    page, first = page_of(metadata), README.read_text(encoding="utf-8")
    tag = f"v{PROJECT['version']}"
    before, after = LINK.findall(first), LINK.findall(page)

    assert len([target for _, target in before if not target.startswith("https://")]) > 20
    assert sum(bool(picture) for picture, _ in before) >= 1
    for (picture, target), (_, absolute) in zip(before, after, strict=True):
        if target.startswith(("https://", "#")):
            assert absolute == target
            continue
        assert absolute == f"{ADDRESS}/{'raw' if picture else 'blob'}/{tag}/{target}"
        assert (ROOT / target.partition("#")[0]).is_file()
    assert LINK.sub("", page) == LINK.sub("", first)
    places = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert places["Source"] == ADDRESS
    assert places["Changelog"] == f"{ADDRESS}/blob/{tag}/CHANGELOG.md"


def test_the_citation_is_the_projects():
    """CITATION.cff says what pyproject.toml says, and the paper is that of the references."""
    told = read("CITATION.cff")
    (paper,) = told["references"]
    fields = REFERENCES[PAPER].fields

    assert (told["cff-version"], told["type"]) == ("1.2.0", "software")
    assert (told["title"], str(told["version"])) == (PROJECT["name"], PROJECT["version"])
    assert (told["abstract"], told["license"]) == (PROJECT["description"], PROJECT["license"])
    assert told["authors"] == PROJECT["authors"]
    assert told["keywords"] == PROJECT["keywords"]
    address = TABLE["tool"]["hatch"]["metadata"]["hooks"]["custom"]["address"]
    assert told.get("repository-code", "") == address
    names = [
        "".join(f"{word[0]}. " for word in person["given-names"].split()) + person["family-names"]
        for person in paper["authors"]
    ]
    assert " and ".join(names) == fields["author"]
    assert (paper["title"], str(paper["year"])) == (fields["title"], fields["year"])
    assert paper["conference"]["name"] == fields["booktitle"]
    assert (paper["collection-title"], str(paper["volume"])) == (fields["series"], fields["volume"])
    assert f"{paper['start']}-{paper['end']}" == fields["pages"]
    assert paper["identifiers"] == [{"type": "other", "value": f"arXiv:{fields['eprint']}"}]


def test_the_version_is_dated():
    """The changelog's newest section, the citation and the first page are of the same version."""
    told = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(.*)\](?: - (.*))?$", told, re.MULTILINE)
    date = str(read("CITATION.cff")["date-released"])

    assert sections[:2] == [("Unreleased", ""), (PROJECT["version"], date)]
    assert f"version = {{{PROJECT['version']}}}" in README.read_text(encoding="utf-8")


def test_a_host_runs_what_is_declared():
    """Every declared Python, the lowest versions and .ci/run, with fixed actions and no secret."""
    (file,) = (ROOT / ".github" / "workflows").iterdir()
    text, told = file.read_text(encoding="utf-8"), read(file)
    lowest = PROJECT["requires-python"].removeprefix(">=")
    jobs = told["jobs"]
    steps = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}

    assert {*jobs["pythons"]["strategy"]["matrix"]["python"], lowest} == PYTHONS
    assert ".ci/run" in steps["everything"]
    assert any(step.startswith(".ci/lowest ") for step in steps["lowest"])
    for name in ("everything", "lowest"):
        (python,) = (s["with"]["python-version"] for s in jobs[name]["steps"] if "with" in s)
        assert python == lowest
    assert told["permissions"] == {"contents": "read"}
    assert "secrets" not in text
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", use) for use in re.findall(r"uses: (.*)", text))


def test_the_lowest_versions_are_the_declared_ones():
    """Each package that users install has one, but those of which tests need newer ones."""
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lowest"], capture_output=True, text=True, check=True
    )
    printed = done.stdout.split()
    extras = PROJECT["optional-dependencies"]
    users = [
        r for e in ("plot", "frames", "arrow", "metrics", "sweep", "report") for r in extras[e]
    ]
    bounds = {r for r in (*PROJECT["dependencies"], *users, *extras["dask"]) if ">=" in r}

    assert {line.replace("==", ">=") for line in printed} - set(extras["pytest"]) == bounds
    assert len({line.partition("==")[0] for line in printed}) == len(printed)


def test_the_hooks_are_the_checks():
    """What runs before a commit are checks of .ci/run, by what is installed."""
    (own,) = read(".pre-commit-config.yaml")["repos"]
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert own["repo"] == "local"
    for hook in own["hooks"]:
        assert hook["language"] == "system"
        if "pre-push" not in hook.get("stages", []):
            assert f".venv/bin/{hook['entry'].removesuffix(' --force-exclude')}" in run


def test_hosts_find_their_pages():
    """How to contribute, and how to report a weakness."""
    assert [page.name for page in HOSTED] == ["CONTRIBUTING.md", "SECURITY.md"]
