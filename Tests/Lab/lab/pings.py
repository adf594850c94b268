"""A client that pings an address each millisecond, and what it missed."""

import re
import signal
import subprocess
import time

from .waiting import wait_for

REPLY = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)", re.M)
# What is still on its way when the pings end isn't lost.
LAST = 20


class Pings:
    """ping(8) on a node, a thousand times a second, until `end`."""

    def __init__(self, node, address):
        self.node, self.address = node, address
        # The neighbour is known before it counts.
        node.netns.run("ping", "-n", "-c", "1", "-W", "1", address, check=False)
        self.path = node.write(f"pings-{time.monotonic_ns()}", "")
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(
                node.netns.command("ping", "-n", "-D", "-i", "0.001", address), stdout=out, stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL)
        wait_for(f"answers of {address}", self.replies, lambda replies: len(replies) > 50)

    def replies(self):
        """[(time, number)] of what has come."""
        with open(self.path, encoding="ascii", errors="replace") as file:
            return [(float(moment), int(number)) for moment, number in REPLY.findall(file.read())]

    def end(self):
        """Ends it. Returns (pings without an answer, longest time between two answers)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(5)
        replies = self.replies()
        numbers = {number for _, number in replies}
        last = max(numbers) - LAST
        missing = [number for number in range(min(numbers), last) if number not in numbers]
        times = sorted(moment for moment, _ in replies)
        return len(missing), max(later - earlier for earlier, later in zip(times, times[1:]))
