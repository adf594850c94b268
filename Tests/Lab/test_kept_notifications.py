"""Notifications that wait when hasupd is killed, parked or upgraded: none is lost or sent twice (D40)."""

import os
import signal
import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.program import alive
from lab.store import ALL, PARK, Store
from lab.waiting import hold_for, wait_for
from test_continuity import replaced

COUNT = 6
# The first run of the first instance is long, so that what follows waits behind it.
SCRIPT = """#!/bin/sh
echo begin $3 >>FOLDER/$2
[ "$2 $3" = "VI_1 MASTER" ] && sleep 3
echo end $3 >>FOLDER/$2
"""


class Told:
    """A daemon whose notify script tells when it begins and ends, an instance a file."""

    def __init__(self, node, settings=(), head=""):
        self.folder = os.path.join(node.directory, "told")
        os.mkdir(self.folder)
        script = node.write("notify.sh", SCRIPT.replace("FOLDER", self.folder))
        os.chmod(script, 0o755)
        self.names = [f"VI_{number}" for number in range(1, COUNT + 1)]
        self.hasup = Hasup(node, head + conf.file(*[
            conf.instance(name, vrid=number, priority=200, version=3, advert=0.1, vips=[f"10.0.0.{100 + number}/24"],
                          extra=[f'notify "{script}"']) for number, name in enumerate(self.names, 1)],
            settings=settings))

    def lines(self, name="VI_1"):
        """What was told of an instance."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()

    def wait(self, name, last):
        """Waits until this is the last that was told of an instance."""
        wait_for(f"{last} of {name}", lambda: self.lines(name), lambda seen: seen and seen[-1] == last, 8)


@pytest.fixture
def told(lan, request):
    """The daemon under a service manager with a store; VI_1's notification FAULT waits behind MASTER, which still runs,
    and later ones of the others were sent."""
    node = lan.node("a")
    one = Told(node, head=getattr(request, "param", ""))
    one.store = Store(one.hasup)
    one.store.start("--grace", "10")
    for name in one.names:
        one.hasup.wait_state("MASTER", name)
        one.wait(name, "begin MASTER" if name == "VI_1" else "end MASTER")
    node.netns.ip("link", "set", "eth0", "down")
    for name in one.names:
        one.hasup.wait_state("FAULT", name)
    for name in one.names[1:]:
        one.wait(name, "end FAULT")
    assert one.lines()[-1] == "begin MASTER", "nothing waits"
    yield one
    one.store.close()


def come_back(told, way):
    """Replaces hasupd in this way."""
    if way == "upgraded":
        pid = told.hasup.program.pid
        done = told.hasup.cli("upgrade", bound=20)
        assert done.returncode == 0, done.stderr
        wait_for("the next hasupd", told.hasup.log, lambda log: log.count(" started: ") > 1, 5)
        assert told.hasup.program.pid == pid
    else:
        told.store.end(PARK if way == "parked" else signal.SIGKILL)
        told.store.start("--grace", "10")


@pytest.mark.parametrize("way", ["killed", "parked", "upgraded", "killed twice"])
def test_what_waits_is_told_once(told, way):
    """Behind the script that its predecessor has started, and nothing of the others again."""
    assert told.store.names() == ALL
    for one in ("killed", "killed") if way == "killed twice" else (way,):
        come_back(told, one)
        assert told.lines()[-1] == "begin MASTER", "it took too long for this test"
    log = told.hasup.log()
    told.wait("VI_1", "end FAULT")
    wanted = [f"{moment} {state}" for state in ("BACKUP", "MASTER", "FAULT") for moment in ("begin", "end")]
    hold_for("each told once", lambda: [told.lines(name) for name in told.names],
             lambda seen: all(one == wanted for one in seen), 1)
    assert "sending 1 notification that the previous hasupd hadn't sent" in log
    assert way not in ("parked", "upgraded") or "left to the next hasupd: 1 notification" in log
    # Nothing is left that a further one would tell.
    come_back(told, "killed")
    told.hasup.wait_state("FAULT")
    hold_for("still once", lambda: [told.lines(name) for name in told.names],
             lambda seen: all(one == wanted for one in seen), 1)


ONLY_MASTER = """#!/bin/sh
echo begin >>FOLDER/told
while [ ! -e FOLDER/go ]; do sleep 0.05; done
echo >FOLDER/gone
exit 3
"""


class OnlyMaster:
    """A daemon of an instance with notify_master and nothing else, whose script ends with 3 when it is told to."""

    def __init__(self, node, stores):
        self.node = node
        script = node.write("master.sh", ONLY_MASTER.replace("FOLDER", node.directory))
        os.chmod(script, 0o755)
        self.hasup = Hasup(node, conf.simple(200, version=3, advert=0.1, extra=[f'notify_master "{script}"']))
        self.store = stores(self.hasup)
        self.store.start("--grace", "10")
        self.hasup.wait_state("MASTER")
        wait_for("the script", self.begun, lambda count: count == 1, 5)

    def begun(self):
        """How often the script was started."""
        path = os.path.join(self.node.directory, "told")
        if not os.path.exists(path):
            return 0
        with open(path, encoding="ascii") as file:
            return len(file.read().split())

    def link(self, is_up):
        """Takes the instance to MASTER or FAULT."""
        self.node.netns.ip("link", "set", "eth0", "up" if is_up else "down")
        self.hasup.wait_state("MASTER" if is_up else "FAULT")

    def go(self):
        """Lets the script end."""
        self.node.write("go", "")

    def state(self):
        """What status says of its notifications."""
        return self.hasup.status().instance()


@pytest.mark.parametrize("way", ["lives", "killed", "upgraded"])
def test_a_state_without_a_script_is_a_state(lan, stores, way):
    """S1: a MASTER script that waits isn't started when the instance isn't MASTER any more, whoever would start it."""
    one = OnlyMaster(lan.node("a"), stores)
    for is_up in (False, True, False):
        one.link(is_up)
    assert one.begun() == 1
    assert one.state()["notifications_skipped"] == 1
    assert "notification skipped: superseded by a newer one" in one.hasup.log()
    if way != "lives":
        come_back(one, way)
        one.hasup.wait_state("FAULT")
        assert "hadn't sent yet" not in one.hasup.log()
    one.go()
    if way == "killed":
        # Nobody's child that hasupd could ask.
        hold_for("no MASTER in FAULT", one.begun, lambda count: count == 1, 1)
    else:
        wait_for("its exit status", lambda: (one.state().get("scripts") or {}).get("failed"),
                 lambda count: count == 1, 5)
        hold_for("no MASTER in FAULT", one.begun, lambda count: count == 1, 0.5)
    one.link(True)
    wait_for("the next MASTER", one.begun, lambda count: count == 2, 5)


def test_what_waits_is_judged_by_what_nobody_heard(lan, stores):
    """A MASTER script waits, no hasupd runs, the script before it ends, and the instance has a fault by then."""
    one = OnlyMaster(lan.node("a"), stores)
    for is_up in (False, True):
        one.link(is_up)
    one.store.end(signal.SIGKILL)
    one.node.netns.ip("link", "set", "eth0", "down")
    wait_for("the address to go", lambda: one.node.holds("10.0.0.100"), lambda held: not held, 3)
    one.go()
    wait_for("the script's end", lambda: os.path.exists(os.path.join(one.node.directory, "gone")), bound=3)
    one.store.start("--grace", "10")
    one.hasup.wait_state("FAULT")
    hold_for("no MASTER in FAULT", one.begun, lambda count: count == 1, 1)
    assert one.state()["notifications_skipped"] == 1
    one.link(True)
    wait_for("the next MASTER", one.begun, lambda count: count == 2, 5)


def test_one_that_has_left_the_configuration(told, lan):
    """It can't be sent any more, and the log says so."""
    path = told.hasup.config
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lan.nodes["a"].write(os.path.basename(path), text.replace("vrrp_instance VI_1 ", "vrrp_instance OTHER "))
    come_back(told, "killed")
    assert "VI_1: notification dropped: it isn't configured any more" in told.hasup.log()


@pytest.mark.parametrize("told", ["child_wait_time 1\n"], indirect=True, ids=["1s"])
def test_a_stop_says_what_it_did_not_send(told):
    """Nobody goes on with it: those that wait behind a script that takes too long are sent in the last second, or named."""
    assert told.hasup.stop()[0] == 0
    assert told.store.names() == []
    log = told.hasup.log()
    is_named = "notifications not sent, because hasupd ends while earlier scripts run: VI_1 (STOP)" in log
    assert is_named != ("begin STOP" in told.lines()), (told.lines(), log)


def test_notify_scripts_run_once(lan, pair, stores, sniffer):
    """A successor knows which notifications its predecessor has taken on."""
    told = os.path.join(pair[0].directory, "told")
    script = pair[0].write("notify.sh", f"#!/bin/sh\necho $3 >>{told}\n")
    os.chmod(script, 0o755)
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=[f'notify "{script}"']))
    store = stores(a)
    store.start()
    a.wait_state("MASTER")

    def lines():
        with open(told, encoding="ascii") as file:
            return file.read().split()
    wait_for("MASTER told", lambda: lines() if os.path.exists(told) else [], lambda seen: "MASTER" in seen, 3)
    for number in (signal.SIGKILL, PARK, signal.SIGKILL):
        store.restart(number)
        sniffer.wait_advert(pair[0], since=time.time(), count=3)
    assert a.cli("upgrade", bound=20).returncode == 0
    sniffer.wait_advert(pair[0], since=time.time(), count=3)
    hold_for("MASTER told once", lambda: lines().count("MASTER"), lambda count: count == 1, 0.5)
    # And the next one is told.
    pair[0].netns.ip("link", "set", "eth0", "down")
    wait_for("FAULT told", lines, lambda seen: seen[-1] == "FAULT", 3)


def test_what_nobody_heard_is_told_by_the_successor(lan, pair, stores):
    """A transition while no hasupd runs: its notification and its line in the history come from the next worker."""
    told = os.path.join(pair[0].directory, "told")
    script = pair[0].write("notify.sh", f"#!/bin/sh\necho $3 >>{told}\n")
    os.chmod(script, 0o755)
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=[f'notify "{script}"']))
    store = stores(a)
    store.start("--grace", "10")
    a.wait_state("MASTER")
    wait_for("MASTER told", lambda: os.path.exists(told) and open(told, encoding="ascii").read(),
             lambda text: "MASTER" in str(text))
    worker = a.worker()
    store.end(signal.SIGKILL)
    pair[0].netns.ip("link", "set", "eth0", "down")
    wait_for("the address to go", lambda: pair[0].holds("10.0.0.100"), lambda held: not held, 3)
    assert alive(worker), "it didn't wait for a hasupd"
    store.start("--grace", "10")
    a.wait_state("FAULT")
    history = a.cli("history").stdout
    transitions = [line for line in history.splitlines() if "MASTER -> FAULT" in line]
    assert len(transitions) == 1 and "eth0 is down" in transitions[0], history
    wait_for("FAULT told", lambda: open(told, encoding="ascii").read().split(), lambda words: words[-1] == "FAULT", 3)
    worker = a.worker()
    os.kill(worker, signal.SIGKILL)
    replaced(a, worker)
    a.wait_state("FAULT")
    hold_for("both told once", lambda: (open(told, encoding="ascii").read().split().count("FAULT"),
                                        a.cli("history").stdout.count("MASTER -> FAULT")),
             lambda seen: seen == (1, 1), 0.5)
