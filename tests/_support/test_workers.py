"""Worker processes: results in order or not, and no worker that outlives its parent."""

import os
import signal
from pathlib import Path

import pytest
from joblib import delayed

from modelcollapse._support.workers import compiling, helped, spread
from tests.helpers.signals import ended, members, start, wait_until, workers

pytestmark = pytest.mark.usefixtures("interruptible")
CODE = """
import sys, time
from joblib import delayed
from modelcollapse._support.interruption import answered
from modelcollapse._support.workers import compiling, helped, spread

def command():
    return sum(spread([delayed(work)(i) for i in range(4)], 2))

def work(number):
    import pathlib, sys, time
    pathlib.Path(sys.argv[1], str(number)).touch()
    time.sleep(3600)

if __name__ == "__main__":
    sys.exit(answered(command, program=True))
"""


@pytest.mark.parametrize("ordered", [True, False])
def test_results(ordered):
    """Each task is done once."""
    found = list(spread([delayed(pow)(2, i) for i in range(9)], 2, ordered=ordered))
    assert (found if ordered else sorted(found)) == [2**i for i in range(9)]


@pytest.mark.parametrize("at_work", [False, True], ids=["started", "at work"])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("whole", [False, True], ids=["process", "session"])
def test_no_worker_is_left(tmp_path, at_work, sign, whole):
    """Whether a signal is sent to the process or, as by a terminal, to its workers, too.

    Of a process that is killed the number stays in use until it is waited for: that comes last.
    """
    process = start(tmp_path, code=CODE)
    if at_work:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, process)
    else:
        wait_until(lambda: workers(process), process)
    (os.killpg if whole else os.kill)(process.pid, sign)
    if sign == signal.SIGKILL:
        wait_until(lambda: not workers(process))
        wait_until(lambda: not members(process))
        assert process.wait() == -sign
        process.communicate()
        return
    status, _, err = ended(process)
    assert (status, err) == (128 + sign, "modelcollapse: interrupted\n")


def test_a_forked_process_keeps_no_worker(tmp_path):
    """It has all that its parent had open, and lives on."""
    fork = "    list(spread([delayed(abs)(1)] * 2, 2))\n    if os.fork() == 0: time.sleep(3600)\n"
    code = CODE.replace("import sys", "import os, sys", 1)
    process = start(tmp_path, code=code.replace("    return", f"{fork}    return"))
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, process)
    process.kill()
    wait_until(lambda: not workers(process))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


HELPING = """
import pathlib, sys, time
from modelcollapse._support.workers import compiling, helped

with helped(f"import os, pathlib, time; pathlib.Path({sys.argv[1]!r}, str(os.getpid())).touch(); "
            "print('not heard'); time.sleep(3600)"):
    compiling()
    compiling()
    time.sleep(3600)
"""


def _gone(path):
    """Return whether the process whose number a file has for its name has ended."""
    try:
        return (Path("/proc") / path.name / "stat").read_text().split(")")[-1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_process_helps_to_compile_until_the_block_ends(tmp_path):
    """It is begun by the first compilation, and by none outside the block."""
    code = f"import os, pathlib, time; pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()"
    with helped(code):
        pass
    compiling()
    with helped(f"{code}; time.sleep(3600)"):
        assert not list(tmp_path.iterdir())
        compiling()
        wait_until(lambda: list(tmp_path.iterdir()))
    (one,) = tmp_path.iterdir()
    assert _gone(one)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_helping_process_ends_with_the_one_it_helps(tmp_path, sign):
    """However that ends; and it says nothing."""
    process = start(tmp_path, code=HELPING)
    wait_until(lambda: list(tmp_path.iterdir()), process)
    process.send_signal(sign)
    assert process.communicate() == ("", "")
    (one,) = tmp_path.iterdir()
    wait_until(lambda: _gone(one))
