"""Network namespaces and a LAN made of a bridge and veth pairs, all with names of their own."""

import contextlib
import ctypes
import json
import os
import re
import subprocess
import tempfile

from .program import Program, end_processes
from .waiting import wait_for

CLONE_NEWNET = 0x40000000
PREFIX = f"hs{os.getpid()}"
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, timeout=20, **options):
    """Runs a command to its end and returns its standard output; a failure shows what it said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def remove_leftovers():
    """Deletes namespaces of lab runs that no longer live."""
    for line in run("ip", "netns", "list", check=False).splitlines():
        name = line.split()[0] if line.split() else ""
        match = re.fullmatch(r"hs(\d+)-.*", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            run("ip", "netns", "delete", name, check=False)


class Namespace:
    """One named network namespace with loopback up."""

    def __init__(self, name):
        self.name = f"{PREFIX}-{name}"
        self.path = f"/run/netns/{self.name}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def command(self, *command):
        """The command line that runs `command` inside; it replaces itself, so the pid is the program's."""
        return ["nsenter", f"--net={self.path}", "--", *command]

    def run(self, *command, **options):
        """Runs a command inside to its end."""
        return run(*self.command(*command), **options)

    def ip(self, *arguments, check=True):
        """iproute2 in this namespace."""
        return run("ip", "-n", self.name, *arguments, check=check)

    def ip_json(self, *arguments):
        """iproute2's JSON answer in this namespace."""
        return json.loads(run("ip", "-n", self.name, "-j", *arguments, check=False) or "[]")

    def sysctl(self, key, value):
        """Sets one sysctl of this namespace."""
        with self.entered(), open(f"/proc/sys/{key.replace('.', '/')}", "w", encoding="ascii") as file:
            file.write(str(value))

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside during the block: sockets made there stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def pids(self):
        """Processes that live in this namespace."""
        return [int(pid) for pid in run("ip", "netns", "pids", self.name, check=False).split()]

    def delete(self):
        """Ends what is left inside and removes the namespace."""
        end_processes(self.pids())
        run("ip", "netns", "delete", self.name, check=False)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Node:
    """A machine on the LAN: its namespace, its eth0, the programs started on it."""

    def __init__(self, lan, name, number):
        self.lan, self.name, self.number = lan, name, number
        self.netns = Namespace(name)
        self.port = f"p-{name}"
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.ip4, self.ip6, self.link_local = f"10.0.0.{number}", f"fd00::{number:x}", f"fe80::{number:x}"
        self.directory = os.path.join(lan.directory, name)
        os.mkdir(self.directory, 0o755)
        self.programs = []
        self.netns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.netns.sysctl("net.ipv6.conf.default.router_solicitations", 0)
        self.plug("eth0", self.port)

    def plug(self, interface, port, address=True):
        """Makes one veth pair between this node and the bridge, with this node's addresses on it."""
        lan = self.lan.netns
        lan.ip("link", "add", port, "type", "veth", "peer", "name", interface, "netns", self.netns.name)
        lan.ip("link", "set", port, "master", "br0", "up")
        self.netns.ip("link", "set", interface, "addrgenmode", "none")
        if interface == "eth0":
            self.netns.ip("link", "set", interface, "address", self.mac)
        self.netns.ip("link", "set", interface, "up")
        if address:
            self.address(interface)

    def address(self, interface="eth0"):
        """Gives the interface this node's addresses."""
        self.netns.ip("address", "add", f"{self.ip4}/24", "brd", "+", "dev", interface)
        self.netns.ip("address", "add", f"{self.ip6}/64", "dev", interface, "nodad")
        self.netns.ip("address", "add", f"{self.link_local}/64", "dev", interface, "nodad")

    def spawn(self, command, name, private_run=False, **options):
        """Starts a program in this namespace, if wanted with an empty /run of its own; its output goes to a log file."""
        if private_run:
            command = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh", *command]
        program = Program(self.netns.command(*command), os.path.join(self.directory, f"{name}.log"), **options)
        self.programs.append(program)
        return program

    def write(self, name, content):
        """Writes a file of this node and returns its path."""
        path = os.path.join(self.directory, name)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)
        os.chmod(path, 0o644)
        return path

    def addresses(self, interface=None):
        """All addresses configured here (as text, without prefix length)."""
        selection = ("dev", interface) if interface else ()
        links = self.netns.ip_json("address", "show", *selection)
        return {info["local"] for link in links for info in link.get("addr_info", []) if "local" in info}

    def address_info(self, address):
        """What the kernel says about one address, or None."""
        for link in self.netns.ip_json("address", "show"):
            for info in link.get("addr_info", []):
                if info.get("local") == address:
                    return {**info, "dev": link["ifname"]}
        return None

    def holds(self, address):
        """Whether the address is configured here."""
        return address in self.addresses()

    def kill_everything(self):
        """kill -9 of all that runs here, youngest first: no child lives to see its parent's end."""
        end_processes(sorted(self.netns.pids(), reverse=True))
        left = self.netns.pids()
        if left:
            end_processes(left)

    def close(self):
        """Ends the programs and removes the namespace."""
        for program in self.programs:
            program.close()
        self.netns.delete()


class Lan:
    """A bridge in a namespace of its own; nodes are plugged into its ports."""

    def __init__(self, name="lan"):
        remove_leftovers()
        self.directory = tempfile.mkdtemp(prefix=f"{PREFIX}-")
        os.chmod(self.directory, 0o755)
        self.netns = Namespace(name)
        self.nodes = {}
        self.netns.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "stp_state", "0",
                      "forward_delay", "0")
        self.netns.ip("link", "set", "br0", "addrgenmode", "none", "up")

    def node(self, name, number=None):
        """Plugs in a new node."""
        node = Node(self, name, number or len(self.nodes) + 1)
        self.nodes[name] = node
        wait_for(f"carrier on {node.port}", lambda: self.port_state(node.port), lambda state: state == "forwarding")
        return node

    def port_state(self, port):
        """The bridge's view of a port."""
        details = self.netns.ip_json("-d", "link", "show", port)
        return details[0].get("linkinfo", {}).get("info_slave_data", {}).get("state") if details else None

    def link(self, node, up):
        """Pulls or puts back a node's cable: the port goes down and the node loses carrier."""
        self.netns.ip("link", "set", node.port, "up" if up else "down")

    def drop(self, *rules):
        """Drops frames that match one of the rules in the bridge; without rules everything passes again.

        A rule is nft text such as `iifname "p-a"` or `oifname "p-b" ip protocol 112`.
        """
        run(*self.netns.command("nft", "delete", "table", "bridge", "lab"), check=False)
        if not rules:
            return
        lines = "\n".join(f"{rule} drop" for rule in rules)
        text = f"table bridge lab {{\nchain forward {{\ntype filter hook forward priority 0;\n{lines}\n}}\n}}\n"
        done = subprocess.run(self.netns.command("nft", "-f", "-"), input=text, text=True, capture_output=True,
                              timeout=10)
        assert done.returncode == 0, done.stderr

    def cut(self, node):
        """Drops all frames from and to a node while its link stays up."""
        self.drop(f'iifname "{node.port}"', f'oifname "{node.port}"')

    def deafen(self, node):
        """Drops VRRP on its way to a node."""
        self.drop(f'oifname "{node.port}" ip protocol 112', f'oifname "{node.port}" ip6 nexthdr 112')

    def heal(self):
        """Everything passes again."""
        self.drop()

    def holders(self, address):
        """Names of the nodes on which the address is configured."""
        return sorted(name for name, node in self.nodes.items() if node.holds(address))

    def wait_holder(self, address, name, bound=6.0):
        """Waits until exactly this node has the address."""
        return wait_for(f"{address} only on {name}", lambda: self.holders(address), lambda seen: seen == [name], bound)

    def close(self):
        """Removes everything that this LAN made."""
        for node in self.nodes.values():
            node.close()
        self.netns.delete()
        subprocess.run(["rm", "-rf", self.directory], check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
