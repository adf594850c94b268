"""Starting twice, starting beside others, ending."""

import os
import signal
import socket
import subprocess
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.machine import late
from lab.program import alive, end_processes
from lab.waiting import wait_for

VIP = "10.0.0.100"
CONFIG = conf.simple(200, version=3, advert=0.1)


def inside(program, command):
    """The command line that runs in the mount namespace of another program."""
    return ["nsenter", f"--mount=/proc/{program.pid}/ns/mnt", "--", *command]


def first_mounted(program):
    """Waits until a program with a private /run has its own mount namespace and became what it is."""
    wait_for("the private /run", lambda: os.readlink(f"/proc/{program.pid}/exe"),
             lambda path: os.path.basename(path) not in ("nsenter", "unshare", "dash", "sh", "mount"), 3)


def test_a_second_one_on_the_same_run_directory_refuses(lan):
    """C2: the second hasupd ends with a message that names the first; the first is not disturbed."""
    node = lan.node("a")
    first = Hasup(node, CONFIG).start()
    first.wait_state("MASTER")
    second = Hasup(node, CONFIG, name="second", run_dir=first.run_dir).start()
    assert second.program.wait(3) != 0
    assert str(first.program.pid) in second.log()
    assert first.state() == "MASTER" and node.holds(VIP)


def test_simultaneous_starts(lan):
    """C2: of two starts at once exactly one lives, the other exits non-zero and says why."""
    node = lan.node("a")
    for number in range(10):
        run_dir = os.path.join(node.directory, f"run{number}")
        both = [Hasup(node, CONFIG, name=f"h{number}{side}", run_dir=run_dir).start() for side in "ab"]
        wait_for("one end", lambda: [hasup.running() for hasup in both],
                 lambda lives: sorted(lives) == [False, True], 3)
        ended, lives = sorted(both, key=lambda hasup: hasup.running())
        assert ended.program.process.returncode != 0 and ended.log()
        lives.wait_state("MASTER", bound=3)
        assert lives.stop()[0] == 0


def test_instances_do_not_collide(lan):
    """Two hasupd with the default directories and different --instance run side by side."""
    node = lan.node("a")
    one = node.write("one.conf", conf.simple(200, vrid=1, version=3, advert=0.1, vips=["10.0.0.101/24"]))
    two = node.write("two.conf", conf.simple(200, vrid=2, version=3, advert=0.1, vips=["10.0.0.102/24"]))
    start = [binary("hasupd"), "--foreground", "--instance"]
    first = node.spawn([*start, "one", "-f", one], "one", private_run=True)
    first_mounted(first)
    second = node.spawn(inside(first, [*start, "two", "-f", two]), "two")
    for address in ("10.0.0.101", "10.0.0.102"):
        wait_for(address, lambda vip=address: node.holds(vip), bound=3)
    assert first.stop()[0] == 0
    assert not node.holds("10.0.0.101") and node.holds("10.0.0.102")
    assert second.running() and second.stop()[0] == 0


def test_the_same_file_in_two_namespaces(lan, pair):
    """Daemons of different network namespaces share a machine and don't meet."""
    other = lan.node("c", 3)
    Hasup(pair[0], CONFIG).start()
    Hasup(other, conf.simple(200, vrid=9, version=3, advert=0.1, vips=["10.0.0.109/24"])).start()
    lan.wait_holder(VIP, "a")
    lan.wait_holder("10.0.0.109", "c")


def test_beside_keepalived_it_refuses(lan):
    """docs/decisions, D24: while keepalived's pid file is locked hasupd doesn't start, and names the pid."""
    node = lan.node("a")
    config = node.write("keepalived.conf", CONFIG)
    keepalived = node.spawn(["keepalived", "-n", "-l", "-G", "-f", config], "keepalived", private_run=True)
    first_mounted(keepalived)
    wait_for("keepalived as master", lambda: node.holds(VIP), bound=4)
    hasup = node.spawn(inside(keepalived, [binary("hasupd"), "--foreground", "-f", config]), "hasup")
    assert hasup.wait(3) != 0
    assert "keepalived" in hasup.log() and str(keepalived.pid) in hasup.log()
    # Its pid file is out of sight from here, the process isn't.
    beside = Hasup(node, CONFIG, name="beside").start()
    assert beside.program.wait(3) == 75
    assert "keepalived is running (pid" in beside.log(), beside.log()
    assert node.holds(VIP)
    keepalived.stop()
    again = node.spawn(inside_run(node), "again", private_run=True)
    wait_for("hasup as master", lambda: node.holds(VIP), bound=4)
    assert again.stop()[0] == 0


def inside_run(node):
    """hasupd with default directories."""
    return [binary("hasupd"), "--foreground", "-f", os.path.join(node.directory, "keepalived.conf")]


def test_a_kept_run_directory_in_a_new_pid_namespace(lan):
    """C1: pid 1 of a container is killed, its run directory kept; the same pid number starts again."""
    node = lan.node("a")
    hasup = Hasup(node, CONFIG)
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", binary("hasupd"), "-f", hasup.config,
               "--foreground", "--control", hasup.control, "--run-dir", hasup.run_dir]
    for number in range(3):
        hasup.program = node.spawn(command, f"container{number}")
        hasup.wait_state("MASTER", bound=4)
        end_processes(list(reversed(hasup.program.family())))
        hasup.program.process.wait(5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_is_complete(lan, number):
    """After the end: exit 0, no process, no address, no socket that answers."""
    node = lan.node("a")
    hasup = Hasup(node, CONFIG).start()
    hasup.wait_state("MASTER")
    family = hasup.program.family()
    hasup.program.signal(number)
    assert hasup.program.wait(1) == 0
    assert not [pid for pid in family if alive(pid)]
    assert not node.holds(VIP)
    assert hasup.cli("status").returncode == 2


def test_readiness_is_told(lan):
    """C2: READY=1 to NOTIFY_SOCKET once the parts are up, RELOADING and READY around a reload, STOPPING at the end."""
    node = lan.node("a")
    path = os.path.join(node.directory, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(3)
        hasup = Hasup(node, CONFIG).start(environment={"NOTIFY_SOCKET": path})

        def until(word, bound=3):
            seen, deadline = [], time.monotonic() + bound
            while time.monotonic() < deadline:
                seen.append(listener.recvmsg(4096, 1024)[0].decode())
                if word in seen[-1]:
                    return seen
            raise AssertionError(f"no {word} in {seen}")
        until("READY=1")
        assert "hasup-vrrp" in hasup.roles()
        hasup.reload()
        until("RELOADING=1")
        until("READY=1")
        hasup.program.signal(signal.SIGTERM)
        until("STOPPING=1")


def test_bad_arguments():
    """An unknown option ends with a usage message."""
    done = subprocess.run([binary("hasupd"), "--no-such-option"], capture_output=True, text=True, timeout=5,
                          stdin=subprocess.DEVNULL)
    assert done.returncode not in (0, 1) or done.stderr
    assert "no-such-option" in done.stderr


def test_two_daemons_with_the_same_virtual_router(lan):
    """The second one doesn't start, names the first, and touches nothing; another virtual router is no reason."""
    node = lan.node("a")
    first = Hasup(node, conf.simple(200, version=3, advert=0.1)).start()
    first.wait_state("MASTER")
    second = Hasup(node, conf.simple(200, version=3, advert=0.1), name="second").start()
    assert second.program.wait(5) == 75
    assert f"(pid {first.program.pid})" in second.log() and "eth0" in second.log(), second.log()
    assert first.state() == "MASTER" and "10.0.0.100" in node.netns.ip("addr", "show", "dev", "eth0")
    other = Hasup(node, conf.simple(200, vrid=77, vips=["10.0.0.177/24"], version=3, advert=0.1), name="other").start()
    other.wait_state("MASTER")
    assert first.state() == "MASTER" and "10.0.0.100" in node.netns.ip("addr", "show", "dev", "eth0")
    # Nor is it let in by a reload, and a preview says so; the stop of the one that tried takes nothing from the first.
    config = conf.simple(200, vips=["10.0.0.100/24"], version=3, advert=0.1)
    dry = other.reload(config, "--dry-run")
    assert dry.returncode == 1 and f"(pid {first.program.pid})" in " ".join((dry.stdout + dry.stderr).split()), dry.stdout + dry.stderr
    done = other.reload(config)
    assert done.returncode == 1 and f"(pid {first.program.pid})" in " ".join((done.stdout + done.stderr).split()), done.stdout + done.stderr
    assert other.state() == "MASTER" and first.state() == "MASTER"
    # What a reload gives up is free, what it takes isn't.
    third = conf.simple(200, vrid=78, vips=["10.0.0.178/24"], version=3, advert=0.1)
    assert other.reload(third).returncode == 0
    late = Hasup(node, third, name="late").start()
    assert late.program.wait(5) == 75
    assert first.reload(conf.simple(200, vrid=77, vips=["10.0.0.177/24"], version=3, advert=0.1)).returncode == 0
    assert first.reload(conf.simple(200, version=3, advert=0.1)).returncode == 0
    assert other.stop()[0] == 0
    first.wait_state("MASTER")
    # What is gone has no claims.
    first.program.kill()
    again = Hasup(node, conf.simple(200, version=3, advert=0.1), name="again").start()
    again.wait_state("MASTER")


@pytest.mark.parametrize("number", [signal.SIGWINCH, signal.SIGPWR, signal.SIGALRM, signal.SIGRTMIN + 3])
def test_signals_of_others_do_not_end_it(lan, number):
    """A signal that means nothing to hasupd must not cost the addresses."""
    node = lan.node("a")
    hasup = Hasup(node, CONFIG).start()
    hasup.wait_state("MASTER")
    hasup.program.signal(number)
    hasup.reload()
    assert hasup.state() == "MASTER" and node.holds(VIP)
    assert hasup.stop()[0] == 0


def test_exit_statuses_of_a_start_that_fails(lan):
    """sysexits(3): no main file 66, nothing in it that can run 78, no right to send 77; each with a sentence."""
    node = lan.node("a")
    missing = Hasup(node, CONFIG, name="missing")
    os.unlink(missing.config)
    assert missing.start().program.wait(5) == 66
    assert missing.config in missing.log()
    empty = Hasup(node, "! nothing here\n", name="empty").start()
    assert empty.program.wait(5) == 78
    assert "hasup check" in empty.log()
    weak = Hasup(node, CONFIG, name="weak")
    weak.program = node.spawn(
        ["setpriv", "--bounding-set=-net_raw", binary("hasupd"), "-f", weak.config,
         "--foreground", "--run-dir", weak.run_dir], "weak")
    assert weak.program.wait(5) == 77
    assert "net_raw" in weak.log()


def test_a_new_one_ends_the_worker_of_a_killed_one(lan):
    """D10: in its grace the worker still sends; a hasupd that is started meanwhile ends it before its own begins."""
    node = lan.node("a")
    hasup = Hasup(node, CONFIG).start()
    hasup.wait_state("MASTER")
    old = hasup.worker()
    os.kill(hasup.program.pid, signal.SIGKILL)
    hasup.program.process.wait(5)
    assert alive(old)
    hasup.start()
    hasup.worker()
    assert not alive(old), "two workers at once"
    assert str(old) in hasup.log()
    hasup.wait_state("MASTER")
    assert hasup.stop()[0] == 0
    assert not os.path.exists(os.path.join(hasup.run_dir, "vrrp-worker"))


def test_a_killed_one_that_is_started_again_hands_over(duo, lan, pair, sniffer):
    """Without a store nobody goes on with what the worker knows: it says priority 0 before the new one begins, so peers
    wait for the skew and not for the master-down interval."""
    a, b = duo()
    lan.wait_holder(VIP, "a")
    b.wait_state("BACKUP")
    os.kill(a.program.pid, signal.SIGKILL)
    a.program.process.wait(5)
    begin = time.time()
    a.start()
    lan.wait_holder(VIP, "b", 3)
    assert sniffer.adverts(pair[0], since=begin)[-1].priority == 0
    assert "has handed over" in a.log(), a.log()


def test_a_noted_pid_of_somebody_else_lives_on(lan):
    """C1: the number in the run directory belongs to another process by now."""
    node = lan.node("a")
    hasup = Hasup(node, CONFIG)
    other = node.spawn(["sleep", "60"], "other")
    os.makedirs(hasup.run_dir)
    with open(f"/proc/{other.pid}/stat", encoding="ascii") as file:
        ticks = file.read().rpartition(")")[2].split()[19]
    with open(os.path.join(hasup.run_dir, "vrrp-worker"), "w", encoding="ascii") as file:
        file.write(f"{other.pid} {ticks}\n")
    hasup.start()
    hasup.wait_state("MASTER")
    assert other.running()


def test_the_grace_is_what_the_operator_said(duo, lan, pair, sniffer):
    """D10: without hasupd the worker advertises for --grace, then hands over with priority 0 and removes the address."""
    a, b = duo()
    assert a.stop()[0] == 0
    a.start("--grace", "0.5")
    lan.wait_holder(VIP, "a")
    b.wait_state("BACKUP")
    begin = time.time()
    os.kill(a.program.pid, signal.SIGKILL)
    lan.wait_holder(VIP, "b", 3)
    last = sniffer.adverts(pair[0], since=begin)[-1]
    assert last.priority == 0
    assert 0.49 <= last.time - begin < 0.6 + late(), (last.time - begin, late())
    assert "handing over in 0.3 s" in a.log()
