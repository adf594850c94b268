"""Somebody removes or replaces what hasupd has made: the log and status say what is missing, and SIGHUP makes it anew."""

import os
import shutil
import signal
import socket
import tempfile

from lab import conf
from lab.hasup import Hasup
from lab.waiting import wait_for

GOOD = conf.simple(200, version=3, advert=0.1)


def in_place(hasup):
    """Whether status can be asked, and knows no problem."""
    return hasup.state() == "MASTER" and not hasup.status().answer["daemon"]["problems"]


def hang_up(hasup):
    """What an operator does who can't ask it any more."""
    hasup.program.signal(signal.SIGHUP)
    wait_for("the control socket", lambda: in_place(hasup), bound=4)


def test_the_run_directory_is_removed(lan):
    """It is said, with the command that makes folder, lock, socket and history anew; nobody notices on the network."""
    scripts = conf.simple(200, version=3, advert=0.1, extra=["notify /bin/true"])
    hasup = Hasup(lan.node("a"), scripts).start()
    hasup.wait_state("MASTER")
    before = hasup.status().instance()["last_transition"]["unix_seconds"]
    sentence = f"`kill -HUP {hasup.program.pid}` creates what is missing"
    for times in (1, 2):
        shutil.rmtree(hasup.run_dir)
        wait_for("the line", hasup.log, lambda text, times=times: text.count(sentence) == times, 4)
        asked = hasup.cli("status")
        assert asked.returncode == 2 and "kill -s HUP" in " ".join(asked.stderr.split()), asked
        hang_up(hasup)
    history = hasup.cli("history").stdout
    assert "MASTER" in history and "created what was missing" in history, history
    assert os.stat(hasup.run_dir).st_mode & 0o777 == 0o750
    assert {"hasup.pid", "hasupd.lock", "vrrp-worker", "history"} < set(os.listdir(hasup.run_dir))
    assert any(name.startswith("ledger-") for name in os.listdir(hasup.run_dir))
    beside = Hasup(lan.node("b"), scripts, run_dir=hasup.run_dir).start()
    assert beside.program.wait(5) == 75 and "another hasupd uses" in beside.log()
    assert hasup.cli("upgrade").returncode == 0
    wait_for("what it became", lambda: in_place(hasup), bound=4)
    assert hasup.status().instance()["last_transition"]["unix_seconds"] == before
    assert hasup.stop()[0] == 0
    assert not os.path.exists(hasup.control)


def test_the_run_directory_is_removed_and_hasupd_is_sealed(lan):
    """Without scripts it may make the folder and the socket only: status says what is missing until it is restarted."""
    # Not below /tmp, where it may write the files for monitoring.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        remove_run_directory(Hasup(lan.node("a"), GOOD, run_dir=os.path.join(folder, "run")).start())


def remove_run_directory(hasup):
    """Removes the run directory of one that is sealed, and looks what it says and does."""
    hasup.wait_state("MASTER")
    os.unlink(hasup.control)
    hang_up(hasup)
    shutil.rmtree(hasup.run_dir)
    hasup.program.signal(signal.SIGHUP)
    shown = wait_for("the problem", lambda: hasup.cli("status"),
                     lambda asked: "Restart hasupd" in " ".join(asked.stdout.split()), 4)
    assert shown.returncode == 1 and "was removed" in shown.stdout
    assert hasup.state() == "MASTER"
    assert hasup.reload(GOOD.replace("priority 200", "priority 201")).returncode == 0
    refused = hasup.cli("upgrade")
    assert refused.returncode == 1 and "Restart hasupd" in " ".join(refused.stderr.split()), refused
    assert hasup.log().count("hasupd.lock: Permission denied. Restart hasupd.") == 1
    assert hasup.stop()[0] == 0
    hasup.start()
    wait_for("all well", lambda: in_place(hasup), bound=4)
    assert hasup.stop()[0] == 0


def test_a_socket_of_somebody_else_is_left(lan):
    """The control socket is replaced by another program's: that stays, also at the end."""
    hasup = Hasup(lan.node("a"), GOOD).start()
    hasup.wait_state("MASTER")
    os.unlink(hasup.control)
    other = socket.socket(socket.AF_UNIX)
    other.bind(hasup.control)
    other.listen(8)
    wait_for("a line", hasup.log, lambda text: "`hasup` can't connect" in text, 4)
    hasup.program.signal(signal.SIGHUP)
    wait_for("another line", hasup.log, lambda text: "can't be created" in text, 4)
    assert hasup.stop()[0] == 0
    assert os.path.exists(hasup.control)
    other.close()


def test_a_listener_that_accepts_nobody_holds_nobody_up(lan):
    """D6: another program's socket at the control path, with as many waiting as it takes: the look at it doesn't block."""
    a = Hasup(lan.node("a"), conf.simple(255, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    os.unlink(a.control)
    waiting = []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(a.control)
        other.listen(0)
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            try:
                waiting[-1].connect(a.control)
            except BlockingIOError:
                break
        a.program.signal(signal.SIGHUP)
        wait_for("it to be told", a.log, lambda log: "control socket" in log and "Address already in use" in log, 5)
        worker = a.roles()["hasup-vrrp"][0]
        os.kill(worker, signal.SIGKILL)
        wait_for("another worker", a.roles, lambda roles: roles.get("hasup-vrrp", [worker]) != [worker], 1)
    for client in waiting:
        client.close()
    os.unlink(a.control)
    hang_up(a)
