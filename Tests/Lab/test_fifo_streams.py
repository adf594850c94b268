"""One sequence of events, as keepalived and hasup tell it: lines of FIFOs and calls of scripts."""

import signal
import time

from lab import conf
from lab.fifo import Ears
from lab.forge import Injector
from lab.hasup import Hasup
from lab.packets import MULTICAST4, ip_packet, vrrp_pdu
from lab.peers import Keepalived
from lab.waiting import wait_for


def both_text(ears, *, with_c=True):
    """A group of two, and an instance that tracks an interface, all with scripts."""
    noted = ears.noted_script

    def extra(name):
        return [f'notify "{noted} generic"', *(
            f'notify_{state} "{noted} {state} {name}"'
            for state in ("master", "backup", "fault", "stop", "deleted", "master_rx_lower_pri"))]
    group = ["vrrp_sync_group G {", "    group {", "        A", "        B", "    }", f'    notify "{noted} generic"',
             *(f'    notify_{state} "{noted} {state} G"' for state in ("master", "backup", "fault", "stop")), "}"]
    tracking = ["notify_priority_changes", "track_interface {", "    d0 weight 10", "}"]
    instances = [conf.instance("A", vrid=51, priority=100, vips=["10.0.0.100/24"], extra=extra("A")),
                 conf.instance("B", vrid=52, priority=100, vips=["10.0.0.101/24"], extra=extra("B"))]
    if with_c:
        instances.append(conf.instance("C", vrid=53, priority=120, vips=["10.0.0.102/24"], extra=extra("C") + tracking))
    return conf.file(*instances, "\n".join(group) + "\n",
                     settings=[*ears.settings(reader=False), "fifo_write_vrrp_states_on_reload"])


def record(daemon, node, lan):
    """Lets the daemon live through the events; returns [(event, lines of the FIFO, calls of scripts)]."""
    ears = Ears(node)
    for end in ("d0", "d1"):
        if end == "d0":
            node.netns.ip("link", "add", "d0", "type", "veth", "peer", "name", "d1")
        node.netns.ip("link", "set", end, "up")
    stranger = lan.node(f"{node.name}x")
    made = daemon(node, both_text(ears)).start()
    ears.outside.open()
    seen, told = [], [0, 0]

    def step(event, count, quiet=0.7):
        """Waits for so many lines and for silence."""
        wait_for(f"{count} lines at {event}: {ears.outside.all()[told[0]:]}", ears.outside.all,
                 lambda lines: len(lines) - told[0] >= count, 9)
        time.sleep(quiet)
        lines, calls = ears.outside.all(), ears.noted()
        seen.append((event, lines[told[0]:], calls[told[1]:]))
        told[:] = len(lines), len(calls)
    step("start", 8, quiet=1.5)
    with Injector(stranger) as injector:
        def advert(vrid, priority, address):
            injector.packet(ip_packet(stranger.ip4, MULTICAST4, vrrp_pdu(
                stranger.ip4, MULTICAST4, vrid, priority, [address], version=2)))
        advert(53, 50, "10.0.0.102")
        step("a lower advert for C", 1)
        node.netns.ip("link", "set", "d0", "down")
        step("C's priority falls", 1)
        node.netns.ip("link", "set", "d0", "up")
        step("C's priority rises", 1)
        advert(52, 200, "10.0.0.101")
        step("a higher advert for B", 3)
        step("the group is MASTER again", 3, quiet=1.5)
        lan.link(node, False)
        step("no link", 4)
        lan.link(node, True)
        step("the link is back", 8, quiet=1.5)
        node.write(f"{made.name}.conf", both_text(ears, with_c=False))
        made.program.signal(signal.SIGHUP)
        step("C is deleted", 1, quiet=2)
        made.program.signal(signal.SIGTERM)
        step("stop", 3)
    made.program.wait(12)
    ears.outside.close()
    return seen


def of(lines, kind, name):
    """The lines about one instance or group, in their order."""
    return [text for text in lines if text.startswith(f'{kind} "{name}" ') or text.startswith(f"generic {kind} {name} ")
            or text.split()[-1] == name]


def test_streams_and_script_calls_of_both(lan):
    """behaviours §6, behaviours_vrrp2 §5: each instance and the group is told the same, by FIFO and by script. The
    differences are those that docs/compatibility.md lists."""
    results = {}
    for daemon, name in ((Keepalived, "a"), (Hasup, "b")):
        node = lan.node(name)
        # In a LAN of its own: they would hear each other.
        lan.drop(f'iifname "p-a" oifname "p-b"', f'iifname "p-b" oifname "p-a"', 'iifname "p-a" oifname "p-bx"',
                 'iifname "p-b" oifname "p-ax"', 'iifname "p-ax" oifname "p-b"', 'iifname "p-bx" oifname "p-a"')
        results[daemon.__name__] = record(daemon, node, lan)
    theirs, ours = results["Keepalived"], results["Hasup"]
    for (event, their_lines, their_calls), (_, our_lines, our_calls) in zip(theirs, ours):
        print(f"--- {event}\nkeepalived {their_lines}\n           {their_calls}\nhasup      {our_lines}\n           {our_calls}")
    for (event, their_lines, their_calls), (_, our_lines, our_calls) in zip(theirs, ours):
        if event == "C is deleted":
            # keepalived says BACKUP_PRIORITY of a MASTER, as it starts anew, and tells the states of groups only.
            their_lines = [text for text in their_lines if "_PRIORITY" not in text]
            our_lines = [text for text in our_lines if not text.startswith(('INSTANCE "A"', 'INSTANCE "B"'))]
        for kind, name in (("INSTANCE", "A"), ("INSTANCE", "B"), ("INSTANCE", "C"), ("GROUP", "G")):
            assert of(our_lines, kind, name) == of(their_lines, kind, name), (event, name)
        assert sorted(our_calls) == sorted(their_calls), event
        # The group behind its members; at the start keepalived tells it before them.
        members = [place for place, text in enumerate(our_lines) if text.split()[1] in ('"A"', '"B"')]
        groups = [place for place, text in enumerate(our_lines) if text.startswith("GROUP")]
        if groups and members and event not in ("start", "the link is back"):
            assert max(members) < min(groups), (event, our_lines)
    # All states are told at a reload, not those of groups only.
    deleted = next(lines for event, lines, _ in ours if event == "C is deleted")
    assert deleted[0] == 'INSTANCE "C" DELETED 130'
    assert deleted[1:] == ['INSTANCE "A" MASTER 100', 'INSTANCE "B" MASTER 100', 'GROUP "G" MASTER 0']
