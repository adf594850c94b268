"""The table after hasup is the table after keepalived, for the same file."""

import glob
import os
import re

import pytest
from answers import Answers, every_address_is_local, paced, ports
from lab.forge import LONG
from lab.waiting import wait_for
from table import begin, ipvsadm, keepalived, quiet, saved, services, wait_services, wait_table

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(HERE), "Corpus")
# Some of the corpus: marks, a sorry server and an inhibited server, each kind of check.
SOME = ("05db90c4.conf", "2019b779.conf", "32d41933.conf")


def text(path):
    """A file whose checks don't run while the two are compared: a server that nobody has looked at is up for both."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return re.sub(r"\bdelay_loop\s+\S+", "delay_loop 3600", file.read())


def with_services():
    """Files of the corpus with virtual servers."""
    named = {os.path.basename(path): text(path) for path in sorted(glob.glob(os.path.join(CORPUS, "*.conf")))}
    return [name for name, content in named.items() if re.search(r"^\s*virtual_server\s", content, re.MULTILINE)]


def compare(node, config, judged=None):
    """Writes the same file by both, one after the other; the table that both have. `judged` tells when checks are done."""
    hasup = begin(node, config)
    wait_table(node, "a table", lambda lines: lines or not services(hasup)["services"])
    if judged is not None:
        wait_services(hasup, "the verdicts", judged)
    ours = quiet(node, hasup)[1]
    assert hasup.stop(20)[0] == 0, hasup.log()
    assert saved(node) == [], "what is ours goes at a stop"
    other = keepalived(node, config)
    wait_for("keepalived's table to be hasup's", lambda: (saved(node), ours), lambda pair: pair[0] == pair[1], 15, 0.1)
    other.stop(10)
    return ours


def is_judged(state):
    """Each server with a check has had its verdict, and it is this one."""
    def done(answer):
        checked = [server for service in answer["services"] for server in service["servers"]
                   if server.get("note") or server.get("verdict_age_seconds") is not None]
        return checked and all(server["state"] == state and "verdict_age_seconds" in server for server in checked)
    return done


def compare_verdicts(node, path):
    """The same with checks that run: once all servers answer, once none does."""
    every_address_is_local(node)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        config = file.read()
    answers = Answers(node, ports(config))
    answered = compare(node, paced(config, True), is_judged("UP"))
    answers.close()
    missing = compare(node, paced(config, False), is_judged("DOWN"))
    assert answered != missing
    return answered, missing


def test_every_option(director):
    """A file with everything that concerns the table (B7)."""
    ours = compare(director, text(os.path.join(HERE, "every_option.conf")))
    assert len([line for line in ours if line.startswith("-A")]) == 24, ours


def test_every_option_with_verdicts(director):
    """The same with a TCP_CHECK for each server: sorry servers, inhibited ones, quorums."""
    with open(os.path.join(HERE, "every_option.conf"), encoding="ascii") as file:
        config = re.sub(r"(?m)^(\s*real_server\s[^{]*\{)", r"\1\n        TCP_CHECK {\n        connect_port 9000\n        }", file.read())
    answered, missing = compare_verdicts(director, director.write("checked.conf", config))
    assert len(answered) > 60 and len(missing) < 30, (answered, missing)


@pytest.mark.parametrize("name", with_services() if LONG else SOME)
def test_corpus(director, name):
    """Strangers' files."""
    compare(director, text(os.path.join(CORPUS, name)))


@pytest.mark.parametrize("name", with_services() if LONG else SOME[2:])
def test_corpus_with_verdicts(director, name):
    """Strangers' files, whose servers answer, and then don't."""
    path = os.path.join(CORPUS, name)
    if "_CHECK" not in text(path) and "_GET" not in text(path):
        pytest.skip("it has no checks")
    compare_verdicts(director, path)


def test_L6_foreign_survives(director):
    """L6, D68: what neither the configuration nor an earlier hasupd of this boot has named is somebody else's."""
    ipvsadm(director, "-A", "-t", "10.99.9.9:80", "-s", "wrr")
    ipvsadm(director, "-a", "-t", "10.99.9.9:80", "-r", "10.0.0.99:80", "-m", "-w", "7")
    before = saved(director)
    config = text(os.path.join(HERE, "every_option.conf"))
    hasup = begin(director, config)
    ours = wait_table(director, "the table", lambda lines: len(lines) > 50)
    assert quiet(director, hasup)[1] == ours and set(before) <= set(ours)
    assert services(hasup)["table"]["foreign"] == ["tcp 10.99.9.9:80"]
    assert hasup.cli("services", "--foreign", bound=20).stdout == "tcp 10.99.9.9:80\n"
    assert hasup.reload(config).returncode == 0
    ipvsadm(director, "-D", "-t", "10.99.0.1:80")
    assert wait_table(director, "ours to be back", lambda lines: lines == ours)
    hasup.kill()
    assert saved(director) == ours
    hasup = begin(director, config)
    ipvsadm(director, "-D", "-t", "10.99.0.1:80")
    assert wait_table(director, "ours to be back", lambda lines: lines == ours)
    assert hasup.stop(20)[0] == 0
    assert saved(director) == before


def test_timeouts(director):
    """lvs_timeouts."""
    hasup = begin(director, text(os.path.join(HERE, "every_option.conf")))
    wait_for("timeouts", lambda: ipvsadm(director, "-l", "--timeout"), lambda seen: "901 121 301" in seen, 20, 0.1)
    assert hasup.stop(20)[0] == 0


def test_flush(director):
    """lvs_flush: what the file doesn't name goes at the start; lvs_flush_on_stop: all, also what came later; with VS: ours only."""
    def foreign():
        ipvsadm(director, "-A", "-t", "10.99.9.9:80", "-s", "wrr")
    one = "virtual_server 10.99.0.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    real_server 10.0.0.11 80 {\n    }\n}\n"
    for settings, at_start, at_stop in (("lvs_flush\nlvs_flush_on_stop", False, False), ("lvs_flush_on_stop VS", True, True)):
        foreign()
        hasup = begin(director, f"global_defs {{\n{settings}\n}}\n{one}")
        lines = wait_table(director, "the table", lambda lines: any("10.0.0.11" in line for line in lines))
        assert ("-A -t 10.99.9.9:80 -s wrr" in lines) is at_start, lines
        if not at_start:
            foreign()
        assert hasup.stop(20)[0] == 0
        assert ("-A -t 10.99.9.9:80 -s wrr" in saved(director)) is at_stop
        assert not any("10.99.0.1" in line for line in saved(director))
