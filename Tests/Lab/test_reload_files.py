"""Files around a reload: reload_time_file, reload_file, the file of reload_check_config, config_save_dir."""

import ctypes
import os
import stat
import struct
import time

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.waiting import hold_for, wait_for

IN_MODIFY, IN_CREATE, IN_DELETE = 0x2, 0x100, 0x200


def config(*settings):
    """One instance, and these lines in global_defs."""
    return conf.simple(200, settings=settings, version=3, advert=0.1)


def utc(offset):
    """The time of day in UTC, some seconds from now."""
    return time.strftime("%H:%M:%SZ", time.gmtime(time.time() + offset))


def daemon(hasup):
    """What status says of the daemon as a whole."""
    return hasup.status().answer["daemon"]


def generation(hasup):
    """The number of the configuration that runs."""
    return daemon(hasup)["configuration_generation"]


def scheduled(hasup, bound=2.0):
    """Waits for a scheduled reload and returns its time."""
    return wait_for("a scheduled reload", lambda: daemon(hasup).get("scheduled_reload"), bound=bound)["unix_seconds"]


@pytest.fixture
def node(lan):
    """One node."""
    return lan.node("a")


def test_a_reload_comes_at_its_time_and_the_file_goes(node):
    """reload_time_file: read when it is written, shown by status, removed when its time has come."""
    path = os.path.join(node.directory, "time")
    hasup = Hasup(node, config(f"reload_time_file {path}")).start()
    hasup.wait_state("MASTER")
    assert daemon(hasup).get("scheduled_reload") is None
    node.write("time", utc(600) + "\n")
    assert 590 < scheduled(hasup) - time.time() < 601
    os.unlink(path)
    wait_for("no scheduled reload", lambda: daemon(hasup).get("scheduled_reload"), lambda seen: not seen, 2)
    node.write("time", "at noon\n")
    wait_for("the line about it", hasup.log, lambda text: "HH:MM:SS" in text, 2)
    assert any("HH:MM:SS" in text for text in daemon(hasup)["problems"])
    assert generation(hasup) == 1
    node.write("time", time.strftime("%Y-%m-%dT%H:%M:%SZ\n", time.gmtime(time.time() + 2)))
    due = scheduled(hasup)
    assert not any("HH:MM:SS" in text for text in daemon(hasup)["problems"])
    assert "is reloaded on" in hasup.cli("status").stdout
    wait_for("the reload", lambda: generation(hasup), lambda number: number == 2, 5)
    assert due - 0.1 <= time.time() < due + 1.5
    assert not os.path.exists(path)
    assert daemon(hasup).get("scheduled_reload") is None


def test_a_repeated_reload_keeps_its_file(node):
    """reload_repeat: a time without a day stays for the next day; a file that is there at the start counts."""
    path = node.write("time", utc(5))
    hasup = Hasup(node, config(f"reload_time_file {path}", "reload_repeat")).start()
    hasup.wait_state("MASTER")
    first = scheduled(hasup)
    wait_for("the reload", lambda: generation(hasup), lambda number: number == 2, 9)
    assert os.path.exists(path)
    assert scheduled(hasup) == first + 86400


def test_reload_file_is_there_while_files_are_read(node):
    """reload_file: made (or emptied) before the files are read and removed afterwards; not at the start, not for --dry-run."""
    folder = os.path.join(node.directory, "marks")
    os.mkdir(folder)
    path = os.path.join(folder, "busy")
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        assert libc.inotify_add_watch(watch, folder.encode(), IN_MODIFY | IN_CREATE | IN_DELETE) >= 0

        def events():
            """What has happened since the last time."""
            seen = []
            try:
                data = os.read(watch, 65536)
            except BlockingIOError:
                return seen
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                seen.append(mask)
                data = data[16 + length:]
            return seen

        hasup = Hasup(node, config(f"reload_file {path}")).start()
        hasup.wait_state("MASTER")
        assert hasup.cli("reload", "--dry-run").returncode == 0
        assert events() == []
        assert hasup.reload().returncode == 0
        assert events() == [IN_CREATE, IN_DELETE]
        # Whoever changes the files says so beforehand, and waits.
        with open(path, "w", encoding="ascii") as file:
            file.write("busy")
        events()
        assert hasup.reload("rubbish {").returncode == 1
        assert events() == [IN_MODIFY, IN_DELETE]
        # A link isn't followed: the reload goes on, with a warning.
        victim = node.write("victim", "precious")
        os.symlink(victim, path)
        done = hasup.reload(config(f"reload_file {path}"))
        assert done.returncode == 0 and "reload_file" in done.stdout + done.stderr
        assert open(victim, encoding="ascii").read() == "precious"
    finally:
        os.close(watch)


def test_copies_and_findings_are_kept(node):
    """F10: config_save_dir and reload_check_config: what ran and what was refused, for root's eyes, and never too many."""
    folder = os.path.join(node.directory, "saved")
    log = os.path.join(node.directory, "reload.log")
    settings = (f"config_save_dir {folder}", f"reload_check_config {log}")
    hasup = Hasup(node, config(*settings)).start()
    hasup.wait_state("MASTER")

    def copies():
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def text(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()

    def finished(count):
        """Waits for so many copies that are whole."""
        return wait_for(f"{count} copies", copies,
                        lambda names: len(names) == count and all(text(name).endswith("}\n") for name in names), 3)

    first, = finished(1)
    assert first.endswith("-1.conf") and "virtual_router_id 51" in text(first)
    assert stat.S_IMODE(os.stat(os.path.join(folder, first)).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert hasup.reload(config(*settings, "vrrp_garp_interval 0.001")).returncode == 0
    second = [name for name in finished(2) if name != first][0]
    assert second.endswith("-2.conf") and "vrrp_garp_interval" in text(second)
    wait_for("the verdict", lambda: open(log, encoding="utf-8").read(), lambda seen: "reload accepted" in seen, 2)
    assert stat.S_IMODE(os.stat(log).st_mode) == 0o600
    assert hasup.reload(config(*settings, "nonsense 5")).returncode == 1
    refused = [name for name in finished(3) if name.endswith("-refused.conf")][0]
    assert "nonsense" in text(refused)
    seen = wait_for("the verdict", lambda: open(log, encoding="utf-8").read(), lambda seen: "refused" in seen, 2)
    assert "nonsense" in seen and "accepted" not in seen
    for number in range(60):
        with open(os.path.join(folder, f"hasup-20200101T0000{number:02d}Z-7.conf"), "w", encoding="ascii"):
            pass
    node.write("saved/mine.conf", "stays")
    os.unlink(log)
    victim = node.write("victim", "precious")
    os.symlink(victim, log)
    assert hasup.reload(config(*settings)).returncode == 0
    wait_for("40 copies of ours", copies, lambda names: len(names) == 41, 3)
    assert {first, second, refused, "mine.conf"} <= set(copies())
    wait_for("the link in status", lambda: " ".join(daemon(hasup)["problems"]), lambda seen: log in seen, 3)
    assert open(victim, encoding="ascii").read() == "precious"
    os.unlink(log)
    assert hasup.reload().returncode == 0
    wait_for("nothing to complain about", lambda: daemon(hasup)["problems"], lambda seen: not seen, 3)


def test_a_folder_that_is_missing_stops_nothing(node):
    """None of these files is needed: status says what is wrong, and reloads go on."""
    missing = os.path.join(node.directory, "missing")
    hasup = Hasup(node, config(f"config_save_dir {missing}/a/b", f"reload_check_config {missing}/log",
                               f"reload_file {missing}/mark", f"reload_time_file {missing}/time")).start()
    hasup.wait_state("MASTER")
    assert hasup.reload().returncode == 0
    hold_for("it stays MASTER", hasup.state, lambda state: state == "MASTER", 0.5, 0.05)
    problems = wait_for("the problems", lambda: " ".join(daemon(hasup)["problems"]),
                        lambda seen: "config_save_dir" in seen and "reload_time_file" in seen, 3)
    assert missing in problems
