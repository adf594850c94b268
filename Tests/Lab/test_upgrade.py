"""hasupd becomes another program, or refuses to, and the peers don't notice (docs/decisions, D7, D9)."""

import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import threading
import time

import pytest
from lab import conf, hostile
from lab.hasup import Hasup, binary
from lab.hostile import Impostor
from lab.program import alive, children
from lab.store import ALL, USUAL
from lab.undisturbed import Undisturbed
from lab.varlink import Wire
from lab.waiting import wait_for

LONG = bool(os.environ.get("LONG"))
TIMES = 20 if LONG else 5


@pytest.mark.parametrize("interval", [1, 0.1])
def test_upgrade(kept_duo, pair, sniffer, watched, interval):
    """Another file lies where hasupd was started from; the process becomes that."""
    a, b, store = kept_duo(copied=True, advert=interval)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    mode = os.stat(a.control)
    for number in range(TIMES):
        fresh = a.binary + ".new"
        shutil.copy(binary("hasupd"), fresh)
        os.rename(fresh, a.binary)
        pid, old = a.program.pid, a.worker()
        done = a.cli("upgrade", bound=20)
        assert done.returncode == 0 and "hasupd" in done.stdout and "->" in done.stdout, done.stdout + done.stderr
        assert a.program.running() and os.readlink(f"/proc/{pid}/exe") == a.binary
        assert a.worker() != old and not alive(old)
        assert store.names() == USUAL, number
        same.goes_on(interval)
    same.check(f"advert_int {interval}, {TIMES} upgrades")
    now = os.stat(a.control)
    assert (now.st_gid, now.st_mode) == (mode.st_gid, mode.st_mode)
    wait_for("no zombie", lambda: [pid for pid in children(a.program.pid) if not alive(pid)],
             lambda dead: not dead, 2)
    assert a.reload().returncode == 0
    assert a.stop()[0] == 0
    assert store.names() == []


def test_upgrade_without_a_store(duo, pair, sniffer, watched):
    """It passes what it has by itself."""
    a, b = duo(advert=0.1)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    done = a.cli("upgrade", "--json", bound=20)
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["unchanged"] is True and reply["before"] == reply["version"], "it is the program that ran already"
    same.goes_on(0.1)
    same.check("upgrade without a store")
    assert "is gone" not in a.log(), a.log()


# What a program says that could go on where hasupd is, and then what it makes of the configuration.
SAYS = "#!/bin/sh\ncase \"$*\" in *--check) {} ;; esac\n" \
    "printf 'hasupd 9.9\\nstate-page 2 3\\nrecord 7\\naddress-page 1\\nnotifications 2 3\\norders 1\\ntrackers 1\\n" \
    "checks 1\\nstandings 1\\nhandover 1 2\\n'\n"
BROKEN = {
    "refuses the files": (SAYS.format("echo 'refused: nothing can run'; exit 78").encode(), 0o755,
                          "hasupd 9.9 at .* doesn't accept the configuration: nothing can run"),
    "would leave something out": (SAYS.format("echo 'incomplete: it has 1 error'; exit 0").encode(), 0o755,
                                  "doesn't accept the configuration: it has 1 error"),
    "knows no such option": (SAYS.format("exit 64").encode(), 0o755, "it can't check it"),
    "accepts and fails": (SAYS.format("echo 'accepted: it'; exit 70").encode(), 0o755, "exit status 70"),
    "garbage": (b"\x7fELF and nothing more\n", 0o755, "can't be run"),
    "fails": (b"#!/bin/sh\nexit 3\n", 0o755, "exit status 3"),
    "another": (b"#!/bin/sh\necho something else\n", 0o755, "isn't hasupd"),
    "hangs": (b"#!/bin/sh\nexec sleep 60\n", 0o755, "hasn't ended"),
    "without our page": (b"#!/bin/sh\nprintf 'hasupd 9.9\\nstate-page 4 5\\nrecord 7\\nhandover 1\\n'\n", 0o755,
                         "can't read the page of the VRRP worker's state, which is of form 3: it reads form 4, 5"),
    "without forms": (b"#!/bin/sh\necho hasupd 0.0.1\n", 0o755, "it reads no form of it. Restart hasupd to change to it"),
    "not executable": (b"", 0o644, "Permission denied"),
    "missing": (None, 0, "No such file"),
}


# Observations that take long to tell: all their characters are escaped.
FLOODS_OF_TEXT = [hostile.frame(hostile.OBSERVATIONS, struct.pack(">Q", 1) + 14 * (
    struct.pack(">BI", 4, 0) + hostile.text(f"{number}" + "\u202e" * 160))) for number in range(1_000)]
SCRIPTED = {"extra": ("notify /bin/true",)}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_upgrade_to_what_cannot_run_is_refused(kept_duo, pair, sniffer, watched, kind):
    """Nothing changes, and the reason is told. Without scripts in the file, hasupd couldn't even execute a shell."""
    a, b, _ = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    content, mode, reason = BROKEN[kind]
    os.unlink(a.binary)
    if content is not None:
        with open(a.binary, "wb") as file:
            file.write(content)
        os.chmod(a.binary, mode)
    worker = a.worker()
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and re.search(reason, " ".join(done.stderr.split())), done.stderr
    assert a.worker() == worker and a.status().processes()["hasup-vrrp"]["restarts"] == 0
    same.goes_on(0.1)
    same.check(f"upgrade to a program that is {kind}")


def scheduling_class(pid):
    """The class of a process, whatever its children get."""
    return os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK


def test_upgrade_that_fails_at_the_last_moment(kept_duo, pair, sniffer, watched):
    """A program that says its version and isn't there when it is to be run: this one goes on."""
    a, b, store = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    with open(a.binary + ".new", "w", encoding="ascii") as file:
        file.write(SAYS.format('rm -f "$0"; echo "accepted: it"; exit 0'))
    os.chmod(a.binary + ".new", 0o755)
    os.rename(a.binary + ".new", a.binary)
    worker = a.worker()
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and "wasn't upgraded" in " ".join(done.stderr.split()), done.stderr
    assert "this hasupd goes on" in a.log()
    assert a.worker() == worker
    # It left the class for that moment (D29), as it does to reap children (D42); its worker never does.
    rank = scheduling_class(worker)
    wait_for("its class", lambda: scheduling_class(a.program.pid), lambda now: now == rank, 2)
    assert a.reload().returncode == 0 and a.cli("status").returncode == 0
    assert store.names() == ALL
    same.goes_on(0.1)
    same.check("upgrade that failed in execve")


def test_the_program_that_is_asked_is_not_realtime(kept_duo, pair):
    """D29: hasupd lends its scheduling class only to what gives it up by itself."""
    a, _, _ = kept_duo(copied=True, first=SCRIPTED)
    if os.sched_getscheduler(a.program.pid) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO:
        pytest.fail("hasupd isn't realtime here")
    told = os.path.join(pair[0].directory, "class")
    os.unlink(a.binary)
    with open(a.binary, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nchrt -p $$ >{told}\nexit 3\n")
    os.chmod(a.binary, 0o755)
    assert a.cli("upgrade", bound=20).returncode == 1
    with open(told, encoding="ascii") as file:
        assert "SCHED_OTHER" in file.read()


def test_upgrade_during_a_flood(lan):
    """A worker that talks without end: what waits is told, and the same process is the next hasupd."""
    node = lan.node("a")
    a = Hasup(node, conf.simple(255, version=3, advert=1)).start()
    a.wait_state("MASTER")
    pid, frames, stop = a.program.pid, itertools.cycle(FLOODS_OF_TEXT), threading.Event()
    with Impostor(a.worker()) as impostor:
        def flood():
            while not stop.is_set() and impostor.say(next(frames)):
                pass
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        wait_for("a flood", lambda: impostor.sent, lambda sent: sent > 8_000, 10)
        done = a.cli("upgrade", bound=20)
        stop.set()
        thread.join(6)
    assert done.returncode == 0 and "->" in done.stdout, done.stdout + done.stderr
    assert a.program.running() and a.program.pid == pid, a.log()[-500:]
    assert a.log().count(" started: 1 instance") == 2
    a.wait_state("MASTER")


def test_upgrade_with_errors_in_the_configuration_is_refused(kept_duo, pair, sniffer, watched):
    """Another version may have no older configuration to go on with."""
    a, b, _ = kept_duo()
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    pair[0].write("hasup.conf", "vrrp_instance VI_1 {\n")
    done = a.cli("upgrade", bound=20)
    assert done.returncode == 1 and "correct the configuration first" in " ".join(done.stderr.split()), done.stderr
    same.goes_on(0.1)
    same.check("upgrade with a broken configuration")


def test_upgrade_with_a_configuration_that_gets_worse_meanwhile(kept_duo, pair, sniffer, watched):
    """What this one has judged isn't what the new one would find: that one is asked, too, and says why."""
    a, b, store = kept_duo(copied=True, first=SCRIPTED)
    same = Undisturbed(a, b, pair[0], sniffer, watched)
    with open(a.binary + ".new", "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\n[ "$1" = --formats ] && echo vrrp_instance VI_1 {{ >{a.config}\n'
                   f'exec {binary("hasupd")} "$@"\n')
    os.chmod(a.binary + ".new", 0o755)
    os.rename(a.binary + ".new", a.binary)
    pid, worker = a.program.pid, a.worker()
    done = a.cli("upgrade", bound=20)
    said = " ".join(done.stderr.split())
    reason = (f"{a.config} has 1 error: {a.config}:1: the files end, but a `}}` was expected to close "
              "`vrrp_instance`, which begins on line 1")
    assert done.returncode == 1 and f"doesn't accept the configuration: {reason}" in said, done.stderr
    assert (a.program.pid, a.worker()) == (pid, worker) and a.program.running()
    assert store.names() == ALL
    # Once the file is mended, the same program is taken.
    pair[0].write("hasup.conf", conf.simple(200, version=3, advert=0.1, **SCRIPTED))
    with open(a.binary, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {binary("hasupd")} "$@"\n')
    assert a.cli("upgrade", bound=20).returncode == 0
    assert a.program.running() and a.worker() != worker
    same.goes_on(0.1)
    same.check("upgrade with a file that got worse")


def test_stop_of_a_worker_that_begins(lan, pair, sniffer):
    """p23: SIGTERM in the milliseconds in which a worker begins. It goes on as MASTER first, and then hands over as always.

    The worker is killed for it, and the signal comes when its successor exists.
    """
    for delay in (0, 0.002, 0.004, 0.006, 0.01, 0.02):
        hasup = Hasup(pair[0], conf.simple(200, version=3, advert=1)).start()
        hasup.wait_state("MASTER")
        worker = hasup.worker()
        os.kill(worker, signal.SIGKILL)
        wait_for("its successor", lambda: hasup.roles().get("hasup-vrrp", []),
                 lambda pids, old=worker: pids and old not in pids, 2, 0.0005)
        time.sleep(delay)
        begin = time.time()
        hasup.program.signal(signal.SIGTERM)
        assert hasup.program.wait(6) == 0, hasup.log()
        said = [advert.priority for advert in sniffer.adverts(pair[0], since=begin - 0.01)]
        assert said[-1:] == [0], (delay, said, hasup.log())
        assert not hasup.node.holds("10.0.0.100")


def test_stop_during_an_upgrade(lan, sniffer):
    """p23: SIGTERM that comes when the answer to `hasup upgrade` has left. hasupd stops, and hands over."""
    hasup = Hasup(lan.node("a"), conf.simple(200, version=3, advert=0.1)).start()
    hasup.wait_state("MASTER")
    with Wire(hasup.control) as wire:
        answer = wire.call("io.hasup.Upgrade")
        hasup.program.signal(signal.SIGTERM)
    assert "error" not in answer, answer
    assert hasup.program.wait(6) == 0
    assert [advert.priority for advert in sniffer.adverts(hasup.node)][-1] == 0
    assert not hasup.node.holds("10.0.0.100")


# By when the daemon has ended, and the program that makes it so: it takes long to say what it is, or ends as a daemon.
ENDS = {
    "while it asks the new program": ('[ "$1" = --formats ] && touch {asked} && exec sleep 20',
                                      "refused: hasupd is stopping"),
    "as the new program": ('case "$*" in *--formats|*--check) ;; *) exit 70 ;; esac', "exited and wasn't upgraded"),
}


@pytest.mark.parametrize("when", sorted(ENDS))
def test_the_daemon_ends_during_an_upgrade(kept_duo, when):
    """Who asked for it is told at once: exit status 1."""
    a, _, _ = kept_duo(copied=True, first=SCRIPTED)
    program, said = ENDS[when]
    asked = os.path.join(pathlib.Path(a.config).parent, "asked")
    with open(a.binary + ".new", "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\n{program.format(asked=asked)}\nexec {binary('hasupd')} \"$@\"\n")
    os.chmod(a.binary + ".new", 0o755)
    os.rename(a.binary + ".new", a.binary)
    done = []

    def ask():
        begin = time.monotonic()
        done.append((a.cli("upgrade", bound=90), time.monotonic() - begin))
    thread = threading.Thread(target=ask)
    thread.start()
    if "asks" in when:
        wait_for("the question", lambda: os.path.exists(asked), bound=5)
        a.stop()
    else:
        assert a.program.wait(10) == 70
    thread.join(100)
    command, seconds = done[0]
    assert command.returncode == 1 and said in " ".join(command.stderr.split()), command
    assert seconds < 10
