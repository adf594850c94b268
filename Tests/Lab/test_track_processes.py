"""Tracked processes: counted by the kernel's reports, or by looking at all of them (behaviours §8, pain point C5)."""

import os
import shutil
import subprocess
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.machine import late
from lab.net import Lan
from lab.peers import Keepalived
from lab.program import Program
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
NAME = "hstracked"


class Tracked:
    """A program with a name of its own, of which any number of processes runs."""

    def __init__(self, directory):
        self.path = os.path.join(directory, NAME)
        shutil.copy("/bin/sleep", self.path)
        self.running = []

    def start(self, *arguments):
        """One more; returns when it was executed."""
        process = subprocess.Popen([self.path, *(arguments or ["600"])], stdin=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def end(self, process=None):
        """One less, reaped; returns when it was killed."""
        process = process or self.running[-1]
        self.running.remove(process)
        begin = time.time()
        process.kill()
        process.wait(5)
        return begin

    def close(self):
        """Ends all."""
        for process in list(self.running):
            self.end(process)


@pytest.fixture
def tracked(lan):
    """A program of node a."""
    program = Tracked(lan.node("a").directory)
    yield program
    program.close()


def definition(*lines, name="service", process=NAME):
    """A vrrp_track_process block."""
    return "\n".join([f"vrrp_track_process {name} {{", f"    process {process}", *(f"    {line}" for line in lines),
                      "}", ""])


def entries(*lines):
    """The list of an instance that tracks these."""
    return ["track_process {", *(f"    {line}" for line in lines), "}"]


def config(*lines, priority=150, entry="service", process=NAME, advert=0.1):
    """One instance that tracks one process."""
    return definition(*lines, process=process) + conf.simple(priority, version=3, advert=advert, extra=entries(entry))


def wait_priority(hasup, wanted, bound=2.0):
    """Waits until status says this priority."""
    return wait_for(f"priority {wanted}", lambda: hasup.status().instance()["priority"],
                    lambda seen: seen == wanted, bound)


def test_killing_it_is_a_fault_and_starting_it_clears_that(lan, sniffer, tracked):
    """C5: without the kernel's reports, as in a container, the end is seen at once and the start within a second; told
    once. (keepalived never notices a change there, behaviours_vrrp2 §3.)"""
    node = lan.nodes["a"]
    tracked.start()
    hasup = Hasup(node, config()).start()
    hasup.wait_state("MASTER")
    times, starts = [], []
    for _ in range(5):
        begin = tracked.end()
        released = wait_for("priority 0", lambda: [advert for advert in sniffer.adverts(node, since=begin)
                                                   if advert.priority == 0])[0]
        times.append(released.time - begin)
        hasup.wait_state("FAULT")
        begin = time.monotonic()
        tracked.start()
        wait_for("the fault's end", hasup.state, lambda seen: seen != "FAULT", bound=1.2 + late())
        starts.append(time.monotonic() - begin)
        hasup.wait_state("MASTER")
    times.sort()
    print(f"killed to priority 0: {1000 * times[2]:.2f} ms in the median; start seen after {max(starts):.2f} s at most")
    assert times[len(times) // 2] <= 0.005 + late(), (times, late())
    assert hasup.log().count("tracked processes are looked for each second") == 1
    tracked.end()
    hasup.wait_state("FAULT")
    assert "service" in hasup.status().reason(), hasup.status().reason()


def test_weights_and_quorums(lan, tracked):
    """quorum and quorum_max decide; positive weights count when there are enough, negative ones when there aren't."""
    node = lan.nodes["a"]
    text = definition("quorum 2", "quorum_max 3", "weight 20") + definition(
        "quorum 1", "weight -30", name="any") + definition("quorum_max 0", "weight 7", name="none") \
        + conf.simple(100, version=3, advert=0.1, extra=entries("service", "any", "none", "service-2 weight 40 reverse")) \
        + "\n"
    text = definition("quorum 3", name="service-2") + text
    hasup = Hasup(node, text).start()
    hasup.wait_state("MASTER")
    expected = [100 - 30 + 7, 100, 120, 120 - 40, 100 - 40]
    wait_priority(hasup, expected[0])
    for wanted in expected[1:]:
        tracked.start()
        wait_priority(hasup, wanted)
    for wanted in reversed(expected[:-1]):
        tracked.end()
        wait_priority(hasup, wanted)


def test_parameters_and_full_command(lan, tracked):
    """param_match and full_command look at the command line, as keepalived 2.2.7 does."""
    node = lan.nodes["a"]
    names = {"exact": ([], f"{tracked.path} 700 1s"), "none": (["param_match"], tracked.path),
             "partial": (["param_match partial"], f"{tracked.path} 700"),
             "partial_not": (["param_match partial"], f"{tracked.path} 70"),
             "initial": (["param_match initial"], f"{tracked.path} 70"),
             "full": (["full_command"], tracked.path), "path": ([], tracked.path)}
    text = "".join(definition("weight 1", *lines, name=name, process=process)
                   for name, (lines, process) in names.items())
    hasup = Hasup(node, text + conf.simple(100, version=3, advert=0.1, extra=entries(*names))).start()
    hasup.wait_state("MASTER")
    tracked.start("700", "1s")
    wait_priority(hasup, 104)
    found = {entry["name"] for entry in hasup.status().instance()["contributions"]}
    assert found == {"exact", "partial", "initial", "full"}
    tracked.end()
    tracked.start()
    wait_priority(hasup, 101)


def test_delays(lan, tracked):
    """terminate_delay: a restart that is quicker is none. fork_delay: what ends again soon wasn't there."""
    node = lan.nodes["a"]
    tracked.start()
    hasup = Hasup(node, config("delay 2.5", "weight 10")).start()
    hasup.wait_state("MASTER")
    wait_priority(hasup, 160)
    tracked.end()
    tracked.start()
    hold_for("the priority", lambda: hasup.status().instance()["priority"], lambda seen: seen == 160, seconds=3)
    begin = time.monotonic()
    tracked.end()
    wait_priority(hasup, 150, bound=5)
    assert time.monotonic() - begin >= 2.4
    tracked.start()
    time.sleep(1)
    tracked.end()
    hold_for("the priority", lambda: hasup.status().instance()["priority"], lambda seen: seen == 150, seconds=3)


@pytest.mark.parametrize("peer", [Hasup, Keepalived], ids=["hasup", "keepalived"])
def test_a_pair_moves_with_the_process(lan, tracked, peer):
    """The peer takes over when the process dies, and gives back when it runs again."""
    a, b = lan.nodes["a"], lan.node("b")
    tracked.start()
    Hasup(a, config("weight -60")).start()
    peer(b, conf.simple(100, version=3, advert=0.1)).start()
    lan.wait_holder(VIP, "a", 8)
    tracked.end()
    lan.wait_holder(VIP, "b", 3)
    tracked.start()
    lan.wait_holder(VIP, "a", 4)


def test_a_restarted_hasup_track_changes_nothing(lan, tracked):
    """D45: what was counted stays until it is counted again, also a process that died meanwhile."""
    node = lan.nodes["a"]
    process = tracked.start()
    hasup = Hasup(node, config("weight 10")).start()
    hasup.wait_state("MASTER")
    wait_priority(hasup, 160)
    tracker = hasup.worker("hasup-track")
    os.kill(tracker, 9)
    wait_for("the next one", lambda: hasup.roles().get("hasup-track", [tracker]), lambda pids: pids != [tracker])
    hold_for("the priority", lambda: hasup.status().instance()["priority"], lambda seen: seen == 160)
    tracker = hasup.worker("hasup-track")
    os.kill(tracker, 19)
    tracked.end(process)
    os.kill(tracker, 9)
    wait_priority(hasup, 150, bound=4)


def storm(directory, seconds):
    """Short processes for some seconds, by as many programs as there are processors; returns how many a second."""
    path = os.path.join(directory, "storm")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab", "storm.c")
    subprocess.run(["gcc", "-O1", "-static", "-o", path, source], check=True, capture_output=True, timeout=60)
    programs = [subprocess.Popen([path, f"{seconds}"], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
                for _ in range(os.cpu_count() or 1)]
    return sum(int(program.communicate(timeout=60)[0]) for program in programs) / seconds


def processor_seconds(pid):
    """What one process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.alone
def test_thousands_of_short_processes(lan, sniffer, tracked):
    """They cost little, delay no advert, and the tracked one's end is still seen at once."""
    node = lan.nodes["a"]
    tracked.start()
    hasup = Hasup(node, config()).start()
    hasup.wait_state("MASTER")
    tracker = hasup.worker("hasup-track")
    used, begin = processor_seconds(tracker), time.time()
    rate = storm(node.directory, 5)
    used = (processor_seconds(tracker) - used) / (time.time() - begin)
    print(f"{rate:.0f} processes a second: hasup-track used {used:.3f} of a processor")
    assert used <= 0.1
    assert sniffer.widest_gap(node, since=begin) <= 0.11 + late()
    begin = tracked.end()
    released = wait_for("priority 0", lambda: [advert for advert in sniffer.adverts(node, since=begin)
                                               if advert.priority == 0])[0]
    assert released.time - begin <= 0.02 + late()


# The kernel reports processes in the machine's first network, user and pid namespace only, where the lab sends no VRRP: an
# instance on an interface that doesn't exist is in FAULT, and status tells its other faults.


class Here:
    """The machine itself as a node: only for what sends nothing."""

    class netns:
        """No namespace."""

        @staticmethod
        def command(*command):
            """As it is."""
            return list(command)

    def __init__(self, directory):
        self.directory, self.name, self.programs = directory, "here", []

    def spawn(self, command, name, **options):
        """Starts a program."""
        program = Program(command, os.path.join(self.directory, f"{name}.log"), **options)
        self.programs.append(program)
        return program

    def write(self, name, content):
        """Writes a file and returns its path."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(content)
        return path


def has_reports():
    """Whether this is such a place: /proc/PID/ns has the kernel's own numbers for the first ones."""
    first = {"net": None, "user": "user:[4026531837]", "pid": "pid:[4026531836]"}
    return all(name == "net" or os.readlink(f"/proc/self/ns/{name}") == number for name, number in first.items())


@pytest.fixture
def here(tmp_path):
    """This machine, and a program of it."""
    if not has_reports():
        pytest.skip("the kernel reports processes in the first namespaces only")
    node = Here(str(tmp_path))
    program = Tracked(str(tmp_path))
    yield node, program
    program.close()
    for started in node.programs:
        started.close()


def faults(hasup):
    """What status says of the instance that can't run."""
    return "; ".join(hasup.status().instance()["faults"])


def begin_here(node, *lines, settings=()):
    """hasup with one instance that never sends anything."""
    text = definition(*lines) + conf.simple(150, version=3, interface="nosuch0", extra=entries("service"),
                                            settings=["dynamic_interfaces", *settings])
    hasup = Hasup(node, text).start()
    hasup.wait_state("FAULT")
    return hasup


def test_reports_of_the_kernel(here):
    """Starts and ends are seen within milliseconds, by a sealed hasup-track whose socket hasupd has opened."""
    node, program = here
    hasup = begin_here(node)
    wait_for("the fault", lambda: faults(hasup), lambda seen: NAME in seen or "service" in seen)
    if "looked for each second" in hasup.log():
        pytest.skip("the kernel doesn't report here")
    started, ended = [], []
    for _ in range(10):
        begin = time.monotonic()
        process = program.start()
        wait_for("the start", lambda: faults(hasup), lambda seen: "service" not in seen, step=0.0005)
        started.append(time.monotonic() - begin)
        begin = time.monotonic()
        program.end(process)
        wait_for("the end", lambda: faults(hasup), lambda seen: "service" in seen, step=0.0005)
        ended.append(time.monotonic() - begin)
    started.sort()
    ended.sort()
    print(f"start {1000 * started[5]:.1f} ms, end {1000 * ended[5]:.1f} ms in the median, with a look at status")
    assert started[5] <= 0.02 + late() and ended[5] <= 0.02 + late()
    # hasupd opens them again, behind its filter now.
    tracker = hasup.worker("hasup-track")
    os.kill(tracker, 9)
    wait_for("the next one", lambda: hasup.roles().get("hasup-track", [tracker]), lambda pids: pids != [tracker])
    program.start()
    wait_for("the start", lambda: faults(hasup), lambda seen: "service" not in seen)
    assert "looked for each second" not in hasup.log()
    assert hasup.stop()[0] == 0


@pytest.mark.alone
def test_reports_in_a_storm(here):
    """10,000 short processes a second don't eat a processor, and reports that are lost lead to a look at all."""
    node, program = here
    hasup = begin_here(node)
    wait_for("the fault", lambda: faults(hasup), lambda seen: "service" in seen)
    if "looked for each second" in hasup.log():
        pytest.skip("the kernel doesn't report here")
    tracker = hasup.worker("hasup-track")
    used, begin = processor_seconds(tracker), time.monotonic()
    rate = storm(node.directory, 5)
    used = (processor_seconds(tracker) - used) / (time.monotonic() - begin)
    print(f"{rate:.0f} processes a second: hasup-track used {used:.3f} of a processor")
    assert used <= 0.35
    program.start()
    wait_for("the start", lambda: faults(hasup), lambda seen: "service" not in seen, bound=2)
    hasup.stop()
    # A buffer for a few reports, and nobody who reads them for a while.
    hasup = begin_here(node, settings=["process_monitor_rcv_bufs 1"])
    wait_for("no fault", lambda: faults(hasup), lambda seen: "service" not in seen)
    tracker = hasup.worker("hasup-track")
    os.kill(tracker, 19)
    program.end()
    for _ in range(200):
        subprocess.run(["/bin/true"], check=True)
    program.start("601")
    program.end()
    program.start("602")
    os.kill(tracker, 18)
    wait_for("a line", hasup.log, lambda log: "reports about processes were lost" in log)
    wait_for("no fault", lambda: faults(hasup), lambda seen: "service" not in seen, bound=2)


def test_a_container_without_reports(here):
    """C5: in a user and pid namespace there are none: all processes there are looked at, which is told once."""
    node, program = here
    text = definition() + conf.simple(150, version=3, interface="nosuch0", extra=entries("service"),
                                      settings=["dynamic_interfaces"])
    hasup = Hasup(node, text)
    hasup.launcher = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
                      "sh", "-c", f'{program.path} 600 & echo $! >{node.directory}/pid; exec "$@"', "sh"]
    hasup.start()
    hasup.wait_state("FAULT")
    wait_for("no fault of the process", lambda: faults(hasup), lambda seen: "service" not in seen)
    assert hasup.log().count("tracked processes are looked for each second") == 1
