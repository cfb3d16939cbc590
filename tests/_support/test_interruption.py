"""Signals end a command: everywhere, soon, once, and with time to keep what is finished."""

import os
import pty
import signal
import threading
import time

import numpy as np
import pytest

from modelcollapse._support import interruption
from modelcollapse._support.interruption import answered, apart
from tests.helpers.signals import ended, start

pytestmark = pytest.mark.usefixtures("interruptible")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
SAID = "modelcollapse: interrupted\n"
# What the command does stands between; the signal comes from outside, or from the command itself.
HEAD = """
import hashlib, os, signal, sys, threading, time, warnings
from modelcollapse._support import interruption

def send():
    os.kill(os.getpid(), int(sys.argv[1]))

def compute():  # compiled code that hears no signal; for minutes
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

class Failing:
    def __del__(self):
        raise ValueError("of no interest")

def beside(target, *arguments):
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    thread.join()

def command():
"""
TAIL = """
    return 0

sys.exit(interruption.answered(command, program=True))
"""


def code(*lines):
    """Return the code of a program whose command has these lines."""
    return HEAD + "".join(f"    {line}\n" for line in lines) + TAIL


STOPPED = "try: send(); time.sleep(1)"
COMMANDS = {
    "waiting": ["send()", "time.sleep(3600)"],
    "computing": ["print(flush=True)", "compute()"],
    "apart": ["print(flush=True)", "interruption.apart(compute)"],
    # As a thread is while it starts: listed, and not to be joined yet.
    "starting": [
        "t = threading.Thread(target=int)",
        "threading._limbo[t] = t",
        STOPPED,
        "finally: 0",
    ],
    "warning": [STOPPED, "except KeyboardInterrupt: warnings.warn('left'); raise"],
    "failing": [STOPPED, "except KeyboardInterrupt: raise RuntimeError"],
    "failing beside": [STOPPED, "finally: beside(int, 'x')"],
    "lost beside": [STOPPED, "finally: beside(Failing)"],
}


@pytest.mark.parametrize("sign", SIGNALS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_ends_a_command(sign, name):
    """The exit status is the signal's, and one line is said."""
    process = start(int(sign), code=code(*COMMANDS[name]))
    if name in ("computing", "apart"):
        process.stdout.readline()
        process.send_signal(sign)
    status, _, err = ended(process)
    assert status == 128 + sign
    assert err == SAID


LOST = {
    "destroyed": """
class Lost:
    def __del__(self):
        send()
        time.sleep(0.1)
""",
    "callback": """
import ctypes
@ctypes.CFUNCTYPE(None)
def Lost():
    send()
    time.sleep(0.1)
""",
    "llvm": """
def Lost():
    exec("send(); time.sleep(0.1); print('undisturbed')", {
        "__name__": "llvmlite.binding.anything", "send": send, "time": time,
    })
""",
}


@pytest.mark.parametrize("place", LOST)
def test_a_signal_is_not_lost(place):
    """Where nobody could catch it, it is raised afterwards, also if the process is not ended."""
    text = code("Lost()", "time.sleep(3600)").replace("def command", LOST[place] + "\ndef command")
    text = text.replace("program=True", "program=False")
    status, out, err = ended(start(int(signal.SIGTERM), code=text))
    assert (status, err) == (143, SAID)
    assert out == ("undisturbed\n" if place == "llvm" else "")


@pytest.mark.parametrize("same", [3600, 0])
def test_a_second_signal(same):
    """Sent twice, as by `timeout`, it is one; later it ends what keeps the results."""
    text = code(
        f"interruption.SAME = {same}",
        "try: send(); time.sleep(3600)",
        "except KeyboardInterrupt:",
        "    send(); time.sleep(0.1); print('kept'); raise",
    )
    status, out, err = ended(start(int(signal.SIGINT), code=text))
    assert (status, err) == (130, SAID)
    assert out == ("kept\n" if same else "")


@pytest.mark.parametrize("computing", [False, True], ids=["keeping", "computing"])
def test_a_terminal_that_has_gone(tmp_path, computing):
    """Nothing can be said any more; what is finished is kept, if it can be reached."""
    ours, theirs = pty.openpty()
    text = code(
        "import fcntl, termios",
        "fcntl.ioctl(1, termios.TIOCSCTTY, 0)",
        f"try: print('at work', flush=True); {'compute()' if computing else 'time.sleep(3600)'}",
        "except KeyboardInterrupt:",
        "    print('interrupted', flush=True); print('a note', file=sys.stderr, flush=True)",
        "    open(sys.argv[2], 'w').close()",
        "    raise",
    )
    kept = tmp_path / "kept"
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = start(int(signal.SIGHUP), kept, code=text, **streams)
    os.close(theirs)
    assert os.read(ours, 100).startswith(b"at work")
    os.close(ours)
    assert ended(process)[0] == 129
    assert computing or kept.exists()


def test_a_forked_process_has_signals_of_its_own():
    """It ends by one as ever, and the command does not hear of it."""
    text = code(
        "child = os.fork()",
        "if not child: time.sleep(3600)",
        "time.sleep(10 * interruption.REPEAT)",
        "os.kill(child, signal.SIGTERM)",
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
        "time.sleep(10 * interruption.REPEAT)",
    )
    assert ended(start(code=text)) == (0, f"{-signal.SIGTERM}\n", "")


def test_signals_of_others_stay_theirs():
    """Ignored ones are not heard, others' handlers are called, and all are as before."""

    def own(*_):
        heard.append("own")

    def command():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10 * interruption.REPEAT)
        inside.append(signal.getsignal(signal.SIGINT))
        return 7

    heard, inside = [], []
    before = {s: signal.getsignal(s) for s in SIGNALS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, own)
        assert answered(command, program=False) == 7
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is own
        assert signal.getsignal(signal.SIGINT) is before[signal.SIGINT]
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    assert heard == ["own"]
    assert inside != [before[signal.SIGINT]]


def test_a_command_in_another_thread():
    """There no signal is its own, and it runs as ever."""
    found = []
    thread = threading.Thread(target=lambda: found.append(answered(lambda: 3, program=False)))
    thread.start()
    thread.join()
    assert found == [3]


def test_apart_is_a_call():
    """With the same result, the same exception and the same floating-point rules."""

    def divided(x, *, by):
        places.append(threading.current_thread() is threading.main_thread())
        return np.float64(x) / by

    def command():
        assert apart(divided, 1, by=2) == 0.5
        with np.errstate(divide="ignore"):
            assert apart(divided, 1, by=0) == np.inf
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            apart(divided, 1, by=0)
        return 0

    places = []
    command()
    assert answered(command, program=False) == 0
    assert places == [True] * 3 + [False] * 3


def test_what_is_left_behind_comes_to_an_end():
    """A thread that a signal leaves stops when it is back in Python code."""

    def work():
        threads.append(threading.current_thread())
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            time.sleep(0.001)

    threads = []
    assert answered(lambda: apart(work), program=False) == 130
    threads[0].join(60)
    assert not threads[0].is_alive()
