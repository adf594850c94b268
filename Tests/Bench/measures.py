"""The measurements, each one run of one engine; `bench.py` repeats them and takes medians."""

import os
import subprocess
import threading
import time

from rig import Hasup, addresses, conf, many, measure_cpu, pss_megabytes, wait_addresses, wire  # noqa: I001
from lab import turns
from lab.forge import Injector
from lab.net import Lan, Namespace
from lab.packets import MULTICAST4, ip_packet, vrrp_pdu
from lab.sniffer import Sniffer
from lab.undisturbed import AddressWatch
from lab.varlink import Wire
from lab.waiting import wait_for

VIP = "10.0.0.100"
CPU_SECONDS = 10
# Who asks without a pause is served with a quarter of hasupd's time (ControlLimits.workShare).
STATUS_PAUSE = 0.1


def lone(priority, advert):
    """A file with one instance."""
    return conf.simple(priority, version=3, advert=advert)


def takeovers(engine, advert, runs, config=lone):
    """Milliseconds beyond the protocol's time after kill -9 of everything, for each of several takeovers: until the new
    master's advert, and until it has the address; and from there until it announces that for the first time."""
    late = []
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        sniffer = Sniffer(lan)
        first = engine(a, config(200, advert))
        engine(b, config(100, advert)).start()
        watch = AddressWatch(b, VIP)
        for _ in range(runs):
            first.start()
            begin = time.time()
            sniffer.wait_advert(a, since=begin, bound=10, count=4)
            wait_for("one sender", lambda: sniffer.adverts(b, since=time.time() - 3 * advert), lambda seen: not seen, 5)
            time.sleep(advert * 1.4)
            a.kill_everything()
            first.program.process.wait(5)
            last = sniffer.adverts(a)[-1].time
            due = last + advert * (3 + 156 / 256)
            taken = last + sniffer.takeover(a, b, bound=10)
            arrived = wait_for("the address", lambda: [moment for moment in watch.added if moment > last], bound=2)[0]
            announced = wait_for("an announcement", lambda: sniffer.announcements(VIP, b, last), bound=2)[0].time
            late.append([(taken - due) * 1000, (arrived - due) * 1000, (announced - arrived) * 1000])
        watch.close()
        sniffer.close()
    return late


def rate(engine, advert=0.01, seconds=10):
    """Per cent of the nominal rate of adverts."""
    with Lan("bench") as lan:
        node = lan.node("a")
        sniffer = Sniffer(lan)
        engine(node, conf.simple(200, version=3, advert=advert)).start()
        sniffer.wait_advert(node, count=20)
        begin = time.time()
        time.sleep(seconds)
        times = [packet.time for packet in sniffer.adverts(node, since=begin)]
        sniffer.close()
    return (len(times) - 1) * advert / (times[-1] - times[0]) * 100


def cpu(engine, links, advert, with_peer):
    """Microseconds per advert of the master and, with a peer, of the backup; adverts per second."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        links = range(1, links + 1)
        for index in links:
            wire(a, b, index)
        master = engine(a, many(links, 200, advert)).start()
        backup = engine(b, many(links, 100, advert), name="backup").start() if with_peer else None
        wait_addresses(a, 250 * len(links), 30)
        if backup:
            wait_addresses(b, 0, 30)
        time.sleep(6)  # the second burst of announcements, garp_master_delay later, is not an advert
        families = [daemon.program.family() for daemon in (master, backup) if daemon]
        try:
            measured = measure_cpu(a, links, families, CPU_SECONDS)
        except FileNotFoundError:
            logs = "".join(daemon.program.log()[-1500:] for daemon in (master, backup) if daemon)
            raise AssertionError(f"a process was replaced under this load: {logs}") from None
        if backup and addresses(b):
            raise AssertionError(f"the backup holds {addresses(b)} addresses under this load")
        return measured


def memory(engine, links):
    """Megabytes of PSS of all processes at rest with one instance (links 0) or 250 on each link."""
    # A program that was just written lies in the page cache in folios of up to 2 MiB, and since Linux 6.18 one fault maps
    # all of one. Both daemons begin as after a boot.
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3\n")
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        for index in range(1, links + 1):
            wire(a, b, index)
        text = many(range(1, links + 1), 200, 1) if links else conf.simple(200, version=3, advert=1)
        daemon = engine(a, text).start()
        if links:
            wait_addresses(a, 250 * links, 30)
        else:
            lan.wait_holder(VIP, "a", 8)
        # The second round of gratuitous ARPs comes five seconds after the first.
        time.sleep(10)
        return pss_megabytes(daemon.program.family())


def start_up(engine, links=4):
    """Seconds from exec until the last of all instances sends its first advert as MASTER."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        for index in range(1, links + 1):
            wire(a, b, index)
        sniffer = Sniffer(b, "eth")
        begin = time.time()
        engine(a, many(range(1, links + 1), 150, 1)).start()
        wait_for("all adverts", lambda: len(sniffer.adverts(since=begin)), lambda count: count >= 250 * links, 20, 0.1)
        firsts = {}
        for advert in sniffer.adverts(since=begin):
            firsts.setdefault((advert.port, advert.vrid), advert.time)
        sniffer.close()
        if len(firsts) != 250 * links:
            raise AssertionError(f"{len(firsts)} instances sent something before another one sent its first advert")
        return max(firsts.values()) - begin


class Churn:
    """Makes and deletes links in namespaces of its own, from several processes, until the end of the block."""

    def __init__(self, width=3):
        self.stop = threading.Event()
        self.places = [Namespace(f"churn{number}") for number in range(width)]
        self.threads = [threading.Thread(target=self._run, args=(place,), daemon=True) for place in self.places]

    def _run(self, netns):
        lines = "".join(f"link add c{n} type veth peer name d{n}\nlink del c{n}\n" for n in range(20))
        while not self.stop.is_set():
            subprocess.run(["ip", "-n", netns.name, "-batch", "-"], input=lines, text=True, capture_output=True,
                           check=False)

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        for place in self.places:
            place.delete()


def gap_under_churn(engine, advert, seconds=10):
    """The widest advert gap in units of advert_int, and how often the peer took over.

    Meanwhile another namespace makes and deletes links, and twenty other instances of the same daemon lose and
    take their addresses again and again.
    """
    others = range(60, 80)
    with Lan("bench") as lan:
        a, b, x = lan.node("a"), lan.node("b"), lan.node("x", 0x42)
        sniffer = Sniffer(lan)
        flapping = [conf.instance(f"F_{vrid}", vrid=vrid, priority=100, version=3, advert=advert, vips=[f"10.0.1.{vrid}/32"])
                    for vrid in others]
        engine(a, conf.file(conf.instance(priority=200, version=3, advert=advert, vips=[f"{VIP}/24"]), *flapping)).start()
        engine(b, conf.simple(100, version=3, advert=advert)).start()
        lan.wait_holder(VIP, "a", 8)
        sniffer.wait_advert(a, others[-1])
        forged = [ip_packet(x.ip4, MULTICAST4, vrrp_pdu(x.ip4, MULTICAST4, vrid, 250, [f"10.0.1.{vrid}"], interval=advert))
                  for vrid in others]
        with Injector(x) as injector, Churn():
            begin = time.time()
            while time.time() - begin < seconds:
                for packet in forged:
                    injector.packet(packet)
                time.sleep(advert * 8)
        gaps, taken = sniffer.gaps(a, 51, begin), sniffer.adverts(b, 51, begin)
        times = [0.0, *(packet.time for packet in taken)]
        lost = sum(1 for earlier, later in zip(times, times[1:]) if later - earlier > 3 * advert)
        sniffer.close()
    return max(gaps, default=float("inf")) / advert, lost


def status_round_trip(links=4, calls=20):
    """Milliseconds of one status, to its last byte on the control socket, and of the whole command; 1,000 instances."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        for index in range(1, links + 1):
            wire(a, b, index)
        daemon = Hasup(a, many(range(1, links + 1), 200, 1)).start()
        wait_addresses(a, 250 * links, 30)
        call, command = [], []
        with Wire(daemon.control) as client:
            for _ in range(calls):
                begin = time.monotonic()
                client.ask("io.hasup.Status")
                client.receive_bytes()
                call.append((time.monotonic() - begin) * 1000)
                time.sleep(STATUS_PAUSE)
        for _ in range(calls):
            begin = time.monotonic()
            daemon.cli("status")
            command.append((time.monotonic() - begin) * 1000)
            time.sleep(STATUS_PAUSE)
    return sorted(call)[calls // 2], sorted(command)[calls // 2]


def longest_turn():
    """Milliseconds of hasupd's longest turn with 1,000 instances, over all that it does with them."""
    with Lan("bench") as lan:
        return max(turns.measure(lan).values()) * 1000
