"""What `make demo` runs, as a newcomer sees it."""

import os
import subprocess
import time

import pytest
from lab.hasup import ROOT


@pytest.mark.parametrize("layout", ["pair", "dual-master"])
def test_demo(layout):
    """It shows the takeover and ends well, in less than 40 s, with nothing left behind."""
    begin = time.monotonic()
    done = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "demo", "demo.py"), layout],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - begin < 40
    assert "took over" in done.stdout and done.stdout.count("nothing happened") == 2
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "-demo" not in left


def test_demo_of_maintenance():
    """A service dies, and an operator empties its node."""
    done = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "demo", "demo.py"), "maintenance"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10.0.0.2 is MASTER after" in done.stdout and "MASTER after" in done.stdout.split("and back")[1]
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_demo_of_virtual_servers():
    """Two web servers die one after the other, and no client has an error after the verdict."""
    done = subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "demo", "demo.py"), "lvs"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("errors: 0") == 4 and "50 by sorry" in done.stdout, done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 110


def test_demo_needs_no_root():
    """In a user namespace of nobody it works as well."""
    probe = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-Urnm", "true"],
                           capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("user namespaces are not allowed here")
    if not os.access(ROOT, os.R_OK | os.X_OK) or _hidden(ROOT):
        pytest.skip("the source tree is not readable for other users")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3",
                           os.path.join(ROOT, "demo", "demo.py"), "pair"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr


def _hidden(path):
    """Whether some folder above is closed for other users."""
    while path != "/":
        if not os.stat(path).st_mode & 0o005 == 0o005:
            return True
        path = os.path.dirname(path)
    return False
