"""The table after hasup is the table after keepalived, for the same file."""

import glob
import os
import re

import pytest
from lab.waiting import wait_for
from table import begin, ipvsadm, keepalived, quiet, saved, services, wait_table

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(HERE), "Corpus")


def text(path):
    """A file whose checks don't run while the two are compared: a server that nobody has looked at is up for both."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return re.sub(r"\bdelay_loop\s+\S+", "delay_loop 3600", file.read())


def with_services():
    """Files of the corpus with virtual servers."""
    named = {os.path.basename(path): text(path) for path in sorted(glob.glob(os.path.join(CORPUS, "*.conf")))}
    return [name for name, content in named.items() if re.search(r"^\s*virtual_server\s", content, re.MULTILINE)]


def compare(node, config):
    """Writes the same file by both, one after the other; the table that both have."""
    hasup = begin(node, config)
    wait_table(node, "a table", lambda lines: lines or not services(hasup)["services"])
    ours = quiet(node, hasup)[1]
    assert hasup.stop(20)[0] == 0, hasup.log()
    assert saved(node) == [], "what is ours goes at a stop"
    other = keepalived(node, config)
    wait_for("keepalived's table to be hasup's", lambda: (saved(node), ours), lambda pair: pair[0] == pair[1], 15, 0.1)
    other.stop(10)
    return ours


def test_every_option(director):
    """A file with everything that concerns the table (B7)."""
    ours = compare(director, text(os.path.join(HERE, "every_option.conf")))
    assert len([line for line in ours if line.startswith("-A")]) == 24, ours


@pytest.mark.parametrize("name", with_services())
def test_corpus(director, name):
    """Strangers' files."""
    compare(director, text(os.path.join(CORPUS, name)))


def test_foreign_services_stay(director):
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
