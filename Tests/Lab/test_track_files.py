"""Tracked files: numbers that move priorities, and files that are anything but files (behaviours §8)."""

import os
import time

import pytest
from lab import conf
from lab.fuse import DeadFileSystem
from lab.hasup import Hasup, kernel_view
from lab.machine import late
from lab.peers import Keepalived
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"


def definition(path, name="load", *lines):
    """A track_file block."""
    return "\n".join([f"track_file {name} {{", f'    file "{path}"', *(f"    {line}" for line in lines), "}", ""])


def entries(*lines):
    """The list of an instance that tracks these."""
    return ["track_file {", *(f"    {line}" for line in lines), "}"]


def config(path, *, weight=None, priority=150, entry="load", extra=(), version=3, advert=0.1):
    """One instance that tracks one file."""
    lines = [] if weight is None else [f"weight {weight}"]
    return definition(path, "load", *lines, *extra) + conf.simple(priority, version=version, advert=advert,
                                                                  extra=entries(entry))


def put(path, text):
    """What a shell's `echo` does."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


@pytest.fixture
def value(lan):
    """Path of a file on node a."""
    folder = os.path.join(lan.node("a").directory, "values")
    os.mkdir(folder)
    return os.path.join(folder, "load")


def priority(sniffer, node):
    """The priority of the newest advert."""
    adverts = sniffer.adverts(node)
    return adverts[-1].priority if adverts else None


def wait_priority(sniffer, node, wanted, bound=2.0):
    """Waits for an advert with this priority."""
    return wait_for(f"priority {wanted}", lambda: priority(sniffer, node), lambda seen: seen == wanted, bound)


def test_the_number_moves_the_priority_within_bounds(lan, sniffer, value):
    """Factor 2: the sum stays within 1 and 254; what is -254 or less is FAULT, and leaving it is BACKUP, then MASTER."""
    node = lan.nodes["a"]
    put(value, "5\n")
    hasup = Hasup(node, config(value, weight=2)).start()
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 160)
    for text, wanted in {"-20\n": 110, "0x10 junk": 182, "-74": 2, "-75": 1, "-126": 1, "100": 254, "abc": 150,
                         "1000000000000": 254}.items():
        put(value, text)
        wait_priority(sniffer, node, wanted)
    put(value, "-127")
    hasup.wait_state("FAULT")
    assert sniffer.adverts(node)[-1].priority == 0
    assert "load" in hasup.status().reason(), hasup.status().reason()
    put(value, "-126")
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 1)
    assert [entry for entry in hasup.status().instance()["contributions"] if entry["name"] == "load"]


def test_weight_0_makes_any_number_a_fault(lan, value):
    """weight 0: any other number than 0 is FAULT, from the first moment on; with `reverse` 0 is."""
    node = lan.nodes["a"]
    put(value, "1")
    hasup = Hasup(node, config(value, weight=0)).start()
    hasup.wait_state("FAULT")
    assert "BACKUP" not in hasup.log()
    put(value, "0")
    hasup.wait_state("MASTER")
    assert hasup.reload(config(value, weight="0 reverse")).returncode == 1, "it is in FAULT because of this reload"
    hasup.wait_state("FAULT")
    put(value, "7")
    hasup.wait_state("MASTER")


@pytest.mark.parametrize("first,second", [(Hasup, Hasup), (Hasup, Keepalived), (Keepalived, Hasup)],
                         ids=["hasup-hasup", "hasup-keepalived", "keepalived-hasup"])
def test_a_pair_elects_by_the_file(lan, sniffer, value, first, second):
    """The master's number falls and the other one takes over; it rises and the address comes back. Both say the same."""
    a, b = lan.nodes["a"], lan.node("b")
    put(value, "30")
    first(a, config(value, weight="1 reverse", entry="load weight -1 noreverse", priority=150)).start()
    second(b, config(value + "-b", priority=100)).start()
    lan.wait_holder(VIP, "a", 8)
    wait_priority(sniffer, a, 120)
    put(value, "60")
    lan.wait_holder(VIP, "b", 3)
    wait_priority(sniffer, b, 100)
    put(value, "0")
    lan.wait_holder(VIP, "a", 3)
    wait_priority(sniffer, a, 150)


def test_a_new_number_is_seen_within_milliseconds(lan, sniffer, value):
    """behaviours_vrrp2 §3: 3 ms after the file is closed. A FAULT's priority 0 leaves at once, so it tells when."""
    node = lan.nodes["a"]
    put(value, "0")
    hasup = Hasup(node, config(value, weight=0)).start()
    times = []
    for _ in range(10):
        hasup.wait_state("MASTER")
        begin = time.time()
        put(value, "1")
        released = wait_for("priority 0", lambda: [advert for advert in sniffer.adverts(node, since=begin)
                                                   if advert.priority == 0])[0]
        times.append(released.time - begin)
        put(value, "0")
    times.sort()
    print(f"closed to priority 0: {1000 * times[5]:.2f} ms in the median, {1000 * times[-1]:.2f} at most")
    assert times[len(times) // 2] <= 0.005 + late(), (times, late())


def test_deleted_replaced_and_its_folder_gone_and_back(lan, sniffer, value):
    """Whatever becomes of the file and its folder, the number is that of the file that has the path now."""
    node = lan.nodes["a"]
    folder = os.path.dirname(value)
    put(value, "5")
    hasup = Hasup(node, config(value)).start()
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 155)
    os.unlink(value)
    wait_priority(sniffer, node, 150)
    put(value + ".new", "6")
    os.rename(value + ".new", value)
    wait_priority(sniffer, node, 156)
    os.unlink(value)
    os.rmdir(folder)
    wait_priority(sniffer, node, 150)
    os.mkdir(folder)
    put(value, "7")
    wait_priority(sniffer, node, 157)
    os.rename(folder, folder + "-old")
    wait_priority(sniffer, node, 150)
    os.symlink(folder + "-old", folder)
    wait_priority(sniffer, node, 157)
    os.mkdir(folder + "-new")
    put(folder + "-new/load", "8")
    os.symlink(folder + "-new", folder + "-link")
    os.rename(folder + "-link", folder)
    wait_priority(sniffer, node, 158)
    # A folder mounted over it is another one.
    lan.nodes["a"].netns.run("mount", "-t", "tmpfs", "tmpfs", folder + "-new")
    try:
        wait_priority(sniffer, node, 150)
    finally:
        lan.nodes["a"].netns.run("umount", folder + "-new")
    wait_priority(sniffer, node, 158)


def test_init_file(lan, sniffer, value):
    """init_file makes a file before it is judged, and with `overwrite` writes an existing one: at the start, and not by a
    reload, a crash or an upgrade."""
    node = lan.nodes["a"]
    hasup = Hasup(node, config(value, extra=["init_file 7"])).start()
    hasup.wait_state("MASTER")
    assert sniffer.adverts(node)[0].priority == 157, "it was there before the first judgement"
    with open(value, encoding="ascii") as file:
        assert file.read() == "7\n"
    put(value, "8")
    wait_priority(sniffer, node, 158)
    overwriting = config(value, extra=["init_file 9 overwrite"])
    assert hasup.reload(overwriting).returncode == 0
    os.kill(hasup.worker("hasup-track"), 9)
    assert hasup.cli("upgrade", bound=20).returncode == 0
    hasup.worker("hasup-track")
    hold_for("the priority", lambda: priority(sniffer, node), lambda seen: seen == 158)
    with open(value, encoding="ascii") as file:
        assert file.read() == "8"
    # A file that a reload adds is made, too, if it isn't there.
    other = value + "-2"
    two = definition(other, "second", "init_file 3") + definition(value, "load") + conf.simple(
        150, version=3, advert=0.1, extra=entries("load", "second"))
    assert hasup.reload(two).returncode == 0
    wait_priority(sniffer, node, 161)
    assert hasup.stop()[0] == 0
    node.write("hasup.conf", overwriting)
    hasup.start()
    wait_priority(sniffer, node, 159, bound=6)


def test_init_file_into_a_strangers_folder(lan, sniffer, value):
    """Root may write there; but a link that the stranger has made leads nowhere."""
    node = lan.nodes["a"]
    folder = os.path.dirname(value)
    secret = node.write("secret", "keep this\n")
    os.symlink(secret, value)
    os.chown(value, 65534, 65534, follow_symlinks=False)
    os.chown(folder, 65534, 65534)
    os.chmod(folder, 0o700)
    text = definition(value, "load", "init_file 7 overwrite") + definition(value + "-2", "second", "init_file 5") \
        + conf.simple(150, version=3, advert=0.1, extra=entries("load", "second"))
    hasup = Hasup(node, text).start()
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 155)
    with open(secret, encoding="ascii") as file:
        assert file.read() == "keep this\n"
    assert "init_file can't write it: Too many levels of symbolic links" in hasup.log()


def test_what_is_no_file_costs_nothing(lan, sniffer, value):
    """A file of 1 GB, a folder, a FIFO, a loop of links: 0 where there is no number, and no advert is late."""
    node = lan.nodes["a"]
    put(value, "5")
    hasup = Hasup(node, config(value)).start()
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 155)
    begin = time.time()
    with open(value, "w", encoding="ascii") as file:
        file.write("9")
        file.truncate(1 << 30)
    wait_priority(sniffer, node, 159)
    for make in (os.mkdir, os.mkfifo, lambda path: os.symlink(path, path)):
        os.unlink(value)
        make(value)
        wait_priority(sniffer, node, 150)
        if os.path.isdir(value):
            os.rmdir(value)
        else:
            os.unlink(value)
        put(value, "5")
        wait_priority(sniffer, node, 155)
    for number in range(2_000):
        put(value, f"{number % 10}")
    put(value, "6")
    wait_priority(sniffer, node, 156)
    assert sniffer.widest_gap(node, since=begin) <= 0.11 + late()


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="needs /dev/fuse")
@pytest.mark.parametrize("reads", [False, True], ids=["unread", "unanswered"])
def test_a_file_system_that_never_answers(lan, sniffer, value, reads):
    """Files elsewhere go on, the file there counts as unreadable, adverts go on, and nothing waits for it at the end."""
    node = lan.nodes["a"]
    dead = os.path.join(node.directory, "dead")
    os.mkdir(dead)
    put(value, "5")
    text = "".join(definition(f"{dead}/{index}", f"dead{index}", "weight 0") for index in range(5)) \
        + definition(value, "load") \
        + conf.simple(150, version=3, advert=0.1, extra=entries(*(f"dead{index}" for index in range(5)), "load"))
    mount = DeadFileSystem(dead, reads)
    try:
        hasup = Hasup(node, text).start()
        hasup.wait_state("MASTER", bound=8)
        wait_priority(sniffer, node, 155)
        begin = time.time()
        for number in (6, 7, 8):
            put(value, f"{number}")
            wait_priority(sniffer, node, 150 + number, bound=1)
        wait_for("a line", hasup.log, lambda log: "its file system hasn't answered for 2 s" in log)
        if reads:
            mount.take()
        # hasup-track isn't kept by those that wait.
        os.kill(hasup.worker("hasup-track"), 9)
        wait_for("the next one", lambda: hasup.roles().get("hasup-track"), bound=3)
        put(value, "9")
        wait_priority(sniffer, node, 159)
        assert sniffer.widest_gap(node, since=begin) <= 0.11 + late()
        status, seconds = hasup.stop()
        assert status == 0 and seconds < 1.5, seconds
    finally:
        mount.close()
    wait_for("no process", lambda: node.netns.pids(), lambda pids: not pids)


def test_a_file_of_the_kernel_is_read_each_second(lan, sniffer):
    """Nobody tells of changes there (keepalived refuses such files): it is read each second, which is told once."""
    node = lan.node("a")
    hasup = Hasup(node, config("/proc/sys/net/ipv4/neigh/eth0/mcast_solicit", weight=1)).start()
    hasup.wait_state("MASTER")
    wait_priority(sniffer, node, 153)
    node.netns.sysctl("net.ipv4.neigh.eth0.mcast_solicit", 9)
    wait_priority(sniffer, node, 159)
    assert hasup.log().count("it is read each second") == 1


def test_files_alone_leave_hasupd_sealed(lan, value):
    """Files and processes need no script: hasupd and hasup-track are behind filters, and write in init_file's folders only."""
    node = lan.nodes["a"]
    text = definition(value, "load", "init_file 1") + "vrrp_track_process init {\n    process nosuchprocess\n" \
        "    weight -1\n}\n" + conf.simple(150, version=3, advert=0.1,
                                           extra=[*entries("load"), "track_process {", "    init", "}"])
    hasup = Hasup(node, text).start()
    hasup.wait_state("MASTER")
    wait_for("150 + 1 - 1", lambda: hasup.status().instance()["priority"], lambda seen: seen == 150)
    for role, capabilities in {"hasup-track": 1 << 1 | 1 << 2 | 1 << 6 | 1 << 7, "hasupd": None}.items():
        view = kernel_view(hasup.program.pid if role == "hasupd" else hasup.worker(role))
        assert (view["seccomp"], view["no_new_privs"]) == (2, 1), role
        if capabilities is not None:
            assert view["CapEff"] == view["CapPrm"] == capabilities and view["CapBnd"] == 0
    assert hasup.status().answer["instances"]
    # One that begins now is hasupd's child after its seal.
    os.kill(hasup.worker("hasup-track"), 9)
    wait_for("the next one", lambda: hasup.roles().get("hasup-track"), bound=3)
    put(value, "3")
    wait_for("150 + 3 - 1", lambda: hasup.status().instance()["priority"], lambda seen: seen == 152)
    elsewhere = os.path.join(node.directory, "elsewhere")
    os.mkdir(elsewhere)
    refused = hasup.reload(text.replace(value, f"{elsewhere}/load"))
    assert refused.returncode != 0 and elsewhere in refused.stdout + refused.stderr
    assert hasup.reload(text.replace("init_file 1", "").replace(value, f"{elsewhere}/load")).returncode == 0
    put(f"{elsewhere}/load", "4")
    wait_for("150 + 4 - 1", lambda: hasup.status().instance()["priority"], lambda seen: seen == 153)
