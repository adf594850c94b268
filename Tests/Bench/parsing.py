"""How long two configurations of 200,000 lines take to be read and judged, and what that costs in memory."""

import json
import subprocess
import sys

from rig import conf, wire  # noqa: I001
from lab.hasup import binary
from lab.net import Lan

LINES = 200_000
LINKS = 16
# Starts a program and prints seconds and peak kilobytes: from a bare interpreter, because a program's peak begins with
# that of the process that started it.
LAUNCHER = """
import os, sys, time
begin = time.monotonic()
child = os.fork()
if child == 0:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
_, _, usage = os.wait4(child, 0)
print(time.monotonic() - begin, usage.ru_maxrss)
"""


def instances():
    """4,000 instances of 50 lines, 250 on a link."""
    blocks = []
    for number in range(4_000):
        link, vrid = number // 250 + 1, number % 250 + 1
        vips = [f"10.{link}.{vrid}.{host}/32 dev eth{link}" for host in range(1, 42)]
        blocks.append(conf.instance(f"VI_{number}", vrid=vrid, interface=f"eth{link}", version=3, vips=vips).rstrip())
    return "global_defs {\n    router_id bench\n}\n" + "\n".join(blocks) + "\n"


def real_servers():
    """10,000 real servers of 20 lines, 100 in each virtual server, with an HTTP check and notify scripts each."""
    lines = []
    for service in range(100):
        lines += [f"virtual_server 10.1.{service}.1 80 {{", "    delay_loop 6", "    lb_algo rr", "    lb_kind NAT",
                  "    protocol TCP"]
        for host in range(100):
            lines += [f"    real_server 10.2.{service}.{host + 1} 80 {{", "        notify_up /bin/true",
                      "        notify_down /bin/true",
                      "        HTTP_GET {", "            url {", "                path /health", "                status_code 200",
                      "            }", "            url {", "                path /ready", "                status_code 204",
                      "            }", "            connect_timeout 3", "            connect_port 8080", "            retry 3",
                      "            delay_before_retry 2", "            delay_loop 10", "            warmup 1", "        }",
                      "    }"]
        lines.append("}")
    return "\n".join(lines) + "\n"


TEXTS = {"instances": instances, "servers": real_servers}


def check(engine, kind):
    """Seconds and megabytes of one check."""
    with Lan("bench") as lan:
        node, path = _node(lan, kind)
        command = [binary("hasup"), "check", path] if engine.__name__ == "Hasup" else ["keepalived", "-t", "-f", path]
        launcher = node.netns.command(sys.executable, "-SIc", LAUNCHER, *command)
        seconds, kilobytes = subprocess.run(launcher, capture_output=True, text=True, check=True).stdout.split()
        return float(seconds), int(kilobytes) / 1024


def decoding(kind):
    """What `hasup measure` says: seconds of each step on the way to a worker, and bytes."""
    with Lan("bench") as lan:
        node, path = _node(lan, kind)
        command = node.netns.command(binary("hasup"), "measure", path)
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _node(lan, kind):
    a, b = lan.node("a"), lan.node("b")
    for index in range(1, LINKS + 1):
        wire(a, b, index)
    text = TEXTS[kind]()
    assert LINES * 0.98 < text.count("\n") < LINES * 1.05, text.count("\n")
    return a, a.write("large.conf", text)
