"""Servers at every address of a node that answer whatever a check asks: HTTP with and without TLS, SMTP, datagrams."""

import hashlib
import os
import re
import select
import socket
import ssl
import subprocess
import threading

from lab.servers import request

BODY = b"hello"
DIGEST = hashlib.md5(BODY).hexdigest()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + BODY
# Time in which a client speaks first; one that doesn't waits for a greeting.
PATIENCE = 0.3


def every_address_is_local(node):
    """The node itself is each address that a configuration may name."""
    # The kernel looks at both tables as one, where the longer prefix wins.
    node.netns.ip("route", "delete", "10.0.0.0/24", "dev", "eth0")
    node.netns.ip("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "local")
    node.netns.ip("-6", "route", "add", "local", "::/0", "dev", "lo", "table", "local")


def paced(text, verdict):
    """A configuration whose checks run each second and come to a verdict at once."""
    own = "delay_loop 1", "retry 0", "delay_before_retry 1", "connect_timeout 1", "warmup 0"
    keywords = "|".join([*(line.split()[0] for line in own), "nb_get_retry", "misc_timeout"])
    text = re.sub(rf"(?m)^\s*({keywords})\s+\S+.*$", "", text)
    lines = "".join(rf"\n {line}" for line in own)
    text = re.sub(r"(?m)^(\s*virtual_server\s[^{]*\{)", rf"\1{lines}", text)
    text = re.sub(r"(?m)^(\s*digest)\s+\w{32}", rf"\1 {DIGEST}", text)
    return re.sub(r'(?m)^(\s*misc_path)\s.*$', rf"\1 /bin/{'true' if verdict else 'false'}", text)


def ports(text):
    """All that a configuration's checks may connect to."""
    named = re.findall(r"(?m)^\s*(?:real_server\s+\S+|connect_port|sorry_server\s+\S+)\s+(\d+)", text)
    return sorted({25, 53} | {int(port) for port in named} - {0})


class Answers:
    """All of them, until `close`."""

    def __init__(self, node, wanted):
        key = os.path.join(node.directory, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        key, "-out", f"{key}.crt", "-days", "1", "-subj", "/CN=a"], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{key}.crt", key)
        self.sockets = []
        with node.netns.entered():
            for port in wanted:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    # It takes IPv4, too.
                    one = socket.socket(socket.AF_INET6, kind)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind(("::", port))
                    if kind == socket.SOCK_STREAM:
                        one.listen(64)
                    self.sockets.append(one)
        self.end, end = socket.socketpair()
        threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end):
        while True:
            ready, _, _ = select.select([*self.sockets, end], [], [])
            if end in ready:
                return
            for one in ready:
                if one.type == socket.SOCK_DGRAM:
                    asked, whom = one.recvfrom(4096)
                    # A name server's reply is the question with one bit more.
                    one.sendto(asked[:2] + bytes([asked[2] | 0x80]) + asked[3:] if len(asked) > 12 else asked, whom)
                else:
                    connection, _ = one.accept()
                    threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        try:
            with connection:
                connection.settimeout(5)
                if not select.select([connection], [], [], PATIENCE)[0]:
                    connection.sendall(b"220 a\r\n")
                    while (said := connection.recv(4096)):
                        connection.sendall(b"221 b\r\n" if said[:4].upper() == b"QUIT" else b"250 c\r\n")
                elif connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    with self.context.wrap_socket(connection, server_side=True) as secure:
                        self._reply(secure)
                else:
                    self._reply(connection)
        except OSError:
            pass

    def _reply(self, connection):
        if request(connection) is not None:
            connection.sendall(REPLY)

    def close(self):
        """Lets go of all ports."""
        self.end.close()
        for one in self.sockets:
            one.close()
