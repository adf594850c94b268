"""The same events are told by both daemons in the same words (behaviours_lvs2, B10)."""

import os

import pytest
from lab import mail
from lab.fifo import Outside
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
    for number, head in enumerate(SERVICES):
        host = "::1" if "fd00" in head else "127.0.0.1"
        servers = "".join(
            f"    real_server {host} {port} {{\n        weight 1\n        notify_up \"{script} {number} {port} up\"\n"
            f"        notify_down \"{script} {number} {port} down\"\n"
            "        TCP_CHECK {\n            connect_timeout 1\n            retry 0\n            delay_before_retry 1\n            warmup 0\n        }\n    }\n"
            for port in PORTS)
        text += (f"{head} {{\n    delay_loop 1\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    quorum 2\n    omega\n"
                 f"    quorum_up \"{script} {number} quorum up\"\n    quorum_down \"{script} {number} quorum down\"\n{servers}}}\n")
    return text


def story(node, program):
    """What is told while one server dies, comes back, and the daemon stops: (lines, calls of scripts), sorted, by step."""
    noted = os.path.join(node.directory, "noted")
    for path in (noted, os.path.join(node.directory, "fifo")):
        if os.path.exists(path):
            os.unlink(path)
    servers = [Server(node, port, address="::").start() for port in PORTS]
    daemon = program(node, config(node))
    ears = Outside(os.path.join(node.directory, "fifo")).open(20)

    def told(count):
        """The next lines and calls, when there are so many together."""
        def probe():
            with open(noted, "a+", encoding="ascii") as file:
                file.seek(0)
                return [line.strip("\0") for line in ears.all()], file.read().splitlines()
        lines, calls = wait_for(f"{count} more", probe, lambda seen: len(seen[0]) + len(seen[1]) >= count + sum(map(len, past)), 20)
        step = sorted(lines[len(past[0]):]), sorted(calls[len(past[1]):])
        past[:] = lines, calls
        return step

    past = [[], []]
    wait_table(node, "the table", lambda lines: len(lines) == 12)
    steps = []
    # Four services: their lines, and as many calls.
    steps.append(told(8))
    servers[0].stop()
    steps.append(told(16))
    servers[0].start()
    steps.append(told(16))
    daemon.stop()
    steps.append(told(24))
    ears.close()
    for server in servers:
        server.stop()
    return steps


def test_the_same_words(director):
    """Lines of the FIFO byte for byte but for the NUL, calls of scripts; of addresses, marks and groups; omega."""
    theirs, ours = story(director, keepalived), story(director, begin)
    assert theirs == ours
    assert "VS [10.99.0.1]:tcp:80 DOWN" in ours[1][0] and "RS [127.0.0.1]:tcp:9001 [10.99.0.1]:tcp:80 DOWN" in ours[1][0]


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
            hold_for("nothing else", lambda: True, seconds=2.5)
        daemon.stop()
        seen = list(mailbox.subjects())
    for server in servers:
        server.stop()
    return seen


@pytest.mark.parametrize("setting", ["", "no_checker_emails"])
def test_the_same_mails(director, setting):
    """Subjects, in their order."""
    theirs, ours = mailed(director, keepalived, setting), mailed(director, begin, setting)
    assert theirs == ours and len(ours) == (4 if setting else 6) + 1, (theirs, ours)
