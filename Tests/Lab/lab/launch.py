"""Commands that start a program with fewer rights, or with an installed tree in its place."""

import os
import platform
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


# A filter (seccomp(2)) that refuses further ones with EINVAL, as a kernel does that knows none; then the command.
UNFILTERABLE = """
import ctypes, os, struct, sys
number, only_flagged = int(sys.argv[1]), sys.argv[2] == "1"
load_number, load_flags = (0x20, 0, 0, 0), (0x20, 0, 0, 24)
refuse, allow = (0x06, 0, 0, 0x00050016), (0x06, 0, 0, 0x7fff0000)
program = ([load_number, (0x15, 0, 3, number), load_flags, (0x45, 0, 1, 1), refuse, allow] if only_flagged
           else [load_number, (0x15, 0, 1, number), refuse, allow])
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
head = struct.pack("@HP", len(program), ctypes.addressof(code))
if ctypes.CDLL(None, use_errno=True).prctl(22, 2, ctypes.c_char_p(head), 0, 0) != 0:
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[3], sys.argv[3:])
"""


def unfilterable(only_flagged=False):
    """On what looks like a kernel without seccomp filters; or, with a flag only, like one that says it has them."""
    number = {"x86_64": 317, "aarch64": 277}[platform.machine()]
    return [sys.executable, "-c", UNFILTERABLE, str(number), "1" if only_flagged else "0"]
