"""Configurations with checks, and the table that hasupd makes of them (`--ipvs-record`)."""

import os

from .hasup import Hasup
from .waiting import wait_for

VS = "10.99.0.1"


def check(kind, *lines, timeout=1, retry=0):
    """A check's block."""
    return "\n".join([f"    {kind} {{", f"      connect_timeout {timeout}", f"      retry {retry}",
                      *(f"      {line}" for line in lines), "    }"])


def tcp(*lines, **options):
    """A TCP_CHECK's block."""
    return check("TCP_CHECK", *lines, **options)


def http_get(*lines, path="/", extra=(), **options):
    """An HTTP_GET with one url block of these lines, and lines beside it."""
    return check("HTTP_GET", *extra, "url {", f"  path {path}", *(f"  {line}" for line in lines), "}", **options)


def real(port, *blocks, weight=1, extra=()):
    """A real server on this machine."""
    return "\n".join([f"  real_server 127.0.0.1 {port} {{", f"    weight {weight}", *(f"    {line}" for line in extra),
                      *blocks, "  }"])


def service(*servers, extra=(), port=80, delay=0.5):
    """The virtual server."""
    return "\n".join([f"virtual_server {VS} {port} {{", f"  delay_loop {delay:g}", "  lb_algo rr", "  lb_kind NAT",
                      "  protocol TCP", *(f"  {line}" for line in extra), *servers, "}", ""])


class Table:
    """The record of hasupd's requests, as the table that they make."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        """All requests, in words."""
        try:
            with open(self.path, encoding="ascii") as file:
                return [line.split() for line in file]
        except FileNotFoundError:
            return []

    def servers(self, port=80):
        """Weights by port of the real server."""
        table = {}
        for _, kind, vs, *rest in self.lines():
            if not vs.endswith(f":{port}"):
                continue
            if kind == "delvs":
                table = {}
            elif kind in ("addrs", "setrs"):
                table[int(rest[0].rsplit(":", 1)[1])] = int(rest[1])
            elif kind == "delrs":
                table.pop(int(rest[0].rsplit(":", 1)[1]), None)
        return table


def wait_table(table, wanted, bound=5.0, port=80):
    """Waits until the servers behind this port have these weights."""
    return wait_for(f"the table {wanted}", lambda: table.servers(port), lambda seen: seen == wanted, bound)


def start(node, config, *arguments):
    """Starts hasupd with a configuration; returns it and its table."""
    table = Table(os.path.join(node.directory, "table"))
    return Hasup(node, config).start("--ipvs-record", table.path, *arguments), table
