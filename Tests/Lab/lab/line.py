"""Two serial lines that are one: pseudo-terminals, with what comes out of one going into the other."""

import fcntl
import os
import pty
import select
import termios
import threading
import tty


class Line:
    """The device files are at `paths`; between them runs whatever `stop` and `noise` say."""

    def __init__(self, folder):
        self.paths = [os.path.join(folder, f"line{end}") for end in (0, 1)]
        self.masters, self._slaves = [-1, -1], [-1, -1]
        self.passed = [0, 0]
        self._stopped = [False, False]
        self._lock = threading.Lock()
        self._ended = False
        for end in (0, 1):
            self._open(end)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self, end):
        self.masters[end], slave = pty.openpty()
        os.set_blocking(self.masters[end], False)
        tty.setraw(slave)
        # Kept open, so that the end of a daemon isn't a hang-up for the line.
        self._slaves[end] = slave
        if os.path.islink(self.paths[end]):
            os.unlink(self.paths[end])
        os.symlink(os.ttyname(slave), self.paths[end])

    def _run(self):
        while not self._ended:
            with self._lock:
                # What the last close of a real line does.
                for slave in self._slaves:
                    if slave >= 0:
                        fcntl.ioctl(slave, termios.TIOCNXCL)
                masters = [fd for end, fd in enumerate(self.masters) if fd >= 0 and not self._stopped[end]]
            for fd in select.select(masters, [], [], 0.02)[0]:
                with self._lock:
                    if fd not in self.masters:
                        continue
                    end = self.masters.index(fd)
                    try:
                        data = os.read(fd, 4096)
                        self.passed[end] += len(data)
                        if self.masters[1 - end] >= 0:
                            os.write(self.masters[1 - end], data)
                    except OSError:
                        continue

    def stop(self, end, stopped=True):
        """Nobody reads what this end writes."""
        with self._lock:
            self._stopped[end] = stopped

    def noise(self, end, count, seed=b"\xa5\x00\x17\xff\x00\x00\x80"):
        """Puts so many bytes into this end, as fast as it takes them."""
        data = (seed * (count // len(seed) + 1))[:count]
        while data:
            with self._lock:
                try:
                    data = data[os.write(self.masters[end], data[:4096]):]
                    continue
                except BlockingIOError:
                    pass
            select.select([], [self.masters[end]], [], 0.05)

    def hang_up(self, end):
        """The line is pulled out of this end."""
        with self._lock:
            os.close(self.masters[end])
            os.close(self._slaves[end])
            self.masters[end] = self._slaves[end] = -1

    def come_back(self, end):
        """It is there again, as another device of the same name."""
        with self._lock:
            self._open(end)

    def close(self):
        """Takes it away."""
        self._ended = True
        self._thread.join()
        for fd in self.masters + self._slaves:
            if fd >= 0:
                os.close(fd)
