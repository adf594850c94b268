"""Web servers behind a director, and a client in another network: what NAT by IPVS needs. For a kernel that has IPVS."""

import socket
import threading
import time

from .waiting import wait_for

ADDRESS = "10.50.0.100"
# The network of the client, beside the one that all nodes share.
INSIDE, OUTSIDE = "10.0.0.254", "10.50.0.254"
NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen {address}:80; location / {{ return 200 "{name}\\n"; }} }}
}}
"""


class Web:
    """nginx on a node of its own; its pages are its name."""

    def __init__(self, lan, name, number):
        self.name, self.node = name, lan.node(name, number)
        self.address = self.node.ip4
        self.node.netns.ip("route", "add", "default", "via", INSIDE)
        self.path = self.node.write("nginx.conf", NGINX.format(folder=self.node.directory, address=self.address, name=name))
        self.program = None

    def start(self):
        """Starts it, and waits until it takes connections."""
        self.program = self.node.spawn(["nginx", "-c", self.path, "-p", self.node.directory], "nginx")
        wait_for(f"{self.name} to listen", self._get, bound=10)
        return self

    def _get(self):
        try:
            return fetch(self.node, self.address)
        except OSError:
            return None

    def kill(self):
        """kill -9."""
        self.program.process.kill()
        self.program.wait(5)


class Site:
    """A director with two web servers and a third one for apologies, and a client."""

    def __init__(self, lan):
        self.director = lan.node("director", 250)
        netns = self.director.netns
        netns.ip("address", "add", f"{INSIDE}/24", "dev", "eth0")
        netns.ip("address", "add", f"{OUTSIDE}/24", "dev", "eth0")
        netns.ip("address", "add", f"{ADDRESS}/32", "dev", "eth0")
        netns.sysctl("net.ipv4.ip_forward", 1)
        # All is on one link here, where the kernel would show clients the shorter way.
        for name in ("all", "eth0"):
            netns.sysctl(f"net.ipv4.conf.{name}.send_redirects", 0)
        self.servers = [Web(lan, "first", 11).start(), Web(lan, "second", 12).start()]
        self.sorry = Web(lan, "sorry", 99).start()
        self.client = lan.node("client", 9)
        self.client.netns.ip("address", "flush", "dev", "eth0", "scope", "global")
        self.client.netns.ip("address", "add", "10.50.0.9/24", "dev", "eth0")

    def config(self, delay_loop=1):
        """The director's keepalived.conf."""
        check = "        TCP_CHECK {\n            connect_timeout 1\n            retry 0\n        }\n"
        servers = "".join(f"    real_server {server.address} 80 {{\n        weight 1\n{check}    }}\n" for server in self.servers)
        return (f"virtual_server {ADDRESS} 80 {{\n    delay_loop {delay_loop}\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n"
                f"    sorry_server {self.sorry.address} 80\n{servers}}}\n")


def fetch(node, address, timeout=3.0):
    """The page of a web server, as seen from a node. - Raises: OSError."""
    with node.netns.entered():
        connection = socket.socket()
    with connection:
        connection.settimeout(timeout)
        connection.connect((address, 80))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        reply = b""
        while (piece := connection.recv(4096)):
            reply += piece
    if not reply.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"a reply of {len(reply)} bytes")
    return reply.decode().rsplit("\n", 2)[-2].strip()


class Visitor:
    """A client that fetches a page again and again, each time with a new connection."""

    def __init__(self, node, address=ADDRESS, pause=0.02):
        self.node, self.address, self.pause = node, address, pause
        # (time at which it was asked for, the page; None for an error)
        self.visits = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(self.pause):
            begin = time.monotonic()
            try:
                page = fetch(self.node, self.address)
            except OSError:
                page = None
            self.visits.append((begin, page))

    def since(self, moment):
        """Pages that were asked for after a moment; None for an error."""
        return [page for begin, page in self.visits if begin > moment]

    def end(self):
        """Waits for the last page."""
        self.ending.set()
        self.thread.join(10)

