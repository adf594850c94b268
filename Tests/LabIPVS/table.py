"""IPVS's table as ipvsadm(8) shows it, and the two programs that write it."""

import json
import os

from lab.hasup import Hasup
from lab.launch import without
from lab.waiting import wait_for

# What is realtime is ended after 0.2 s of work without a pause, which a start can take in here.
ORDINARY = without("sys_nice")


def saved(node):
    """The lines of `ipvsadm -Sn`, sorted."""
    return sorted(node.netns.run("ipvsadm", "-Sn").splitlines())


def change(node, *arguments):
    """What somebody else does to the table."""
    node.netns.run("ipvsadm", *arguments)


def services(hasup):
    """The answer of Services."""
    shown = hasup.cli("services", "--json", bound=20).stdout
    assert shown, hasup.log()
    return json.loads(shown)


def begin(node, config, *arguments, **options):
    """A hasupd that has written its table."""
    hasup = Hasup(node, config, **options).start(*arguments, launcher=ORDINARY)
    wait_for("an answer", lambda: hasup.cli("services", bound=20).returncode, lambda status: status in (0, 1), 20)
    return hasup


def keepalived(node, config):
    """keepalived's checker alone, with the same file."""
    path = node.write("keepalived.conf", config)
    pids = [word for option in "prc" for word in (f"-{option}", os.path.join(node.directory, f"keepalived.{option}"))]
    return node.spawn(["keepalived", "-n", "-l", "-D", "--no-syslog", "-C", "-f", path, *pids], "keepalived")
