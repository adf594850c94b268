"""Right, broken and half right configurations: at the start, at a reload, and in `hasup check`."""

import os
import subprocess
import time

import pytest
from lab import conf
from lab.hasup import Hasup, binary
from lab.machine import late
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
GOOD = conf.simple(200, version=3, advert=0.1)

BROKEN = {
    "unknown-interface": conf.simple(200, version=3, advert=0.1, interface="nosuch0"),
    "duplicate-vrid": GOOD + conf.instance("VI_2", priority=200, version=3, vips=["10.0.0.101/24"]),
    "missing-vrid": GOOD.replace("    virtual_router_id 51\n", ""),
    "empty": "",
    "binary": bytes(range(256)) * 16,
    "syntax": GOOD.replace("virtual_ipaddress {", "virtual_ipaddress"),
    "missing-include": GOOD + 'include "nowhere.conf"\n',
}


JUDGED = {
    "good": (GOOD, 0, "accepted: "), "unknown-interface": (BROKEN["unknown-interface"], 0, "incomplete: "),
    "empty": ("", 78, "refused: "), "missing": (None, 66, "refused: "),
}


@pytest.mark.parametrize("kind", JUDGED)
def test_hasupd_judges_a_file_as_at_its_start_and_touches_nothing(lan, pair, kind):
    """hasupd --check: the status of a start, the verdict last, and neither a run directory nor a socket."""
    text, status, verdict = JUDGED[kind]
    folder = os.path.join(pair[0].directory, "untouched")
    file = pair[0].write("judged.conf", text) if text is not None else "/nowhere/judged.conf"
    command = [binary("hasupd"), "-f", file, "--run-dir", folder, "--control", f"{folder}.sock"]
    done = subprocess.run(pair[0].netns.command(*command, "--check"), capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (status, ""), done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(verdict), done.stdout
    assert "judged.conf" in last
    assert not os.path.exists(folder) and not os.path.exists(f"{folder}.sock")
    if status:
        began = subprocess.run(pair[0].netns.command(*command, "-n"), capture_output=True, text=True, timeout=20)
        assert began.returncode == status, began.stderr
        assert last[len(verdict):] in began.stderr


@pytest.mark.parametrize("kind", [*BROKEN, "missing"])
def test_a_broken_file_at_a_reload_changes_nothing(duo, lan, pair, sniffer, kind):
    """R3, R6: the reload fails with a message, the old configuration stays in every detail, and no child is left."""
    a, b = duo()
    before, family = a.status().settled(), a.program.family()
    addresses = pair[0].addresses()
    begin = time.time()
    if kind == "missing":
        os.unlink(a.config)
        done = a.reload()
    else:
        done = a.reload(BROKEN[kind])
    assert done.returncode != 0
    message = done.stdout + done.stderr
    assert "hasup.conf" in message or kind in ("missing-include",) and "nowhere.conf" in message, message
    if kind in ("unknown-interface", "duplicate-vrid", "missing-vrid", "syntax"):
        assert "hasup.conf:" in message, "the message has file and line"
    hold_for("a holds the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 0.8, 0.05)
    assert a.status().settled() == before
    assert pair[0].addresses() == addresses
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert not sniffer.adverts(pair[1], since=begin)
    a.hangup()
    hold_for("SIGHUP changes nothing either", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 0.5, 0.05)
    wait_for("no further child", a.program.family, lambda seen: seen == family, 3)


def test_a_good_reload_changes_what_changed(duo, lan, pair, sniffer):
    """R1: an added address comes, a removed one goes, the untouched one is neither removed nor announced again."""
    two = ["10.0.0.100/24", "10.0.0.101/24"]
    a, _ = duo(vips=two)
    wait_for("quiet after the takeover", lambda: time.time() - max(
        packet.time for packet in sniffer.announcements(node=pair[0])), lambda age: age > 6, 14, 0.1)
    begin = time.time()
    done = a.reload(conf.simple(200, version=3, advert=0.1, vips=["10.0.0.100/24", "10.0.0.102/24"]))
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for("the new addresses", lambda: pair[0].addresses("eth0") & {"10.0.0.101", "10.0.0.102", VIP},
             lambda seen: seen == {VIP, "10.0.0.102"}, 2)
    wait_for("an announcement", lambda: sniffer.announcements("10.0.0.102", pair[0], begin), bound=2)
    assert not sniffer.announcements(VIP, pair[0], begin)
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert not sniffer.adverts(pair[1], since=begin)


def test_reloads_of_an_unchanged_file(duo, pair, sniffer):
    """R1, T7 (d): 20 reloads, no transition, no late advert."""
    a, b = duo(extra=["preempt_delay 2"], bound=8)
    begin = time.time()
    before = a.status().instance()["since_unix_seconds"]
    for _ in range(20):
        assert a.reload().returncode == 0
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert a.status().instance()["since_unix_seconds"] == before
    assert b.state() == "BACKUP"


def test_a_backup_follows_its_master_also_after_a_reload(duo, pair, sniffer):
    """p01: a BACKUP whose file has a shorter interval now goes on with what its master advertises (version 3)."""
    a, b = duo(advert=1, bound=10)
    sniffer.wait_advert(pair[0], since=time.time(), bound=3)
    begin = time.time()
    assert b.reload(conf.simple(100, version=3, advert=0.1)).returncode == 0
    sniffer.wait_advert(pair[0], since=begin, count=3, bound=6)
    assert b.state() == "BACKUP" and not sniffer.adverts(pair[1], since=begin)
    # And is as fast as its file says when it is MASTER.
    a.kill()
    sniffer.wait_advert(pair[1], since=begin, count=3, bound=8)
    assert sniffer.adverts(pair[1], since=begin)[0].interval == 0.1


def test_a_lower_priority_gives_way_at_once(duo, lan):
    """A changed priority takes effect at the reload."""
    a, _ = duo()
    assert a.reload(conf.simple(50, version=3, advert=0.1)).returncode == 0
    lan.wait_holder(VIP, "b", 3)


@pytest.mark.parametrize("change", ["removed", "vrid", "interface"])
def test_a_master_that_leaves_the_file(duo, lan, pair, sniffer, change):
    """Removed, or another virtual router by its VRID or interface: priority 0 leaves, and the address goes."""
    a, _ = duo()
    other = conf.instance("OTHER", vrid=99, version=3, advert=0.1, vips=["10.0.0.150/24"])
    pair[0].plug("eth5", "p-a5", address=False)
    pair[0].netns.ip("address", "add", "10.5.0.1/24", "dev", "eth5")
    vips = ["10.0.0.120/24"]
    text = {"removed": conf.file(other),
            "vrid": conf.file(conf.instance(vrid=52, priority=200, version=3, advert=0.1, vips=vips), other),
            "interface": conf.file(conf.instance(interface="eth5", priority=200, version=3, advert=0.1, vips=vips),
                                   other)}[change]
    begin = time.time()
    done = a.reload(text)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for("priority 0", lambda: [packet for packet in sniffer.adverts(pair[0], since=begin)
                                    if packet.vrid == 51 and packet.priority == 0], bound=1)
    lan.wait_holder(VIP, "b", 1)


def test_one_bad_instance_is_in_fault_and_the_others_run(lan):
    """Start is tolerant: the bad instance is FAULT with its reason, the exit code of status says so."""
    text = conf.file(conf.instance("GOOD", vrid=1, priority=200, version=3, advert=0.1),
                     conf.instance("BAD", vrid=2, priority=200, version=3, advert=0.1, interface="nosuch0",
                                   vips=["10.0.0.101/24"]))
    hasup = Hasup(lan.node("a"), text).start()
    hasup.wait_state("MASTER", "GOOD")
    hasup.wait_state("FAULT", "BAD")
    assert "nosuch0" in hasup.status().reason("BAD")
    assert hasup.cli("status").returncode == 1


@pytest.mark.parametrize("kind", ["empty", "binary", "missing"])
def test_nothing_to_run_stops_the_start(lan, kind):
    """An unreadable main file, or no valid block at all: exit code and message, and no process stays."""
    hasup = Hasup(lan.node("a"), BROKEN.get(kind, ""))
    if kind == "missing":
        os.unlink(hasup.config)
    hasup.start()
    assert hasup.program.wait(5) not in (0, None)
    assert "hasup.conf" in hasup.log()
    assert hasup.node.netns.pids() == []


@pytest.mark.parametrize("kind", ["duplicate-vrid", "missing-vrid", "syntax", "unknown-interface"])
def test_a_broken_part_does_not_stop_the_start(lan, kind):
    """Start is tolerant where something valid is left, and says with file and line what it left out."""
    good = conf.file(conf.instance("GOOD", vrid=1, priority=200, version=3, advert=0.1, vips=["10.0.0.109/24"]))
    hasup = Hasup(lan.node("a"), good + BROKEN[kind].partition("\n\n")[2]).start()
    hasup.wait_state("MASTER", "GOOD")
    if kind != "unknown-interface":
        assert "hasup.conf:" in hasup.log()


def check(path):
    """`hasup check` as a finished process, within its second."""

    return subprocess.run([binary("hasup"), "check", path], capture_output=True, text=True, timeout=5,
                          stdin=subprocess.DEVNULL)


def test_check_accepts_the_examples():
    """R4: what is shipped as an example is clean."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
    names = sorted(name for name in os.listdir(root) if name.endswith(".conf"))
    assert names
    for name in names:
        done = check(os.path.join(root, name))
        assert done.returncode == 0, (name, done.stdout, done.stderr)


@pytest.mark.parametrize("kind", ["duplicate-vrid", "missing-vrid", "syntax", "missing-include", "missing"])
def test_check_refuses(tmp_path, kind):
    """R4: exit 1, a place, and within a second."""
    path = tmp_path / "hasup.conf"
    if kind != "missing":
        path.write_text(BROKEN[kind])
    begin = time.monotonic()
    done = check(str(path))
    assert time.monotonic() - begin < 1 + late()
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert "hasup.conf" in output or "nowhere.conf" in output
    if kind in ("duplicate-vrid", "missing-vrid", "syntax"):
        assert "hasup.conf:" in output and "^" in output, output


def test_check_shows_every_error(tmp_path):
    """R5: all diagnostics of a file in one run, each with line and column; an unknown keyword is one of them."""
    path = tmp_path / "hasup.conf"
    path.write_text(GOOD.replace("priority 200", "priorty 200").replace("advert_int 0.1", "advert_int soon"))
    done = check(str(path))
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert "priorty" in output and "advert_int" in output
    lines = path.read_text().splitlines()
    for word in ("priorty", "advert_int"):
        line = next(number for number, text in enumerate(lines, 1) if word in text)
        assert f"hasup.conf:{line}:" in output


def test_a_fraction_in_version_2_is_refused(tmp_path):
    """I3: version 2 counts whole seconds; version 3 ends at 40.95 s."""
    for version, advert in ((2, 0.5), (3, 41)):
        path = tmp_path / f"v{version}.conf"
        path.write_text(conf.simple(version=version, advert=advert))
        assert check(str(path)).returncode == 1, (version, advert)


def test_unused_settings_are_counted(lan):
    """R5, D18: an unknown keyword is ignored at start, and status keeps the number of ignored settings."""
    hasup = Hasup(lan.node("a"), GOOD.replace("    priority", "    no_such_keyword 1\n    priority")).start()
    hasup.wait_state("MASTER")
    assert "no_such_keyword" in hasup.log()
    assert hasup.status().answer["daemon"]["ignored_settings"] == 1
    assert "1 setting without effect" in " ".join(hasup.cli("status").stdout.split())


def test_a_dry_run_says_what_a_reload_would_do(duo, lan, pair, sniffer):
    """A preview reads and judges like a reload, names each change, and changes nothing."""
    a, b = duo()
    before = a.status()
    addresses = pair[0].addresses()
    begin = time.time()
    wanted = conf.file(conf.instance(priority=50, version=3, advert=0.1, vips=["10.0.0.100/24", "10.0.0.101/24"]),
                       conf.instance("VI_2", vrid=52, priority=50, version=3, advert=0.1, vips=["10.0.0.102/24"]))
    pair[0].write("hasup.conf", wanted)
    done = a.cli("reload", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("new: VI_2", "changed: VI_1", "priority 200 -> 50", "virtual_ipaddress 10.0.0.101/24 added",
                 "A reload would succeed."):
        assert text in done.stdout, done.stdout
    hold_for("a holds the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 0.8, 0.05)
    after = a.status()
    assert after.settled() == before.settled()
    assert after.answer["daemon"]["configuration_generation"] == before.answer["daemon"]["configuration_generation"]
    assert pair[0].addresses() == addresses
    assert sniffer.widest_gap(pair[0], since=begin) < 0.15 + late()
    assert b.state() == "BACKUP"
    real = a.cli("reload")
    assert real.returncode == 0
    for text in ("new: VI_2", "priority 200 -> 50", "Reloaded."):
        assert text in real.stdout, real.stdout
    lan.wait_holder(VIP, "b", 3)


def test_a_dry_run_says_what_would_be_in_fault(lan):
    """An instance that lacks its source address doesn't start in BACKUP, and isn't said to. A reload that takes a service
    away doesn't end as if all were well, but a second one changes nothing for the worse."""
    node = lan.node("a")
    a = Hasup(node, GOOD).start()
    a.wait_state("MASTER")
    lacking = {"version": 3, "advert": 0.1, "extra": conf.unicast("10.0.0.77", "10.0.0.9")}
    node.write("hasup.conf", conf.file(conf.instance(vrid=60, **lacking),
                                       conf.instance("VI_2", vrid=61, vips=["10.0.0.101/24"], **lacking)))
    for done in (a.cli("reload", "--dry-run"), a.cli("reload")):
        told = " ".join(done.stdout.split())
        assert done.returncode == 1, done.stdout
        assert "2 instances " in told and "in FAULT because of " in told and "VI_1 (" in told and "Fix that" in told, told
        assert "new: VI_2 starts in FAULT: its source address 10.0.0.77 is on no interface" in told, told
        assert "becomes another virtual router and starts again in FAULT: its source address" in told, told
        assert "BACKUP" not in told.replace("state BACKUP", ""), told
        assert "in FAULT VI_1, VI_2" in told, told
    a.wait_state("FAULT")
    a.wait_state("FAULT", "VI_2")
    again = a.reload(conf.file(conf.instance(vrid=60, priority=150, **lacking)))
    assert again.returncode == 0 and "is then in FAULT" in " ".join(again.stdout.split()), again.stdout
    node.write("hasup.conf", conf.file(conf.instance(vrid=60, **lacking),
                                       conf.instance("VI_2", vrid=61, vips=["10.0.0.101/24"], **lacking)))
    check = subprocess.run(node.netns.command(binary("hasup"), "check", a.config), capture_output=True, text=True,
                           timeout=10, check=False)
    told = " ".join(check.stdout.split())
    assert "would take it, but leave all 2 instances (VI_1, VI_2) in FAULT." in told, told


def test_a_refusal_names_each_error_once(lan):
    """What stands above the verdict isn't repeated in it, and no sentence ends twice."""
    node = lan.node("a")
    a = Hasup(node, GOOD).start()
    a.wait_state("MASTER")
    node.write("hasup.conf", GOOD.replace("priority", "priorty"))
    for options in ([], ["--dry-run"]):
        done = a.cli("reload", *options)
        assert done.returncode == 1 and done.stdout.count("did you mean") == 1 and "?." not in done.stdout, done.stdout
    assert "did you mean" in a.log() and "?." not in a.log()
    assert "?." not in a.cli("status").stdout


def test_adverts_that_are_refused_were_heard(lan, pair):
    """A master whose password differs isn't one that wasn't heard: its adverts came, and why they don't count is said."""
    b = Hasup(pair[1], conf.simple(100, extra=conf.password("one"))).start()
    b.wait_state("MASTER")
    a = Hasup(pair[0], conf.simple(200, extra=conf.password("two"))).start()
    a.wait_state("MASTER")
    why = (f"no good advert of a master: those of {pair[1].ip4} were discarded, the last one: wrong "
           "password")
    for text in (a.log(), a.cli("status").stdout, a.cli("history").stdout):
        assert why in " ".join(text.split()), text


def test_a_report_from_elsewhere_says_so(lan, tmp_path):
    """The interfaces in a report are those of the namespace that it was made in."""
    a = Hasup(lan.node("a"), GOOD).start()
    a.wait_state("MASTER")
    inside = a.cli("report", "-o", str(tmp_path / "inside"))
    outside = subprocess.run([binary("hasup"), "report", "--run-dir", a.run_dir, "-o", str(tmp_path / "outside")],
                             capture_output=True, text=True, timeout=30, check=False)
    assert inside.returncode == outside.returncode == 0, (inside, outside)
    assert "network namespace" not in inside.stderr and "hasupd's own network namespace" in outside.stderr


@pytest.mark.parametrize("kind", ["duplicate-vrid", "syntax", "missing"])
def test_a_dry_run_of_a_broken_file(duo, pair, kind):
    """What a reload would refuse is refused here too, with the same findings; neither changes anything."""
    a, _ = duo()
    before = a.status()
    if kind == "missing":
        os.unlink(a.config)
    else:
        pair[0].write("hasup.conf", BROKEN[kind])
    dry, real = a.cli("reload", "--dry-run"), a.cli("reload")
    assert dry.returncode == real.returncode == 1
    assert "A reload would be refused." in dry.stdout and "Refused." in real.stdout

    def findings(done):
        """The verdict, which names the first finding, is another in both."""
        return [line for line in done.stdout.splitlines()
                if "hasup.conf:" in line and not line.startswith(("Refused.", "A reload would be refused."))]
    assert findings(real) and findings(dry) == findings(real)
    assert a.status().settled() == before.settled()


def test_dry_runs_and_reloads_at_once(duo, pair):
    """They wait for each other: every one is answered, and the last reload counts."""
    a, _ = duo()
    pair[0].write("hasup.conf", conf.simple(190, version=3, advert=0.1))
    commands = [a.node.netns.command(binary("hasup"), "reload", "--control", a.control, *flags)
                for flags in [["--dry-run"], [], ["--dry-run"], [], ["--dry-run"]]]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    for process in running:
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 0, output
    assert a.status().instance()["priority"] == 190


UNREADABLE = {
    "executable": lambda path: os.chmod(path, 0o755),
    "link to nowhere": lambda path: (os.unlink(path), os.symlink("/nowhere", path)),
    "folder": lambda path: (os.unlink(path), os.mkdir(path)),
    "FIFO": lambda path: (os.unlink(path), os.mkfifo(path)),
    "device": lambda path: (os.unlink(path), os.symlink("/dev/zero", path)),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_piece_that_cannot_be_read_is_never_left_out_silently(lan, pair, kind):
    """include-glob-executable: a reload refuses it, and a start goes on without it. Status names it, with exit status 1,
    until a reload succeeds."""
    second = conf.instance("VI_2", vrid=52, version=3, advert=0.1, vips=["10.0.0.102/24"])
    folder = os.path.join(pair[0].directory, "parts")
    os.mkdir(folder)
    piece = os.path.join(folder, "b.conf")
    text = GOOD + f"include {folder}/*.conf\n"
    with open(piece, "w") as file:
        file.write(second)
    a = Hasup(pair[0], text)
    a.start()
    a.wait_state("MASTER", "VI_2")
    UNREADABLE[kind](piece)
    checked = subprocess.run(pair[0].netns.command(binary("hasup"), "check", a.config), capture_output=True, text=True,
                             timeout=20, stdin=subprocess.DEVNULL)
    assert checked.returncode == 1 and "b.conf" in checked.stdout, checked.stdout
    refused = a.reload()
    assert refused.returncode != 0 and "b.conf" in refused.stdout + refused.stderr
    hold_for("the address stays", lambda: lan.holders("10.0.0.102"), lambda seen: seen == ["a"], 0.5, 0.05)
    assert a.cli("status").returncode == 0, "what runs is whole"
    a.stop()
    a.start()
    a.wait_state("MASTER")
    partial = a.cli("status")
    assert partial.returncode == 1 and "b.conf" in partial.stdout, partial.stdout
    assert a.reload().returncode != 0 and a.cli("status").returncode == 1
    if os.path.isdir(piece) and not os.path.islink(piece):
        os.rmdir(piece)
    else:
        os.unlink(piece)
    with open(piece, "w") as file:
        file.write(second)
    assert a.reload().returncode == 0
    a.wait_state("MASTER", "VI_2")
    assert a.cli("status").returncode == 0
