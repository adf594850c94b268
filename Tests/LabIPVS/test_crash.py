"""Neither a crash nor a restart nor an upgrade of hasupd touches a table that is right."""

import os

from lab.hasup import Hasup
from lab.servers import Server
from table import ORDINARY, begin, ipvsadm, quiet, saved, wait_services, wait_table

CONFIG = """
virtual_server 10.99.0.1 80 {
    lb_algo wlc
    lb_kind NAT
    protocol TCP
    real_server 10.0.0.11 80 {
        weight 2
    }
    real_server 10.0.0.12 80 {
        weight 3
    }
}

virtual_server 10.99.0.2 80 {
    lb_algo mh
    lb_kind DR
    protocol TCP
    real_server 10.0.0.11 80 {
        weight 1
    }
}
"""
OTHER = CONFIG.replace("10.99.0.2", "10.99.0.3")
LINES = 5


def written(node, hasup):
    """The table, when it is complete."""
    lines = wait_table(node, "the table", lambda lines: len(lines) == LINES)
    return lines, wait_services(hasup, "the answers", lambda answer: answer["table"]["writes"] > 0)["table"]


def test_crash(director):
    """kill -9 of all of hasup: the next one writes nothing, and removes its own at a stop."""
    hasup = begin(director, CONFIG)
    before, table = written(director, hasup)
    assert table["writes"] == LINES
    hasup.kill()
    assert saved(director) == before
    hasup = begin(director, CONFIG)
    # A second reading of the table is behind it when drift would have been seen.
    ipvsadm(director, "-e", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80", "-m", "-w", "9")
    wait_table(director, "the change of another to be mended", lambda lines: lines == before)
    table = wait_services(hasup, "the answer", lambda answer: answer["table"]["writes"] > 0)["table"]
    assert table["writes"] == 1, "nothing but what was mended"
    assert hasup.stop(20)[0] == 0
    assert saved(director) == []


def test_a_crash_with_a_changed_file(director):
    """D68: what only an earlier hasupd of this boot had is removed; keepalived leaves it for ever (A1)."""
    hasup = begin(director, CONFIG)
    written(director, hasup)
    hasup.kill()
    hasup = begin(director, OTHER)
    wait_table(director, "the other table",
               lambda lines: len(lines) == LINES and not any("10.99.0.2" in line for line in lines))
    # The first service stood as it should.
    assert quiet(director, hasup)[0] == 3
    assert hasup.stop(20)[0] == 0
    assert saved(director) == []


def test_takeover_of_keepalived_s(director):
    """D68: what stands there already and is in the configuration is edited, not made anew."""
    ipvsadm(director, "-A", "-t", "10.99.0.1:80", "-s", "rr")
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "10.0.0.11:80", "-m", "-w", "2")
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80", "-m", "-w", "1")
    hasup = begin(director, CONFIG)
    written(director, hasup)
    # Scheduler and one weight; the other service and its server.
    assert quiet(director, hasup)[0] == 4
    assert "10.99.0.1:80" in hasup.log()
    assert hasup.stop(20)[0] == 0


def test_takeover_with_alpha(director):
    """D74: a server that another program's table gives connections to keeps them until its first verdict, alpha or not."""
    server = Server(director, 9001).start()
    ipvsadm(director, "-A", "-t", "10.99.0.1:80", "-s", "rr")
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "127.0.0.1:9001", "-m", "-w", "2")
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "127.0.0.1:9002", "-m", "-w", "0")
    block = "".join(
        f"    real_server 127.0.0.1 {port} {{\n        weight 2\n        inhibit_on_failure\n"
        "        TCP_CHECK {\n            connect_timeout 1\n            warmup 4\n        }\n    }\n" for port in (9001, 9002))
    text = ("virtual_server 10.99.0.1 80 {\n    delay_loop 4\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    alpha\n"
            f"{block}}}\n")
    before = saved(director)
    hasup = begin(director, text)
    answer = wait_services(hasup, "verdicts", lambda answer: all(
        server.get("verdict_age_seconds") is not None for server in answer["services"][0]["servers"]))
    assert answer["table"]["writes"] == 0 and saved(director) == before, hasup.log()
    assert hasup.stop(20)[0] == 0
    server.stop()


def test_upgrade(director):
    """`hasup upgrade`: the program that hasupd becomes writes nothing."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    done = hasup.cli("upgrade", bound=60)
    assert done.returncode == 0, done.stderr + hasup.log()
    wait_services(hasup, "an answer", lambda answer: answer["services"][0]["state"] == "UP")
    ipvsadm(director, "-d", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80")
    wait_table(director, "the change of another to be mended", lambda lines: lines == before)
    assert quiet(director, hasup)[0] == 1
    assert hasup.stop(20)[0] == 0
    assert saved(director) == []


def test_two_daemons(director):
    """D68: one hasupd writes the table of a network namespace."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    second = Hasup(director, OTHER, name="second").start(launcher=ORDINARY)
    assert second.program.wait(20) == 75, second.log()
    assert f"(pid {hasup.program.pid})" in second.log(), second.log()
    assert saved(director) == before
    assert hasup.stop(20)[0] == 0
    assert os.path.exists(hasup.run_dir)
