"""What an operator sees of a daemon's FIFOs: a reader outside, a reader that the daemon starts, and calls of scripts."""

import os
import stat

from .program import alive
from .waiting import wait_for

# Reads lines until the end of the file. What it says of itself begins with `reader`.
READER = """#!/bin/sh
echo "reader begin $$" >>FOLDER/read
while read -r line; do
    echo "$line" >>FOLDER/read
    [ -e FOLDER/slow ] && sleep "$(cat FOLDER/slow)"
    [ -e FOLDER/leave ] && exit 3
done <"$1"
echo "reader end $$" >>FOLDER/read
"""
# Says with which arguments it was called.
NOTED = '#!/bin/sh\necho "$*" >>FOLDER/noted\n'


def lines_of(path):
    """The whole lines of a file; none when it isn't there."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split("\n")[:-1]
    except OSError:
        return []


class Outside:
    """A reader that the daemon doesn't know. It follows the path when there is another FIFO, as after a reload of
    keepalived's."""

    def __init__(self, path):
        self.path, self.number, self.inode, self.lines, self.rest, self.ends = path, None, None, [], b"", 0

    def _open(self):
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        if stat.S_ISFIFO(found.st_mode) and found.st_ino != self.inode:
            self._read()
            if self.number is not None:
                os.close(self.number)
            self.number, self.inode = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK), found.st_ino

    def _read(self):
        while self.number is not None:
            try:
                data = os.read(self.number, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.ends += 1
                return
            *whole, self.rest = (self.rest + data).split(b"\n")
            self.lines += [line.decode() for line in whole]

    def open(self, bound=3):
        """Waits for the FIFO and opens it."""
        wait_for(f"the FIFO {self.path}", lambda: (self._open(), self.number)[1], lambda seen: seen is not None, bound)
        return self

    def all(self):
        """All lines so far."""
        self._read()
        self._open()
        self._read()
        return list(self.lines)

    def close(self):
        """Lets go of it."""
        if self.number is not None:
            os.close(self.number)
            self.number = None


class Ears:
    """Where a node's events are told: a FIFO and a script, each with what came of it."""

    def __init__(self, node):
        self.node = node
        self.path = os.path.join(node.directory, "events")
        self.outside = Outside(self.path)
        self.reader_script = self.script("reader.sh", READER)
        self.noted_script = self.script("noted.sh", NOTED)

    def script(self, name, text):
        """An executable file of the node's."""
        path = self.node.write(name, text.replace("FOLDER", self.node.directory))
        os.chmod(path, 0o755)
        return path

    def settings(self, reader=True, keyword="vrrp_notify_fifo", owner=""):
        """Lines of global_defs."""
        lines = ["script_user root", f"{keyword} {self.path} {owner}".strip()]
        return lines + ([f'{keyword}_script "{self.reader_script}"'] if reader else [])

    def _file(self, name):
        return os.path.join(self.node.directory, name)

    def read(self):
        """What the daemon's reader has read, without what it said of itself."""
        return [line for line in lines_of(self._file("read")) if not line.startswith("reader ")]

    def readers(self):
        """Pids of the readers that have begun."""
        return [int(line.split()[2]) for line in lines_of(self._file("read")) if line.startswith("reader begin")]

    def reader(self, bound=4):
        """The pid of the one that reads now."""
        return wait_for("a reader", lambda: [pid for pid in self.readers() if alive(pid)], lambda seen: len(seen) == 1,
                        bound)[0]

    def since_reader(self, number=-1):
        """What one reader has read: the last one, if no other is named."""
        begins = [place for place, line in enumerate(lines_of(self._file("read"))) if line.startswith("reader begin")]
        lines = lines_of(self._file("read"))[begins[number] + 1:]
        return [line for line in lines if not line.startswith("reader ")]

    def noted(self):
        """Calls of the script."""
        return lines_of(self._file("noted"))

    def say(self, name, text=""):
        """Tells the reader something by a file: `slow` or `leave`."""
        self.node.write(name, text)

    def unsay(self, name):
        """Takes it back."""
        os.unlink(self._file(name))

    def wait_read(self, *last, bound=6):
        """Waits until these are the last lines that the daemon's reader has read."""
        return wait_for(f"{last} read", self.read, lambda seen: seen[-len(last):] == list(last), bound)
