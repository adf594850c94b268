#!/usr/bin/python3
"""Two nodes and a client in network namespaces: the master's VRRP worker is killed, then its supervisor, and the
other node notices neither; then all of the master, and the other one takes the address over.

    demo.py pair         one address, one master and its backup
    demo.py dual-master  two addresses, each node is master of one and backup of the other
    demo.py maintenance  a service dies, and the address goes where it runs; then an operator hands the address over
    demo.py lvs          two web servers behind a virtual server die and come back; in user-mode Linux, which has IPVS
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "Lab"))

from lab import conf, uml  # noqa: E402
from lab.hasup import Hasup  # noqa: E402
from lab.launch import without  # noqa: E402
from lab.net import Lan  # noqa: E402
from lab.pings import Pings  # noqa: E402
from lab.site import ADDRESS, Site, Visitor  # noqa: E402
from lab.sniffer import Sniffer  # noqa: E402
from lab.store import Store  # noqa: E402
from lab.waiting import Timeout, wait_for  # noqa: E402

ADVERT = 1
VRIDS = {"10.0.0.100": 51, "10.0.0.101": 52}


def layout(kind):
    """Addresses and the priorities on a and b: [(name, address, on a, on b)]."""
    first = ("WEB", "10.0.0.100", 200, 100)
    return [first, ("MAIL", "10.0.0.101", 100, 200)] if kind == "dual-master" else [first]


def config(services, column):
    """The keepalived.conf of node a (column 2) or b (column 3)."""
    return conf.file(*(conf.instance(service[0], vrid=VRIDS[service[1]], priority=service[column], version=3, advert=ADVERT,
                                     vips=[f"{service[1]}/24"]) for service in services))


def say(text):
    """One step of the story."""
    print(f"\n== {text}", flush=True)


def show(*daemons):
    """`hasup status` of the nodes: side by side where the terminal is wide enough, else one under the other."""
    blocks = []
    for daemon in daemons:
        answer = daemon.cli("status")
        blocks.append([f"[{daemon.node.name}] $ hasup status", *(answer.stdout + answer.stderr).rstrip().splitlines()])
    width = max(len(line) for block in blocks for line in block) + 4
    if shutil.get_terminal_size((80, 24)).columns >= width * len(blocks):
        height = max(len(block) for block in blocks)
        rows = zip(*(block + [""] * (height - len(block)) for block in blocks))
        print("\n".join("".join(cell.ljust(width) for cell in row).rstrip() for row in rows))
    else:
        print("\n\n".join("\n".join(block) for block in blocks))


class Pinger:
    """A client that pings an address ten times a second."""

    def __init__(self, node, address):
        self.address = address
        self.program = node.spawn(["ping", "-n", "-D", "-O", "-i", "0.1", address], f"ping-{address}")

    def times(self):
        """When replies came, in seconds since the epoch."""
        return [float(stamp) for stamp in re.findall(r"^\[([0-9.]+)\] .* bytes from", self.program.log(), re.MULTILINE)]

    def answered_since(self, moment):
        """Whether a reply came after a moment."""
        return any(time > moment for time in self.times())

    def report(self):
        """The longest time without an answer."""
        times = self.times()
        gap = max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)
        print(f"   client: {len(times)} answers from {self.address}, longest silence {gap:.2f} s")


def nothing_happened(sniffer, nodes, address, moment):
    """Shows from the packets that the nodes have the same roles as before this moment; raises when they haven't."""
    sniffer.wait_advert(nodes[0], VRIDS[address], moment, count=2)
    gap = sniffer.widest_gap(nodes[0], VRIDS[address], moment)
    intruders = sniffer.adverts(nodes[1], VRIDS[address], moment)
    handed_over = [advert for advert in sniffer.adverts(nodes[0], VRIDS[address], moment) if advert.priority == 0]
    print(f"   the longest time between two adverts of node a was {gap:.4f} s,")
    print(f"   node b sent {len(intruders)} for {address}: nothing happened")
    if intruders or handed_over or gap > 2 * ADVERT:
        raise AssertionError("the death of a process was noticed")


class Service:
    """A web server of a node, and the script that finds out whether it answers."""

    def __init__(self, node, address):
        self.node, self.address = node, address
        self.script = node.write("check-http", f"#!/bin/bash\nexec 3<>/dev/tcp/{address}/80\n")
        os.chmod(self.script, 0o755)
        self.program = None

    def start(self):
        """Starts it, and waits until it answers."""
        command = [sys.executable, "-m", "http.server", "80", "--bind", self.address, "--directory", self.node.directory]
        self.program = self.node.spawn(command, "service")
        wait_for("the service", self.answers, bound=10)

    def answers(self):
        """Whether it takes connections."""
        return subprocess.run(self.node.netns.command("bash", self.script), stderr=subprocess.DEVNULL, check=False).returncode == 0

    def kill(self):
        """kill -9."""
        self.program.process.kill()
        self.program.wait(2)

    def config(self, priority):
        """The keepalived.conf of its node."""
        block = "\n".join(["vrrp_script http {", f'    script "{self.script}"', "    interval 1", "    timeout 1", "    fall 1",
                           "    rise 1", "}", ""])
        return conf.simple(priority, settings=["script_user root", "enable_script_security"], before=block, version=3,
                           advert=0.1, extra=["track_script {", "    http", "}"])


def order(daemon, *words):
    """Gives an order, and shows what hasup says to it."""
    print(f"   [{daemon.node.name}] $ hasup {' '.join(words)}")
    done = daemon.cli(*words, bound=30)
    print(f"   {(done.stdout + done.stderr).strip()}")
    if done.returncode:
        raise AssertionError(f"hasup {' '.join(words)}: exit status {done.returncode}")


def count_pings(pings):
    """Shows what a client missed. At most what two packets take that cross on the way."""
    missing, silence = pings.end()
    print(f"   client: a ping each millisecond, {missing} without an answer, longest silence {silence * 1000:.1f} ms")


def maintenance(lan):
    """A service dies, and comes back; then its node is emptied by an operator."""
    address = "10.0.0.100"
    services = [Service(lan.node(name), f"10.0.0.{number}") for number, name in enumerate("ab", 1)]
    client = lan.node("client", 9)
    say("two nodes with a web server each; the better one has the address")
    for service in services:
        service.start()
    a, b = (Hasup(service.node, service.config(priority)).start() for service, priority in zip(services, (200, 100)))
    lan.wait_holder(address, "a", 10)
    wait_for("b to know its master", lambda: b.status().instance().get("master"), bound=5)
    show(a, b)

    say("the web server of node a is killed: kill -9")
    began = time.monotonic()
    services[0].kill()
    lan.wait_holder(address, "b", 10)
    print(f"   node b took over {time.monotonic() - began:.1f} s later; a script looks each second")
    show(a)

    say("the web server runs again")
    services[0].start()
    lan.wait_holder(address, "a", 10)
    a.wait_state("MASTER")

    say("an operator hands the address over")
    pings = Pings(client, address)
    order(a, "resign", "VI_1")
    lan.wait_holder(address, "b", 5)
    count_pings(pings)
    show(a, b)

    say("and back")
    pings = Pings(client, address)
    order(a, "takeover", "VI_1")
    lan.wait_holder(address, "a", 5)
    count_pings(pings)
    for service in services:
        service.kill()


def story(lan, kind):
    """The demo itself; raises Timeout when something does not happen."""
    services = layout(kind)
    sniffer = Sniffer(lan)
    nodes = lan.node("a"), lan.node("b")
    client = lan.node("client", 9)
    say(f"two nodes start, priorities {services[0][2]} and {services[0][3]} for {services[0][1]}, advert_int {ADVERT} s")
    a, b = (Hasup(node, config(services, column)) for column, node in enumerate(nodes, 2))
    # On node a, what a service manager does: it keeps a few descriptors for the service, and starts it again.
    manager = Store(a)
    manager.start()
    b.start()
    for _, address, first, second in services:
        lan.wait_holder(address, "a" if first > second else "b", 8)
    pingers = [Pinger(client, service[1]) for service in services]
    for pinger in pingers:
        wait_for(f"an answer from {pinger.address}", pinger.times, bound=5)
    wait_for("b to know its master", lambda: sniffer.adverts(nodes[0]), lambda seen: len(seen) >= 2, 5)
    show(a, b)

    address = services[0][1]
    say("node a's VRRP worker is killed: kill -9")
    victim, moment = a.worker(), time.time()
    os.kill(victim, signal.SIGKILL)
    nothing_happened(sniffer, nodes, address, moment)
    print(f"   process {victim} is replaced by {a.worker()}")

    say("node a's supervisor is killed: kill -9; it is started again with the memory files that were kept")
    victim, moment = a.program.pid, time.time()
    print(f"   kept: {', '.join(manager.names())}")
    manager.restart(signal.SIGKILL)
    nothing_happened(sniffer, nodes, address, moment)
    print(f"   process {victim} is replaced by {a.program.pid}, its worker by {a.worker()}")

    say("node a dies: kill -9 of all its processes, its cable pulled")
    a.kill()
    manager.close()
    lan.link(nodes[0], False)
    expected = ADVERT * (3 + (256 - services[0][3]) / 256)
    seconds = sniffer.takeover(*nodes, vrid=VRIDS[address], bound=expected + 2)
    moment = sniffer.adverts(nodes[1], VRIDS[address])[-1].time
    wait_for(f"an answer from {address}", lambda: pingers[0].answered_since(moment), bound=3)
    print(f"   node b took over {seconds:.4f} s after node a's last advert; the protocol's time is {expected:.4f} s")
    show(b)

    say("node a comes back and takes its address again")
    lan.link(nodes[0], True)
    a.start()
    lan.wait_holder(address, "a", 10)
    for pinger in pingers:
        wait_for(f"an answer from {pinger.address}", lambda ping=pinger: ping.answered_since(moment), bound=3)
    b.wait_state("BACKUP", services[0][0])
    show(a, b)
    print()
    for pinger in pingers:
        pinger.program.process.terminate()
        pinger.program.wait(2)
        pinger.report()

    say("both stop")
    for daemon in (a, b):
        status, seconds = daemon.stop()
        print(f"   node {daemon.node.name}: exit status {status} after {seconds * 1000:.0f} ms")
    sniffer.close()


def count_visits(visitor, moment, count=50):
    """Waits for visits of the client that have begun after a moment; shows who answered, and how many failed."""
    pages = wait_for("the client's visits", lambda: visitor.since(moment), lambda seen: len(seen) >= count, 30)
    answers = ", ".join(f"{pages.count(page)} by {page}" for page in sorted(set(pages) - {None}))
    print(f"   client: {len(pages)} pages after the verdict: {answers}; errors: {pages.count(None)}")
    if None in pages:
        raise AssertionError("a client had an error after the verdict")


def balancing(lan):
    """The story of two web servers behind a virtual server."""
    site = Site(lan)
    first, second = site.servers

    def table():
        with site.director.netns.entered():
            done = subprocess.run(["ipvsadm", "-ln"], capture_output=True, text=True, check=False)
        return done.stdout

    def settle(daemon, *members):
        """Waits until these are in the table; shows it, and what hasup says. Returns the moment of the verdict."""
        wanted = sorted(f"{member.address}:80" for member in members)
        wait_for("the table", table, lambda text: re.findall(r"-> (1\S+)", text) == wanted, 30, 0.02)
        moment = time.monotonic()
        print(table().split("\n", 1)[1].rstrip())
        print("\n[director] $ hasup services")
        print(daemon.cli("services", bound=20).stdout.rstrip())
        return moment

    say(f"two nginx behind the virtual server {ADDRESS}:80, by NAT; a third one is the sorry server")
    # What is realtime is ended after 0.2 s of work without a pause, which a start can take in here.
    daemon = Hasup(site.director, site.config()).start(launcher=without("sys_nice"))
    wait_for("the virtual server", table, lambda text: ADDRESS in text, 30, 0.1)
    settle(daemon, first, second)
    visitor = Visitor(site.client)
    count_visits(visitor, time.monotonic())

    for server, left in ((first, [second]), (second, [site.sorry])):
        say(f"the {server.name} nginx is killed: kill -9")
        began = time.monotonic()
        server.kill()
        moment = settle(daemon, *left)
        failed = visitor.since(began).count(None)
        print(f"\n   out of the table {moment - began:.1f} s later; delay_loop is 1 s; the client had {failed} errors until then")
        count_visits(visitor, moment)

    say("both are started again")
    first.start()
    second.start()
    count_visits(visitor, settle(daemon, first, second))
    visitor.end()
    say("hasup stops, and takes its virtual server out of the table")
    print(f"   exit status {daemon.stop(20)[0]}")


def inside(kind):
    """Runs a story in user-mode Linux; returns the exit status."""
    if not os.access(uml.KERNEL, os.X_OK):
        sys.exit("demo: user-mode Linux isn't there; `sudo make setup` installs it")
    say("user-mode Linux boots: a kernel of its own, which has IPVS")
    return uml.run(sys.executable, os.path.abspath(__file__), kind, modules=uml.IPVS, bound=240,
                   show=lambda text: print(text, end="", flush=True))[0]


def without_root():
    """Starts the demo again as root of a user namespace, where that is allowed."""
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c",
               'mount -t tmpfs tmpfs /run && exec "$@"', "sh", sys.executable, *sys.argv]
    probe = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "--mount", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        sys.exit("demo: user namespaces are not allowed for you here; run it by sudo")
    os.execvp("unshare", command)


def main():
    """Runs one story; exit status 1 when something in it did not happen."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "pair"
    stories = {"maintenance": maintenance, "lvs": balancing}
    if kind not in ("pair", "dual-master", *stories):
        sys.exit(__doc__)
    if kind == "lvs" and not uml.is_inside():
        return inside(kind)
    if os.geteuid() != 0:
        without_root()
    with Lan("demo") as lan:
        try:
            stories[kind](lan) if kind in stories else story(lan, kind)
        except (Timeout, AssertionError) as error:
            print(f"\ndemo failed: {error}", file=sys.stderr)
            for node in lan.nodes.values():
                for program in node.programs:
                    if "ping" not in program.log_path:
                        print(f"--- {node.name} ---\n{program.log()[-3000:]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
