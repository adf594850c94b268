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
        self.ask(method, **parameters)
        return self.receive()

    def ask(self, method, **parameters):
        """One call, whose answers `receive` gives."""
        self.send(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")

    def receive(self):
        """The next object, or None at the end."""
        message = self.receive_bytes()
        return None if message is None else json.loads(message)

    def receive_bytes(self):
        """The next object as it came, or None at the end."""
        data = self.buffer
        while b"\0" not in data:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return message

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
