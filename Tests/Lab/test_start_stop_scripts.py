"""startup_script and shutdown_script, scripts at the end, and how long a stop takes (behaviours §4, behaviours_vrrp2 §5)."""

import os
import signal
import time

import pytest
from lab import conf
from lab.fifo import lines_of
from lab.hasup import Hasup
from lab.machine import late
from lab.store import PARK, Store
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"


@pytest.fixture
def node(lan):
    """A node whose script notes when and with what it was called, and what it found."""
    made = lan.node("a")
    script = made.write("note.sh", f"""#!/bin/sh
note() {{ echo "$(date +%s.%N) $*" >>{made.directory}/noted; }}
note begin "$@"
[ "$1" = stubborn ] && trap '' TERM
[ -n "$2" ] && {{ sleep "$2" & wait; wait; }}
note end "$@"
[ "$1" = fails ] && exit 3
exit 0
""")
    os.chmod(script, 0o755)
    made.note = script
    return made


def noted(node):
    """What was noted, without times."""
    return [" ".join(text.split()[1:]) for text in lines_of(f"{node.directory}/noted")]


def moment(node, words):
    """When this was noted."""
    return next(float(text.split()[0]) for text in lines_of(f"{node.directory}/noted") if text.split(" ", 1)[1] == words)


def text(node, *settings, extra=(), before=""):
    """A file with these global settings."""
    return conf.simple(200, version=3, advert=0.1, settings=["script_user root", *settings], extra=extra, before=before)


def test_the_instances_start_behind_startup_script(node, lan):
    """Nothing is sent or said before it has ended, whatever its status is."""
    a = Hasup(node, text(node, f'startup_script "{node.note} fails 1"',
                         extra=[f'notify_backup "{node.note} backup"'])).start()
    wait_for("it runs", lambda: noted(node), lambda seen: seen == ["begin fails 1"], 3)
    assert a.state() != "BACKUP" and not a.roles().get("hasup-vrrp")
    done = a.reload()
    assert done.returncode == 1 and "tartup_script still runs" in done.stdout
    a.wait_state("MASTER")
    wait_for("BACKUP", lambda: noted(node), lambda seen: "end backup" in seen, 3)
    assert noted(node)[:3] == ["begin fails 1", "end fails 1", "begin backup"]
    assert "startup_script: " in a.log() and "ended with exit status 3" in a.log()
    assert a.reload().returncode == 0
    hold_for("once", lambda: noted(node).count("begin fails 1"), lambda count: count == 1, 0.5)


@pytest.mark.parametrize("kind", ["patient", "stubborn"])
def test_a_startup_script_that_hangs(node, kind):
    """It is ended when its time is over, and the start goes on."""
    begin = time.monotonic()
    a = Hasup(node, text(node, f'startup_script "{node.note} {kind} 60"', "startup_script_timeout 1")).start()
    a.wait_state("MASTER")
    assert 1 < time.monotonic() - begin < 4 + late()
    assert "sending SIGTERM" in a.log() and ("sending SIGKILL" in a.log()) == (kind == "stubborn")


def test_a_startup_script_that_is_missing(node):
    """The start says so and goes on."""
    a = Hasup(node, text(node, "startup_script /nonexistent/start")).start()
    a.wait_state("MASTER")
    assert "/nonexistent/start" in a.log()


def test_a_stop_while_it_starts(node):
    """startup_script is ended, no instance starts, and shutdown_script runs."""
    a = Hasup(node, text(node, f'startup_script "{node.note} start 60"', f'shutdown_script "{node.note} stop"')).start()
    wait_for("it runs", lambda: noted(node), lambda seen: seen == ["begin start 60"], 3)
    status, seconds = a.stop()
    assert status == 0 and seconds < 3 + late()
    assert noted(node) == ["begin start 60", "begin stop", "end stop"]
    assert "hasup-vrrp" not in a.log()


def test_the_order_of_a_stop(node, lan):
    """Hand-over, stop scripts of up to 5 s to their end (keepalived: 1 s), then shutdown_script."""
    a = Hasup(node, text(node, f'shutdown_script "{node.note} shutdown 1"',
                         extra=[f'notify_stop "{node.note} stop 3"'])).start()
    a.wait_state("MASTER")
    begin = time.time()
    a.program.signal(signal.SIGTERM)
    wait_for("the address gone", lambda: node.holds(VIP), lambda holds: not holds, 1 + late(), 0.01)
    assert a.program.wait() == 0
    assert noted(node) == ["begin stop 3", "end stop 3", "begin shutdown 1", "end shutdown 1"]
    assert moment(node, "begin stop 3") - begin < 1 + late()
    assert 4 <= time.time() - begin < 6 + late()


@pytest.mark.parametrize("wait,longest", [(None, 7.5), (2, 3.2), (9, 10.2)])
def test_a_stop_script_that_does_not_end(node, wait, longest):
    """It gets SIGTERM, then SIGKILL, and hasupd ends; child_wait_time bounds all of it."""
    before = f"child_wait_time {wait}\n" if wait else ""
    a = Hasup(node, text(node, extra=[f'notify_stop "{node.note} stubborn 60"'], before=before)).start()
    a.wait_state("MASTER")
    a.program.signal(signal.SIGTERM)
    wait_for("the script", lambda: noted(node), lambda seen: seen == ["begin stubborn 60"], 3)
    begin = time.monotonic()
    assert a.program.wait(15) == 0
    seconds = time.monotonic() - begin
    print(f"{seconds:.2f} s")
    assert longest - 2.5 < seconds < longest + late()
    assert "still running when hasupd ends: sending SIGTERM" in a.log()


def test_a_shutdown_script_that_hangs(node):
    """It is ended when its time is over."""
    a = Hasup(node, text(node, f'shutdown_script "{node.note} shutdown 60"', "shutdown_script_timeout 1")).start()
    a.wait_state("MASTER")
    status, seconds = a.stop()
    assert status == 0 and 1 < seconds < 3.5 + late()
    assert noted(node) == ["begin shutdown 60"]


def test_neither_runs_at_a_restart(node, lan):
    """What goes on with a worker's state is neither a start nor a stop: kill -9, systemctl restart, hasup upgrade."""
    a = Hasup(node, text(node, f'startup_script "{node.note} start"', f'shutdown_script "{node.note} stop"'))
    store = Store(a)
    try:
        store.start("--grace", "10")
        a.wait_state("MASTER")
        for number in (signal.SIGKILL, PARK):
            store.end(number)
            store.start("--grace", "10")
            a.wait_state("MASTER")
        assert a.cli("upgrade", bound=20).returncode == 0
        wait_for("the next hasupd", a.log, lambda log: log.count(" started: ") == 4, 5)
        a.wait_state("MASTER")
        assert noted(node) == ["begin start", "end start"]
        assert a.stop()[0] == 0
        assert noted(node)[2:] == ["begin stop", "end stop"]
    finally:
        store.close()


def test_the_service_manager_is_asked_for_the_time(node):
    """EXTEND_TIMEOUT_USEC: the units allow 10 s for a stop, and systemd 90 s for a start."""
    a = Hasup(node, text(node, f'startup_script "{node.note} start 0.2"', "startup_script_timeout 300",
                         f'shutdown_script "{node.note} stop"', "shutdown_script_timeout 60"))
    store = Store(a)
    try:
        store.start()
        assert store.count(f"EXTEND_TIMEOUT_USEC={306 * 10 ** 6}") == 1
        a.wait_state("MASTER")
        assert a.stop()[0] == 0
        wait_for("the word", lambda: store.count(f"EXTEND_TIMEOUT_USEC={(3 + 5 + 1 + 60 + 1 + 1) * 10 ** 6}"),
                 lambda count: count == 1, 2)
        assert store.count("STOPPING=1") == 1
    finally:
        store.close()


def test_a_sealed_hasupd_refuses_them(node):
    """D2: it gave up what they need; the place is told."""
    a = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    for keyword in ("startup_script", "shutdown_script"):
        done = a.reload(conf.simple(200, version=3, advert=0.1, settings=[f"{keyword} {node.note}"]))
        said = " ".join(done.stdout.split())
        assert done.returncode == 1 and "has scripts" in said and "hasup.conf:3:" in said, said
    assert a.state() == "MASTER"
