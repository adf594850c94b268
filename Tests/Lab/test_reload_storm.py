"""Reloads while 500 instances advertise: what isn't changed isn't touched."""

import json
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup
from lab.machine import late
from lab.waiting import wait_for

PER_FAMILY = 250


def configuration(priority, changed=None):
    """250 virtual routers of each family; `changed` has one more priority."""
    blocks = []
    for number in range(1, PER_FAMILY + 1):
        for family, vip in ((4, f"10.0.{1 + number // 200}.{1 + number % 200}/32"), (6, f"fd00::1:{number:x}/128")):
            name = f"V{family}_{number}"
            blocks.append(conf.instance(name, vrid=number, version=3, priority=priority + (name == changed),
                                        vips=[vip]))
    return conf.file(*blocks)


def transitions(daemon, since):
    """What `hasup history` says of transitions after this moment."""
    events = map(json.loads, daemon.cli("history", "--json").stdout.splitlines())
    return [event["text"] for event in events if event["kind"] == "transition" and event["unix_seconds"] > since]


@pytest.mark.alone
def test_a_reload_every_second(lan, pair, sniffer, record_property):
    """R1, R5: no advert late, no transition anywhere, with 500 instances and a reload each second."""
    a = Hasup(pair[0], configuration(200)).start()
    wait_for("500 masters", lambda: a.cli("status", "--json").stdout.count('"state":"MASTER"'),
             lambda count: count == 2 * PER_FAMILY, 12, 0.2)
    b = Hasup(pair[1], configuration(100)).start()
    wait_for("500 backups", lambda: b.cli("status", "--json").stdout.count('"state":"BACKUP"'),
             lambda count: count == 2 * PER_FAMILY, 12, 0.2)
    begin = time.time()
    rounds = 60 if LONG else 10
    for number in range(rounds):
        started = time.monotonic()
        family, index = (4, 6)[number % 2], 1 + number
        done = a.reload(configuration(200, f"V{family}_{index}"))
        assert done.returncode == 0, done.stdout + done.stderr
        time.sleep(max(0.0, started + 1 - time.monotonic()))
    times = {}
    for advert in sniffer.adverts(pair[0], since=begin):
        times.setdefault((advert.family, advert.vrid), []).append(advert.time)
    assert len(times) == 2 * PER_FAMILY
    widest = max(later - earlier for moments in times.values() for earlier, later in zip(moments, moments[1:]))
    record_property("widest_gap", widest)
    assert widest < 1.05 + late(), (widest, late())
    assert min(map(len, times.values())) >= rounds - 1
    assert not sniffer.adverts(pair[1], since=begin)
    assert [transitions(daemon, begin) for daemon in (a, b)] == [[], []]
    assert a.status().processes()["hasup-vrrp"]["restarts"] == 0
