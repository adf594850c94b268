"""The Varlink wire protocol by hand: to be slow, torn and rude on the control socket."""

import json
import socket


class Wire:
    """One connection to the control socket."""

    def __init__(self, path, timeout=5.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def send(self, data):
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def call(self, method, **parameters):
        """One call and its first answer."""
        self.send(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")
        return self.receive()

    def receive(self):
        """The next object, or None at the end."""
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def ended(self):
        """Whether the other side closes the connection within the timeout."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def close(self):
        """Closes the connection."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
