"""Who is told of services: the lines of FIFOs, and scripts."""

import os

from .services import VS
from .waiting import wait_for


def globals_of(*lines):
    """A block of global_defs."""
    return "\n".join(["global_defs {", "  script_user root", *(f"  {line}" for line in lines), "}", ""])


def line(state, port=None, vs=80):
    """A FIFO's line about a service, or about one of its servers (B10)."""
    name = f"[{VS}]:tcp:{vs}"
    return f"RS [127.0.0.1]:tcp:{port} {name} {state}" if port else f"VS {name} {state}"


class Told:
    """The bytes that a FIFO has brought."""

    def __init__(self, path):
        self.path, self.number, self.bytes = path, None, b""

    def lines(self):
        """All so far, as lines."""
        if self.number is None:
            self.number = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.bytes += os.read(self.number, 65536)
        except BlockingIOError:
            pass
        return self.bytes.decode().splitlines()

    def open(self):
        """Waits until it is there."""
        wait_for("the FIFO", lambda: os.path.exists(self.path))
        self.lines()
        return self


def noted(node, name, *words):
    """A script that writes down its words, as a keyword's value; the file's path is `noted` in the node's folder."""
    path = node.write("note.sh", f"#!/bin/sh\necho \"$@\" >> {node.directory}/noted\n")
    os.chmod(path, 0o755)
    return f'{name} "{path} {" ".join(words)}"'


def calls(node):
    """The scripts that were run, in order."""
    try:
        with open(os.path.join(node.directory, "noted"), encoding="ascii") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
