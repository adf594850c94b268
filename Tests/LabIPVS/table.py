"""IPVS's table as ipvsadm(8) shows it, and the two programs that write it."""

import os
import subprocess

from lab.hasup import Hasup
from lab.launch import without
from lab.varlink import Wire
from lab.waiting import Timeout, wait_for

# What is realtime is ended after 0.2 s of work without a pause, which a start can take in here.
ORDINARY = without("sys_nice")


def ipvsadm(node, *arguments):
    """Runs ipvsadm(8) there. It begins as one process: a fork takes 20 ms in here."""
    with node.netns.entered():
        done = subprocess.run(["ipvsadm", *arguments], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                              check=False)
    assert done.returncode == 0, f"ipvsadm {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def saved(node):
    """The lines of `ipvsadm -Sn`, sorted."""
    return sorted(ipvsadm(node, "-Sn").splitlines())


def wait_table(node, what, until, bound=20):
    """Waits until the table is so; returns it."""
    return wait_for(what, lambda: saved(node), until, bound, 0.1)


def services(hasup):
    """The answer of Services."""
    with Wire(hasup.control, 20) as wire:
        answer = wire.call("io.hasup.Services")
    assert answer and "error" not in answer, answer
    return answer["parameters"]


def wait_services(hasup, what, until):
    """Waits until the answer of Services is so, also for a hasupd that is just starting."""
    def probe():
        try:
            return services(hasup)
        except OSError as error:
            return {"error": str(error)}
    return wait_for(what, probe, lambda answer: "error" not in answer and until(answer), 20, 0.1)


def quiet(node, hasup):
    """The requests that were written and the table, when both stand still."""
    def look():
        return services(hasup)["table"]["writes"], saved(node), services(hasup)["table"]["writes"]
    seen = wait_for("quiet", look, lambda seen: seen[0] == seen[2], 20, 0.1)
    return seen[0], seen[1]


def begin(node, config, *arguments, **options):
    """A hasupd that answers."""
    hasup = Hasup(node, config, **options).start(*arguments, launcher=ORDINARY)
    try:
        wait_services(hasup, "an answer", lambda answer: True)
    except Timeout as error:
        raise AssertionError(f"{error}\n{hasup.log()[-2000:]}") from error
    return hasup


def keepalived(node, config):
    """keepalived's checker alone, with the same file."""
    path = node.write("keepalived.conf", config)
    pids = [word for option in "prc" for word in (f"-{option}", os.path.join(node.directory, f"keepalived.{option}"))]
    return node.spawn(["keepalived", "-n", "-l", "-D", "--no-syslog", "-C", "-f", path, *pids], "keepalived")
