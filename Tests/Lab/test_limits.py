"""What the machine doesn't give: descriptors, and filters of system calls. hasupd says so, and does what it can."""

import os
import socket
import struct
import subprocess

import pytest
from lab import conf, hostile
from lab.hasup import Hasup, binary, descriptors
from lab.launch import few_descriptors, unfilterable
from lab.program import alive
from lab.waiting import wait_for

VIP = "10.0.0.100"


def owner(node, **options):
    """MASTER at once."""
    return Hasup(node, conf.simple(255, version=3, advert=0.1, **options))


def replaced(hasup, old):
    """Waits for another VRRP worker."""
    return wait_for("a new hasup-vrrp", lambda: hasup.roles().get("hasup-vrrp", []),
                    lambda pids: len(pids) == 1 and pids[0] != old, 3)[0]


@pytest.mark.parametrize("limit", [54, 64, 200])
def test_clients_leave_descriptors_for_the_worker(lan, pair, limit):
    """EMFILE: the control socket is full, and a worker that dies comes back all the same; the limit is in status."""
    a = owner(pair[0]).start(launcher=few_descriptors(limit))
    a.wait_state("MASTER")
    worker, clients = a.worker(), []
    for _ in range(3 * limit):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(a.control)
        # A request that isn't complete: it isn't idle, so nobody pushes it out.
        try:
            client.send(b'{"method":')
        except BrokenPipeError:
            pass
        clients.append(client)
    for number in range(3):
        os.kill(worker, 9)
        worker = replaced(a, worker)
        assert descriptors(a.program.pid) <= limit, number
    for client in clients:
        client.close()
    a.wait_state("MASTER")
    assert lan.holders(VIP) == ["a"]
    assert "can't be started" not in a.log() and "can't be given" not in a.log()
    status = a.cli("status")
    assert status.returncode == 1
    assert f"The limit of open files is {limit}" in " ".join(status.stdout.split())
    assert a.reload(conf.simple(255, version=3, advert=0.1, vips=("10.0.0.100/24", "10.0.0.101/24"))).returncode == 0
    wait_for("the second address", lambda: lan.holders("10.0.0.101"), lambda seen: seen == ["a"], 2)


def test_scripts_leave_descriptors_for_the_worker(lan, pair):
    """EMFILE: no more scripts run at once than the limit has room for, and none is left out."""
    names, script = [f"VI_{number}" for number in range(1, 31)], pair[0].write("notify.sh", "")
    trace = os.path.join(pair[0].directory, "trace")
    pair[0].write("notify.sh", f"#!/bin/sh\necho $2 $3 >>{trace}\nsleep 0.3\n")
    os.chmod(script, 0o755)
    a = Hasup(pair[0], conf.file(*[
        conf.instance(name, vrid=number, priority=254, version=3, advert=0.1, vips=(f"10.0.0.{100 + number}/24",),
                      extra=[f"notify {script}"]) for number, name in enumerate(names, 1)],
        settings=["script_user root"]))
    a.start(launcher=few_descriptors(64))
    a.wait_state("MASTER", "VI_30")
    worker = a.worker()
    os.kill(worker, 9)
    replaced(a, worker)

    def told():
        with open(trace, encoding="ascii") as file:
            return {line.split()[0] for line in file if line.split()[1:] == ["MASTER"]}

    wait_for("a MASTER of each", told, lambda seen: seen == set(names), 15)
    assert "can't start" not in a.log() and "can't be started" not in a.log()


def test_the_soft_limit_is_raised(pair):
    """As far as the hard one goes, before anything is opened."""
    a = owner(pair[0]).start(launcher=few_descriptors(20, 1024))
    a.wait_state("MASTER")
    with open(f"/proc/{a.program.pid}/limits", encoding="ascii") as file:
        assert next(line.split()[3:5] for line in file if line.startswith("Max open files")) == ["1024", "1024"]
    assert "limit of open files" not in a.cli("status").stdout


def test_a_limit_that_is_too_small(pair):
    """It says what it needs, and how to give it that."""
    a = owner(pair[0]).start(launcher=few_descriptors(40))
    assert a.program.wait() == 69
    assert "the limit of open files is 40, and hasupd needs at least 54" in a.log() and "LimitNOFILE=" in a.log()


def test_a_kernel_without_filters(pair):
    """hasupd doesn't start as root there, and says how it would."""
    a = owner(pair[0]).start(launcher=unfilterable())
    assert a.program.wait() == 69
    assert "can't filter system calls: Invalid argument" in a.log() and "--seccomp optional" in a.log()


def test_a_kernel_whose_filters_fail(pair):
    """Nor where a kernel claims to have filters: whoever reads the files refuses to do it without."""
    a = owner(pair[0]).start(launcher=unfilterable(only_flagged=True))
    assert a.program.wait() == 66
    assert "it can't run: its system call filter isn't in force" in a.log()


def test_without_filters_by_choice(pair):
    """`--seccomp optional` goes on; status says so, and isn't content."""
    a = owner(pair[0]).start("--seccomp", "optional", launcher=unfilterable())
    a.wait_state("MASTER")
    status = a.cli("status")
    assert status.returncode == 1
    for process in ("hasupd", "hasup-vrrp"):
        assert f"{process} runs without its system call filter." in status.stdout
    # Where there are filters, nothing is lost by that choice.
    b = owner(pair[1]).start("--seccomp", "optional")
    b.wait_state("MASTER")
    assert "system call filter" not in b.cli("status").stdout


@pytest.mark.parametrize("role", ["hasup-vrrp", "hasup-checker"])
@pytest.mark.parametrize("is_strict", [True, False])
def test_a_worker_whose_filter_is_none(role, is_strict):
    """It ends before it reads a byte, and says why; unless it was told that this may be."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(5)
    rubbish = os.memfd_create("rubbish")
    os.write(rubbish, bytes(64))

    def arrange():
        numbers = [os.dup(theirs.fileno()), os.dup(rubbish), os.dup(rubbish)]
        high = [os.dup2(number, 100 + place) for place, number in enumerate(numbers)]
        for place, number in enumerate(high):
            os.dup2(number, 3 + place)

    program = binary("hasupd" if role == "hasup-vrrp" else role)
    words = [role, "-", "-", "-", "strict" if is_strict else "-"]
    process = subprocess.Popen(words, executable=program, preexec_fn=arrange, close_fds=False, stdin=subprocess.DEVNULL)
    theirs.close()
    try:
        hello = 0x201 if role == "hasup-vrrp" else hostile.CHECKER_HELLO
        greeting = ours.recv(65536)
        assert struct.unpack(">IHHI", greeting[:12])[1] == hello and b"load the system call filter" in greeting
        if is_strict:
            reason = ours.recv(65536)
            assert b"it can't run: its system call filter isn't in force" in reason
            assert process.wait(5) == 77
        else:
            ours.settimeout(0.3)
            with pytest.raises(socket.timeout):
                ours.recv(65536)
            assert alive(process.pid)
    finally:
        process.kill()
        process.wait(5)
        ours.close()
        os.close(rubbish)
