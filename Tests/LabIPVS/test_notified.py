"""The same events are told by both daemons in the same words (behaviours_lvs2, B10)."""

import os
import signal

import pytest
from lab import mail
from lab.fifo import Outside
from lab.forge import LONG
from lab.hasup import Hasup
from lab.servers import Server
from lab.waiting import hold_for, wait_for
from table import begin, keepalived, wait_table

PORTS = (9001, 9002)
SERVICES = ("virtual_server 10.99.0.1 80", "virtual_server fwmark 7", "virtual_server group web", "virtual_server fd00:99::1 80")


def config(node):
    """Services of each kind with the same two servers, and scripts that write down what happens."""
    script = node.write("note.sh", f"#!/bin/sh\necho \"$@\" >> {node.directory}/noted\n")
    os.chmod(script, 0o755)
    text = (f"global_defs {{\n    script_user root\n    lvs_notify_fifo {node.directory}/fifo\n}}\n"
            "virtual_server_group web {\n    10.99.1.1 80\n}\n")
    check = "        TCP_CHECK {\n            connect_timeout 1\n            retry 0\n            warmup 0\n        }\n"
    for number, head in enumerate(SERVICES):
        host = "::1" if "fd00" in head else "127.0.0.1"

        def noted(keyword, *words, is_first=number == 0):
            """A script of the first service: a process takes long to start in here."""
            return f"    {keyword} \"{script} {' '.join(words)}\"\n" if is_first else ""
        servers = "".join(
            f"    real_server {host} {port} {{\n        weight 1\n" + noted("notify_up", str(port), "up")
            + noted("notify_down", str(port), "down") + f"{check}    }}\n" for port in PORTS)
        text += (f"{head} {{\n    delay_loop 1\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    quorum 2\n    omega\n"
                 + noted("quorum_up", "quorum", "up") + noted("quorum_down", "quorum", "down") + f"{servers}}}\n")
    return text


def reload(node, daemon, text):
    """Has a daemon read another file."""
    if isinstance(daemon, Hasup):
        assert daemon.reload(text).returncode == 0
        return
    node.write("keepalived.conf", text)
    os.kill(daemon.pid, signal.SIGHUP)


def story(node, program):
    """What is told while one server dies, comes back, and the daemon stops: (lines, calls of scripts), sorted, by step."""
    noted = os.path.join(node.directory, "noted")
    for path in (noted, os.path.join(node.directory, "fifo")):
        if os.path.exists(path):
            os.unlink(path)
    servers = [Server(node, port, address="::").start() for port in PORTS]
    daemon = program(node, config(node))
    ears = Outside(os.path.join(node.directory, "fifo")).open(20)

    def told(count, is_ordered=False):
        """The next lines and calls, when there are so many together."""
        def probe():
            with open(noted, "a+", encoding="ascii") as file:
                file.seek(0)
                return [line.strip("\0") for line in ears.all()], file.read().splitlines()
        wanted = count + sum(map(len, past))
        lines, calls = wait_for(f"{count} more", probe, lambda seen: len(seen[0]) + len(seen[1]) >= wanted, 20)
        step = lines[len(past[0]):], sorted(calls[len(past[1]):])
        past[:] = lines, calls
        return (step[0] if is_ordered else sorted(step[0])), step[1]

    past = [[], []]
    wait_table(node, "the table", lambda lines: len(lines) == 12)
    steps = []
    # Lines of four services, calls of one.
    steps.append(told(4 + 1))
    servers[0].stop()
    steps.append(told(8 + 2))
    servers[0].start()
    steps.append(told(8 + 2))
    # A reload takes the first service away.
    text = config(node)
    reload(node, daemon, text[:text.index(SERVICES[0])] + text[text.index(SERVICES[1]):])
    steps.append(told(3 + 3, is_ordered=True))
    daemon.stop()
    steps.append(told(9))
    ears.close()
    for server in servers:
        server.stop()
    return steps


def test_the_same_words(director):
    """Lines of the FIFO byte for byte but for the NUL, calls of scripts; of addresses, marks and groups; omega."""
    theirs, ours = story(director, keepalived), story(director, begin)
    for step, (left, right) in enumerate(zip(theirs, ours, strict=True)):
        assert left == right, f"step {step}:\n{left}\n{right}"
    assert "VS [10.99.0.1]:tcp:80 DOWN" in ours[1][0] and "RS [127.0.0.1]:tcp:9001 [10.99.0.1]:tcp:80 DOWN" in ours[1][0]


def begin_here(node, config):
    """A hasupd. The clock of this kernel takes a system call, time(2), that hasup-mail makes nowhere else."""
    return begin(node, config, "--seccomp", "log")


def mailed(node, program, setting):
    """Subjects of mails while one check of a server fails, then the other, and both pass again."""
    servers = [Server(node, port, address="::").start() for port in PORTS]
    checks = "".join(f"        TCP_CHECK {{\n            connect_port {port}\n            connect_timeout 1\n            retry 0\n"
                     "            warmup 0\n        }\n" for port in PORTS)
    text = (f"global_defs {{\n    router_id lab\n    smtp_server 127.0.0.1 2525\n    notification_email_from a@example.org\n"
            f"    notification_email {{\n        ops@example.org\n    }}\n    smtp_alert\n    {setting}\n}}\n"
            f"{SERVICES[0]} {{\n    delay_loop 1\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n"
            f"    real_server 127.0.0.1 80 {{\n        weight 1\n{checks}    }}\n}}\n")
    with mail.Server(node) as mailbox:
        daemon = program(node, text)
        wait_table(node, "the table", lambda lines: len(lines) == 2)
        for step, act in enumerate((servers[1].stop, servers[0].stop, servers[1].start, servers[0].start)):
            act()
            wait_table(node, "the table", lambda lines, step=step: len(lines) == (2 if step == 3 else 1))
            # Both checks have run once more.
            hold_for("nothing else", lambda: True, seconds=1.7)
        daemon.stop()
        seen = list(mailbox.subjects())
    for server in servers:
        server.stop()
    return seen


@pytest.mark.parametrize("setting", ["", "no_checker_emails"] if LONG else [""])
def test_the_same_mails(director, setting):
    """Subjects of what is sent."""
    theirs, ours = mailed(director, keepalived, setting), mailed(director, begin_here, setting)
    # A service's mail may come before that of its server.
    assert sorted(theirs) == sorted(ours) and len(ours) == (5 if setting else 7), (theirs, ours)
