"""What peers notice of deaths, restarts, upgrades and reloads: counted from the packets, for both engines."""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

from rig import conf, wait_for  # noqa: I001
from lab.hasup import Hasup, binary
from lab.net import Lan
from lab.pings import Pings
from lab.program import alive, children
from lab.sniffer import Sniffer
from lab.store import Store
from lab.undisturbed import AddressWatch
import test_reload_storm as storm

VIP = "10.0.0.100"
KILLS = int(os.environ.get("KILLS", "20"))
WEAR_SECONDS = int(os.environ.get("WEAR", "60"))
PARK = signal.SIGRTMIN + 10


@contextlib.contextmanager
def busy(count):
    """So many processes that do nothing but use a processor, at the ordinary priority."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"], stdin=subprocess.DEVNULL)
                for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def worker_of(daemon):
    """Pid of the process that speaks VRRP; 0 while there is none."""
    if isinstance(daemon, Hasup):
        pids = daemon.roles().get("hasup-vrrp", [])
    else:
        pids = children(daemon.program.pid)
    return pids[0] if len(pids) == 1 and alive(pids[0]) else 0


class Scene:
    """A master on a and a backup on b, and what was seen of them since `begin`."""

    def __init__(self, lan, engine, advert, start=None):
        self.lan, self.advert = lan, advert
        self.a, self.b = lan.node("a"), lan.node("b")
        self.sniffer = Sniffer(lan)
        self.master = engine(self.a, conf.simple(200, version=3, advert=advert))
        if start:
            start(self.master)
        else:
            self.master.start()
        engine(self.b, conf.simple(100, version=3, advert=advert)).start()
        self.settle(time.time())
        self.watch = AddressWatch(self.a, VIP)
        self.begin = time.time()

    def settle(self, since):
        """Waits until a alone advertises and has the address."""
        span = self.advert * 3
        self.sniffer.wait_advert(self.a, since=since, bound=12 + 8 * self.advert, count=3)
        wait_for("one sender", lambda: self.sniffer.adverts(self.b, since=max(since, time.time() - span)),
                 lambda seen: not seen, 10)
        self.lan.wait_holder(VIP, "a", 10)

    def transitions(self):
        """How often b has begun to advertise."""
        senders = [advert.port for advert in self.sniffer.adverts(since=self.begin)]
        return sum(now == self.b.port != before for before, now in zip([self.a.port, *senders], senders))

    def gap(self):
        """Seconds of the longest silence of a."""
        return max(self.sniffer.gaps(self.a, since=self.begin))

    def close(self):
        """Ends the watching."""
        self.watch.close()
        self.sniffer.close()


@contextlib.contextmanager
def scene(engine, advert, start=None):
    """A scene, and its end."""
    with Lan("bench") as lan:
        stage = Scene(lan, engine, advert, start)
        try:
            yield stage
        finally:
            stage.close()


def told(stage, times):
    """What was seen, as text and figure."""
    text = f"{times} times: {stage.transitions()} transitions, longest gap {stage.gap() * 1000:.1f} ms, " \
        f"address removed {len(stage.watch.removed)} times"
    return text, stage.gap()


def kills(engine, advert, load=0):
    """kill -9 of the process that speaks VRRP, again and again, each time after it has advertised."""
    # keepalived waits longer before each further start, up to minutes.
    times = KILLS if engine is Hasup else min(KILLS, 4)
    with scene(engine, advert) as stage, busy(load):
        for _ in range(times):
            old = wait_for("a worker", lambda: worker_of(stage.master), bound=10)
            moment = time.time()
            os.kill(old, signal.SIGKILL)
            wait_for("another worker", lambda: worker_of(stage.master), lambda pid, old=old: pid not in (0, old), 30)
            if engine is Hasup:
                stage.sniffer.wait_advert(stage.a, since=moment + 0.001, bound=4 * advert + 2, count=2)
            else:
                stage.settle(time.time())
        return told(stage, times)


def hangs(engine, advert):
    """SIGSTOP of the worker until another one runs: milliseconds, and what the peer noticed."""
    times = min(KILLS, 10)
    with scene(engine, advert) as stage:
        took = []
        for _ in range(times):
            old, begin = worker_of(stage.master), time.monotonic()
            os.kill(old, signal.SIGSTOP)
            wait_for("another worker", lambda: worker_of(stage.master), lambda pid, old=old: pid not in (0, old),
                     5 * advert + 3, 0.001)
            took.append((time.monotonic() - begin) * 1000)
            stage.sniffer.wait_advert(stage.a, since=time.time(), bound=4 * advert + 3, count=3)
        text, _ = told(stage, times)
        return f"replaced after {statistics.median(took):.0f} ms (at most {max(took):.0f}); {text}", max(took)


def restarts(how, advert):
    """hasupd itself is killed, restarted as `systemctl restart` does it, or upgraded, from a descriptor store."""
    stores = []

    def start(daemon):
        if how == "upgrade":
            daemon.binary = os.path.join(daemon.node.directory, "hasupd")
            shutil.copy(binary("hasupd"), daemon.binary)
        stores.append(Store(daemon))
        stores[0].start()
    try:
        with scene(Hasup, advert, start) as stage:
            for _ in range(KILLS):
                moment = time.time()
                if how == "upgrade":
                    shutil.copy(binary("hasupd"), stage.master.binary + ".new")
                    os.rename(stage.master.binary + ".new", stage.master.binary)
                    done = stage.master.cli("upgrade", bound=20)
                    if done.returncode:
                        raise AssertionError(done.stderr)
                else:
                    stores[0].restart(signal.SIGKILL if how == "kill" else PARK)
                stage.sniffer.wait_advert(stage.a, since=moment, bound=4 * advert + 3, count=2)
            return told(stage, KILLS)
    finally:
        for store in stores:
            store.close()


def handovers(engine):
    """What a client that pings each millisecond misses when an operator has the master hand over: `hasup resign`, and for
    keepalived a stop, the only way that it has: (median, worst) of lost pings, and of the longest silence in ms."""
    lost, silent = [], []
    with Lan("bench") as lan:
        a, b, client = lan.node("a"), lan.node("b"), lan.node("client", 9)
        master = engine(a, conf.simple(200, version=3, advert=1)).start()
        lan.wait_holder(VIP, "a", 10)
        engine(b, conf.simple(100, version=3, advert=1)).start()
        time.sleep(3)
        for _ in range(KILLS):
            # The second burst of announcements comes five seconds after the first.
            time.sleep(6)
            pings = Pings(client, VIP)
            if engine is Hasup:
                done = master.cli("resign", "VI_1", bound=20)
                if done.returncode:
                    raise AssertionError(done.stdout + done.stderr)
            else:
                master.stop()
            lan.wait_holder(VIP, "b", 10)
            time.sleep(0.5)
            missing, gap = pings.end()
            lost.append(missing)
            silent.append(gap * 1000)
            if engine is Hasup:
                master.cli("takeover", "VI_1", bound=20)
            else:
                master.start()
            lan.wait_holder(VIP, "a", 10)
    return [(statistics.median(values), max(values)) for values in (lost, silent)]


def reloads(engine, rounds=60):
    """A reload each second while 500 instances advertise, each time with another priority of one of them."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        sniffer = Sniffer(lan)
        master = engine(a, storm.configuration(200)).start()
        for node in (a, b):
            if node is b:
                engine(b, storm.configuration(100)).start()
            time.sleep(8)
        begin = time.time()
        for number in range(rounds):
            started = time.monotonic()
            master.reload(storm.configuration(200, f"V{(4, 6)[number % 2]}_{1 + number}"))
            time.sleep(max(0.0, started + 1 - time.monotonic()))
        times = {}
        for advert in sniffer.adverts(a, since=begin):
            times.setdefault((advert.family, advert.vrid), []).append(advert.time)
        gaps = [later - earlier for moments in times.values() for earlier, later in zip(moments, moments[1:])]
        intruders = {(advert.family, advert.vrid) for advert in sniffer.adverts(b, since=begin)}
        sniffer.close()
        return f"{rounds} reloads: {len(times)} instances, {sum(gap > 1.5 for gap in gaps)} adverts missed, longest gap " \
            f"{max(gaps) * 1000:.0f} ms, {len(intruders)} transitions", max(gaps)


def wear(engine):
    """C4: per cent of a processor that each of two nodes uses, with all its scripts, while every ten seconds the link of
    the master fails, twenty instances start a script that dies on each change, and hasup's master loses its worker."""
    with Lan("bench") as lan:
        a, b = lan.node("a"), lan.node("b")
        script = a.write("notify.sh", "#!/bin/sh\nkill -9 $$\n")
        os.chmod(script, 0o755)

        def text(priority):
            several = [conf.instance(f"S_{number}", vrid=number, priority=priority, version=3, advert=1,
                                     vips=[f"10.0.1.{number}/32"], extra=[f'notify "{script}"']) for number in range(60, 80)]
            return conf.file(conf.instance(priority=priority, version=3, advert=1), *several,
                             settings=["script_user root", "enable_script_security"])

        daemons = [engine(a, text(200)).start(), engine(b, text(100)).start()]
        lan.wait_holder(VIP, "a", 12)
        used, begun = [daemon.program.processor_seconds() for daemon in daemons], time.monotonic()
        for number in range(1, WEAR_SECONDS // 10 + 1):
            lan.link(a, False)
            lan.wait_holder(VIP, "b", 8)
            lan.link(a, True)
            lan.wait_holder(VIP, "a", 8)
            # keepalived would be away for seconds, each time longer.
            if engine is Hasup:
                os.kill(wait_for("a worker", lambda: worker_of(daemons[0]), bound=10), signal.SIGKILL)
            time.sleep(max(0.0, begun + 10 * number - time.monotonic()))
        took = time.monotonic() - begun
        shares = [(daemon.program.processor_seconds() - start) / took * 100 for daemon, start in zip(daemons, used)]
        return f"{shares[0]:.1f} % of a processor, backup {shares[1]:.1f} %", max(shares)
