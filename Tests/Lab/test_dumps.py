"""Statistics, and the files that keepalived writes at signals (O1): the same for who reads them, and no trap for root."""

import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import time

import pytest
from lab import conf, dumps
from lab.forge import Injector
from lab.hasup import Hasup, binary
from lab.packets import MULTICAST4, checksum, frame, ip_packet, mac_bytes, pseudo_header, vrrp_pdu
from lab.peers import Keepalived
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
SIMPLE = conf.simple(200, version=3, advert=0.1)
FILES = ("keepalived.data", "keepalived_parent.data", "keepalived.stats", "keepalived.json")


@pytest.fixture
def node(lan):
    """One node."""
    return lan.node("a")


@pytest.fixture
def folder(node):
    """The folder of the files, as /tmp is."""
    path = os.path.join(node.directory, "tmp")
    os.mkdir(path)
    os.chmod(path, 0o1777)
    return path


@pytest.fixture
def start(node, folder):
    """Starts hasup with these settings, and waits until its instance is MASTER."""
    def begin(*settings, config=None, state="MASTER"):
        text = config or conf.simple(200, version=3, advert=0.1, settings=settings)
        hasup = Hasup(node, text).start(environment={"TMPDIR": folder})
        hasup.wait_state(state)
        return hasup
    return begin


def problems(hasup):
    """What status says of dumps."""
    return [text for text in hasup.status().answer["daemon"]["problems"] if "dump" in text]


# One configuration, read by both daemons: MASTER, BACKUP, FAULT, unicast, IPv6.
LAYOUT = conf.file(
    conf.instance("first", vrid=1, priority=150, vips=["10.0.0.101/24", "10.0.0.111 dev eth0 label eth0:1"],
                  extra=["garp_master_delay 3", "virtual_ipaddress_excluded {", "10.0.0.121", "}"]),
    conf.instance("second", vrid=2, priority=50, vips=["10.0.0.102/24"], extra=["smtp_alert false"]),
    conf.instance("third", vrid=3, priority=90, version=3, advert=0.25, interface="eth1", vips=["10.1.0.1/24"]),
    conf.instance("fourth", vrid=4, priority=150, version=3, vips=["10.0.0.104/24"],
                  extra=[*conf.unicast("10.0.0.1", "10.0.0.2"), "nopreempt"]),
    conf.instance("fifth", vrid=5, priority=150, version=3, advert=0.5,
                  vips=["fe80::105", "fd00::105/64", "fd00::106/64 preferred_lft 0"]))
PEER = conf.file(conf.instance("second", vrid=2, priority=150, vips=["10.0.0.102/24"]))
WANTED = {"first": "MASTER", "second": "BACKUP", "third": "FAULT", "fourth": "MASTER", "fifth": "MASTER"}
# JSON members that aren't the state of the instance, or in which the daemons differ on purpose (docs/compatibility.md).
OTHERS = {"last_transition", "higher_prio_send_advert", "auth_data"}


def test_what_exporters_read_is_what_they_read_of_keepalived(lan, pair, sniffer):
    """O1: one configuration, run by keepalived and by hasup: the same by the rules of both exporters, in all three files."""
    a, b = pair
    a.plug("eth1", "p-a1", address=False)
    lan.netns.ip("link", "set", "p-a1", "down")
    Keepalived(b, PEER).start()
    wait_for("the peer", lambda: b.holds("10.0.0.102"), bound=8)
    read = {}
    for kind in (Keepalived, Hasup):
        folder = os.path.join(a.directory, kind.__name__)
        os.mkdir(folder)
        began = time.time()
        daemon = kind(a, LAYOUT, name=kind.__name__).start(environment={"TMPDIR": folder})

        def states(daemon=daemon, folder=folder):
            return {name: dumps.STATES[entry["data"]["state"]] for name, entry in
                    dumps.instances(dumps.dump(daemon, folder, dumps.JSON_SIGNAL)).items()}
        wait_for("the addresses", lambda: a.addresses() >= {"10.0.0.101", "10.0.0.104", "fd00::105"}, bound=10)
        wait_for("the states", states, lambda seen: seen == WANTED, 10)
        read[kind] = {number: dumps.dump(daemon, folder, number) for number in dumps.NAMES}
        for entry in dumps.first_lines(read[kind][signal.SIGUSR1]):
            assert began <= entry.get("Last transition", began) <= time.time()
        for entry in dumps.instances(read[kind][dumps.JSON_SIGNAL]).values():
            assert began <= entry["data"]["last_transition"] <= time.time()
        daemon.stop()
    theirs, ours = read[Keepalived], read[Hasup]
    # SIGUSR1, by mehdy/keepalived-exporter.
    found = dumps.data(ours[signal.SIGUSR1])
    assert found == dumps.data(theirs[signal.SIGUSR1])
    assert {name: dumps.STATES[entry["state"]] for name, entry in found.items()} == WANTED
    assert dumps.scripts(ours[signal.SIGUSR1]) == {}
    # By gen2brain/keepalived_exporter, which ends an instance of keepalived 2.2.7 at its third line.
    for seen, wanted in zip(dumps.first_lines(ours[signal.SIGUSR1]), dumps.first_lines(theirs[signal.SIGUSR1]),
                            strict=True):
        wanted.pop("Last transition", None)
        assert wanted.items() <= seen.items()
        assert {"name", "State", "Wantstate", "Interface", "Virtual Router ID", "Last transition"} == set(seen)
    # As many instances, in the same order, in both files.
    seen = dumps.statistics(ours[signal.SIGUSR2])
    assert list(seen) == [entry["name"] for entry in dumps.first_lines(ours[signal.SIGUSR1])] == list(WANTED)
    for name, counters in dumps.statistics(theirs[signal.SIGUSR2]).items():
        assert set(seen[name]) == set(counters)
        assert {key: seen[name][key] for key in ("Became master", "Released master")} == \
            {key: counters[key] for key in ("Became master", "Released master")}
    # JSON.
    left, right = (dumps.instances(text[dumps.JSON_SIGNAL]) for text in (ours, theirs))
    assert list(left) == list(right)
    for name, entry in right.items():
        assert set(left[name]["stats"]) == set(entry["stats"])
        differing = {key for key in {*entry["data"], *left[name]["data"]}
                     if entry["data"].get(key) != left[name]["data"].get(key)}
        assert differing <= OTHERS, {key: (entry["data"].get(key), left[name]["data"].get(key)) for key in differing}


def test_tracked_scripts_and_groups_as_keepalived(node):
    """O1: what mehdy/keepalived-exporter reads of scripts, and the group's lines: those of keepalived."""
    scripts = "".join(f"vrrp_script {name} {{\n    script \"{path}\"\n    interval 1\n    weight {weight}\n}}\n"
                      for name, path, weight in (("good", "/bin/true", 0), ("bad", "/bin/false", -10),
                                                 ("unused", "/bin/true", 0)))
    group = "vrrp_sync_group G {\n    group {\n        one\n        two\n    }\n    smtp_alert true\n}\n"
    # keepalived knows a script only behind its block, and leaves out weighted ones of a group's members.
    text = conf.file(
        scripts, *(conf.instance(name, vrid=vrid, version=3, advert=0.1, vips=[f"10.0.0.10{vrid}/24"], extra=extra)
                   for vrid, name, extra in ((1, "one", ()), (2, "two", ()),
                                             (3, "three", ["track_script {", "good", "bad", "}"]))), group,
        settings=["script_user root", "enable_script_security"])
    wanted = {"good": ("GOOD", "idle"), "bad": ("BAD", "idle")}
    found = {}
    for kind in (Keepalived, Hasup):
        folder = os.path.join(node.directory, kind.__name__)
        os.mkdir(folder)
        daemon = kind(node, text, name=kind.__name__).start(environment={"TMPDIR": folder})
        wait_for("the addresses", lambda: node.addresses() >= {"10.0.0.101", "10.0.0.102", "10.0.0.103"}, bound=10)
        wait_for("the results", lambda daemon=daemon, folder=folder:
                 dumps.scripts(dumps.dump(daemon, folder, signal.SIGUSR1)), lambda seen: seen == wanted, 5)
        lines = dumps.dump(daemon, folder, signal.SIGUSR1).splitlines()
        begin = lines.index(" VRRP Sync Group = G, MASTER")
        found[kind] = lines[begin:begin + 5]
        daemon.stop()
    assert found[Keepalived] == found[Hasup]


def packets(version, unicast):
    """Packets that one or the other daemon counts in a counter of its own: name -> IP packet."""
    source, destination = "10.0.0.2", "10.0.0.1" if unicast else MULTICAST4

    def pdu(addresses=(VIP,), priority=1, sender=source, **options):
        return vrrp_pdu(sender, destination, 51, priority, list(addresses),
                        **{"version": version, "interval": 1.0, **options})
    good = pdu()
    other = bytearray(good)
    other[0], other[6:8] = version << 4 | 3, b"\0\0"
    covered = bytes(other) if version == 2 else pseudo_header(source, destination, len(other)) + bytes(other)
    other[6:8] = checksum(covered).to_bytes(2, "big")
    kinds = {
        "good": good, "truncated": good[:-3], "longer": good + bytes(40), "type": bytes(other), "release": pdu(priority=0),
        "checksum": good[:6] + bytes([good[6] ^ 0x55]) + good[7:], "no address": pdu(()),
        "other address": pdu(("10.0.0.77",)), "version": vrrp_pdu(source, destination, 51, 1, [VIP], version=5 - version),
    }
    if version == 2:
        kinds |= {f"authentication {kind}": pdu(auth_type=kind, auth=b"x") for kind in (1, 2, 7)}
    found = {name: ip_packet(source, destination, content) for name, content in kinds.items()}
    found["ttl"] = ip_packet(source, destination, good, ttl=64)
    found["stranger"] = ip_packet("10.0.0.9", destination, pdu(sender="10.0.0.9"))
    return found


@pytest.mark.parametrize("version,unicast", [(2, False), (3, False), (3, True)], ids=["v2", "v3", "unicast"])
def test_the_same_packets_raise_the_same_counters(lan, pair, version, unicast):
    """O1: seven packets of each kind, to keepalived and to hasup: the counters of .stats differ by the same numbers."""
    a, b = pair
    extra = [*conf.unicast("10.0.0.1", "10.0.0.2 min_ttl 250"), "check_unicast_src"] if unicast else []
    config = conf.simple(200, version=version, advert=1, extra=extra)
    raised = {}
    for kind in (Keepalived, Hasup):
        folder = os.path.join(a.directory, kind.__name__)
        os.mkdir(folder)
        daemon = kind(a, config, name=kind.__name__).start(environment={"TMPDIR": folder})
        wait_for("a master", lambda: a.holds(VIP), bound=8)
        before = dumps.statistics(dumps.dump(daemon, folder, signal.SIGUSR2))["VI_1"]
        for name, packet in packets(version, unicast).items():
            with Injector(b) as injector:
                for _ in range(7):
                    destination = a.mac if unicast else MULTICAST4
                    injector.socket.send(frame(b.mac, destination, packet))
                    time.sleep(0.002)
            # A good advert behind them shows that all of them were read.
            marker = packets(version, unicast)["good"]
            seen = []

            def count():
                seen.append(dumps.statistics(dumps.dump(daemon, folder, signal.SIGUSR2))["VI_1"])
                return seen[-1]["Advertisements/Received"]
            received = count()
            with Injector(b) as injector:
                injector.socket.send(frame(b.mac, a.mac if unicast else MULTICAST4, marker))
            wait_for("the packet behind them", count, lambda number: number > received, 2)
            after = seen[-1]
            raised.setdefault(name, []).append(
                {key: after[key] - before[key] - (key == "Advertisements/Received")
                 for key in after if key not in ("Advertisements/Sent",)})
            before = after
        daemon.stop()
        wait_for("no address", lambda: a.holds(VIP), lambda there: not there)
    for name, (theirs, ours) in raised.items():
        assert theirs == ours, (name, {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]})


def test_files_are_whole_and_private(start, folder, node):
    """O1: mode 0600, a new file each time, nothing left beside them; a reader never sees half of one."""
    hasup = start()
    texts = {number: dumps.dump(hasup, folder, number) for number in dumps.NAMES}
    assert sorted(os.listdir(folder)) == sorted(FILES)
    for name in FILES:
        found = os.stat(os.path.join(folder, name))
        assert stat.S_IMODE(found.st_mode) == 0o600 and found.st_uid == 0
    assert dumps.data(texts[signal.SIGUSR1])["VI_1"]["state"] == 2
    with open(os.path.join(folder, "keepalived_parent.data"), encoding="utf-8") as file:
        assert "Global definitions" in file.read()
    # Readers while it is written again and again.
    path, ends = os.path.join(folder, "keepalived.data"), set()
    for _ in range(40):
        hasup.program.signal(signal.SIGUSR1)
        for _ in range(5):
            with open(path, encoding="utf-8") as file:
                ends.add(file.read().splitlines()[-1].split("=")[0])
    assert len(ends) == 1
    wait_for("no process that writes", lambda: hasup.roles().get("hasup-save", []), lambda pids: not pids)
    assert problems(hasup) == []
    assert sorted(os.listdir(folder)) == sorted(FILES)
    assert hasup.state() == "MASTER"


def test_last_transition_is_the_same_in_each_dump(start, folder):
    """A metric that changes between two scrapes would be taken for a transition."""
    hasup = start()
    values = {dumps.instances(dumps.dump(hasup, folder, dumps.JSON_SIGNAL))["VI_1"]["data"]["last_transition"]
              for _ in range(5)}
    assert len(values) == 1
    os.kill(hasup.worker(), signal.SIGKILL)
    wait_for("the next worker", hasup.state, lambda state: state == "MASTER")
    assert dumps.instances(dumps.dump(hasup, folder, dumps.JSON_SIGNAL))["VI_1"]["data"]["last_transition"] in values


def test_settings_of_the_files(start, folder, node):
    """umask, json_version, data_use_instance with instance, state_dump_file."""
    place = os.path.join(node.directory, "place")
    os.mkdir(place)
    config = "instance blue\n" + conf.simple(200, version=3, advert=0.1, settings=[
        "umask IXUSR|IWGRP|IXGRP|IRWXO", "json_version 2", "data_use_instance", f"state_dump_file {place}/state.dump"])
    hasup = start(config=config)
    text = dumps.dump(hasup, place, signal.SIGUSR1, name="state.blue.dump")
    assert " Instance name = blue" in text.splitlines()
    wait_for("the other file", lambda: sorted(os.listdir(place)),
             lambda names: names == ["state.blue.dump", "state_parent.blue.dump"])
    assert stat.S_IMODE(os.stat(os.path.join(place, "state.blue.dump")).st_mode) == 0o640
    answer = json.loads(dumps.dump(hasup, folder, dumps.JSON_SIGNAL))
    assert [entry["data"]["iname"] for entry in answer["vrrp"]] == ["VI_1"]
    # With the first configuration's folder a sealed hasupd gave up all others.
    done = hasup.reload(conf.simple(200, version=3, advert=0.1, settings=[f"state_dump_file {node.directory}/other.data"]))
    assert done.returncode == 1 and "Restart hasupd" in done.stderr + done.stdout
    assert hasup.reload(conf.simple(200, version=3, advert=0.1)).returncode == 0
    assert dumps.data(dumps.dump(hasup, folder, signal.SIGUSR1))["VI_1"]["state"] == 2


def test_links_and_other_traps_in_the_folder(start, folder, node):
    """O1: symbolic and hard links, a FIFO and a socket are replaced, what they lead to isn't touched; a folder is told of."""
    victims = [node.write(name, "precious") for name in ("first", "second")]
    user = pwd.getpwnam("nobody").pw_uid
    paths = [os.path.join(folder, name) for name in FILES]
    hasup = start()
    os.symlink(victims[0], paths[0])
    os.link(victims[1], paths[1])
    os.mkfifo(paths[2], 0o666)
    server = socket.socket(socket.AF_UNIX)
    server.bind(paths[3])
    for path in paths:
        os.chown(path, user, -1, follow_symlinks=False)
    for number in dumps.NAMES:
        hasup.program.signal(number)
    for path in paths:
        # The hard link is an ordinary file, too, until it is replaced.
        wait_for(f"a file of its own at {path}", lambda path=path: os.lstat(path),
                 lambda found: stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
        assert os.lstat(path).st_uid == 0
    server.close()
    for victim in victims:
        with open(victim, encoding="utf-8") as file:
            assert file.read() == "precious"
    assert problems(hasup) == []
    # A folder can't be replaced by a file: the loss is told, the other files are written, and it heals.
    os.unlink(paths[3])
    os.mkdir(paths[3])
    hasup.program.signal(dumps.JSON_SIGNAL)
    wait_for("the problem", lambda: problems(hasup), bound=3)
    assert dumps.statistics(dumps.dump(hasup, folder, signal.SIGUSR2))
    os.rmdir(paths[3])
    assert dumps.instances(dumps.dump(hasup, folder, dumps.JSON_SIGNAL))
    wait_for("no problem", lambda: problems(hasup), lambda texts: not texts)
    assert sorted(os.listdir(folder)) == sorted(FILES)
    assert hasup.state() == "MASTER"


@pytest.mark.parametrize("trap", ["missing", "link", "file"])
def test_a_folder_that_is_none(node, trap):
    """A folder that is missing, another user's link or a file: a sentence, and hasup goes on."""
    folder = os.path.join(node.directory, "gone")
    target = os.path.join(node.directory, "target")
    os.mkdir(target)
    if trap == "link":
        os.symlink(target, folder)
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1, follow_symlinks=False)
    elif trap == "file":
        node.write("gone", "")
    hasup = Hasup(node, SIMPLE).start(environment={"TMPDIR": folder})
    hasup.wait_state("MASTER")
    for number in dumps.NAMES:
        hasup.program.signal(number)
    wait_for("the problems", lambda: problems(hasup), lambda texts: len(texts) == 3, 3)
    assert folder in hasup.log()
    assert os.listdir(target) == []
    assert hasup.state() == "MASTER"
    assert hasup.stop()[0] == 0


def test_no_dump_of_another_moment(start, folder):
    """O1: while no worker replies, the last dump goes away: nobody takes it for one of now."""
    hasup = start()
    assert dumps.statistics(dumps.dump(hasup, folder, signal.SIGUSR2))
    worker = hasup.worker()
    os.kill(worker, signal.SIGSTOP)
    hasup.program.signal(signal.SIGUSR2)
    wait_for("no file", lambda: os.path.exists(os.path.join(folder, "keepalived.stats")), lambda there: not there, 4)
    wait_for("another worker", hasup.worker, lambda pid: pid != worker, 4)
    # It replies when it has resumed.
    hasup.wait_state("MASTER")
    assert dumps.statistics(dumps.dump(hasup, folder, signal.SIGUSR2))
    assert problems(hasup) == []


def test_a_full_folder(node):
    """No half of a file, and the one that was there stays."""
    folder = os.path.join(node.directory, "full")
    os.mkdir(folder)
    hasup = Hasup(node, SIMPLE)
    # In a mount namespace of its own.
    hasup.launcher = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=4k none {folder} && exec "$@"', "sh"]
    hasup.start(environment={"TMPDIR": folder})
    hasup.wait_state("MASTER")
    inside = f"/proc/{hasup.program.pid}/root{folder}"
    hasup.program.signal(signal.SIGUSR2)
    path = os.path.join(inside, "keepalived.stats")
    wait_for("the first file", lambda: os.path.exists(path))
    hasup.program.signal(dumps.JSON_SIGNAL)
    wait_for("the problem", lambda: problems(hasup), bound=3)
    assert os.listdir(inside) == ["keepalived.stats"]


def test_a_thousand_instances(node, folder, start):
    """O1: complete files, and no turn of hasupd's loop that lasts."""
    count = 1000
    instances = [conf.instance(f"V{number}", vrid=number % 250 + 1, interface=f"d{number // 250}", version=3,
                               priority=255, vips=[f"10.{100 + number // 250}.{number % 250}.1/32"])
                 for number in range(count)]
    for link in range(4):
        node.netns.ip("link", "add", f"d{link}", "type", "veth", "peer", "name", f"e{link}")
        node.netns.ip("address", "add", f"10.{50 + link}.0.1/24", "dev", f"d{link}")
        for end in "de":
            node.netns.ip("link", "set", f"{end}{link}", "up")
    hasup = Hasup(node, conf.file(*instances)).start(environment={"TMPDIR": folder})
    wait_for("a thousand masters", lambda: [hasup.state("V0"), hasup.state("V999")], lambda seen: seen == ["MASTER"] * 2, 20)
    for _ in range(3):
        texts = {number: dumps.dump(hasup, folder, number, bound=5) for number in dumps.NAMES}
    assert len(dumps.data(texts[signal.SIGUSR1])) == count
    assert len(dumps.statistics(texts[signal.SIGUSR2])) == count
    assert len(dumps.instances(texts[dumps.JSON_SIGNAL])) == count
    assert problems(hasup) == []


def counters(hasup, *arguments):
    """`hasup stats --json`: instance -> keepalived's counters."""
    done = hasup.cli("stats", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {entry["name"]: entry["keepalived"] for entry in json.loads(done.stdout)["instances"]}


def test_stats_and_reset(node, folder):
    """Counters by the command; a reset of one, of all, and by signal 63; it holds when worker and hasupd die."""
    config = conf.file(conf.instance("one", vrid=1, priority=200, version=3, advert=0.1),
                       conf.instance("two", vrid=2, priority=200, version=3, advert=0.1, vips=["10.0.0.102/24"]))
    hasup = Hasup(node, config).start(environment={"TMPDIR": folder})
    for name in ("one", "two"):
        hasup.wait_state("MASTER", name)
    wait_for("adverts", lambda: counters(hasup)["one"]["advert_sent"], lambda number: number > 20)
    # The text has the layout of keepalived.stats.
    done = hasup.cli("stats")
    assert set(dumps.statistics(done.stdout)) == {"one", "two"}
    assert "  hasup:\n    Send failures: 0\n" in done.stdout
    assert list(counters(hasup, "two")) == ["two"]
    done = hasup.cli("stats", "on")
    assert done.returncode == 1 and "'one'" in done.stderr
    # One, which answers what it was.
    before = counters(hasup, "one", "--reset")
    assert list(before) == ["one"] and before["one"]["advert_sent"] > 20 and before["one"]["become_master"] == 1
    after = counters(hasup)
    assert after["one"]["advert_sent"] < 20 and after["one"]["become_master"] == 0
    assert after["two"]["advert_sent"] > 20 and after["two"]["become_master"] == 1
    os.kill(hasup.worker(), signal.SIGKILL)
    wait_for("the next worker", lambda: hasup.state("one"), lambda state: state == "MASTER")
    assert counters(hasup)["one"]["become_master"] == 0 and counters(hasup)["two"]["become_master"] == 1
    # All, by the signal.
    text = dumps.statistics(dumps.dump(hasup, folder, dumps.CLEAR_SIGNAL))
    assert text["two"]["Became master"] == 1
    assert {entry["become_master"] for entry in counters(hasup).values()} == {0}
    assert hasup.cli("stats", "--reset").returncode == 0
    # A name that nobody has resets nothing.
    wait_for("adverts", lambda: counters(hasup)["two"]["advert_sent"], lambda number: number > 3)
    assert hasup.cli("stats", "nobody", "--reset").returncode == 1
    assert counters(hasup)["two"]["advert_sent"] > 3


def test_reset_needs_the_right_to_change(node):
    """The access of a reload: who may only read can't reset."""
    hasup = Hasup(node, SIMPLE).start()
    hasup.wait_state("MASTER")
    os.chmod(hasup.run_dir, 0o755)
    os.chmod(hasup.control, 0o666)

    def as_nobody(*arguments):
        command = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", binary("hasup"), "stats",
                   "--control", hasup.control, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert as_nobody().returncode == 0
    refused = as_nobody("--reset")
    assert refused.returncode == 1 and "only root" in refused.stderr


def test_version_and_signal_numbers():
    """What exporters ask the program: its version on standard error, in two lines, and the numbers of signals."""
    done = subprocess.run([binary("hasupd"), "-v"], capture_output=True, text=True, timeout=5)
    assert done.returncode == 0 and done.stdout == "" and len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith("hasupd v0.")
    numbers = {"STOP": 15, "RELOAD": 1, "DATA": 10, "STATS": 12, "STATS_CLEAR": 63, "JSON": 36}
    for program in (binary("hasupd"), "keepalived"):
        for name, number in numbers.items():
            done = subprocess.run([program, f"--signum={name}"], capture_output=True, text=True, timeout=5)
            assert (done.returncode, done.stdout) == (0, f"{number}\n"), program
    done = subprocess.run([binary("hasupd"), "--signum", "NOTHING"], capture_output=True, text=True, timeout=5)
    assert done.returncode == 64 and "STATS_CLEAR" in done.stderr


def test_by_the_name_of_keepalived(lan, node):
    """An exporter's surroundings: `keepalived` in PATH is a link to hasupd, a process has that name; D24 isn't misled."""
    link = os.path.join(node.directory, "keepalived")
    os.symlink(binary("hasupd"), link)
    done = subprocess.run([link, "-v"], capture_output=True, text=True, timeout=5)
    word = done.stderr.split()[1]
    assert word[0] == "v" and [int(part) for part in word[1:].split(".")] >= [1, 4, 0]
    pid_file = os.path.join(node.directory, "keepalived.pid")
    first = Hasup(node, conf.simple(200, version=3, advert=0.1, settings=["process_name keepalived"]))
    first.start("-p", pid_file)
    first.wait_state("MASTER")

    def name():
        with open(f"/proc/{first.program.pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    assert name() == "keepalived"
    with open(pid_file, encoding="ascii") as file:
        assert int(file.read()) == first.program.pid
    second = Hasup(node, conf.simple(200, vrid=52, vips=["10.0.0.102/24"], version=3, advert=0.1), name="second").start()
    second.wait_state("MASTER")
    assert second.stop()[0] == 0
    # Nor is one that is started by that name, nor an ordinary user's hasupd, which can't see root's programs.
    renamed = Hasup(node, conf.simple(200, vrid=53, vips=["10.0.0.103/24"], version=3, advert=0.1), name="renamed")
    renamed.binary = link
    renamed.start()
    renamed.wait_state("MASTER")
    assert renamed.stop()[0] == 0
    # It is its own name again when the setting goes.
    assert first.reload(SIMPLE).returncode == 0
    assert name() == "hasupd"
    assert first.reload(conf.simple(200, version=3, advert=0.1, settings=["process_name a_name_that_is_too_long"])).returncode == 1
    hold_for("the master", first.state, lambda state: state == "MASTER", 0.3)
