"""Commands that start a program with fewer rights, or with an installed tree in its place."""

import errno
import fcntl
import os
import platform
import struct
import subprocess
import sys

from .hasup import BUILT, ROOT

USER = 4711


def words(capabilities):
    """`-all,+net_admin,+net_raw` as setpriv(1) wants it."""
    return ",".join(["-all", *(f"+{name}" for name in capabilities)])


def ordinary(capabilities, user=USER, group=USER):
    """As an ordinary user with these ambient capabilities, as a service manager gives them."""
    given = words(capabilities)
    return ["setpriv", "--reuid", str(user), "--regid", str(group), "--clear-groups", "--inh-caps", given,
            "--ambient-caps", given, "--bounding-set", given]


def container(capabilities):
    """As uid 0 with these capabilities in the bounding set and no way to more, as Kubernetes starts a container."""
    return ["setpriv", "--inh-caps", "-all", "--bounding-set", words(capabilities), "--no-new-privs"]


def without(*capabilities):
    """As root, but for these capabilities."""
    return ["setpriv", "--bounding-set", ",".join(f"-{name}" for name in capabilities)]


def install(folder, prefix="/usr", init="systemd"):
    """`make install` of the built programs below a folder; returns the folder."""
    done = subprocess.run([os.path.join(ROOT, "packaging", "install")], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=ROOT,
                          env={**os.environ, "DESTDIR": folder, "PREFIX": prefix, "INIT": init, "HASUP_BUILD": BUILT})
    assert done.returncode == 0, done.stderr
    return folder


def few_descriptors(soft, hard=None):
    """With this limit of open files."""
    return ["prlimit", f"--nofile={soft}:{soft if hard is None else hard}"]


def hard_to_kill(score):
    """With this oom_score_adj (proc(5)): below 0 the kernel rather ends others when memory runs out."""
    return ["sh", "-c", 'echo "$0" >/proc/self/oom_score_adj && exec "$@"', str(score)]


# Loads a filter (seccomp(2)) from its lines in hexadecimal; then the command.
FILTERED = """
import ctypes, os, sys
lines = bytes.fromhex(sys.argv[1])
code = ctypes.create_string_buffer(lines)
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("lines", ctypes.c_void_p)]
head = Program(len(lines) // 8, ctypes.addressof(code))
if ctypes.CDLL(None, use_errno=True).prctl(22, 2, ctypes.byref(head), 0, 0) != 0:
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[2], sys.argv[2:])
"""
LOAD_NUMBER, LOAD_SECOND = (0x20, 0, 0, 0), (0x20, 0, 0, 24)
ALLOW = (0x06, 0, 0, 0x7fff0000)


def refuse(code):
    """The line that ends a call with this error."""
    return (0x06, 0, 0, 0x00050000 | code)


def filtered(*lines):
    """Under a filter of these lines."""
    return [sys.executable, "-c", FILTERED, b"".join(struct.pack("=HBBI", *line) for line in lines).hex()]


def unfilterable(only_flagged=False):
    """On what looks like a kernel without seccomp filters (further ones end with EINVAL); or, with a flag only, like
    one that says it has them."""
    number = {"x86_64": 317, "aarch64": 277}[platform.machine()]
    if not only_flagged:
        return filtered(LOAD_NUMBER, (0x15, 0, 1, number), refuse(errno.EINVAL), ALLOW)
    return filtered(LOAD_NUMBER, (0x15, 0, 3, number), LOAD_SECOND, (0x45, 0, 1, 1), refuse(errno.EINVAL), ALLOW)


def unlockable():
    """Where the kernel has no room for a process's locks: fcntl(F_SETLK) ends with ENOLCK."""
    number = {"x86_64": 72, "aarch64": 25}[platform.machine()]
    return filtered(LOAD_NUMBER, (0x15, 0, 3, number), LOAD_SECOND, (0x15, 0, 1, fcntl.F_SETLK), refuse(errno.ENOLCK),
                    ALLOW)


# Mounts a layer with /etc/ld.so.preload over /etc, so that what the daemon starts has the library, too; then the command.
PRELOADED = 'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$@"'


def unmarked(node):
    """On what looks like a kernel before 5.18: it keeps no mark of who has added an address."""
    return preloaded(node, "unmarked")


def unremoved(node):
    """On what looks like a kernel that refuses to remove addresses."""
    return preloaded(node, "unremoved")


def preloaded(node, name):
    """With a library between the program and the kernel: NAME.c beside this file."""
    layer = os.path.join(node.directory, name)
    library = os.path.join(layer, f"{name}.so")
    os.mkdir(layer, 0o755)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
    done = subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(layer, "ld.so.preload"), "w", encoding="ascii") as file:
        file.write(f"{library}\n")
    return ["/usr/bin/unshare", "--mount", "sh", "-c", PRELOADED, layer]
