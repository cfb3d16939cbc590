"""The plugin of pytest, as it is installed: every run here is a new process with the wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import modelcollapse as mc
from modelcollapse.testing.checks import Held, hold
from modelcollapse_pytest import CHECK, sentence
from tests.helpers.pages import PAGES, ROOT, blocks, padded

EXAMPLE = Path(__file__).parent / "example_project"
LEDGER = "modelcollapse.testing.ledger"
FEW = "curated/region"  # theorems that need nothing compiled
CHOSEN = mc.theorems(f"{FEW}/*")
DESIGNS = {t.claim.design for t in CHOSEN} - {None}
USE_WITH = next(page for page in PAGES if page.stem == "use-with")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return a folder in which this package and the example project are installed, as wheels."""
    folder = tmp_path_factory.mktemp("installed")
    here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheels, installed = folder / "wheels", folder / "site"
    build = ["wheel", "--no-deps", *here, "--wheel-dir", wheels, ROOT, EXAMPLE]
    subprocess.run([*pip, *build], check=True)
    install = ["install", "--no-deps", "--no-index", "--no-compile", "--target", installed]
    subprocess.run([*pip, *install, *sorted(wheels.iterdir())], check=True)
    return installed


@pytest.fixture
def started(site, tmp_path):
    """Return a function that runs Python with the installed package, in a folder of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}

    def start(*command):
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=env | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    return start


@pytest.fixture
def suite(started, tmp_path):
    """Return a function that writes a test file and runs pytest with options."""

    def run(text, *options):
        (tmp_path / "test_it.py").write_text(f"import pytest\n\n{text}")
        return started("-m", "pytest", "-p", "no:cacheprovider", "-rA", *options)

    return run


def outcomes(done):
    """Return the counts of the last line, such as {"passed": 3}."""
    found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", done.stdout.splitlines()[-1])
    return {word.rstrip("s") if word == "errors" else word: int(count) for count, word in found}


def test_a_project_that_does_not_use_it_imports_nothing(started):
    """Neither NumPy nor anything of the package, also where pytest lists all that there is."""
    code = (
        "import sys, pytest\n"
        "status = pytest.main(sys.argv[1:])\n"
        "print(status.name, sorted({name.partition('.')[0] for name in sys.modules}\n"
        "      & {'numpy', 'scipy', 'modelcollapse', 'modelcollapse_pytest', 'lazy_loader'}))"
    )
    for options, status in ((["-q"], "NO_TESTS_COLLECTED"), (["--fixtures", "--markers"], "OK")):
        done = started("-W", "error", "-c", code, "-W", "error", *options)
        assert done.stdout.endswith(f"{status} ['modelcollapse_pytest']\n"), done.stdout
        assert not done.stderr


def test_a_process_that_has_imported_the_package_can_start_pytest(started):
    """Pytest would rewrite the package's assertions, and says nothing of that it cannot."""
    code = "import modelcollapse, pytest; print(pytest.main(['-q', '-W', 'error']).name)"
    done = started("-W", "error", "-c", code)

    assert done.stdout.endswith("NO_TESTS_COLLECTED\n"), done.stderr


def test_the_example_project_passes(started, tmp_path):
    """Contracts, verdicts, a statistical test and drawn loops, of an installed package."""
    for name in ("checks", "pyproject.toml"):
        copy = shutil.copytree if (EXAMPLE / name).is_dir() else shutil.copy
        copy(EXAMPLE / name, tmp_path / name)
    done = started("-m", "pytest")

    assert outcomes(done) == {"passed": 29, "skipped": 8}, done.stdout + done.stderr
    assert "3 checked: 3 by chance (2 at alpha = 1e-09, 1 at alpha = 1e-06)" in done.stdout


def test_the_pages_suites_pass(started, tmp_path):
    """Each block of the page that is a test file passes as one."""
    suites = [block for block in blocks(USE_WITH) if block.mark == "py"]
    for block in suites:
        (tmp_path / f"test_page_{block.line}.py").write_text(padded(block), encoding="utf-8")
    done = started("-m", "pytest", "-W", "error", "-p", "no:cacheprovider")

    assert {block.section for block in suites} == {"pytest", "Hypothesis"}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "undetermined" in done.stdout


GROUPS = """
def pytest_collection_modifyitems(items):
    for item in items:
        print("item", item.name, *(mark.args[0] for mark in item.iter_markers("xdist_group")))
"""


@pytest.mark.parametrize("xdist", [True, False])
def test_the_ledger_has_one_item_for_each_theorem(started, tmp_path, xdist):
    """Named by its slug; with xdist, those that share an experiment are a group."""
    (tmp_path / "conftest.py").write_text(GROUPS)
    options = [] if xdist else ["-p", "no:xdist"]
    done = started("-m", "pytest", "--collect-only", *options, "-W", "error", "--pyargs", LEDGER)
    found = dict(re.findall(r"^item (\S+) ?(\S*)$", done.stdout, re.MULTILINE))
    pairs = {(found[t.slug], t.claim.design) for t in mc.theorems()}
    designs = {design for _, design in pairs}

    assert sorted(found) == sorted(t.slug for t in mc.theorems())
    assert xdist or set(found.values()) == {""}
    assert not xdist or len(pairs) == len(designs) == len({group for group, _ in pairs})


STRICT = """
[tool.pytest]
strict = true
addopts = ["--strict-markers", "--strict-config"]
python_files = ["check_*.py"]
python_functions = ["check_*"]
python_classes = ["Check*"]
testpaths = ["checks"]
usefixtures = ["a_fixture_of_the_project"]
filterwarnings = ["error"]
"""
COUNTING = """
import os
from pathlib import Path
from modelcollapse.ledger.verification import Verification

simulate = Verification._simulate

def counted(self, design):
    with Path("simulated.txt").open("a") as file:
        file.write(f"{os.getpid()} {design.experiment.__name__}\\n")
    return simulate(self, design)

Verification._simulate = counted
"""


@pytest.mark.parametrize(
    "options",
    [
        "--import-mode=importlib -p no:xdist",
        "--import-mode=prepend -W error -p no:cacheprovider --doctest-modules --rootdir=elsewhere",
        "-n 2 --dist loadgroup",
        "-n 2 --dist loadfile",
    ],
)
def test_the_ledger_is_verified_under_any_configuration(started, tmp_path, options):
    """Of which the patterns match nothing; and no process simulates an experiment twice."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pyproject.toml").write_text(STRICT)
    (tmp_path / "conftest.py").write_text(COUNTING)
    done = started("-m", "pytest", *options.split(), "--pyargs", LEDGER, "-k", FEW)

    assert outcomes(done) == {"passed": len(CHOSEN)}, done.stdout + done.stderr
    by_chance = sum(t.claim.design is not None for t in CHOSEN)
    assert (
        f"{len(CHOSEN)} checked: {by_chance} by chance at alpha = 1e-09 each, "
        f"{len(CHOSEN) - by_chance} without chance; any false alarm in all has a probability of "
        f"at most {by_chance * 1e-9:.3g}; 0 undetermined"
    ) in done.stdout
    simulated = (tmp_path / "simulated.txt").read_text().splitlines()
    assert len(set(simulated)) == len(simulated)
    assert {line.split()[1] for line in simulated} == {d.experiment.__name__ for d in DESIGNS}


def test_seed_and_alpha_reach_the_ledger(started):
    """With an alpha below what a theorem's replicates can tell it is undetermined, and fails."""
    slug = next(t.slug for t in CHOSEN if t.claim.design)
    done = started(
        *("-m", "pytest", "--pyargs", LEDGER, "-k", slug),
        *("--collapse-alpha", "1e-300", "--collapse-seed", "7", "-rN"),
    )

    assert outcomes(done)["failed"] == 1
    assert re.search(
        rf"{slug} \(.*\): weak, where 'holds' is expected: near miss .*: use more replicates",
        done.stdout,
    )
    assert "Traceback" not in done.stdout
    assert "1 undetermined" in done.stdout


TWICE = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        runtestprotocol(item, nextitem=nextitem)
    return True
"""


def test_a_theorem_that_is_run_again_has_the_same_verdict(started, tmp_path):
    """Of the same simulation, and it counts once."""
    (tmp_path / "conftest.py").write_text(COUNTING + TWICE)
    slug = next(t.slug for t in CHOSEN if t.claim.design)
    done = started("-m", "pytest", "--pyargs", LEDGER, "-k", slug)

    assert outcomes(done) == {"passed": 2}, done.stdout
    assert "1 checked: 1 by chance" in done.stdout
    assert len((tmp_path / "simulated.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--collapse-seed", "-1"),
        ("--collapse-seed", "many"),
        ("--collapse-alpha", "0"),
        ("--collapse-alpha", "nan"),
        ("--collapse-alpha", "small"),
    ],
)
def test_a_wrong_option_is_named(started, option, value):
    """In one line, with its value and what to give."""
    done = started("-m", "pytest", f"{option}={value}")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = done.stderr.splitlines()[:-1] if not done.stderr.strip().count("\n") else [""]
    assert line.startswith(f"ERROR: {option} = '{value}' is not valid: give a ")


SEEDS = """
from pathlib import Path

def note(name, value):
    with Path(f"{name}.txt").open("a") as file:
        file.write(f"{value}\\n")

@pytest.mark.parametrize("case", ["a", "b"])
def test_one(case, collapse_seed):
    note(f"one-{case}", collapse_seed)

class TestGroup:
    def test_two(self, collapse_seed, collapse_run):
        import modelcollapse as mc
        note("two", collapse_seed)
        run = collapse_run(mc.Gaussian(), mc.Normal(0, 1), mc.Replace(), 9, 3)
        note("run", run["squared_error"].tolist())
        assert collapse_run.keywords == {"seed": collapse_seed}
"""


def test_a_tests_seed_is_its_own(suite, tmp_path):
    """The same in any process; another for each test and each --collapse-seed."""
    found = []
    for options in (
        (),
        ("-n", "2", "--dist", "loadgroup"),
        ("--collapse-seed", "1"),
    ):
        done = suite(SEEDS, *options)
        assert outcomes(done) == {"passed": 3}, done.stdout
        found.append({p.stem: p.read_text() for p in tmp_path.glob("*.txt")})
        for path in tmp_path.glob("*.txt"):
            path.unlink()
    first, same, other = found

    assert same == first
    assert len({first["one-a"], first["one-b"], first["two"]}) == 3
    assert all(other[name] != first[name] for name in first)
    assert all(0 <= int(first[name]) < 2**32 for name in first if name != "run")


MARKED = """
statistical = pytest.mark.collapse_statistical

@statistical(alpha=1e-3)
def test_right(collapse_alpha):
    assert collapse_alpha == 1e-3

@statistical(alpha=1e-3)
@pytest.mark.flaky(reruns=0)
def test_not_retried():
    pass

@statistical
def test_bare():
    pass

@statistical()
def test_empty():
    pass

@statistical(1e-3)
def test_by_position():
    pass

@statistical(alpha=1e-3, beta=1e-3)
def test_too_much():
    pass

@statistical(alpha=1.0)
def test_one():
    pass

@statistical(alpha="often")
def test_text():
    pass

@statistical(alpha=1e-3)
@pytest.mark.flaky
def test_flaky():
    pass

@statistical(alpha=1e-3)
@pytest.mark.flaky(reruns=2)
def test_rerun():
    pass

def decorated(test):
    test._flaky_max_runs = 2
    return test

@statistical(alpha=1e-3)
@decorated
def test_decorated():
    pass

def test_unmarked(collapse_alpha):
    pass

@statistical(alpha=1e-3)
def test_skipped():
    pytest.skip("no data")
"""
USAGE = "write @pytest.mark.collapse_statistical(alpha=1e-9)"
REASONS = {
    "bare": f"the marker collapse_statistical of test_bare lacks alpha: {USAGE}",
    "empty": f"the marker collapse_statistical of test_empty lacks alpha: {USAGE}",
    "by_position": f"lacks alpha: {USAGE}",
    "too_much": f"takes alpha alone, by name: {USAGE}",
    "one": "alpha of the marker collapse_statistical of test_one = 1.0 is not valid: give a number",
    "text": "of test_text = 'often' is not valid: give a number strictly between 0 and 1",
    "flaky": "would be retried (the marker flaky)",
    "rerun": "would be retried (the marker flaky)",
    "decorated": "would be retried (the decorator flaky)",
    "unmarked": "collapse_alpha needs the marker of test_unmarked: @pytest.mark.collapse_stat",
}


def test_a_statistical_test_states_its_error_and_is_not_retried(suite):
    """What is wrong with each is an error of that test, in words and without a traceback."""
    done = suite(MARKED, "--strict-markers", "-W", "error", "-o", "markers=flaky: is tried again")

    assert outcomes(done) == {"passed": 2, "error": len(REASONS), "skipped": 1}, done.stdout
    for name, reason in REASONS.items():
        said = done.stdout.split(f"ERROR at setup of test_{name} _")[1].split("\n__")[0]
        assert reason in said
        assert "Traceback" not in said
    assert "2 checked: 2 by chance at alpha = 0.001 each, 0 without chance" in done.stdout
    assert "probability of at most 0.002;" in done.stdout


RERUNS = """
def pytest_addoption(parser):
    parser.addoption("--reruns", type=int)
    parser.addini("reruns", "like the option of the plugin of that name", default="")
"""


@pytest.mark.parametrize("options", [["--reruns=2"], ["-o", "reruns=2"], []], ids=repr)
def test_a_session_that_retries_is_refused(suite, tmp_path, options):
    """By each statistical test of it; others are as they were."""
    (tmp_path / "conftest.py").write_text(RERUNS)
    text = "@pytest.mark.collapse_statistical(alpha=1e-3)\ndef test_a(): pass\ndef test_b(): pass\n"
    done = suite(text, *options)

    expected = {"passed": 1, "error": 1} if options else {"passed": 2}
    assert outcomes(done) == expected
    assert ("would be retried (--reruns)" in done.stdout) == bool(options)


def verdict(**changes):
    """Return a verdict that is as expected, with changes."""
    v = mc.verify(next(t.slug for t in CHOSEN if t.claim.design is None))
    return replace(v, **changes)


def test_an_unexpected_verdict_fails_with_its_reason():
    """And counts, as one by chance where samples were looked at; an expected failure passes."""
    item = SimpleNamespace(user_properties=[])
    hold(item, [verdict(), verdict(samples=9)], 1e-3)
    hold(item, [verdict(verdict="fails")], 1e-3, "fails")
    with pytest.raises(pytest.fail.Exception) as caught:
        hold(item, [verdict(), verdict(verdict="weak", near_misses={"a": True, "b": False})], 0.5)
    with pytest.raises(pytest.fail.Exception, match=r"weak, where 'holds' is expected: too near$"):
        hold(item, [verdict(verdict="weak", method="", observed="too near")], 0.5)

    assert re.fullmatch(
        rf"{FEW}/\S+ \(.+\): weak, where 'holds' is expected: predicted .+, observed .+; "
        r".+: .+ away, .+ allowed, 0 samples; not told from: b",
        str(caught.value),
    )
    said = [value for name, value in item.user_properties if name == CHECK]
    assert [check["alpha"] for check in said] == [0, 1e-3, 0, 0, 0, 0]
    assert sentence(said) == (
        "6 checked: 1 by chance at alpha = 0.001 each, 3 without chance; any false alarm in all "
        "has a probability of at most 0.001; 2 undetermined"
    )


def test_a_loop_a_slug_and_a_theorem_are_verified(collapse_verdict):
    """At this session's seed and alpha, unless others are given."""
    loop = mc.Experiment(mc.NormalMean(), mc.KeepReal(), samples=5, generations=3)
    (theorem,) = mc.theorems(CHOSEN[0].slug)

    assert {v.verdict for v in collapse_verdict(loop, effect=0.3)} == {"holds"}
    assert collapse_verdict(theorem) == collapse_verdict(theorem.slug)
    with pytest.raises(mc.InvalidInput, match="alpha = 2"):
        collapse_verdict(theorem, alpha=2)
    with pytest.raises(mc.InvalidInput, match="what = 3 is not valid"):
        collapse_verdict(3)
    with pytest.raises(mc.InvalidInput, match="unknown verdict 'hold'"):
        collapse_verdict(theorem, expected="hold")


def test_a_verdicts_options_are_the_sessions():
    """The seed and the alpha of the command line."""
    option = SimpleNamespace(collapse_seed=5, collapse_alpha=0.25)
    item = SimpleNamespace(config=SimpleNamespace(option=option), user_properties=[])
    loop = mc.Experiment(mc.NormalMean(), mc.Replace(), samples=5, generations=3)

    assert Held(item)(loop, effect=0.5) == mc.verify_experiment(
        loop, effect=0.5, seed=5, alpha=0.25
    )
    assert {check["alpha"] for _, check in item.user_properties} == {0.25}


def test_the_extra_brings_what_is_needed(started):
    """A package that is missing is named, with the extra of that name."""
    for module, lacking in (("", "pytest"), (".strategies", "hypothesis")):
        code = (
            f"import sys; sys.modules[{lacking!r}] = None\n"
            f"try:\n    import modelcollapse.testing{module}\n"
            "except ImportError as error:\n    print(type(error).__name__, error)"
        )
        done = started("-c", code)
        assert done.stdout.startswith("MissingDependency modelcollapse.testing")
        assert done.stdout.endswith("pip install '.[pytest]'\n")
