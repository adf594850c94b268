"""The tools around the language as an operator runs them: check, fmt, explain. They need no daemon."""

import json
import os
import stat
import subprocess

import pytest
from lab import conf
from lab.hasup import ROOT, binary

UNTIDY = "vrrp_instance  VI_1\n{\n  interface lo # the link\nvirtual_router_id   51\n virtual_ipaddress { 10.0.0.1/32 }\n}\n"
TIDY = ("vrrp_instance VI_1 {\n    interface lo # the link\n    virtual_router_id 51\n    virtual_ipaddress {\n"
        "        10.0.0.1/32\n    }\n}\n")


def hasup(*arguments, text=None):
    """A finished `hasup` command."""
    return subprocess.run([binary("hasup"), *map(str, arguments)], capture_output=True, text=True, timeout=10, input=text or "",
                          check=False)


def test_fmt_prints_writes_and_checks(tmp_path):
    """The layout goes to standard output, into the file, or nowhere; mode stays, and a second time changes nothing."""
    path = tmp_path / "a.conf"
    path.write_text(UNTIDY)
    path.chmod(0o640)
    assert hasup("fmt", path).stdout == TIDY
    assert hasup("fmt", "-", text=UNTIDY).stdout == TIDY
    assert path.read_text() == UNTIDY
    done = hasup("fmt", "--check", path)
    assert (done.returncode, done.stdout) == (1, f"{path}\n")
    assert hasup("fmt", "-w", path).returncode == 0
    assert path.read_text() == TIDY
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a.conf"]
    assert hasup("fmt", "--check", path).returncode == 0


@pytest.mark.parametrize("text", ["vrrp_instance A {\n", "a \"b\n", "}\n"])
def test_fmt_leaves_a_broken_file_alone(tmp_path, text):
    """It says where the file is broken, and doesn't touch it."""
    path = tmp_path / "a.conf"
    path.write_text(text)
    done = hasup("fmt", "-w", path)
    assert done.returncode == 1 and f"{path}:1:" in done.stderr and not done.stdout
    assert path.read_text() == text


def test_the_examples_have_the_layout():
    """What is shipped shows how it looks."""
    folder = os.path.join(ROOT, "examples")
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".conf")]
    done = hasup("fmt", "--check", *paths)
    assert done.returncode == 0, done.stdout + done.stderr


def test_effective(tmp_path):
    """Includes, conditions, definitions and sequences are gone, and the result means the same."""
    (tmp_path / "more.conf").write_text("priority $PRIO\n")
    path = tmp_path / "a.conf"
    path.write_text("$PRIO=150\nvrrp_instance VI_1 {\ninterface lo\n@one virtual_router_id 51\n@two virtual_router_id 52\n"
                    "include more.conf\nvirtual_ipaddress {\n~SEQ(I, 1, 2) 10.0.0.${I}/32\n}\n}\n")
    done = hasup("check", "--effective", "--config-id", "two", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("vrrp_instance VI_1 {\n    interface lo\n    virtual_router_id 52\n    priority 150\n"
                           "    virtual_ipaddress {\n        10.0.0.1/32\n        10.0.0.2/32\n    }\n}\n")


def test_json_and_include_chains(tmp_path):
    """A finding in an included file names the way to it, for people and for programs."""
    (tmp_path / "more.conf").write_text("\npriorty 150\n")
    path = tmp_path / "a.conf"
    path.write_text(conf.instance(interface="lo", extra=["include more.conf"]))
    done = hasup("check", path)
    assert "more.conf:2:1: error: unknown keyword `priorty`" in done.stdout
    assert f"included from {path}:7" in done.stdout
    done = hasup("check", "--json", path)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["files"][0]["canReload"] is False
    finding = next(entry for entry in answer["diagnostics"] if entry["code"] == "unknown-keyword")
    assert finding["range"] == {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}}
    assert finding["severity"] == 1
    assert finding["relatedInformation"][0]["location"]["range"]["start"]["line"] == 6


def test_a_cluster_that_would_split(tmp_path):
    """Several files are nodes of one cluster: both places of what differs, and exit status 1."""
    good, bad = tmp_path / "a.conf", tmp_path / "b.conf"
    good.write_text(conf.simple(200, state="MASTER"))
    bad.write_text(conf.simple(100))
    done = hasup("check", good, bad)
    assert done.returncode == 0 and "2 nodes together: 0 errors, 0 warnings. Good." in done.stdout, done.stdout
    bad.write_text(conf.simple(200, vrid=52))
    done = hasup("check", good, bad)
    assert done.returncode == 1
    assert f"{bad}:8:5: error: virtual_router_id" in done.stdout and f"{good}:8:5: note:" in done.stdout, done.stdout
    assert f"{bad}:9:5: warning: both nodes have priority 200" in done.stdout
    assert "This cluster would split." in done.stdout


def test_explain():
    """A keyword in all its blocks or in one; a typing error gets the nearest names."""
    done = hasup("explain", "vrrp_instance/advert_int")
    assert done.returncode == 0 and "vrrp_instance" in done.stdout and "default" in done.stdout
    done = hasup("explain", "adver_int")
    assert done.returncode == 1 and "advert_int" in done.stderr and not done.stdout
