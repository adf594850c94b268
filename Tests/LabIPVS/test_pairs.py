"""R7: a reload from one file to another ends in the table of a start with the other, and writes only the difference."""

import os
import random

from lab.forge import LONG
from table import begin, quiet, saved, services
from lab.waiting import wait_for

# FIRST=7 begins with that pair.
FIRST = int(os.environ.get("FIRST", 0))
PAIRS = range(FIRST, FIRST + (200 if LONG else 12))
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "fo", "ovf", "mh")
# Few of each, so that two files have much in common.
PLACES = ("10.99.0.1 80", "10.99.0.1 81", "10.99.0.2 80", "fd00:99::1 80", "fwmark 7", "group G", "group H")
GROUPS = {"G": ("10.99.1.1 80", "10.99.1.2-4 80", "fwmark 17"), "H": ("10.99.2.1 80", "10.99.2.2 80")}


def server(dice, address, port):
    """One real server."""
    lines = [f"weight {dice.choice((0, 1, 1, 2, 100))}"]
    if dice.random() < 0.3:
        lines.append(f"uthreshold {dice.choice((10, 20))}")
    if dice.random() < 0.2:
        lines.append(f"lvs_method {dice.choice(('DR', 'TUN', 'NAT'))}")
    return f"    real_server {address} {port} {{\n" + "".join(f"        {line}\n" for line in lines) + "    }\n"


def service(dice, place):
    """One virtual server."""
    family6 = ":" in place
    scheduler = dice.choice(SCHEDULERS)
    lines = [f"lb_algo {scheduler}", f"lb_kind {dice.choice(('NAT', 'DR'))}"]
    if "fwmark" not in place:
        lines.append(f"protocol {dice.choice(('TCP', 'TCP', 'UDP'))}")
    if dice.random() < 0.3:
        lines.append(f"persistence_timeout {dice.choice((60, 600))}")
    if scheduler in ("sh", "mh") and dice.random() < 0.5:
        lines.append(f"{scheduler}-port")
    servers = "".join(server(dice, f"fd00::{number}" if family6 else f"10.0.0.{number}", dice.choice((80, 80, 8080)))
                      for number in sorted(dice.sample(range(11, 17), dice.randint(1, 5))))
    return f"virtual_server {place} {{\n" + "".join(f"    {line}\n" for line in lines) + servers + "}\n"


def configuration(seed):
    """A file, by its number."""
    dice = random.Random(seed)
    entries = "".join(f"virtual_server_group {name} {{\n" + "".join(f"    {entry}\n" for entry in dice.sample(all_of, dice.randint(1, len(all_of))))
                      + "}\n" for name, all_of in GROUPS.items())
    chosen = dice.sample(PLACES, dice.randint(1, 5))
    return f"# seed {seed}\n" + entries + "".join(service(dice, place) for place in chosen)


def table(lines):
    """Services with what is set of them, and their destinations with what is set of these."""
    found = {}
    for line in lines:
        words = line.split()
        if words[0] == "-A":
            family = ("-6",) if "-6" in words else ()
            found.setdefault((*words[1:3], *family), [None, {}])[0] = " ".join(words[3:])
    for line in lines:
        words = line.split()
        if words[0] == "-a":
            key = next(key for key in found if key[:2] == tuple(words[1:3]))
            found[key][1][words[4]] = " ".join(words[5:])
    return found


def difference(before, after):
    """The fewest requests that make one table of the other."""
    count = 0
    for key in before.keys() | after.keys():
        if key not in after:
            count += 1
        elif key not in before:
            count += 1 + len(after[key][1])
        else:
            old, new = before[key][1], after[key][1]
            count += before[key][0] != after[key][0]
            count += sum(old.get(place) != new.get(place) for place in old.keys() | new.keys())
    return count


def test_reload_equals_start(director, network):
    """Each file follows the one before by a reload; beside it a fresh hasupd starts with the same file."""
    fresh = network.node(f"d{len(network.nodes)}")
    node = director
    config = configuration(FIRST)
    hasup = begin(node, config)
    count, before = wait_for("a table", lambda: quiet(node, hasup), lambda seen: seen[1])
    for seed in PAIRS:
        config = configuration(seed + 1)
        started = begin(fresh, config)
        wanted = wait_for("its table", lambda started=started: quiet(fresh, started), lambda seen: seen[1])[1]
        assert started.stop(20)[0] == 0 and saved(fresh) == []
        done = hasup.reload(config)
        assert done.returncode == 0, done.stderr + hasup.log()
        wait_for(f"seed {seed}: {config}\n{before}\n{wanted}\n", lambda: saved(node), lambda lines, wanted=wanted: lines == wanted, 15, 0.1)
        after = quiet(node, hasup)[0]
        least = difference(table(before), table(wanted))
        assert after - count == least, f"seed {seed}: {after - count} requests, {least} are needed\n{config}\n{before}\n{wanted}"
        count, before = after, wanted
    assert services(hasup)["table"]["mended"] == 0
    assert hasup.stop(20)[0] == 0
