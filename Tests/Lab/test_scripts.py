"""Notify scripts: who they run as, what they find, and which aren't run (pain points S1, S5)."""

import errno
import json
import os
import pwd
import struct
import time

import pytest
from lab import conf
from lab.forge import LONG
from lab.hasup import Hasup, binary, kernel_view
from lab.launch import hard_to_kill
from lab.waiting import hold_for, wait_for

HAS_RESOURCE = kernel_view(os.getpid())["CapEff"] & 1 << 24 != 0

LOOK = """#!/usr/bin/python3
import json, os, resource, signal, sys
def read(name):
    with open("/proc/self/" + name, errors="replace") as file:
        return file.read()
status = dict(line.split(":\\t", 1) for line in read("status").splitlines() if ":\\t" in line)
old = os.umask(0)
seen = {"status": status, "environ": read("environ").split("\\0")[:-1], "policy": os.sched_getscheduler(0),
        "nice": os.nice(0), "cwd": os.getcwd(), "umask": old, "group": os.getpgrp(), "pid": os.getpid(),
        "oom": int(read("oom_score_adj")), "realtime": resource.getrlimit(15),
        "core": resource.getrlimit(resource.RLIMIT_CORE), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "fds": {}, "path": sys.argv[0], "arguments": sys.argv[1:]}
for number in os.listdir("/proc/self/fd"):
    try:
        seen["fds"][int(number)] = os.readlink("/proc/self/fd/" + number)
    except OSError:
        pass
with open(OUT + ".new", "w") as file:
    json.dump(seen, file)
os.rename(OUT + ".new", OUT)
"""


def script(node, name, text, mode=0o755, owner=0):
    """Writes a script of this node; returns its path."""
    path = node.write(name, text)
    os.chmod(path, mode)
    os.chown(path, owner, owner)
    return path


def look(node, **options):
    """A script that tells what it finds, and the file that it tells it in."""
    folder = os.path.join(node.directory, "out")
    os.mkdir(folder)
    os.chmod(folder, 0o1777)
    out = os.path.join(folder, "seen")
    return script(node, "look.py", LOOK.replace("OUT", repr(out)), **options), out


def seen(out):
    """What the script told."""
    wait_for("the script", lambda: os.path.exists(out), bound=5)
    with open(out, encoding="utf-8") as file:
        return json.load(file)


def daemon(node, *lines, settings=(), **options):
    """hasup with one instance that has these lines."""
    return Hasup(node, conf.simple(200, version=3, advert=0.1, extra=lines, settings=settings)).start(**options)


def scripts(hasup):
    """What status says of the instance's scripts."""
    return hasup.status().instance().get("scripts") or {}


def test_what_a_script_finds(lan):
    """Its user and nothing of hasupd's: environment, descriptors, folder, umask, signals, scheduling, privileges."""
    nobody = pwd.getpwnam("nobody")
    node = lan.node("a")
    path, out = look(node)
    hasup = daemon(node, f'notify_master "{path} now" nobody', environment={"SECRET": "1", "LD_BIND_NOW": "1"},
                   launcher=("prlimit", "--core=4096:8192", "--nofile=1500:3000"))
    found = seen(out)
    status = {key: value.split() for key, value in found["status"].items()}
    assert found["arguments"] == ["now"]
    assert {int(uid) for uid in status["Uid"]} == {nobody.pw_uid}
    assert {int(gid) for gid in status["Gid"]} == {nobody.pw_gid}
    assert status["Groups"] == []
    assert found["environ"] == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    assert found["fds"].pop("0") == found["fds"].pop("1") == "/dev/null"
    assert found["fds"].pop("2") == os.readlink(f"/proc/{hasup.program.pid}/fd/2")
    assert found["fds"] == {}, "the folder that was listed is closed by now"
    assert (found["cwd"], found["umask"], found["policy"], found["nice"]) == ("/", 0o22, os.SCHED_OTHER, 0)
    assert found["group"] == found["pid"]
    assert int(status["SigBlk"][0], 16) == 0
    # Python itself ignores SIGPIPE and SIGXFSZ; 32 and 33 are the C library's own, which nobody can reset.
    assert int(status["SigIgn"][0], 16) & ~(1 << 12 | 1 << 24 | 3 << 31) == 0
    assert int(status["NoNewPrivs"][0]) == 0 and int(status["Seccomp"][0]) == 0
    assert int(status["CapEff"][0], 16) == int(status["CapPrm"][0], 16) == int(status["CapInh"][0], 16) == 0
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        ours = [line.split()[1] for line in file if line.startswith("CapBnd")]
    assert status["CapBnd"] == ours, "sudo and ping work in it"
    with open("/proc/self/limits", encoding="ascii") as file:
        limit = [line.split()[3] for line in file if line.startswith("Max realtime timeout")][0]
    if HAS_RESOURCE:
        # Only who has CAP_SYS_RESOURCE can raise again what hasupd has lowered for itself.
        assert str(found["realtime"][0]).replace("-1", "unlimited") == limit, "what it starts may be realtime"
    assert (found["core"], found["files"]) == ([4096, 8192], [1500, 3000]), "hasupd has others"
    os.unlink(out)
    assert hasup.cli("upgrade", bound=20).returncode == 0
    hasup.wait_state("MASTER")
    stopping = [f'notify_stop "{path} now" nobody']
    assert hasup.reload(conf.simple(200, version=3, advert=0.1, extra=stopping)).returncode == 0
    assert hasup.stop()[0] == 0
    again = seen(out)
    assert (again["core"], again["files"]) == ([4096, 8192], [1500, 3000]), "an upgrade doesn't forget them"


@pytest.mark.skipif(not HAS_RESOURCE, reason="needs CAP_SYS_RESOURCE")
def test_a_script_is_no_harder_to_kill(lan):
    """When memory runs out, the kernel rather ends a script than hasupd, whatever hasupd was started with."""
    node = lan.node("a")
    path, out = look(node)
    hasup = daemon(node, f'notify_master "{path}"', launcher=hard_to_kill(-900))
    assert seen(out)["oom"] == 0
    with open(f"/proc/{hasup.program.pid}/oom_score_adj", encoding="ascii") as file:
        assert int(file.read()) == -900


def test_supplementary_groups(lan):
    """With a colon before the group, the user's groups are set."""
    node = lan.node("a")
    user = pwd.getpwnam("nobody")
    path, out = look(node)
    daemon(node, f'notify_master "{path}"', settings=["script_user nobody :nogroup"])
    groups = {int(group) for group in seen(out)["status"]["Groups"].split()}
    assert groups == set(os.getgrouplist(user.pw_name, user.pw_gid))


def test_a_script_in_a_home_that_root_must_not_need(lan):
    """A path that only its user may see: it's found, and runs."""
    node = lan.node("a")
    nobody = pwd.getpwnam("nobody")
    path, out = look(node)
    home = os.path.join(node.directory, "home")
    os.mkdir(home, 0o700)
    inside = os.path.join(home, "look.py")
    os.rename(path, inside)
    os.chmod(inside, 0o700)
    for name in (home, inside):
        os.chown(name, nobody.pw_uid, nobody.pw_gid)
    hasup = daemon(node, f'notify_master "{inside}" nobody', settings=["enable_script_security"])
    assert seen(out)["cwd"] == "/"
    assert not scripts(hasup)["refused"]


@pytest.mark.parametrize("kept", [False, True])
def test_a_script_behind_a_link(lan, kept):
    """behaviours §5: the file that a link leads to is executed by its own path; with use_symlink_paths by the link's."""
    node = lan.node("a")
    path, out = look(node)
    link = os.path.join(node.directory, "current")
    os.symlink(path, link)
    settings = ["script_user nobody"] + (["use_symlink_paths"] if kept else [])
    daemon(node, f'notify_master "{link}"', settings=settings)
    assert seen(out)["path"] == (link if kept else path)


def weakened(node, kind, mode):
    """The script of `look` in a folder, what of the two has this mode, and the file that the script tells it in."""
    path, out = look(node)
    folder = os.path.join(node.directory, "weak")
    os.mkdir(folder, 0o755)
    real = os.path.join(folder, "look.py")
    os.rename(path, real)
    weak = folder if kind == "folder" else real
    os.chmod(weak, mode)
    return real, weak, out


def is_refused(hasup, sentence):
    """Waits until the instance runs without its script; status and check say why."""
    hasup.wait_state("MASTER")
    wait_for("the refusal", lambda: scripts(hasup).get("refused"), lambda count: count == 1, 3)
    assert sentence in scripts(hasup)["last_failure"]
    check = hasup.node.netns.run(binary("hasup"), "check", hasup.config, check=False)
    assert sentence in check.replace("\n", " "), check


def down_and_up(hasup):
    """The interface fails and comes back, so that the notify script is due again."""
    hasup.node.netns.ip("link", "set", "eth0", "down")
    hasup.wait_state("FAULT")
    hasup.node.netns.ip("link", "set", "eth0", "up")


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_script_that_others_may_write(lan, kind):
    """S5: root doesn't run it. Check, log and status name the part of the path; the instance runs all the same."""
    node = lan.node("a")
    real, weak, out = weakened(node, kind, 0o777)
    written = real
    if kind == "link":
        written = os.path.join(node.directory, "link.py")
        os.symlink(real, written)
    hasup = daemon(node, f'notify_master "{written}" root')
    sentence = f"{weak} (owner 0, mode 777) can be changed by users other than root"
    is_refused(hasup, sentence)
    assert sentence in hasup.log()
    assert "1 refused" in hasup.cli("status").stdout
    assert not os.path.exists(out)
    # Mended, it runs at once: what counts is the moment.
    os.chmod(weak, 0o755)
    down_and_up(hasup)
    seen(out)


@pytest.mark.parametrize("kind", ["folder", "sticky"])
def test_a_link_that_others_may_replace(lan, kind):
    """S5: a link in another user's folder, and another user's link in a folder that is open to all, lead root to a
    program that is root's own; it isn't run."""
    node = lan.node("a")
    nobody = pwd.getpwnam("nobody")
    folder = os.path.join(node.directory, "bob")
    os.mkdir(folder, 0o755)
    proof, link = os.path.join(folder, "proof"), os.path.join(folder, "notify.sh")
    evil = script(node, "bob/evil", f"id >{proof}\n", owner=nobody.pw_uid)
    os.symlink("/bin/sh", link)
    os.lchown(link, nobody.pw_uid, nobody.pw_gid)
    if kind == "folder":
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        sentence = f"{folder} (owner {nobody.pw_uid}, mode 755) can be changed by users other than root"
    else:
        os.chmod(folder, 0o1777)
        sentence = f"{link} (a link, owner {nobody.pw_uid}) can be changed by users other than root"
    hasup = daemon(node, f'notify_master "{link} {evil}" root')
    is_refused(hasup, sentence)
    assert not os.path.exists(proof)


def grant(path, uid):
    """`setfacl -m u:UID:rwx` on what has the mode 775 (linux/posix_acl_xattr.h)."""
    anyone = 0xffffffff
    entries = [(0x01, 7, anyone), (0x02, 7, uid), (0x04, 7, anyone), (0x10, 7, anyone), (0x20, 5, anyone)]
    text = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", text)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip(f"the file system of {path} has no access control lists")
        raise


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_script_that_a_list_opens(lan, kind):
    """S5: root's file, root's group, and an access control list that lets another user write."""
    node = lan.node("a")
    real, weak, out = weakened(node, kind, 0o775)
    grant(weak, pwd.getpwnam("nobody").pw_uid)
    hasup = daemon(node, f'notify_master "{real}" root')
    is_refused(hasup, f"{weak} (owner 0, mode 775 and an access control list) can be changed by users other than root")
    assert not os.path.exists(out)
    # Without the list it's a file of root and root's group.
    os.removexattr(weak, "system.posix_acl_access")
    os.chmod(weak, 0o775)
    down_and_up(hasup)
    seen(out)


def test_a_user_that_does_not_exist(lan):
    """S5: nothing runs as anybody else instead, and start and status say so."""
    node = lan.node("a")
    path, out = look(node)
    hasup = daemon(node, f'notify_master "{path}" hasup-none')
    hasup.wait_state("MASTER")
    wait_for("the refusal", lambda: scripts(hasup).get("refused"), lambda count: count == 1, 3)
    assert "there is no user 'hasup-none'" in hasup.log()
    assert "hasup-none" in scripts(hasup)["last_failure"]
    assert not os.path.exists(out)


def test_a_script_that_fails(lan):
    """A status other than 0 is told and counted, and so is a script that's gone."""
    node = lan.node("a")
    path = script(node, "fail.sh", "#!/bin/sh\nexit 7\n")
    gone = script(node, "gone.sh", "#!/bin/sh\n")
    hasup = daemon(node, f'notify_master "{path}"', f'notify_fault "{gone}"')
    hasup.wait_state("MASTER")
    wait_for("the failure", lambda: scripts(hasup).get("failed"), lambda count: count == 1, 3)
    assert "status 7" in scripts(hasup)["last_failure"], scripts(hasup)
    os.unlink(gone)
    node.netns.ip("link", "set", "eth0", "down")
    wait_for("the second one", lambda: scripts(hasup).get("refused"), lambda count: count == 1, 3)


def test_a_stop_script_does_not_hold_up_the_stop(lan):
    """Stop scripts get five seconds, and then SIGTERM (keepalived: one second, behaviours §4)."""
    node = lan.node("a")
    path = script(node, "slow.sh", "#!/bin/sh\nexec sleep 20\n")
    hasup = daemon(node, f'notify_stop "{path}"')
    hasup.wait_state("MASTER")
    status, seconds = hasup.stop()
    assert status == 0 and 4.9 < seconds < 6.9, (status, seconds)


def test_many_instances_at_once(lan):
    """A takeover of 200 instances is no storm of processes: at most 64 scripts run at once, and each has its turn."""
    count = 200
    node = lan.node("a")
    folder = os.path.join(node.directory, "many")
    os.mkdir(folder)
    path = script(node, "many.sh", f'#!/bin/sh\n: >"{folder}/on.$1"\nsleep 0.2\nmv "{folder}/on.$1" "{folder}/$1"\n')
    Hasup(node, conf.file(*[
        conf.instance(f"I{number}", vrid=number, version=3, advert=0.5, vips=[f"10.1.{number}.1/32"],
                      extra=[f'notify_master "{path} {number}"']) for number in range(1, count + 1)])).start()
    most = 0
    deadline = time.monotonic() + 30
    done = 0
    while done < count:
        assert time.monotonic() < deadline, sorted(os.listdir(folder))
        names = os.listdir(folder)
        done = len([name for name in names if not name.startswith("on.")])
        most = max(most, len(names) - done)
        time.sleep(0.01)
    assert 1 < most <= 64, most


@pytest.mark.skipif(not LONG, reason="takes 70 s: LONG=1")
def test_a_script_that_never_ends(lan):
    """It's told to end after a minute, ended five seconds later with all that it started, and the next one runs."""
    node = lan.node("a")
    path = script(node, "hang.sh", f"#!/bin/sh\ntrap '' TERM\necho $$ >{node.directory}/pid\nwhile :; do sleep 1; done\n")
    after, out = look(node)
    hasup = daemon(node, f'notify_master "{path}"', f'notify_fault "{after}"')
    wait_for("the script", lambda: os.path.exists(f"{node.directory}/pid"), bound=5)
    node.netns.ip("link", "set", "eth0", "down")
    hold_for("it waits", lambda: os.path.exists(out), lambda there: not there, 30, 1)
    wait_for("the next one", lambda: os.path.exists(out), bound=40, step=0.5)
    assert scripts(hasup)["timed_out"] == 1
    with open(f"{node.directory}/pid", encoding="ascii") as file:
        assert not os.path.exists(f"/proc/{file.read().strip()}")
