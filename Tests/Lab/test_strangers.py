"""A virtual address that a node has although it isn't MASTER, and that hasup hasn't put there (docs/decisions, D14)."""

import signal

import pytest
from lab import conf, marks
from lab.hasup import Hasup
from lab.store import PARK
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
ADOPT = "@hasup adopt_leftovers"
WORDS = "although this node isn't MASTER"


def words(hasup):
    """Exit status and text of `hasup status`."""
    done = hasup.cli("status")
    return done.returncode, " ".join(done.stdout.split())


def history(hasup):
    """What `hasup history` shows, as one line."""
    return " ".join(hasup.cli("history").stdout.split())


def listening(*vips, settings=(), **options):
    """An instance for each address; none becomes MASTER within half a minute."""
    return conf.file(*(conf.instance(f"V{number}", vrid=number, version=3, advert=10, vips=[vip], **options)
                       for number, vip in enumerate(vips, 1)), settings=settings)


def test_a_backup_that_has_the_address_says_so(duo, lan, pair):
    """backup-has-vip, p06: left by a keepalived that was killed, or put there by hand. Log and status say it, with what
    ends it, for as long as it lasts; it's left where it is, also by a stop."""
    a, b = duo()
    for prefix in (f"{VIP}/24", f"{VIP}/32"):
        pair[1].netns.ip("address", "add", prefix, "dev", "eth0")
        status, text = wait_for("the alarm", lambda: words(b), lambda seen: seen[0] == 1, 2)
        assert f"{prefix} is on eth0 {WORDS}" in text and "two machines may have it" in text, text
        assert f"ip address del {prefix} dev eth0" in text and "adopt_leftovers" in text, text
        assert b.state() == "BACKUP" and a.cli("status").returncode == 0
        pair[1].netns.ip("address", "del", prefix, "dev", "eth0")
        wait_for("the end of the alarm", lambda: words(b), lambda seen: seen[0] == 0, 2)
    assert b.log().count(WORDS) == 2, b.log()
    for prefix in (f"{VIP}/24", f"{VIP}/32"):
        assert f"VI_1 {prefix} isn't on eth0 any more" in history(b)
    pair[1].netns.ip("address", "add", f"{VIP}/24", "dev", "eth0")
    wait_for("the alarm", lambda: words(b), lambda seen: seen[0] == 1, 2)
    b.stop()
    assert pair[1].holds(VIP)
    b.start()
    b.wait_state("BACKUP")
    status, text = words(b)
    assert status == 1 and WORDS in text and pair[1].holds(VIP), text
    # As MASTER it is served by that address, and what remains is a note.
    a.stop()
    b.wait_state("MASTER")
    pair[1].netns.ip("address", "add", f"{VIP}/32", "dev", "eth0")
    status, text = wait_for("no alarm", lambda: words(b), lambda seen: WORDS not in seen[1] and f"{VIP}/32" in seen[1], 2)
    assert status == 0, text
    for prefix in (f"{VIP}/24 was on eth0 before", f"{VIP}/32 is on eth0, too,"):
        assert f"{prefix} and isn't ours: it stays there when a peer takes over" in text, text
    # At its end, which asks the kernel for nothing here, both are named, in a line of its own.
    b.stop()
    last = b.log().splitlines()[-1]
    assert f"VI_1: {VIP}/24 on eth0, {VIP}/32 on eth0 stay: they were there before" in last, b.log()
    assert f"ip address del {VIP}/24 dev eth0" in last and {f"{VIP}"} <= pair[1].addresses()
    # The remedy that status names: it comes back as its own, and goes with it.
    b.start()
    b.wait_state("MASTER")
    assert "stay: they were there before" in history(b)
    pair[1].netns.ip("address", "del", f"{VIP}/24", "dev", "eth0")
    wait_for("its own address", lambda: sorted(marks.of(pair[1], VIP)), lambda seen: seen == [0, marks.HASUP], 2)
    status, text = words(b)
    assert status == 0 and f"{VIP}/24 was" not in text and f"{VIP}/32 is on eth0, too," in text, text
    b.stop()
    assert marks.of(pair[1], VIP) == [0]
    assert f"VI_1: {VIP}/32 on eth0 stays: it was there before" in b.log().splitlines()[-1], b.log()


def test_the_address_of_a_real_server_is_only_noted(lan):
    """On `lo` and where there is no ARP, no neighbour is told: as real servers of LVS have it (direct routing)."""
    node = lan.node("a")
    node.plug("eth1", "p-a1", address=False)
    node.netns.ip("link", "set", "eth1", "arp", "off")
    node.netns.ip("address", "add", "10.0.1.100/32", "dev", "lo")
    node.netns.ip("address", "add", "10.0.2.100/32", "dev", "eth1")
    node.netns.ip("address", "add", "fd00:3::100/128", "dev", "lo", "nodad")
    hasup = Hasup(node, listening("10.0.1.100/24", "10.0.2.100/24", "fd00:3::100/64")).start()
    hasup.wait_state("BACKUP", "V3")
    status, text = words(hasup)
    assert status == 0 and WORDS not in text, text
    assert "10.0.1.100/32 is on lo, where no ARP announces it" in text, text
    assert "10.0.2.100/32 is on eth1, where" in text and "fd00:3::100/128 is on lo, where" in text, text
    assert "two machines" not in hasup.log()
    node.netns.ip("link", "set", "eth1", "arp", "on")
    wait_for("an alarm", lambda: words(hasup), lambda seen: seen[0] == 1, 2)
    assert hasup.stop()[0] == 0
    assert all(node.holds(address) for address in ("10.0.1.100", "10.0.2.100", "fd00:3::100"))


@pytest.mark.parametrize("adopt", [False, True])
def test_what_a_start_removes(lan, adopt):
    """Virtual addresses of the file on their own interface with keepalived's mark; those without any with
    `adopt_leftovers`; none that is a machine's own (priority 255), has a lifetime (DHCP), is on another interface or isn't
    of the file. What appears later is said and left."""
    node = lan.node("a")
    node.plug("eth1", "p-a1", address=False)
    left = dict(enumerate(({"mark": marks.KEEPALIVED}, {}, {"mark": marks.KEEPALIVED, "lifetime": 1000},
                           {"lifetime": 1000}, {"mark": 77}), 1))
    for number, options in left.items():
        marks.add(node, f"10.0.{number}.100/24", "eth0", **options)
    marks.add(node, "fd00:6::100/64", "eth0", marks.KEEPALIVED)
    marks.add(node, "fd00:7::100/64", "eth0")
    for prefix, interface in ((f"{VIP}/24", "eth1"), ("10.0.8.100/24", "eth0"), ("10.0.9.100/24", "eth0")):
        marks.add(node, prefix, interface, marks.KEEPALIVED)
    vips = [*(f"10.0.{number}.100" for number in left), "fd00:6::100", "fd00:7::100", VIP]
    text = listening(*vips, settings=[ADOPT] if adopt else []) + conf.instance(
        "OWNER", vrid=255, version=3, advert=10, priority=255, vips=["10.0.9.100/24"])
    hasup = Hasup(node, text).start()
    hasup.wait_state("BACKUP", f"V{len(vips)}")
    gone = {"10.0.1.100", "fd00:6::100", *(("10.0.2.100", "fd00:7::100") if adopt else ())}
    stays = {*vips, "10.0.8.100", "10.0.9.100"} - gone
    assert node.addresses() & (gone | stays) == stays
    removed = ["removed 10.0.1.100/24 from eth0, fd00:6::100/64 from eth0: a keepalived had left them there (its mark)"]
    if adopt:
        removed.append("removed 10.0.2.100/24 from eth0, fd00:7::100/64 from eth0: no program's mark is on them, and "
                       "adopt_leftovers is set")
    for sentence in removed:
        assert sentence in hasup.log() and sentence in history(hasup), hasup.log()
    assert hasup.log().count("removed ") == len(removed)
    status, said = words(hasup)
    assert status == 1 and all(f"{address}/" in said for address in stays - {"10.0.8.100", "10.0.9.100"}), said
    # Somebody is doing something there.
    marks.add(node, "10.0.1.100/24", "eth0", marks.KEEPALIVED)
    wait_for("the word", lambda: words(hasup)[1], lambda said: "10.0.1.100/24 is on eth0" in said, 2)
    said = words(hasup)[1]
    assert "10.0.1.100/24 is on eth0 although this node isn't MASTER, and a keepalived has left it there" in said, said
    assert "dev eth0); hasupd removes it, too, when it is stopped and started (a restart under systemd" in said, said
    hold_for("it stays", lambda: node.holds("10.0.1.100"), seconds=0.3)
    hasup.cli("reload")
    if not adopt:
        # What a reload with the setting doesn't do, it says, and status says from then on what will be.
        assert "or set `@hasup adopt_leftovers` in global_defs" in said
        done = hasup.reload(text.replace("global_defs {", "global_defs {\n" + ADOPT, 1))
        assert "adopt_leftovers set (acts when hasupd is stopped and started)" in " ".join(done.stdout.split())
        assert node.holds("10.0.2.100")
        said = words(hasup)[1]
        assert "set `@hasup" not in said
        assert "(ip address del 10.0.2.100/24 dev eth0); hasupd removes it, too, when it is stopped and" in said, said
        assert hasup.reload(text).returncode == 0
    assert node.holds("10.0.1.100")
    hasup.stop()
    assert node.addresses() & (gone | stays) == stays | {"10.0.1.100"}
    hasup.start()
    hasup.wait_state("BACKUP", f"V{len(vips)}")
    assert node.addresses() & (gone | stays) == stays, "as status has said"


@pytest.mark.parametrize("way", ["worker", "killed", "parked", "upgrade"])
def test_what_goes_on_removes_nothing_of_others(lan, stores, way):
    """Only a start that begins anew has seen that no keepalived runs: its worker's successor hasn't, nor a hasupd that
    finds the store."""
    node = lan.node("a")
    hasup = Hasup(node, listening(f"{VIP}/24", "10.0.1.100/24", settings=[ADOPT]))
    store = stores(hasup)
    store.start()
    hasup.wait_state("BACKUP", "V2")
    marks.add(node, f"{VIP}/24", "eth0", marks.KEEPALIVED)
    node.netns.ip("address", "add", "10.0.1.100/24", "dev", "eth0")
    wait_for("the words", lambda: hasup.log().count(WORDS), lambda count: count == 2, 2)
    worker = hasup.worker()
    if way == "worker":
        node.netns.run("kill", "-9", str(worker))
    elif way == "upgrade":
        assert hasup.cli("upgrade", bound=20).returncode == 0
    else:
        store.restart(PARK if way == "parked" else signal.SIGKILL)
    wait_for("another worker", lambda: hasup.roles().get("hasup-vrrp", []), lambda pids: pids and worker not in pids)
    hasup.wait_state("BACKUP", "V2")
    assert node.holds(VIP) and node.holds("10.0.1.100")
    assert words(hasup)[0] == 1
