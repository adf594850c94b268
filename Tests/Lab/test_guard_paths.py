"""Heartbeats by multicast and by a serial line (D104): beside UDP, with noise, hung up, and alone."""

import os
import re
import time

import pytest
from lab import conf
from lab.cluster import VIP, copy_key, nodes, paths, settle
from lab.hasup import Hasup
from lab.line import Line
from lab.machine import late
from lab.waiting import hold_for, wait_for

BETWEEN = ('iifname "p-a" oifname "p-b"', 'iifname "p-b" oifname "p-a"')
GROUP4, GROUP6 = "239.1.2.3", "ff02::7112"
NOISE = 10_000_000


@pytest.fixture
def line(cabled):
    """A serial line between the two nodes."""
    made = Line(cabled[0].directory)
    yield made
    made.close()


def block(key, heartbeats, lines=(), name="web"):
    """A cluster block with these heartbeats of each node."""
    text = f"cluster {name} {{\n    secret file:{key}\n" + "".join(f"    {line}\n" for line in lines)
    for node, ways in zip("ab", heartbeats):
        text += f"    node {node} {{\n" + "".join(f"        heartbeat {way}\n" for way in ways) + "    }\n"
    text += "    guard VI_1\n}\n"
    return "".join(f"@hasup {line}\n" for line in text.splitlines())


def start(lan, cabled, keys, heartbeats, lines=(), extra=()):
    """hasup on both nodes; a becomes MASTER."""
    both = []
    for node, key, priority in zip(cabled, keys, (200, 100)):
        text = conf.simple(priority, before=block(key, heartbeats, lines), version=3, advert=0.1, extra=extra)
        both.append(Hasup(node, text).start("--config-id", node.name))
    settle(lan, both)
    return both


def way(hasup, name):
    """A path in the status."""
    return next(path for path in paths(hasup) if path["path"] == name)


def hears(hasup, *names):
    """Waits until the other node is heard by these paths."""
    wait_for(f"frames by {names}", lambda: paths(hasup),
             lambda seen: {path["path"] for path in seen if path["heard"]} >= set(names), 8)


def end(node, hasup):
    """The machine is dead."""
    hasup.kill()
    for interface in ("eth0", "eth1"):
        node.netns.ip("address", "flush", "dev", interface)
        node.netns.ip("link", "set", interface, "down")


# MARK: Multicast

@pytest.mark.parametrize("group", [GROUP4, GROUP6])
def test_multicast_beside_unicast(lan, cabled, keys, group):
    """Each path is heard; the group alone tells that the other lives, with adverts and the other path cut."""
    ways = [[f"lan udp 10.0.0.{number} dev eth0", f"group multicast {group} dev eth1"] for number in (1, 2)]
    a, b = start(lan, cabled, keys, ways)
    for hasup in (a, b):
        hears(hasup, "lan", "group")
        seen = way(hasup, "group")
        assert seen["round_trip_seconds"] < 0.1 and seen["sent"] > 3 and seen["errors"] == 0
        assert set(seen["refused"]) <= {"unproved"}, "its own frames don't come back"
    # TTL 1, on this device only.
    lan.drop(*BETWEEN)
    wait_for("what b waits for", lambda: b.status().instance().get("why_not_master", {}).get("text", ""),
             lambda text: "a is alive and MASTER by `group`" in text, 5)
    hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 2)
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    end(cabled[0], a)
    lan.wait_holder(VIP, "b", 3)


@pytest.mark.parametrize("group", [GROUP4, GROUP6])
def test_a_second_cluster_on_the_same_group(lan, cabled, keys, group):
    """Its frames are counted as another cluster's, and nobody moves; when it is gone nothing has changed."""
    ways = [[f"group multicast {group} dev eth1"]] * 2
    a, b = start(lan, cabled, keys, ways)
    hears(a, "group")
    other = lan.node("c", 3)
    cabled[1].netns.ip("link", "add", "br1", "type", "bridge")
    text = conf.simple(100, before=block(copy_key(keys[0], other), [[f"group multicast {group} dev eth0"]] * 2, name="far"),
                       vrid=77, vips=("10.0.0.101/24",))
    ours = [[f"group multicast {group} dev eth0"]] * 2
    for hasup, key, priority in ((a, keys[0], 200), (b, keys[1], 100)):
        done = hasup.reload(conf.simple(priority, before=block(key, ours), version=3, advert=0.1))
        assert done.returncode == 0, done.stdout + done.stderr
    hears(a, "group")
    hears(b, "group")
    c = Hasup(other, text).start("--config-id", "a")
    for hasup in (a, b):
        wait_for("the other cluster's frames", lambda: way(hasup, "group")["refused"].get("cluster", 0),  # pylint: disable=cell-var-from-loop
                 lambda count: count > 5, 8)
        assert way(hasup, "group")["heard"]
        assert "they are another cluster's" in hasup.log()
    hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1)
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    c.kill()
    assert way(a, "group")["heard"] and nodes(a)[0]["hears_us"]


# MARK: Serial

def serial(line, speed=115_200):
    """One path on each node: an end of the line."""
    return [[f"line serial {path} {speed}"] for path in line.paths]


def test_one_path_left_is_enough(lan, cabled, keys, line):
    """F4: everything between the nodes is cut but the serial line: it tells that the other lives, what it is, and why."""
    ways = [[f"lan udp 10.0.0.{number} dev eth0", f"cable udp 192.168.9.{number} dev eth1", *more]
            for number, more in zip((1, 2), serial(line))]
    a, b = start(lan, cabled, keys, ways)
    hears(a, "lan", "cable", "line")
    hears(b, "lan", "cable", "line")
    assert way(b, "line")["round_trip_seconds"] < 0.2 + late()
    lan.drop(*BETWEEN)
    cabled[0].netns.ip("link", "set", "eth1", "down")
    wait_for("what b waits for", lambda: b.status().instance().get("why_not_master", {}).get("text", ""),
             lambda text: "a is alive and MASTER by `line`, its adverts aren't heard here" in text, 5)
    hold_for("a alone has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 3)
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]
    # By nothing but the line it is handed over, too.
    began = time.time()
    a.cli("resign", "--timeout", "0.1", "VI_1")
    lan.wait_holder(VIP, "b", 2)
    print(f"handed over by the line after {time.time() - began:.3f} s")


def test_a_line_alone(lan, cabled, keys, line):
    """The only path of a cluster; a dead master is replaced by its silence."""
    a, b = start(lan, cabled, keys, serial(line))
    hears(b, "line")
    end(cabled[0], a)
    lan.wait_holder(VIP, "b", 4)
    assert b.state() == "MASTER"


def memory(pid):
    """A process's own memory, in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", file.read(), re.M)[1]) * 1024


def test_noise_costs_frames_and_nothing_else(lan, cabled, keys, line):
    """10 MB of it, with zero bytes and without: counted, no memory that grows, and frames come through behind it."""
    a, b = start(lan, cabled, keys, [[*ours, f"lan udp 10.0.0.{number} dev eth0"]
                                     for number, ours in zip((1, 2), serial(line))])
    hears(b, "line")
    before = memory(b.worker())
    line.noise(1, NOISE // 2)
    line.noise(1, NOISE // 2, seed=b"\xa5")
    grown = memory(b.worker()) - before
    print(f"{NOISE} bytes of noise: {grown} bytes of memory")
    assert grown < 300_000
    refused = wait_for("the noise in the status", lambda: way(b, "line")["refused"], lambda seen: seen.get("noise", 0), 5)
    assert set(refused) <= {"noise", "length", "cluster", "authentication", "form", "unproved", "repeated"}
    received = way(b, "line")["received"]
    wait_for("frames behind it", lambda: way(b, "line")["received"], lambda count: count > received + 3, 5)
    assert lan.holders(VIP) == ["a"] and [a.state(), b.state()] == ["MASTER", "BACKUP"]


def test_a_stopped_reader(lan, cabled, keys, line):
    """Nobody takes what a sends: frames are left out and counted, and the worker waits for nothing."""
    a, b = start(lan, cabled, keys, [[*ours, f"lan udp 10.0.0.{number} dev eth0"]
                                     for number, ours in zip((1, 2), serial(line))], ["interval 0.02", "timeout 0.5"])
    hears(b, "line")
    line.stop(0)
    wait_for("frames that are left out", lambda: way(a, "line").get("left_out", 0), lambda count: count > 3, 25)
    assert way(a, "lan")["heard"] and way(b, "lan")["heard"] and lan.holders(VIP) == ["a"]
    line.stop(0, False)
    hears(b, "line")
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]


def test_a_line_that_hangs_up_is_asked_for_again(lan, cabled, keys, line):
    """It is said once, and asked for after longer and longer times; when it is there again, it is used."""
    # With a script hasupd isn't confined to the files that were there at its start.
    a, b = start(lan, cabled, keys, [[*ours, f"lan udp 10.0.0.{number} dev eth0"]
                                     for number, ours in zip((1, 2), serial(line))], extra=['notify_master "/bin/true"'])
    hears(a, "line")
    line.hang_up(0)
    wait_for("the log", a.log, lambda log: f"no heartbeats to {line.paths[0]}" in log, 5)
    wait_for("the silence", lambda: way(b, "line")["heard"], lambda heard: not heard, 5)
    time.sleep(1)
    line.come_back(0)
    hears(a, "line")
    hears(b, "line")
    assert "again, after" in a.log()
    assert a.log().count("warning: hasup-vrrp: cluster web: no heartbeats to") <= 3
    assert lan.holders(VIP) == ["a"] and [a.state(), b.state()] == ["MASTER", "BACKUP"]


def test_a_killed_worker_goes_on_with_the_line(lan, cabled, keys, line):
    """Its successor is given the line, which the dead one had for itself."""
    a, b = start(lan, cabled, keys, serial(line))
    hears(b, "line")
    os.kill(a.worker(), 9)
    received = way(b, "line")["received"]
    wait_for("frames of the successor", lambda: way(b, "line")["received"], lambda count: count > received + 5, 5)
    assert lan.holders(VIP) == ["a"] and [a.state(), b.state()] == ["MASTER", "BACKUP"]


def test_what_is_no_line_is_refused(lan, cabled, keys):
    """A file, and a device that isn't a terminal: the log says it, and the other path goes on."""
    ways = [[f"lan udp 10.0.0.{number} dev eth0", f"line serial {device}"]
            for number, device in zip((1, 2), (keys[0], "/dev/null"))]
    a, b = start(lan, cabled, keys, ways)
    for hasup in (a, b):
        wait_for("the refusal", hasup.log, lambda log: "no heartbeats to" in log and ("ioctl" in log or "Permission denied" in log), 5)
    assert lan.holders(VIP) == ["a"] and way(b, "lan")["heard"]
