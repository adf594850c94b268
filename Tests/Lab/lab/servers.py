"""Real servers that checks look at, each a thread of the test within a network namespace."""

import socket
import threading
import time


class Server:
    """A TCP server that answers each connection with `reply(connection, request)`, and can die and come back."""

    def __init__(self, node, port, reply=None, address="127.0.0.1"):
        self.node, self.port, self.address = node, port, address
        self.reply = reply or (lambda connection, request: None)
        self.listener = None
        self.accepted = 0

    def start(self):
        with self.node.netns.entered():
            listener = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.address, self.port))
        listener.listen(128)
        self.listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return self

    def _serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            try:
                connection.settimeout(30)
                self.reply(connection, b"")
            except OSError:
                pass

    def stop(self):
        if self.listener is not None:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None


def request(connection):
    """An HTTP request up to its empty line; None when the client ends before."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        piece = connection.recv(4096)
        if not piece:
            return None
        asked += piece
    return asked


def http(status="200 OK", body=b"hello", headers=(), keeps_open=False, before=0.0):
    """A reply function of an HTTP server."""
    def reply(connection, _):
        if request(connection) is None:
            return
        time.sleep(before)
        head = [f"HTTP/1.1 {status}", *headers]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        while keeps_open and connection.recv(4096):
            pass
    return reply


def recording(notes, status=lambda: "200 OK"):
    """A reply function of an HTTP server that notes (time, the client's address and port, request) of each connection."""
    def reply(connection, _):
        began, peer = time.monotonic(), connection.getpeername()
        asked = request(connection)
        if asked is None:
            return
        notes.append((began, peer, asked.decode()))
        connection.sendall(f"HTTP/1.1 {status()}\r\n\r\nhello".encode())
    return reply


def smtp(connection, _):
    """A mail server that answers in several lines."""
    for said in (b"220-a\r\n220 b\r\n", b"250-c\r\n250 d\r\n", b"221 e\r\n"):
        connection.sendall(said)
        connection.recv(4096)


def silent(connection, _):
    """Accepts, and says nothing."""
    while connection.recv(4096):
        pass


def dribbling(connection, _):
    """A header that comes byte by byte, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.3)
