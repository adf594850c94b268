"""Reloads that change and remove checked services; `--ipvs-record` stands for the kernel's table (docs/decisions, D75)."""

import json
import os
import signal

import pytest
from lab.servers import Server
from lab.services import VS, http_get, real, service, tcp, wait_table
from lab.told import Told, calls, globals_of, line, noted
from lab.waiting import hold_for, wait_for


@pytest.mark.parametrize("kind", ["kept", "replaced", "stopped"])
def test_removed_by_a_reload(lan, begin, kind):
    """D75: what was up is told DOWN once, servers before their service, whatever becomes of the checker: it goes on, a first regex
    replaces it, or it hangs."""
    node = lan.nodes["a"]
    for port in (9001, 9002, 9003, 9004):
        Server(node, port).start()
    fifo = Told(os.path.join(node.directory, "fifo"))

    def scripted(port, *checks):
        return real(port, *checks, extra=[noted(node, "notify_down", str(port), "down"), noted(node, "notify_up", str(port), "up")])

    head = globals_of(f"lvs_notify_fifo {fifo.path}")
    quorum = [noted(node, "quorum_down", "quorum", "down")]
    hasup, table = begin(head + service(scripted(9001, tcp()), scripted(9002, tcp()), scripted(9005, tcp()))
                         + service(scripted(9003, tcp()), scripted(9004, tcp()), port=81, extra=quorum))
    fifo.open()
    wait_table(table, {9001: 1, 9002: 1})
    wait_table(table, {9003: 1, 9004: 1}, port=81)
    before = wait_for("the first lines", fifo.lines, lambda told: len(told) == 3)
    wait_for("a call", lambda: calls(node), lambda seen: seen == ["9005 down"])
    pid = hasup.worker("hasup-checker")
    if kind == "stopped":
        os.kill(pid, signal.SIGSTOP)
    checks = [http_get('regex "x"')] if kind == "replaced" else []
    assert hasup.reload(head + service(scripted(9001, tcp()), real(9006, *checks))).returncode == 0
    wait_table(table, {}, port=81)
    told = [line("DOWN", 9002), line("DOWN", 9003, vs=81), line("DOWN", 9004, vs=81), line("DOWN", vs=81)]
    wait_for("the lines", fifo.lines, lambda seen: seen[len(before):][:4] == told)
    wanted = ["9002 down", "9003 down", "9004 down", "9005 down", "quorum down"]
    wait_for("the scripts", lambda: sorted(calls(node)), lambda seen: seen == wanted)
    if kind != "kept":
        wait_for("another checker", lambda: hasup.roles().get("hasup-checker"), lambda new: new and new != [pid], 8)
    # The new server is the only other news.
    hold_for("nothing else", fifo.lines, lambda seen: not [text for text in seen[len(before) + 4:] if ":9006 " not in text], 1.5)
    assert sorted(calls(node)) == wanted
    assert hasup.log().count(" is removed") == 4
    assert hasup.stop()[0] == 0


def test_retry_changed_while_it_fails(lan, begin):
    """D75: another `retry` is the same check: failures that didn't count are kept, and the server isn't out by the next one."""
    node = lan.nodes["a"]
    server = Server(node, 9001).start()

    def config(retry):
        return service(real(9001, tcp("delay_before_retry 0.4", "log_all_failures", retry=retry)))

    hasup, table = begin(config(9))
    wait_table(table, {9001: 1})

    def age():
        return json.loads(hasup.cli("services", "--json").stdout)["services"][0]["servers"][0].get("verdict_age_seconds")

    wait_for("a verdict", age, lambda seconds: seconds is not None)
    server.stop()
    wait_for("a failure", hasup.log, lambda log: "8 retries left" in log)
    assert hasup.reload(config(4)).returncode == 0
    wait_table(table, {}, 8)
    said = [text.split(", ")[-1].split()[0] for text in hasup.log().splitlines() if "a check failed (" in text]
    assert len(said) == 4 and said[-1] == "0" and said[0] == "8", said


def test_large_groups(lan, begin):
    """D65: a reload with 10,160 services is a turn, not the end of hasupd (whoever takes 0.2 s is ended by the realtime class)."""
    entries = "".join(f"  10.100.{number}.1-254 80\n" for number in range(40))
    config = f"virtual_server_group G {{\n{entries}}}\n" + service(real(9001)).replace(f"{VS} 80", "group G")
    hasup, table = begin(config)
    wait_for("the table", lambda: len(table.lines()), lambda count: count == 2 * 40 * 254, 20)
    assert hasup.reload(config.replace("weight 1", "weight 2")).returncode == 0, hasup.log()
    wait_for("the weights", lambda: len(table.lines()), lambda count: count == 3 * 40 * 254, 20)
    assert hasup.stop(20)[0] == 0
