"""Whose an address is stands in a ledger, whatever the kernel says of it (docs/decisions, D14)."""

import os
import signal
import subprocess
import time

import pytest
from lab import conf, marks
from lab.hasup import Hasup
from lab.launch import unmarked, unremoved
from lab.machine import late
from lab.store import PARK
from lab.waiting import wait_for
from test_continuity import replaced

VIP = "10.0.0.100"
BLAME = "removed by another program"


def infos(node, address):
    """All that the kernel has of one address: [(interface, length, scope)]."""
    return [(link["ifname"], info["prefixlen"], info["scope"]) for link in node.netns.ip_json("address", "show")
            for info in link["addr_info"] if info.get("local") == address]


def several(priority, *vips, **options):
    """An instance for each address."""
    return conf.file(*(conf.instance(f"V{number}", vrid=number, priority=priority, version=3, advert=0.1, vips=[vip],
                                     **options) for number, vip in enumerate(vips, 1)))


def all_are(hasup, state, count):
    """Waits until all instances are in this state."""
    for number in range(1, count + 1):
        hasup.wait_state(state, f"V{number}")


def batch(node, *lines):
    """One run of iproute2 that does all of this. What hasup has put back meanwhile can't be added a second time."""
    subprocess.run(["ip", "-n", node.netns.name, "-force", "-batch", "-"], input="\n".join([*lines, ""]), text=True,
                   capture_output=True, timeout=10, check=False)


def yields(lan, a, b, text, vips):
    """Makes a a backup by a lower priority: b alone has the addresses, and so it is when a has stopped."""
    assert a.reload(text).returncode == 0
    for vip in vips:
        lan.wait_holder(vip.split("/")[0], "b", 3)
    all_are(b, "MASTER", len(vips))
    assert a.cli("status").returncode == 0 and b.cli("status").returncode == 0
    assert a.stop()[0] == 0
    for vip in vips:
        assert lan.holders(vip.split("/")[0]) == ["b"]


@pytest.mark.parametrize("way", ["nothing", "killed", "upgrade"])
def test_what_others_have_touched_stays_ours(lan, pair, way):
    """p05: `ip address change`, and `del` and `add` in one go, take the mark. Neither a takeover nor a stop leaves such an
    address beside the new master's, nor does a worker between that and the change."""
    vips = ["10.0.1.100/24", "10.0.2.100/24", "fd00:3::100/64", "10.0.4.100/24"]
    a = Hasup(pair[0], several(200, *vips)).start()
    all_are(a, "MASTER", 4)
    b = Hasup(pair[1], several(100, *vips)).start()
    all_are(b, "BACKUP", 4)
    for vip in vips:
        wait_for(vip, lambda vip=vip: pair[0].holds(vip.split("/")[0]))
    forever = "dev eth0 valid_lft forever preferred_lft forever"
    batch(pair[0], f"address change {vips[0]} {forever}", f"address del {vips[1]} dev eth0",
          f"address add {vips[1]} dev eth0", f"address del {vips[2]} dev eth0", f"address add {vips[2]} dev eth0 nodad",
          f"address replace {vips[3]} {forever}")
    assert 0 in [mark for vip in vips for mark in marks.of(pair[0], vip.split("/")[0])], "no mark was lost"
    worker = a.worker()
    if way == "killed":
        os.kill(worker, signal.SIGKILL)
        replaced(a, worker)
    elif way == "upgrade":
        assert a.cli("upgrade", bound=20).returncode == 0
    all_are(a, "MASTER", 4)
    assert a.cli("status").returncode == 0 and "isn't ours" not in a.cli("status").stdout
    assert all(a.status().instance(f"V{number}")["counters"]["left_master"] == 0 for number in range(1, 5))
    yields(lan, a, b, several(50, *vips), vips)


@pytest.mark.parametrize("way", ["upgrade", "killed", "parked", "everything killed"])
def test_a_changed_length_is_put_right_by_the_next(lan, stores, way):
    """p15: the file corrects a length, or the scope, and the next process begins with it: what the kernel has is in the
    form of the file, and nothing of it stays behind."""
    old = ["10.0.5.100", "fd00:6::100", "10.0.7.100/32"]
    new = ["10.0.5.100/24", "fd00:6::100/64", "10.0.7.100/32 scope link"]
    hasup = Hasup(lan.node("a"), several(200, *old))
    store = stores(hasup)
    store.start()
    all_are(hasup, "MASTER", 3)
    node = hasup.node

    def forms():
        return [infos(node, address) for address in ("10.0.5.100", "fd00:6::100", "10.0.7.100")]
    wait_for("the old form", forms, lambda seen: seen == [
        [("eth0", 32, "global")], [("eth0", 128, "global")], [("eth0", 32, "global")]])
    node.write("hasup.conf", several(200, *new))
    if way == "upgrade":
        assert hasup.cli("upgrade", bound=20).returncode == 0
    elif way == "everything killed":
        hasup.kill()
        store.start()
    else:
        store.restart(PARK if way == "parked" else signal.SIGKILL)
    all_are(hasup, "MASTER", 3)
    wait_for("the new form", forms, lambda seen: seen == [
        [("eth0", 24, "global")], [("eth0", 64, "global")], [("eth0", 32, "link")]])
    assert BLAME not in hasup.log()
    assert hasup.stop()[0] == 0
    assert forms() == [[], [], []]


def test_a_renamed_interface_loses_its_addresses(duo, lan, pair, sniffer):
    """p24, rename-master: by its number, whatever its name is; under its old name it serves again."""
    a, b = duo(vips=[f"{VIP}/24", "10.0.9.100/24"])
    pair[0].netns.ip("link", "set", "eth0", "name", "lan0")
    lan.wait_holder(VIP, "b", 2)
    lan.wait_holder("10.0.9.100", "b", 2)
    assert a.state() == "FAULT" and "interface eth0 doesn't exist" in a.status().reason()
    assert b.state() == "MASTER"
    pair[0].netns.ip("link", "set", "lan0", "name", "eth0")
    lan.wait_holder(VIP, "a", 4)
    begin = time.time()
    pair[0].netns.ip("link", "set", "eth0", "name", "lan0")
    lan.wait_holder(VIP, "b", 2)
    assert not [advert for advert in sniffer.adverts(pair[0], since=begin + 0.2 + late()) if advert.priority]
    # No process of it is there when the name changes back: what its worker had put there has gone before.
    a.kill()
    assert lan.holders(VIP) == ["b"]


def test_own_changes_of_a_form_are_nobodys_fault(lan, sniffer):
    """p12: eight reloads that change only a length or a scope. Five removals by others within 10 s would make it yield."""
    node = lan.node("a")
    forms = [(("fd00:1::100/64", "10.0.2.100/32", "10.0.3.100/32"), [64, 32, 32], ["global", "global", "global"]),
             (("fd00:1::100/128", "10.0.2.100/32 scope link", "10.0.3.100/24"), [128, 32, 24],
              ["global", "link", "global"])]
    a = Hasup(node, several(200, *forms[0][0])).start()
    all_are(a, "MASTER", 3)
    for turn in range(8):
        vips, lengths, scopes = forms[(turn + 1) % 2]
        assert a.reload(several(200, *vips)).returncode == 0
        wait_for("the new form", lambda vips=vips: [infos(node, vip.split("/")[0]) for vip in vips],
                 lambda seen, lengths=lengths, scopes=scopes: seen == [
                     [("eth0", length, scope)] for length, scope in zip(lengths, scopes)], 2)
    assert BLAME not in a.log() and BLAME not in a.cli("history").stdout
    for number in (1, 2, 3):
        counters = a.status().instance(f"V{number}")["counters"]
        assert (counters["became_master"], counters["left_master"]) == (1, 0)
    assert not [advert for advert in sniffer.adverts(node) if advert.priority == 0]


@pytest.mark.alone
def test_two_thousand_removed_by_one_command_are_one_event(lan, pair, sniffer):
    """p07, p16: with the first address of a network go all, where promote_secondaries is off. All are put back, no worker
    dies, no advert is late, nobody takes over, and the history is told of it once."""
    vips = [f"10.9.{number // 250}.{number % 250 + 1}/16" for number in range(2_000)]
    for setting in ("all", "eth0"):
        pair[0].netns.sysctl(f"net.ipv4.conf.{setting}.promote_secondaries", 0)
    text = conf.simple(200, version=3, advert=0.1, extra=["virtual_ipaddress_excluded {", *vips, "}"])
    a = Hasup(pair[0], text).start()
    wait_for("all addresses", lambda: len(pair[0].addresses()), lambda count: count > 2_000, 20, 0.1)
    b = Hasup(pair[1], text.replace("priority 200", "priority 100")).start()
    b.wait_state("BACKUP")
    worker, before = a.worker(), len(a.cli("history").stdout.splitlines())
    begin = time.time()
    pair[0].netns.ip("address", "del", vips[0], "dev", "eth0")
    wait_for("all addresses again", lambda: len(pair[0].addresses()), lambda count: count > 2_000, 20, 0.1)
    wait_for("the event", lambda: a.cli("history").stdout, lambda text: BLAME in text)
    time.sleep(0.5)
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert not sniffer.adverts(pair[1], since=begin)
    assert a.worker() == worker and a.status().instance()["counters"]["left_master"] == 0
    history = a.cli("history").stdout.splitlines()
    assert len(history) == before + 1, history[-5:]
    assert "2000 addresses, " in " ".join(history[-1].split()), history[-1]
    assert len([line for line in a.log().splitlines() if BLAME in line]) == 1


def test_a_removal_that_is_refused_is_no_quiet_one(lan, pair):
    """The kernel keeps the address, and the peer is MASTER with it: the status of who keeps it says so and isn't 0, also
    when the address has left the file."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1))
    a.launcher = unremoved(pair[0])
    a.start()
    lan.wait_holder(VIP, "a")
    b = Hasup(pair[1], conf.simple(100, version=3, advert=0.1)).start()
    b.wait_state("BACKUP")
    assert a.reload(conf.simple(50, version=3, advert=0.1)).returncode == 0
    b.wait_state("MASTER")
    assert lan.holders(VIP) == ["a", "b"]
    done = wait_for("the alarm", lambda: a.cli("status"), lambda done: done.returncode == 1, 4)
    assert f"{VIP}/24 is still on eth0" in " ".join(done.stdout.split()), done.stdout
    assert a.reload(conf.simple(50, version=3, advert=0.1, vips=["10.0.0.101/24"])).returncode == 0
    done = wait_for("the alarm", lambda: a.cli("status"),
                    lambda done: "still has addresses that were removed from the configuration" in " ".join(done.stdout.split()), 6)
    assert done.returncode == 1


@pytest.mark.parametrize("way", ["killed", "upgrade", "restarted"])
def test_a_kernel_that_keeps_no_mark(lan, pair, stores, way):
    """p40: before 5.18. What hasup has put there is its own for each next worker: it leaves when a peer takes over."""
    a = Hasup(pair[0], several(200, f"{VIP}/24"))
    a.launcher = unmarked(pair[0])
    store = stores(a)
    store.start()
    all_are(a, "MASTER", 1)
    wait_for("the address", lambda: pair[0].holds(VIP))
    assert marks.of(pair[0], VIP) == [0], "this kernel does keep a mark"
    b = Hasup(pair[1], several(100, f"{VIP}/24")).start()
    all_are(b, "BACKUP", 1)
    worker = a.worker()
    if way == "killed":
        os.kill(worker, signal.SIGKILL)
        replaced(a, worker)
    elif way == "upgrade":
        assert a.cli("upgrade", bound=20).returncode == 0
    elif way == "restarted":
        store.restart()
    all_are(a, "MASTER", 1)
    yields(lan, a, b, several(50, f"{VIP}/24"), [VIP])


def test_without_a_mark_what_everybody_has_left_is_said(lan, pair):
    """p40: all processes were killed, nothing says whose the address is: it stays, and the BACKUP that has it says so."""
    a = Hasup(pair[0], several(200, f"{VIP}/24"))
    a.launcher = unmarked(pair[0])
    a.start()
    lan.wait_holder(VIP, "a")
    a.kill()
    b = Hasup(pair[1], several(100, f"{VIP}/24")).start()
    all_are(b, "MASTER", 1)
    pair[0].write("hasup.conf", several(50, f"{VIP}/24"))
    a.start()
    all_are(a, "BACKUP", 1)
    done = a.cli("status")
    assert done.returncode == 1 and "two machines may have it" in " ".join(done.stdout.split()), done.stdout
    # The words that this names end it.
    a.stop()
    pair[0].write("hasup.conf", several(50, f"{VIP}/24").replace("router_id lab", "router_id lab\n@hasup adopt_leftovers"))
    a.start()
    all_are(a, "BACKUP", 1)
    assert lan.holders(VIP) == ["b"] and a.cli("status").returncode == 0


def test_a_name_that_another_link_takes(lan, pair):
    """rename-master: eth1 becomes wan0 and eth0 becomes eth1 before the worker looks. It finds eth1 with another number
    first; what it had put on the link of the old number leaves that all the same."""
    for node, number in zip(pair, (1, 2)):
        node.plug("eth1", f"p-{node.name}1", address=False)
        node.netns.ip("address", "add", f"10.5.0.{number}/24", "dev", "eth1")

    def text(priority):
        return conf.simple(priority, version=3, advert=0.1).replace("interface eth0", "interface eth1")

    a = Hasup(pair[0], text(200)).start()
    a.wait_state("MASTER")
    b = Hasup(pair[1], text(100)).start()
    b.wait_state("BACKUP")
    os.kill(a.worker(), signal.SIGSTOP)
    try:
        for old, new in (("eth1", "wan0"), ("eth0", "eth1")):
            for flag in ("down", "name", "up"):
                pair[0].netns.ip("link", "set", new if flag == "up" else old, *((flag, new) if flag == "name" else (flag,)))
    finally:
        os.kill(a.worker(), signal.SIGCONT)
    wait_for("nothing on wan0", lambda: pair[0].netns.run("ip", "-o", "address", "show", "dev", "wan0"),
             lambda seen: VIP not in seen, 5)


def test_the_same_address_with_a_peer_is_in_the_way(lan, pair):
    """D129: the kernel has 10.0.0.100 with a peer in the same network, and takes no second one: it is a stranger's, and
    serves."""
    pair[0].netns.ip("address", "add", VIP, "peer", "10.0.0.9/24", "dev", "eth0")
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start()
    a.wait_state("MASTER")
    status = a.status().instance()
    assert [(one["foreign"], one["installed"], one["missing"]) for one in status["addresses"]] == [(True, False, False)]


def test_another_hardware_address_is_announced(lan, sniffer):
    """p25: a bond or a virtual machine that moves changes it; the neighbours would go on with the old one."""
    node = lan.node("a")
    a = Hasup(node, conf.file(*(
        conf.instance(f"V{number}", vrid=number, version=3, advert=0.1, vips=[vip], extra=["garp_master_delay 0"])
        for number, vip in enumerate((f"{VIP}/24", "fd00::100/64"), 1)))).start()
    all_are(a, "MASTER", 2)
    sniffer.wait_advert(node, count=3)
    node.netns.ip("link", "set", "eth0", "address", "02:00:00:00:00:aa")
    for address in (VIP, "fd00::100"):
        wait_for(f"the word about {address}", lambda address=address: [
            packet for packet in sniffer.announcements(address) if packet.mac == "02:00:00:00:00:aa"], bound=2)
