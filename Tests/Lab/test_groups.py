"""Sync groups: three instances on three links that are MASTER together or not at all."""

import os
import random
import signal
import time

import pytest
from lab import conf
from lab.forge import Injector
from lab.hasup import Hasup
from lab.machine import late
from lab.packets import MULTICAST4, ip_packet, vrrp_pdu
from lab.peers import Keepalived
from lab.waiting import hold_for, wait_for

NUMBERS = range(3)
NAMES = [f"VI_{number + 1}" for number in NUMBERS]
VRIDS = [51 + number for number in NUMBERS]
VIPS = [f"10.{number}.0.100" for number in NUMBERS]


def text(priority, *, advert=0.1, members=NUMBERS, group=(), extra=((), (), ()), definitions=(), settings=()):
    """A file with three instances on eth0, eth1 and eth2, and the group of its members."""
    instances = [conf.instance(NAMES[number], vrid=VRIDS[number], priority=priority, interface=f"eth{number}",
                               version=3, advert=advert, vips=[f"{VIPS[number]}/24"], extra=extra[number])
                 for number in NUMBERS]
    block = ["vrrp_sync_group G {", "    group {", *(f"        {NAMES[number]}" for number in members), "    }",
             *(f"    {line}" for line in group), "}"]
    return conf.file(*definitions, *instances, "\n".join(block) + "\n" if members else "", settings=settings)


@pytest.fixture
def wide(pair):
    """Both nodes have three links."""
    for node in pair:
        for number in NUMBERS[1:]:
            node.plug(f"eth{number}", f"{node.port}{number}", address=False)
            node.netns.ip("address", "add", f"10.{number}.0.{node.number}/24", "dev", f"eth{number}")
    return pair


def source(node, number):
    """The address that a member sends from."""
    return f"10.{number}.0.{node.number}"


def adverts(sniffer, node, number, since=0.0):
    """Adverts of a member."""
    return [advert for advert in sniffer.adverts(vrid=VRIDS[number], since=since)
            if advert.source == source(node, number)]


def states(hasup):
    """The states of all members."""
    return [hasup.state(name) for name in NAMES]


def wait_states(hasup, state, bound=6.0):
    """Waits until all members are in this state."""
    return wait_for(f"all members on {hasup.node.name} to be {state}", lambda: states(hasup),
                    lambda seen: seen == [state] * 3, bound)


def wait_addresses(lan, name, bound=6.0):
    """Waits until exactly this node has all addresses."""
    return wait_for(f"all addresses on {name}", lambda: [lan.holders(vip) for vip in VIPS],
                    lambda seen: seen == [[name]] * 3, bound)


def link(lan, node, number, up):
    """Pulls or puts back the cable of one of a node's links."""
    lan.netns.ip("link", "set", node.port + (str(number) if number else ""), "up" if up else "down")


@pytest.fixture
def grouped(lan, wide):
    """hasup on a (priority 200) and on b (priority 100)."""
    def begin(**options):
        a, b = Hasup(wide[0], text(200, **options)).start(), Hasup(wide[1], text(100, **options)).start()
        wait_addresses(lan, "a", 8)
        wait_states(b, "BACKUP")
        return a, b
    return begin


def test_a_dead_link_moves_all_members(lan, wide, grouped, sniffer):
    """One link fails: all members are in FAULT at once, the others with priority 0; the peer has all of it after the dead
    link's master-down time, and gives it back as soon as the link is there."""
    a, b = grouped()
    began = time.time()
    link(lan, wide[0], 1, False)
    wait_states(a, "FAULT")
    wait_addresses(lan, "b")
    assert a.status().reason("VI_1") == "VI_2 of sync group G is in FAULT"
    assert "interface eth1 is down" in a.status().reason("VI_2")
    for number in (0, 2):
        assert adverts(sniffer, wide[0], number)[-1].priority == 0
    first = [wait_for("the first advert", lambda: adverts(sniffer, wide[1], number, began))[0].time
             for number in NUMBERS]
    last = adverts(sniffer, wide[0], 1)[-1].time
    assert max(first) - min(first) < 0.005 + late()
    assert first[1] - last < 0.3 + 0.1 * 156 / 256 + 0.02 + late()
    for number in NUMBERS:
        wait_for("the announcement", lambda: sniffer.announcements(VIPS[number], since=began), bound=1)
    link(lan, wide[0], 1, True)
    wait_addresses(lan, "a")
    wait_states(b, "BACKUP")
    assert a.status().instance("VI_3")["sync_group"] == "G"
    assert "Sync group G is MASTER: VI_1, VI_2, VI_3." in a.cli("status").stdout


def test_all_take_over_together(lan, wide, grouped, sniffer):
    """kill -9 of the master: the last member's timer decides, and all first adverts leave together."""
    a, b = grouped()
    a.kill()
    lasts = [adverts(sniffer, wide[0], number)[-1].time for number in NUMBERS]
    firsts = [wait_for("the first advert", lambda: adverts(sniffer, wide[1], number))[0].time for number in NUMBERS]
    assert max(firsts) - min(firsts) < 0.005 + late()
    expected = max(lasts) + 0.3 + 0.1 * 156 / 256
    assert expected - 0.005 <= min(firsts) <= expected + 0.02 + late()
    wait_states(b, "MASTER")


def test_a_better_master_of_one_member(wide, grouped, sniffer):
    """One member hears a higher priority: all yield, the others with priority 0, which their peers act on at once."""
    a, b = grouped()
    began = time.time()
    with Injector(wide[1], "eth2") as injector:
        better = vrrp_pdu("10.2.0.77", MULTICAST4, VRIDS[2], 250, [VIPS[2]], version=3, interval=0.1)
        injector.packet(ip_packet("10.2.0.77", MULTICAST4, better))
        wait_for("a to yield", lambda: states(a), lambda seen: "MASTER" not in seen)
    for number in (0, 1):
        wait_for("priority 0", lambda: [advert.priority for advert in adverts(sniffer, wide[0], number, began)],
                 lambda seen: 0 in seen)
    # Nobody else advertises: the better node's group is back.
    wait_states(a, "MASTER")
    assert "VI_1: MASTER -> BACKUP: VI_3 of sync group G isn't MASTER" in a.log()
    wait_states(b, "BACKUP")


@pytest.mark.parametrize("keepalived_first", [False, True], ids=["hasup-first", "keepalived-first"])
def test_mixed_pair(lan, wide, sniffer, keepalived_first):
    """A group of three on hasup and on keepalived: a link that fails moves all of it there, and back."""
    def peer(node, priority):
        return Keepalived(node, text(priority)).start()

    def ours(node, priority):
        return Hasup(node, text(priority)).start()
    (peer if keepalived_first else ours)(wide[0], 200)
    (ours if keepalived_first else peer)(wide[1], 100)
    wait_addresses(lan, "a", 8)
    for number in (2, 0):
        link(lan, wide[0], number, False)
        wait_addresses(lan, "b")
        link(lan, wide[0], number, True)
        wait_addresses(lan, "a", 8)
    since = time.time()
    hold_for("all on a", lambda: [lan.holders(vip) for vip in VIPS], lambda seen: seen == [["a"]] * 3, 1, 0.1)
    assert not [advert for number in NUMBERS for advert in adverts(sniffer, wide[1], number, since)]


def test_a_worker_dies(lan, wide, grouped, sniffer):
    """kill -9 of the worker: the group goes on, and no peer hears of it."""
    a, b = grouped()
    began = time.time()
    for _ in range(3):
        os.kill(a.worker(), signal.SIGKILL)
        wait_states(a, "MASTER")
        time.sleep(0.5)
    assert [lan.holders(vip) for vip in VIPS] == [["a"]] * 3
    assert not [advert for number in NUMBERS for advert in adverts(sniffer, wide[1], number, began)]
    assert all(b.status().instance(name)["counters"]["became_master"] == 0 for name in NAMES)


def test_reload_moves_nobody(lan, wide, grouped, sniffer):
    """A member leaves the group and joins it again, and so does an instance that is new: nobody else notices."""
    a, b = grouped()
    began = time.time()
    for members in ((0, 1), (), NUMBERS):
        for hasup, priority in ((a, 200), (b, 100)):
            assert hasup.reload(text(priority, members=members)).returncode == 0
        wait_states(a, "MASTER")
    third = text(200).replace(f"virtual_router_id {VRIDS[2]}", "virtual_router_id 77")
    assert a.reload(third).returncode == 0
    wait_states(a, "MASTER")
    assert a.status().reason("VI_3") == "VI_1 of sync group G became MASTER"
    assert [lan.holders(vip) for vip in VIPS[:2]] == [["a"]] * 2
    assert not [advert for number in (0, 1) for advert in adverts(sniffer, wide[1], number, began)]


def test_a_member_of_a_group_that_tracks(lan, wide, grouped):
    """track_interface of the group takes all down; a member's own weight counts with sync_group_tracking_weight only."""
    for node in wide:
        node.plug("up1", f"{node.port}9", address=False)
    own = (("track_interface {", "lo weight 30", "}"), (), ())
    a, b = grouped(group=("track_interface {", "up1", "}"), extra=own)
    assert [a.status().instance(name)["priority"] for name in NAMES] == [200] * 3
    wide[0].netns.ip("link", "set", "up1", "down")
    wait_states(a, "FAULT")
    wait_addresses(lan, "b")
    wide[0].netns.ip("link", "set", "up1", "up")
    wait_addresses(lan, "a")
    weighted = text(200, group=("sync_group_tracking_weight",), extra=own)
    assert a.reload(weighted).returncode == 0
    assert a.status().instance("VI_1")["priority"] == 230
    assert "priority 200 + 30 interface lo = 230" in a.cli("status").stdout
    wait_states(b, "BACKUP")


@pytest.mark.parametrize("keepalived_first", [False, True], ids=["hasup", "keepalived"])
def test_what_a_group_tracks(lan, wide, keepalived_first):
    """A script and a file of the group decide about all members, here as in keepalived: FAULT of all, priorities of all.
    A member's own script with a weight isn't even run."""
    ok = os.path.join(wide[0].directory, "ok")
    rank = os.path.join(wide[0].directory, "rank")
    ran = os.path.join(wide[0].directory, "ran")
    for path, words in ((ok, "1"), (rank, "0")):
        with open(path, "w", encoding="ascii") as file:
            file.write(words)
    definitions = (f'vrrp_script ok {{\n    script "/usr/bin/test -e {ok}"\n    interval 0.2\n}}',
                   f'vrrp_script own {{\n    script "/usr/bin/touch {ran}"\n    interval 0.2\n    weight 50\n}}',
                   f'track_file rank {{\n    file "{rank}"\n    weight -1\n}}\n')
    group = ("track_script {", "ok", "}", "track_file {", "rank", "}")
    first = text(200, group=group, extra=(("track_script {", "own", "}"), (), ()), definitions=definitions,
                 settings=("script_user root",))
    (Keepalived if keepalived_first else Hasup)(wide[0], first).start()
    b = Hasup(wide[1], text(100)).start()
    wait_addresses(lan, "a", 8)
    with open(rank, "w", encoding="ascii") as file:
        file.write("150")
    wait_addresses(lan, "b")
    wait_states(b, "MASTER")
    with open(rank, "w", encoding="ascii") as file:
        file.write("20")
    wait_addresses(lan, "a")
    os.unlink(ok)
    wait_addresses(lan, "b")
    with open(ok, "w", encoding="ascii") as file:
        file.write("1")
    wait_addresses(lan, "a")
    wait_states(b, "BACKUP")
    assert not os.path.exists(ran)


@pytest.mark.minutes
def test_t8_two_hundred_flaps(lan, wide, grouped, sniffer):
    """T8: after 200 random link flaps all members are MASTER on one node and BACKUP on the other, and each address was
    announced after the last transition."""
    a, b = grouped()
    choice = random.Random(8)
    for _ in range(100):
        down = [(choice.choice(wide), choice.choice(NUMBERS)) for _ in range(2)]
        for node, number in down:
            link(lan, node, number, False)
            time.sleep(choice.uniform(0, 0.15))
        for node, number in down:
            link(lan, node, number, True)
            time.sleep(choice.uniform(0, 0.15))
    wait_addresses(lan, "a", 3)
    wait_states(a, "MASTER")
    wait_states(b, "BACKUP")
    hold_for("all on a", lambda: [lan.holders(vip) for vip in VIPS], lambda seen: seen == [["a"]] * 3, 0.8, 0.05)
    for number, name in enumerate(NAMES):
        since = time.time() - a.status().instance(name)["in_state_seconds"]
        assert sniffer.announcements(VIPS[number], since=since - 0.01), name
