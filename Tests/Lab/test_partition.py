"""Partitions, equal priorities, late links: one holder afterwards, and clients that find it."""

import os
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.machine import late
from lab.waiting import hold_for, wait_for

VIP, VIP6 = "10.0.0.100", "fd00::100"
DOWN = 0.361


def learned(client, address):
    """The MAC that the client has for an address, asked for only once."""
    for entry in client.netns.ip_json("neigh", "show", address):
        if "lladdr" in entry:
            return entry["lladdr"]
    return None


def ask(client, address):
    """One ping, so that the client resolves the address."""
    family = "-6" if ":" in address else "-4"
    client.netns.run("ping", family, "-n", "-c", "1", "-W", "1", address, check=False)


@pytest.mark.parametrize("vip", [f"{VIP}/24", f"{VIP6}/64"], ids=["ipv4", "ipv6"])
def test_clients_find_the_master_after_a_partition(duo, lan, pair, vip):
    """T1: after a cut of two master-down intervals and its end, the client's neighbour entry is the master's in 1 s."""
    client = lan.node("c", 3)
    address = vip.split("/")[0]
    duo(vips=[vip], vip=address)
    ask(client, address)
    assert learned(client, address) == pair[0].mac
    for _ in range(50 if LONG else 4):
        lan.cut(pair[1])
        wait_for("two holders", lambda: lan.holders(address), lambda seen: seen == ["a", "b"], 2)
        time.sleep(DOWN)
        lan.heal()
        lan.wait_holder(address, "a", 1)
        wait_for("the master's MAC at the client", lambda: learned(client, address), lambda mac: mac == pair[0].mac, 1)


@pytest.mark.parametrize("vip", [f"{VIP}/24", f"{VIP6}/64"], ids=["ipv4", "ipv6"])
def test_equal_priorities_sort_themselves_out(lan, sniffer, vip):
    """T4: three nodes with one priority: after each partition one holder, the one with the highest address."""
    address = vip.split("/")[0]
    nodes = [lan.node(name) for name in "abc"]
    daemons = [Hasup(node, conf.simple(100, version=3, advert=0.1, vips=[vip])).start() for node in nodes]
    wait_for("one holder", lambda: lan.holders(address), lambda seen: len(seen) == 1, 4)
    for _ in range(50 if LONG else 5):
        lan.drop('iifname "p-c"', 'oifname "p-c"')
        wait_for("two holders", lambda: lan.holders(address), lambda seen: len(seen) == 2 and "c" in seen, 3)
        lan.heal()
        healed = time.time()
        lan.wait_holder(address, "c", 1)
        assert time.time() - healed < 0.6 + late()
    assert [daemon.state() for daemon in daemons] == ["BACKUP", "BACKUP", "MASTER"]


def test_a_reload_during_a_partition(duo, lan, pair, sniffer):
    """T2: heal a partition during which the backup was reloaded: one holder within two intervals."""
    _, b = duo()
    lan.cut(pair[1])
    wait_for("two holders", lambda: lan.holders(VIP), lambda seen: seen == ["a", "b"], 2)
    assert b.reload(conf.simple(101, version=3, advert=0.1)).returncode == 0
    lan.heal()
    healed = time.time()
    lan.wait_holder(VIP, "a", 1)
    last = sniffer.adverts(pair[1])[-1]
    assert last.time - healed < 0.2 + late()


def test_two_masters_of_one_address_under_two_vrids_are_told(lan, pair):
    """T2: adverts reach both, and status doesn't say that all is well: it names the other one and its VRID."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    b = Hasup(pair[1], conf.simple(100, vrid=52, version=3, advert=0.1)).start()
    for one, other, vrid in ((a, "10.0.0.2", 52), (b, "10.0.0.1", 51)):
        one.wait_state("MASTER")
        done = wait_for("status 1", lambda one=one: one.cli("status"), lambda done: done.returncode == 1, 3)
        text = " ".join(done.stdout.split())
        assert f"probably two masters: {other} advertises, too" in text, text
        assert f"an address of this instance under VRID {vrid}" in text, text
    # Other addresses under another number are another cluster, and none of our business.
    assert b.reload(conf.simple(100, vrid=52, version=3, advert=0.1, vips=["10.0.0.101/24"])).returncode == 0
    wait_for("well again", lambda: a.cli("status"), lambda done: done.returncode == 0, 5)
    assert "no instance here has VRID 52" in " ".join(a.cli("status").stdout.split())


def test_one_source_address_for_two_routers_is_told(lan, pair):
    """A file that was copied with its mcast_src_ip: each takes the other's adverts for its own, and both are MASTER.

    The one that has the address hears nothing: its kernel drops what comes with it from outside.
    """
    own = ("mcast_src_ip 10.0.0.1",)
    Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=own)).start()
    lan.wait_holder(VIP, "a")
    b = Hasup(pair[1], conf.simple(110, version=3, advert=0.1, extra=own)).start()
    b.wait_state("MASTER")
    done = wait_for("the alarm", lambda: b.cli("status"), lambda done: done.returncode == 1, 4)
    text = " ".join(done.stdout.split())
    assert "probably two masters: 10.0.0.1 advertises, too" in text and "its source address is ours" in text, text


def test_a_one_way_cut_is_told(duo, lan, pair):
    """p39, T2: b no longer hears a, and is MASTER beside it. a hears b: its status, log and history say so, until b is gone."""
    a, b = duo()
    lan.deafen(pair[1])
    b.wait_state("MASTER")
    done = wait_for("the alarm", lambda: a.cli("status"), lambda done: done.returncode == 1, 3)
    text = " ".join(done.stdout.split())
    assert "probably two masters: 10.0.0.2 advertises, too, and doesn't yield" in text, text
    assert a.state() == "MASTER" and b.cli("status").returncode == 0, "b hears nobody"
    time.sleep(1)
    assert a.log().count("probably two masters") == 1, a.log()
    assert "probably two masters: 10.0.0.2" in " ".join(a.cli("history").stdout.split())
    b.kill()
    wait_for("its silence to count", lambda: a.cli("status"), lambda done: done.returncode == 0, 3)
    assert "two masters" not in a.cli("status").stdout


def test_adverts_heard_in_fault_are_no_second_master(lan, pair):
    """fault-then-two-masters: a was in FAULT while b was MASTER. When a is MASTER again, b has yielded, and all is well."""
    for end in ("d0", "d1"):
        if end == "d0":
            pair[0].netns.ip("link", "add", "d0", "type", "veth", "peer", "name", "d1")
        pair[0].netns.ip("link", "set", end, "up")
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=["track_interface {", "d0", "}"])).start()
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a")
    b.wait_state("BACKUP")
    pair[0].netns.ip("link", "set", "d0", "down")
    b.wait_state("MASTER")
    wait_for("adverts in FAULT", lambda: sum(a.status().discarded().values()), lambda count: count > 2)
    pair[0].netns.ip("link", "set", "d0", "up")
    a.wait_state("MASTER")
    b.wait_state("BACKUP")
    done = a.cli("status")
    assert done.returncode == 0 and "two masters" not in done.stdout, done.stdout
    assert "two masters" not in a.log() + b.log()


def test_an_address_list_of_who_is_gone_is_none(lan, pair):
    """stale-address-list: the BACKUP has another list than its master, which is said until it takes over from it."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1, vips=[f"{VIP}/24", "10.0.0.102/24"])).start()
    lan.wait_holder(VIP, "a")
    b.wait_state("BACKUP")
    done = wait_for("the word", lambda: b.cli("status"), lambda done: done.returncode == 1, 3)
    assert "10.0.0.1 advertises other addresses" in " ".join(done.stdout.split()), done.stdout
    a.stop()
    b.wait_state("MASTER")
    assert b.cli("status").returncode == 0


def test_a_link_that_passes_nothing_yet(lan, pair, sniffer):
    """T7 (a): a nopreempt node whose port swallows frames after carrier does not take over before its startup delay."""
    a = Hasup(pair[0], conf.simple(100, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    lan.drop(f'oifname "{pair[1].port}"')
    begin = time.time()
    late = conf.simple(200, version=3, advert=0.1, extra=["nopreempt"], settings=["vrrp_startup_delay 3"])
    b = Hasup(pair[1], late).start()
    hold_for("no advert of b", lambda: sniffer.adverts(pair[1], since=begin), lambda seen: not seen, 2.0, 0.05)
    lan.heal()
    b.wait_state("BACKUP", bound=3)
    hold_for("a holds the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 2.0, 0.05)


def test_the_transition_is_one_line_that_says_why(duo, pair):
    """O3: instance, old and new state, reason, peer, both priorities."""
    a, b = duo()
    before = len(b.log().splitlines())
    a.stop()
    b.wait_state("MASTER")
    lines = [line for line in b.log().splitlines()[before:] if "VI_1" in line and "MASTER" in line]
    assert len(lines) == 1, b.log()
    for word in ("BACKUP", "10.0.0.1", "100"):
        assert word in lines[0], lines[0]


NOTIFY = """#!/bin/sh
if ! mkdir "$(dirname "$0")/running"; then echo overlap >>"$(dirname "$0")/notified"; fi
sleep 0.0$(( $(od -An -N1 -tu1 /dev/urandom) % 10 ))
echo "$*" >>"$(dirname "$0")/notified"
rmdir "$(dirname "$0")/running"
"""


def test_notify_scripts_of_quick_transitions(lan, pair):
    """S1: never two runs at once for an instance, and the last run names the final state."""
    script = pair[0].write("notify.sh", NOTIFY)
    pair[0].netns.run("chmod", "755", script)
    extra = [f'notify "{script}"']
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.02, extra=extra, settings=["script_user root"])).start()
    a.wait_state("MASTER")

    def notified():
        try:
            with open(pair[0].directory + "/notified", encoding="utf-8") as file:
                return file.read().splitlines()
        except OSError:
            return []
    wait_for("the first notifications", notified, lambda lines: lines and lines[-1] == "INSTANCE VI_1 MASTER 200", 5)
    # When no script runs, the first FAULT's begins at once; later ones may be overtaken while another runs.
    wait_for("the script's end", lambda: os.path.exists(pair[0].directory + "/running"), lambda running: not running, 5)
    for _ in range(15):
        lan.link(pair[0], False)
        a.wait_state("FAULT", bound=2)
        lan.link(pair[0], True)
        a.wait_state("MASTER", bound=3)
    wait_for("the last notification", notified, lambda lines: lines and lines[-1] == "INSTANCE VI_1 MASTER 200", 5)
    lines = notified()
    assert "overlap" not in lines
    assert lines.count("INSTANCE VI_1 FAULT 200") >= 1


def test_state_scripts(lan, pair):
    """notify_master, notify_backup, notify_fault and notify_stop run with their own arguments only."""
    script = pair[0].write("note.sh", '#!/bin/sh\necho "$*" >>"$(dirname "$0")/noted"\n')
    pair[0].netns.run("chmod", "755", script)
    extra = [f'notify_{state} "{script} {state} now"' for state in ("master", "backup", "fault", "stop")]
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, extra=extra, settings=["script_user root"])).start()

    def noted():
        try:
            with open(pair[0].directory + "/noted", encoding="utf-8") as file:
                return file.read().split("\n")[:-1]
        except OSError:
            return []
    wait_for("backup, then master", noted, lambda lines: lines == ["backup now", "master now"], 4)
    lan.link(pair[0], False)
    wait_for("fault", noted, lambda lines: lines[2:] == ["fault now"], 3)
    a.stop()
    wait_for("stop", noted, lambda lines: lines[3:] == ["stop now"], 3)
