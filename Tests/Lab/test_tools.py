"""The tools around the language as an operator runs them: check, fmt, explain. They need no daemon."""

import importlib.machinery
import importlib.util
import json
import os
import re
import stat
import subprocess

import pytest
from lab import conf
from lab.hasup import ROOT, Hasup, binary
from lab.waiting import wait_for

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
    path.write_text("$PRIO=150\nvrrp_instance VI_1 {\ninterface eth0\n@one virtual_router_id 51\n@two virtual_router_id 52\n"
                    "include more.conf\nvirtual_ipaddress {\n~SEQ(I, 1, 2) 10.0.0.${I}/32\n}\n}\n")
    done = hasup("check", "--any-interface", "--effective", "--config-id", "two", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 52\n    priority 150\n"
                           "    virtual_ipaddress {\n        10.0.0.1/32\n        10.0.0.2/32\n    }\n}\n")


def test_one_file_for_all_nodes(tmp_path):
    """Lines with @NAME make a cluster's nodes of one file, each judged as what it will be."""
    path = tmp_path / "a.conf"
    path.write_text("vrrp_instance VI_1 {\ninterface eth0\n@one virtual_router_id 51\n@two virtual_router_id 52\n"
                    "@one priority 150\nvirtual_ipaddress {\n10.0.0.1/24\n}\n}\n")
    done = hasup("check", "--config-id", "one", "--config-id", "two", path)
    assert done.returncode == 1 and "virtual_router_id of `VI_1` is 52 here and 51" in done.stdout, done.stdout
    said = " ".join(hasup("check", "--config-id", "one", "--config-id", "one", path).stdout.split())
    assert said.endswith("Nothing splits this cluster, but see the warnings."), said
    assert hasup("check", "--config-id", "one", "--config-id", "two", path, path, path).returncode == 64


def test_json_and_include_chains(tmp_path):
    """A finding in an included file names the way to it, for people and for programs."""
    (tmp_path / "more.conf").write_text("\npriorty 150\n")
    path = tmp_path / "a.conf"
    path.write_text(conf.instance(interface="eth0", extra=["include more.conf"]))
    done = hasup("check", "--any-interface", path)
    assert "more.conf:2:1: error: unknown keyword `priorty`" in done.stdout
    assert f"included from {path}:7" in done.stdout
    done = hasup("check", "--any-interface", "--json", path)
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


def described(page):
    """The options that a manual page explains."""
    with open(os.path.join(ROOT, "man", page), encoding="utf-8") as file:
        text = re.sub(r"^\.Sh SYNOPSIS.*?^\.Sh DESCRIPTION", "", file.read(), flags=re.M | re.S)
    # In mdoc, `.It Fl f Ar file , Fl -use-file Ar file`.
    lines = [line for line in text.splitlines() if line.startswith((".It Fl ", ".Fl ", ".Op Fl "))]
    return {"-" + name for line in lines for name in re.findall(r"Fl (-?[a-z][a-z-]*)", line)}


def test_options_of_hasupd_are_those_of_its_manual():
    """--help is made from the table that the parser reads; the page has the same options, and no others."""
    text = subprocess.run([binary("hasupd"), "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    helped = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(re.findall(r"^  (-.*?)  ", text, re.M))))
    assert {"-f", "--use-file", "-n", "--foreground", "-h", "-v"} <= helped
    assert described("hasupd.8") == helped


def test_options_of_hasup_are_those_of_its_manual():
    """Each option of each command that --help shows is explained, and the other way round."""
    dump = json.loads(hasup("--experimental-dump-help").stdout)

    def options(command):
        if not command.get("shouldDisplay", True) or command["commandName"] == "help":
            return set()
        found = {("-" if name["kind"] != "long" else "--") + name["name"]
                 for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)
                 for name in argument.get("names", [])}
        return found.union(*(options(child) for child in command.get("subcommands", [])))

    helped = options(dump["command"])
    assert {"--json", "--dry-run", "-w", "--control"} <= helped
    assert described("hasup.1") == helped
    commands = {child["commandName"] for child in dump["command"]["subcommands"] if child.get("shouldDisplay", True)} - {"help"}
    with open(os.path.join(ROOT, "man", "hasup.1"), encoding="utf-8") as file:
        assert set(re.findall(r"^\.It Cm ([\w-]+)", file.read(), re.M)) == commands


def test_a_wrong_command_line():
    """The nearest name is offered, and the exit status is 64."""
    for arguments, nearest in ((["stauts"], "'status'"), (["status", "--jsn"], "'--json'")):
        done = hasup(*arguments)
        assert done.returncode == 64 and nearest in done.stderr, done.stderr
    done = subprocess.run([binary("hasupd"), "--foregrund"], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 64 and "'--foreground'" in done.stderr


def test_check_reads_standard_input():
    """What a program writes can be checked without a file; an error says what a start would do."""
    done = hasup("check", "-", text=conf.instance(interface="lo", priority=999))
    assert done.returncode == 1 and "-:" in done.stdout and "    a start would use 100\n" in done.stdout, done.stdout
    assert hasup("check", "-", "-").returncode == 64


def test_nothing_steers_the_terminal():
    """Escape sequences in a configuration are shown, not obeyed."""
    done = hasup("check", "-", text="fo\x1b[2Jo\u202e bar\n")
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and "\\x1b[2J" in done.stdout


def test_what_readme_names_is_installed(tmp_path):
    """A link of README leads somewhere below share/doc, too."""
    done = subprocess.run([os.path.join(ROOT, "packaging", "install")], env=dict(os.environ, DESTDIR=str(tmp_path), PREFIX="/usr"),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "usr" / "share" / "doc" / "hasup"
    links = [link for link in re.findall(r"\]\(([^)#]+)", (folder / "README.md").read_text()) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (folder / link).exists()] == []


# A service in whose control group a script runs, as systemctl(1) tells of it.
SYSTEMCTL = """#!/bin/sh
for word; do
    case "$word" in
        status) printf 'CGroup: /system.slice/hasup.service\\n|-42 /bin/sleep 3611 41s\\n`-43 sh -c sesame\\n' ;;
        --property=*) echo 'SubState=running'; echo 'StatusText=2 instances of -p sesame42' ;;
    esac
done
"""


def test_report_does_not_tell_what_scripts_are_told(lan, tmp_path):
    """D26: a script that runs stands in the service's list of processes, with its arguments."""
    node = lan.node("a")
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(SYSTEMCTL)
    stand_in.chmod(0o755)
    hasup_daemon = Hasup(node, conf.simple(
        200, version=3, advert=0.1, extra=['notify_master "/bin/sleep 3611 41s"',
                                           'notify_backup "/bin/sleep -p sesame42"'])).start()
    hasup_daemon.wait_state("MASTER")
    command = 'mount --bind "$0" "$(command -v systemctl)" && exec "$@"'
    done = subprocess.run(
        node.netns.command("unshare", "--mount", "sh", "-c", command, str(stand_in), binary("hasup"), "report",
                           "--control", hasup_daemon.control, "-o", "-"),
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "SubState=running" in done.stdout
    assert "StatusText=2 instances of <redacted>" in done.stdout, "where systemd repeats one it goes, too"
    for word in ("CGroup", "sesame", "3611 41s"):
        assert word not in done.stdout, word


def test_report_has_what_is_needed_and_no_secret(lan, tmp_path):
    """D26: with a daemon and without one; for its owner's eyes; no password in it; it says what it left out."""
    node = lan.node("a")
    config = conf.simple(200, extra=conf.password("hunter2x"), version=2)
    config += 'vrrp_script s {\n    script "/bin/true -p sesame42"\n}\n'
    harmless = "--bypass master --compass http --password MASTER --token ''"
    config += f'vrrp_script t {{\n    script "/bin/true {harmless}"\n}}\n'
    hasup_daemon = Hasup(node, config).start()
    hasup_daemon.wait_state("MASTER", bound=8)
    path = tmp_path / "report.txt"
    done = hasup_daemon.cli("report", "-o", str(path), bound=60)
    assert done.returncode == 0, done.stderr
    assert "review it" in done.stderr and "Left out" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for part in ("io.hasup.Status", "hasup history", "MASTER", "10.0.0.100", "virtual_router_id 51", "ip address",
                 "Kernel", "Max open files", "auth_pass <redacted>", "/bin/true", "became_master",
                 "===== Left out ====="):
        assert part in text, part
    assert '"<redacted>"' not in text, "an empty secret is none"
    assert "hunter2x" not in text and "sesame42" not in text
    assert hasup_daemon.cli("report", "-o", str(path)).returncode == 1, "an older file is left alone"
    assert path.read_text() == text
    assert hasup_daemon.stop()[0] == 0
    done = hasup_daemon.cli("report", "-o", "-", "-f", hasup_daemon.config, bound=60)
    assert done.returncode == 0
    assert "hasupd doesn't answer" in done.stdout and "virtual_router_id 51" in done.stdout
    assert "hunter2x" not in done.stdout + done.stderr


JUNIT = """<testsuites><testsuite>
<testcase classname="A" name="swift()"><skipped>needs root</skipped></testcase>
<testcase classname="B" name="pytest"><skipped type="pytest.skip" message="no kernel">test.py:1: no kernel</skipped></testcase>
<testcase classname="C" name="silent"><skipped /></testcase><testcase classname="D" name="good" />
</testsuite></testsuites>"""


def test_why_a_test_was_skipped_is_told(tmp_path):
    """Of Swift's tests and of the lab's: `make test` closes with it."""
    path = os.path.join(ROOT, "Tests", "run")
    loader = importlib.machinery.SourceFileLoader("run_tests", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    loader.exec_module(module)
    (tmp_path / "unit.xml").write_text(JUNIT, encoding="ascii")
    count = module.Count()
    count.read([str(tmp_path / "unit.xml")])
    assert (count.passed, count.skipped, count.failed) == (1, 3, 0)
    assert count.notes == ["skipped: A swift(): needs root", "skipped: B pytest: no kernel",
                           "skipped: C silent: no reason given"]


@pytest.mark.parametrize("vips", [["fe80::100/64"], ["fe80::100/64", "fd00::100/64"], ["192.168.7.100/24"],
                                  ["10.0.0.100/24"]])
def test_check_on_the_master_is_the_check_before_the_start(lan, pair, vips):
    """ipv6-check-on-master: what hasup has set isn't the machine's own: check and reload say the same on the MASTER as anywhere."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, vips=vips))

    def check():
        done = subprocess.run(pair[0].netns.command(binary("hasup"), "check", a.config), capture_output=True, text=True,
                              timeout=20, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout

    before = check()
    a.start()
    a.wait_state("MASTER")
    wait_for("the addresses", lambda: [pair[0].holds(vip.split("/")[0]) for vip in vips], all, 3)
    assert check() == before
    warnings = a.status().answer["daemon"]["warnings"]
    assert a.reload().returncode == 0
    assert a.status().answer["daemon"]["warnings"] == warnings


def test_check_and_reload_know_what_a_packet_carries(lan, pair):
    """p02, advert-over-mtu: 90 IPv6 addresses fit into 1,500 bytes: the surplus is said, and a smaller MTU is looked at, too."""
    vips = ["fe80::100/64", *(f"fd00::1:{number:x}/128" for number in range(2, 92))]
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1, vips=vips[:90]))

    def check():
        return " ".join(pair[0].netns.run(binary("hasup"), "check", a.config, check=False).split())

    assert "of 90 addresses" not in check()
    a.start()
    a.wait_state("MASTER")
    before = a.status().answer["daemon"]["warnings"]
    assert a.reload(conf.simple(200, version=3, advert=0.1, vips=vips)).returncode == 0
    assert "carries 90 of 91 addresses" in check()
    # What the machine lacks at the moment isn't the file's: the instance says it, for as long as it is so.
    assert a.status().answer["daemon"]["warnings"] == before
    assert a.status().instance()["unadvertised_addresses"] == 1
    pair[0].netns.ip("link", "set", "eth0", "mtu", "1280")
    assert "carries 77 of 91 addresses" in check()
    told = "14 of 91 addresses aren't advertised: the MTU of eth0 has no room for more"
    wait_for("the word", lambda: " ".join(a.cli("history").stdout.split()), lambda text: told in text, 2)
    assert told in a.log()
