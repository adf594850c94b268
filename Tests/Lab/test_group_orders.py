"""Orders to sync groups, and hooks of sync groups: all members together (docs/decisions, D48, D49)."""

import os
import signal

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.peers import Keepalived
from lab.waiting import hold_for, wait_for

VIPS = ["10.0.0.100", "10.0.0.101"]


def text(priority, *group):
    """Two instances and their group."""
    instances = [conf.instance(f"VI_{number}", vrid=50 + number, priority=priority, version=3, advert=0.1, vips=[f"{vip}/24"])
                 for number, vip in enumerate(VIPS, 1)]
    lines = ["vrrp_sync_group G {", "    group {", "        VI_1", "        VI_2", "    }", *(f"    {line}" for line in group), "}"]
    return conf.file(*instances, "\n".join(lines) + "\n")


def holds(node):
    """How many of the addresses a node has."""
    return sum(node.holds(vip) for vip in VIPS)


def states(hasup):
    """Both members' states."""
    return [hasup.state(f"VI_{number}") for number in (1, 2)]


def order(hasup, *words, status=0):
    """Gives an order; returns what is printed."""
    done = hasup.cli(*words, bound=30)
    assert done.returncode == status, (words, done)
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("peer", [Hasup, Keepalived], ids=["hasup", "keepalived"])
def test_a_group_resigns(pair, peer):
    """All members hand over; a member has no order of its own."""
    a = Hasup(pair[0], text(200)).start()
    wait_for("the addresses", lambda: holds(pair[0]) == 2)
    peer(pair[1], text(100)).start()
    hold_for("a is MASTER", lambda: states(a) == ["MASTER", "MASTER"], seconds=1)
    assert "sync group G" in order(a, "resign", "VI_1", status=1)
    assert states(a) == ["MASTER", "MASTER"]
    assert order(a, "resign", "G").startswith("10.0.0.2 is MASTER after ")
    wait_for("the addresses on b", lambda: (holds(pair[0]), holds(pair[1])) == (0, 2))
    hold_for("a stays away", lambda: states(a) == ["BACKUP", "BACKUP"], seconds=2)
    said = " ".join(a.cli("status").stdout.split())
    assert said.count("resigned (sync group G) by root; ends when the master falls silent") == 2, said
    assert order(a, "takeover", "G").startswith("MASTER after")
    wait_for("the addresses on a", lambda: (holds(pair[0]), holds(pair[1])) == (2, 0))


def test_maintenance_of_a_group(pair):
    """`--all` names groups once, and nobody of the group is MASTER until it is over, whatever dies."""
    a = Hasup(pair[0], text(200)).start()
    wait_for("the addresses", lambda: holds(pair[0]) == 2)
    b = Hasup(pair[1], text(100)).start()
    b.wait_state("BACKUP", "VI_2")
    assert order(a, "maintenance", "on", "--all").startswith("sync group G: 10.0.0.2 is MASTER after ")
    b.kill()
    os.kill(a.worker(), signal.SIGKILL)
    hold_for("it isn't MASTER", lambda: "MASTER" not in states(a) and not holds(pair[0]), seconds=2)
    assert a.cli("status").returncode == 1
    assert order(a, "maintenance", "off", "G") == "not in maintenance any more"
    wait_for("the addresses", lambda: holds(pair[0]) == 2)


def test_hooks_of_a_group(pair):
    """One run for all members, before the first address comes and before the last one goes."""
    node = pair[0]
    notes = os.path.join(node.directory, "notes")
    paths = {}
    for name in ("claim", "leave"):
        paths[name] = node.write(name, f"#!/bin/sh\nip -4 -o address | grep -c 10.0.0.10 >>{notes}\nsleep 0.5\n"
                                 f"echo {name} >>{notes}\n")
        os.chmod(paths[name], 0o755)
    a = Hasup(node, text(200, f'@hasup before_master "{paths["claim"]}"', f'@hasup before_release "{paths["leave"]}"')).start()
    wait_for("the addresses", lambda: holds(node) == 2)
    b = Hasup(pair[1], text(100)).start()
    b.wait_state("BACKUP", "VI_2")
    assert order(a, "resign", "G").startswith("10.0.0.2 is MASTER after ")
    wait_for("the addresses on b", lambda: (holds(pair[0]), holds(pair[1])) == (0, 2))
    with open(notes, encoding="ascii") as file:
        assert file.read().split() == ["0", "claim", "2", "leave"]
    assert states(a) == ["BACKUP", "BACKUP"] and states(b) == ["MASTER", "MASTER"]


def test_a_members_hook_refuses(lan):
    """Its reason is told."""
    node = lan.node("a")
    path = node.write("leave", "#!/bin/sh\necho the member says no\nexit 1\n")
    os.chmod(path, 0o755)
    lines = text(200).replace("    virtual_ipaddress {", f'    @hasup before_release "{path}"\n    virtual_ipaddress {{', 1)
    a = Hasup(node, lines).start()
    wait_for("the addresses", lambda: holds(node) == 2)
    assert order(a, "resign", "G", status=1) == (
        f"before_release refused: {path} ended with exit status 1: the member says no; still MASTER")


def test_maintenance_of_a_group_that_is_gone_after_a_restart(lan):
    """It is its members', as after a reload."""
    node = lan.node("a")
    a = Hasup(node, text(200)).start()
    wait_for("the addresses", lambda: holds(node) == 2)
    order(a, "maintenance", "on", "G", status=1)
    a.kill()
    node.write("hasup.conf", text(200).split("vrrp_sync_group")[0])
    a.start()
    a.wait_state("BACKUP", "VI_2")
    hold_for("no address", lambda: not holds(node), seconds=1.5)
    assert order(a, "maintenance", "off", "--all").count("not in maintenance any more") == 2
    wait_for("the addresses", lambda: holds(node) == 2)
