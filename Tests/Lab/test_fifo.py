"""FIFOs for events, and what else is told: line by line as keepalived does it, and over each death (D47, S2, S3)."""

import fcntl
import os
import signal
import socket
import stat
import time

import pytest
from lab import conf
from lab.fifo import Ears, lines_of
from lab.forge import Injector
from lab.hasup import Hasup
from lab.packets import MULTICAST4, ip_packet, vrrp_pdu
from lab.peers import Keepalived
from lab.program import alive
from lab.store import PARK, Store
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"


def line(state, priority=200, name="VI_1"):
    """A line about an instance."""
    return f'INSTANCE "{name}" {state} {priority}'


@pytest.fixture
def ears(lan):
    """A node and where its events are told."""
    heard = Ears(lan.node("a"))
    yield heard
    heard.outside.close()


def simple(ears, *, priority=200, reader=True, settings=(), keyword="vrrp_notify_fifo", owner="", advert=0.1, **options):
    """A file with one instance whose events go into the FIFO."""
    return conf.simple(priority, version=3, advert=advert,
                       settings=[*ears.settings(reader, keyword, owner), *settings], **options)


def problems(hasup):
    """What status says is wrong."""
    return " ".join(hasup.status().answer["daemon"]["problems"])

# The reader

def test_a_reader_that_ends_is_started_again(ears):
    """S2: it first gets a line for each instance and group, then changes only; the one before is gone by then."""
    group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n"
    text = conf.file(*(conf.instance(f"VI_{number}", vrid=50 + number, priority=200, version=3, advert=0.1,
                                     vips=[f"10.0.0.{99 + number}/24"]) for number in (1, 2)),
                     group, settings=ears.settings())
    a = Hasup(ears.node, text).start()
    states = [line("MASTER"), line("MASTER", name="VI_2"), 'GROUP "G" MASTER 0']
    wait_for("all MASTER", ears.read, lambda seen: sorted(seen[-3:]) == sorted(states) and seen[-1] == states[-1], 8)
    first = ears.reader()
    assert ears.read()[:3] == [line("BACKUP"), line("BACKUP", name="VI_2"), 'GROUP "G" BACKUP 0']
    os.kill(first, signal.SIGKILL)
    # Between the two readers: nobody has read these when the next one begins.
    ears.node.netns.ip("link", "set", "eth0", "down")
    a.wait_state("FAULT")
    states = [text.replace("MASTER", "FAULT") for text in states]
    second = wait_for("another reader", ears.readers, lambda seen: len(seen) > 1, 4)[1]
    wait_for("the states", ears.since_reader, lambda seen: seen == states, 3)
    assert not alive(first) and second != first
    ears.node.netns.ip("link", "set", "eth0", "up")
    wait_for("then changes", ears.since_reader, lambda seen: seen[-1:] == ['GROUP "G" MASTER 0'], 6)
    assert ears.since_reader()[:3] == states and len(ears.since_reader()) == 9
    assert "starting it again in 1 s" in a.log()


def test_a_reload_without_a_change_says_nothing(ears):
    """S2: no event, the same reader, the same FIFO; with another command the reader is another one."""
    a = Hasup(ears.node, simple(ears)).start()
    ears.wait_read(line("MASTER"))
    reader, inode, before = ears.reader(), os.stat(ears.path).st_ino, ears.read()
    for _ in range(3):
        assert a.reload().returncode == 0
    hold_for("silence", ears.read, lambda seen: seen == before, 1)
    assert ears.reader() == reader and os.stat(ears.path).st_ino == inode
    # With the states of all, also of MASTER instances.
    assert a.reload(simple(ears, settings=["fifo_write_vrrp_states_on_reload"])).returncode == 0
    wait_for("the state", ears.read, lambda seen: seen == [*before, line("MASTER")], 3)
    other = ears.script("other.sh", f'#!/bin/sh\nexec {ears.reader_script} "$2"\n')
    assert a.reload(simple(ears).replace(f'"{ears.reader_script}"', f'"{other} x"')).returncode == 0
    wait_for("another reader", ears.readers, lambda seen: len(seen) == 2 and not alive(reader), 5)
    wait_for("the state", ears.since_reader, lambda seen: seen == [line("MASTER")], 3)
    assert os.stat(ears.path).st_ino == inode


def test_a_start_in_fault(ears):
    """S2: exactly one FAULT."""
    ears.node.netns.ip("link", "set", "eth0", "down")
    Hasup(ears.node, simple(ears)).start()
    ears.wait_read(line("FAULT"))
    hold_for("one line", ears.read, lambda seen: seen == [line("FAULT")], 1)


def test_a_reader_that_always_ends(ears):
    """It is tried again later and later, status says so, and VRRP goes on."""
    ears.say("leave")
    a = Hasup(ears.node, simple(ears)).start()
    a.wait_state("MASTER")
    wait_for("three attempts", ears.readers, lambda seen: len(seen) >= 3, 9)
    wait_for("status", lambda: problems(a), lambda text: "keeps ending: it ended with exit status 3" in text, 9)
    assert a.state() == "MASTER"
    ears.unsay("leave")
    wait_for("well again", lambda: problems(a), lambda text: "keeps ending" not in text, 12)
    assert ears.since_reader()[0] == line("MASTER")


def test_a_missing_reader(ears):
    """A script that isn't there: the start goes on, and the FIFO with it."""
    text = simple(ears).replace(ears.reader_script, "/nonexistent/reader")
    a = Hasup(ears.node, text).start()
    ears.outside.open()
    wait_for("MASTER", ears.outside.all, lambda seen: seen[-1:] == [line("MASTER")], 5)
    wait_for("the log", a.log, lambda log: "/nonexistent/reader" in log, 5)
    assert a.running()


# The FIFO

def test_what_it_is_made_like(ears):
    """0600 of its owner's, removed at a stop; one that was there before stays."""
    a = Hasup(ears.node, simple(ears, reader=False, owner="nobody")).start()
    found = os.stat(ears.outside.open().path)
    assert stat.S_IMODE(found.st_mode) == 0o600 and stat.S_ISFIFO(found.st_mode) and found.st_uid == 65534
    assert a.stop()[0] == 0
    assert not os.path.exists(ears.path)
    os.mkfifo(ears.path)
    os.chmod(ears.path, 0o620)
    a = Hasup(ears.node, simple(ears, reader=False)).start()
    wait_for("lines", ears.outside.all, lambda seen: seen[-2:] == [line("BACKUP"), line("MASTER")], 6)
    assert stat.S_IMODE(os.stat(ears.path).st_mode) == 0o620
    assert a.stop()[0] == 0
    assert os.path.exists(ears.path)


def test_umask(ears):
    """keepalived makes it 0644 as far as umask lets it."""
    a = Hasup(ears.node, simple(ears, reader=False, settings=["umask 0022"])).start()
    assert stat.S_IMODE(os.stat(ears.outside.open().path).st_mode) == 0o644
    assert a.reload(simple(ears, reader=False)).returncode == 0
    wait_for("the other mode", lambda: stat.S_IMODE(os.stat(ears.path).st_mode), lambda mode: mode == 0o600, 3)


def _file(path, _):
    with open(path, "w", encoding="ascii") as file:
        file.write("precious")


OBSTACLES = {
    "a file": (_file, "is a file and no FIFO"),
    "a folder": (lambda path, _: os.mkdir(path), "is a folder and no FIFO"),
    "a symbolic link": (lambda path, other: (os.mkfifo(other), os.symlink(other, path)), "is a symbolic link and no FIFO"),
    "a socket": (lambda path, _: socket.socket(socket.AF_UNIX).bind(path), "is a socket and no FIFO"),
    "a device": (lambda path, _: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3)), "is a device and no FIFO"),
    "another user's": (lambda path, _: (os.mkfifo(path), os.chown(path, 65534, 65534)), "belongs to uid 65534"),
}


@pytest.mark.parametrize("kind", sorted(OBSTACLES))
def test_what_is_no_fifo_of_ours(ears, kind):
    """It is refused and stays as it is; status says so, and VRRP runs."""
    make, reason = OBSTACLES[kind]
    make(ears.path, ears.path + ".other")
    a = Hasup(ears.node, simple(ears)).start()
    a.wait_state("MASTER")
    wait_for("status", lambda: problems(a), lambda text: reason in text, 3)
    assert a.cli("status").returncode == 1
    assert os.path.lexists(ears.path) and not ears.readers()
    if kind == "a file":
        assert lines_of(ears.path) == [] and os.path.getsize(ears.path) == 8
    # Mended, a reload suffices.
    if os.path.isdir(ears.path):
        os.rmdir(ears.path)
    else:
        os.unlink(ears.path)
    assert a.reload().returncode == 0
    wait_for("its state", ears.read, lambda seen: seen == [line("MASTER")], 4)
    assert a.cli("status").returncode == 0, problems(a)
    assert a.stop()[0] == 0


def test_folders_that_do_not_take_it(ears):
    """One that isn't there, and one on a file system that is read-only."""
    folder = os.path.join(ears.node.directory, "readonly")
    os.mkdir(folder)
    launcher = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o ro tmpfs {folder} && exec "$@"', "sh"]
    text = conf.simple(200, version=3, advert=0.1, settings=[
        f"notify_fifo {folder}/events", f"vrrp_notify_fifo {ears.node.directory}/missing/events"])
    a = Hasup(ears.node, text)
    a.start(launcher=launcher)
    a.wait_state("MASTER")
    said = wait_for("status", lambda: problems(a), lambda text: text.count("can't make the FIFO") == 2, 3)
    assert "Read-only file system" in said and "No such file or directory" in said


def test_replaced_while_it_runs(ears):
    """A file in its place is left alone; a reload says so, and makes another one when it is gone."""
    a = Hasup(ears.node, simple(ears)).start()
    ears.wait_read(line("MASTER"))
    os.unlink(ears.path)
    _file(ears.path, None)
    assert a.reload().returncode == 0
    wait_for("status", lambda: problems(a), lambda text: "is a file and no FIFO" in text, 3)
    os.unlink(ears.path)
    assert a.reload().returncode == 0
    wait_for("another reader with the state", ears.readers, lambda seen: len(seen) == 2, 5)
    wait_for("the state", ears.since_reader, lambda seen: seen == [line("MASTER")], 3)
    _ = os.unlink(ears.path), _file(ears.path, None)
    assert a.stop()[0] == 0
    assert os.path.getsize(ears.path) == 8, "not ours"


def test_a_full_one(ears):
    """A line that finds no room is lost, counted and told once; nobody waits for a reader."""
    a = Hasup(ears.node, simple(ears, reader=False, advert=0.02)).start()
    ears.outside.open()
    a.wait_state("MASTER")
    # It has room for a page only.
    fcntl.fcntl(ears.outside.number, 1031, 4096)
    with Injector(ears.node.lan.node("x")) as injector:
        packet = ip_packet("10.0.0.2", MULTICAST4, vrrp_pdu("10.0.0.2", MULTICAST4, 51, 50, [VIP], interval=0.02))
        wait_for("status", lambda: (injector.packet(packet), problems(a))[1],
                 lambda text: "is full, because no program reads it" in text, 20, step=0.02)
        assert a.log().count("is lost: it is full") == 1 and a.state() == "MASTER"
        seen = len(ears.outside.all())
        assert seen > 50, "what was there is whole"
        wait_for("lines again", lambda: (injector.packet(packet), ears.outside.all())[1],
                 lambda lines: len(lines) > seen, 5, step=0.05)
    assert all(text.startswith('INSTANCE "VI_1" ') for text in ears.outside.all())
    wait_for("the log", a.log, lambda log: "takes lines again" in log, 3)
    assert "is full" not in problems(a)


def test_without_scripts_hasupd_is_sealed(ears):
    """D2: a FIFO alone is no script. It is made, kept over a reload, and removed by a hasupd in its whole sandbox."""
    text = conf.simple(200, version=3, advert=0.1, settings=[f"notify_fifo {ears.path} nobody nogroup"])
    a = Hasup(ears.node, text).start()
    wait_for("lines", ears.outside.open().all, lambda seen: seen == [line("BACKUP"), line("MASTER")], 6)
    with open(f"/proc/{a.program.pid}/status", encoding="ascii") as file:
        assert "NoNewPrivs:\t1" in file.read()
    os.unlink(ears.path)
    assert a.reload().returncode == 0
    wait_for("it is made again, beneath the filter", lambda: os.path.exists(ears.path))
    assert os.stat(ears.path).st_uid == 65534
    # What it gave up is told with the place.
    done = a.reload(text.replace("nogroup", "nogroup\n    notify_fifo_script /bin/true"))
    assert done.returncode == 1 and "hasup.conf:4:" in done.stdout + done.stderr, done
    assert "has scripts" in " ".join(done.stdout.split())
    done = a.reload(text.replace(ears.path, "/var/tmp/elsewhere/events"))
    assert done.returncode == 1 and "/var/tmp/elsewhere" in done.stdout + done.stderr
    assert a.reload(text).returncode == 0
    assert a.stop()[0] == 0
    assert not os.path.exists(ears.path)


# Deaths

@pytest.fixture
def kept(ears):
    """A daemon under a service manager with a store, and a reader outside beside its own."""
    a = Hasup(ears.node, conf.simple(200, version=3, advert=0.1, settings=[
        *ears.settings(), f"notify_fifo {ears.path}.all"]))
    store = Store(a)
    store.start("--grace", "10")
    ears.outside.path = f"{ears.path}.all"
    ears.outside.open()
    ears.wait_read(line("BACKUP"), line("MASTER"))
    yield a, store
    store.close()


@pytest.mark.parametrize("way", ["worker", "killed", "parked", "upgraded"])
def test_no_death_tells_a_line_twice(ears, kept, way):
    """The reader goes on, the FIFO stays, and none of the readers sees an end or a line again."""
    a, store = kept
    reader, inode = ears.reader(), os.stat(ears.path).st_ino
    for round_number in range(3):
        if way == "worker":
            worker = a.worker()
            os.kill(worker, signal.SIGKILL)
            wait_for("another worker", lambda: a.roles().get("hasup-vrrp", []), lambda pids: pids and worker not in pids, 5)
        elif way == "upgraded":
            done = a.cli("upgrade", bound=20)
            assert done.returncode == 0, done.stderr
            wait_for("the next hasupd", a.log, lambda log: log.count(" started: ") > round_number + 1, 5)
        else:
            store.end(PARK if way == "parked" else signal.SIGKILL)
            store.start("--grace", "10")
        a.wait_state("MASTER")
    assert ears.read() == [line("BACKUP"), line("MASTER")] == ears.outside.all()
    ears.node.netns.ip("link", "set", "eth0", "down")
    ears.wait_read(line("BACKUP"), line("MASTER"), line("FAULT"))
    assert ears.outside.all() == ears.read()
    assert ears.reader() == reader and os.stat(ears.path).st_ino == inode and ears.outside.ends == 0
    assert a.stop()[0] == 0
    ears.wait_read(line("FAULT"), line("STOP"))
    assert not os.path.exists(ears.path) and not alive(reader)


def test_deaths_between_lines(ears, kept):
    """Killed while the address moves to and fro: a line may be lost, and none comes twice."""
    a, store = kept
    count = 6
    for number in range(count):
        ears.node.netns.ip("link", "set", "eth0", "down" if number % 2 == 0 else "up")
        time.sleep(0.003 * number)
        if number % 3 == 2:
            os.kill(a.worker(), signal.SIGKILL)
        else:
            store.end(signal.SIGKILL)
            store.start("--grace", "10")
        a.wait_state("FAULT" if number % 2 == 0 else "MASTER", bound=8)
    ears.node.netns.ip("link", "set", "eth0", "down")
    a.wait_state("FAULT")
    seen = wait_for("the last line", ears.outside.all, lambda lines: lines[-1:] == [line("FAULT")], 4)
    print(seen)
    assert not [pair for pair in zip(seen, seen[1:]) if pair[0] == pair[1]], seen


def test_without_a_store_the_old_reader_goes_first(ears):
    """A hasupd that is killed with its worker and started by hand: its reader, which waits for a line, is ended before
    another one begins."""
    stubborn = ears.script("stubborn.sh", f"""#!/bin/sh
trap '' TERM
echo "reader begin $$" >>{ears.node.directory}/read
exec 3<>"$1"
while read -r text <&3; do echo "$text" >>{ears.node.directory}/read; done
""")
    text = simple(ears).replace(ears.reader_script, stubborn)
    a = Hasup(ears.node, text).start()
    ears.wait_read(line("MASTER"))
    first = ears.reader()
    worker = a.worker()
    a.program.signal(signal.SIGKILL)
    a.program.process.wait(5)
    os.kill(worker, signal.SIGKILL)
    a.start()
    second = wait_for("another reader", ears.readers, lambda seen: len(seen) == 2, 8)[1]
    assert not alive(first) and alive(second)
    ears.wait_read(line("MASTER"))
    assert a.stop()[0] == 0
    wait_for("its end", lambda: alive(second), lambda lives: not lives, 3)


# The end

@pytest.mark.parametrize("waits", [0, 2])
def test_stop_lines_are_read(ears, waits):
    """behaviours_vrrp2 §5: keepalived ends its reader before. A reader that is slow has 5 s."""
    a = Hasup(ears.node, simple(ears)).start()
    ears.wait_read(line("MASTER"))
    if waits:
        ears.say("slow", str(waits))
    reader = ears.reader()
    status, seconds = a.stop()
    assert status == 0 and not alive(reader) and seconds < 2 + 2 * waits
    assert ears.read()[-1] == line("STOP")
    assert lines_of(os.path.join(ears.node.directory, "read"))[-1] == f"reader end {reader}", "it ended by itself"
    assert not os.path.exists(ears.path)


# Another master that has yielded

@pytest.mark.parametrize("peer", [Hasup, Keepalived])
def test_reclaimed_after_each_partition(lan, pair, peer):
    """S3: exactly once for each partition, by script and by FIFO, when the other one has yielded."""
    ears = Ears(pair[0])
    text = conf.simple(200, version=3, advert=0.1, settings=ears.settings(), extra=[
        f'@hasup notify_reclaimed "{ears.noted_script} reclaimed"', f'notify "{ears.noted_script}"'])
    Hasup(pair[0], text).start()
    lan.wait_holder(VIP, "a")
    # keepalived yields without a word unless it is told to say one.
    other = peer(pair[1], conf.simple(100, version=3, advert=0.1, extra=["higher_prio_send_advert"])).start()
    ears.wait_read(line("MASTER"))
    time.sleep(1)
    for count in range(1, 21):
        lan.cut(pair[1])
        wait_for("two holders", lambda: lan.holders(VIP), lambda seen: seen == ["a", "b"], 3)
        lan.heal()
        lan.wait_holder(VIP, "a", 3)
        wait_for("RECLAIMED", lambda: ears.read().count(line("RECLAIMED")), lambda seen: seen == count, 3)
    wait_for("the last script", lambda: ears.noted().count("reclaimed"), lambda seen: seen == 20, 3)
    hold_for("none more", lambda: ears.read().count(line("RECLAIMED")), lambda seen: seen == 20, 1)
    assert not [text for text in ears.noted() if "RECLAIMED" in text], "a generic script is for states"
    assert ears.read().count(line("MASTER")) == 1 and other.running()
