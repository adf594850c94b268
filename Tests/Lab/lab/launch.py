"""Commands that start a program with fewer rights, or with an installed tree in its place."""

import os
import subprocess

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


def install(folder, prefix="/usr", init="systemd"):
    """`make install` of the built programs below a folder; returns the folder."""
    done = subprocess.run([os.path.join(ROOT, "packaging", "install")], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, cwd=ROOT,
                          env={**os.environ, "DESTDIR": folder, "PREFIX": prefix, "INIT": init, "HASUP_BUILD": BUILT})
    assert done.returncode == 0, done.stderr
    return folder
