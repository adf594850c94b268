"""cluster blocks of the split-brain guard: both places in which they may stand, for hasup and for keepalived."""

import os
import subprocess

import pytest
from lab import conf
from lab.cluster import make_key
from lab.hasup import ROOT, Hasup, binary

SAMPLES = os.path.join(ROOT, "Tests", "Guard")


def sample(name):
    """One of the files that Tests/ConfigurationTests reads, too."""
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return file.read()


def hidden(text):
    """The text on @hasup lines."""
    return "".join(f"@hasup {line}\n" for line in text.splitlines() if line and not line.startswith("#"))


def run(node, *words):
    """A finished program on a node, with everything that it printed."""
    return subprocess.run(node.netns.command(*words), capture_output=True, text=True, timeout=20, check=False)


def keepalived(node, text):
    """keepalived's own test of a configuration: exit status and messages."""
    done = run(node, "keepalived", "-t", "-f", node.write("keepalived.conf", text))
    return done.returncode, done.stdout + done.stderr


def check(node, text, *options):
    """hasup's check of the same."""
    done = run(node, binary("hasup"), "check", "--config-id", "lb1", *options, node.write("main.conf", text))
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("form", ["apart", "together"])
def test_both_daemons_take_both_forms(lan, pair, form):
    """keepalived.conf is its own beside guard.conf, and @hasup lines are skipped: exit 0."""
    node = pair[0]
    main, guard = sample("keepalived.conf"), sample("guard.conf")
    if form == "together":
        main += hidden(guard)
    else:
        node.write("guard.conf", guard)
    assert keepalived(node, main)[0] == 0
    status, text = check(node, main)
    assert status == 0, text
    for keyword in ("references", "probe", "lock"):
        assert f"`{keyword}` isn't handled yet and has no effect" in text, text
    assert "`heartbeat` isn't handled" not in text and "`cluster` isn't handled" not in text


def test_an_open_block_is_refused_and_says_why(lan, pair):
    """keepalived ends with 5, and so hasup doesn't take it."""
    text = sample("keepalived.conf") + sample("guard.conf")
    assert keepalived(pair[0], text)[0] == 5
    status, findings = check(pair[0], text)
    assert status == 1 and "reads what is in the block as if it stood outside" in findings


def test_hasupd_reads_guard_conf_and_a_reload_names_what_changes(lan, pair):
    """By --guard and beside the main file, at the start and at a reload; a broken one is refused."""
    block = ("cluster web {\n    secret file:/k\n    guard VI_1\n"
             "    node a { heartbeat lan udp 10.0.0.1 dev eth0 }\n    node b { heartbeat lan udp 10.0.0.2 dev eth0 }\n}\n")
    block = block.replace("/k\n", f"{make_key(pair[0])}\n")
    path = pair[0].write("of-the-guard.conf", block)
    daemon = Hasup(pair[0], conf.simple(200, version=3, advert=0.1)).start("--config-id", "a", "--guard", path)
    daemon.wait_state("BACKUP")
    pair[0].write("of-the-guard.conf", block.replace("{\n    secret", "{\n    timeout 2\n    secret"))
    done = daemon.reload()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cluster web timeout 1 s -> 2 s" in done.stdout + done.stderr + daemon.log()
    pair[0].write("of-the-guard.conf", block.replace("VI_1", "VI_7"))
    done = daemon.reload()
    assert done.returncode != 0 and "of-the-guard.conf:3" in done.stdout + done.stderr
    os.unlink(path)
    done = daemon.reload()
    assert done.returncode != 0 and f"can't read {path}" in done.stdout + done.stderr
