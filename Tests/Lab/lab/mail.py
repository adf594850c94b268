"""Mail servers on a node: aiosmtpd with TLS and AUTH, and ones that accept and never answer."""

import os
import socket
import ssl
import subprocess
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "hasup", "open sesame"


def authority(folder):
    """A self-signed certificate for mail.example.org and 10.0.0.25: (certificate, key)."""
    certificate, key = os.path.join(folder, "ca.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days",
                    "2", "-subj", "/CN=mail.example.org", "-addext", "subjectAltName=DNS:mail.example.org,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return certificate, key


class Mailbox:
    """What has arrived: envelopes with sender, recipients and text, and how."""

    def __init__(self, refusals=()):
        self.mails, self.greetings, self.logins = [], [], []
        # Answers to the next attempts instead of taking the mail.
        self.refusals = list(refusals)

    async def handle_EHLO(self, server, session, _envelope, hostname, responses):
        """The client's name."""
        session.host_name = hostname
        self.greetings.append((hostname, server.transport.get_extra_info("ssl_object") is not None))
        return responses

    async def handle_DATA(self, _server, _session, envelope):
        """A mail."""
        if self.refusals:
            return self.refusals.pop(0)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"

    def subjects(self):
        """Subjects, in order."""
        return [line[9:] for _, _, text in self.mails for line in text.split("\r\n") if line.startswith("Subject: ")]


class Server:
    """A mail server on 127.0.0.1 of a node."""

    def __init__(self, node, port=2525, *, tls=None, starttls=None, login=False, refusals=()):
        self.mailbox = Mailbox(refusals)
        options = {}
        if starttls:
            options |= {"tls_context": self.context(starttls), "require_starttls": True}
        if login:
            options |= {"authenticator": self.check, "auth_required": True, "auth_require_tls": bool(starttls or tls) and not tls}
        with node.netns.entered():
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
        mailbox = self.mailbox

        class Listening(Controller):
            """On the socket of the node's namespace."""

            def _create_server(self):
                return self.loop.create_server(self._factory_invoker, sock=listener, ssl=self.ssl_context)

            def _trigger_server(self):
                with node.netns.entered(), socket.create_connection(("127.0.0.1", port), 5) as trigger:
                    if self.ssl_context:
                        wrapped = ssl.create_default_context()
                        wrapped.check_hostname, wrapped.verify_mode = False, ssl.CERT_NONE
                        with wrapped.wrap_socket(trigger):
                            pass

            def factory(self):
                return SMTP(mailbox, **options)
        self.controller = Listening(mailbox, hostname="127.0.0.1", port=port, ssl_context=self.context(tls) if tls else None)
        self.controller.start()

    @staticmethod
    def context(files):
        """TLS with this certificate and key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        return context

    def check(self, _server, _session, _envelope, _mechanism, data):
        """One user with one password."""
        assert isinstance(data, LoginPassword)
        self.mailbox.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.mailbox.logins[-1] == (USER, PASSWORD), handled=False)

    def close(self):
        """Ends it."""
        self.controller.stop()

    def __enter__(self):
        return self.mailbox

    def __exit__(self, *_):
        self.close()


class BlackHole:
    """Accepts connections, or takes datagrams, and never answers."""

    def __init__(self, node, port, kind=socket.SOCK_STREAM, address="127.0.0.1"):
        with node.netns.entered():
            self.socket = socket.socket(socket.AF_INET, kind)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, port))
            if kind == socket.SOCK_STREAM:
                self.socket.listen(100)
        self.taken = []
        if kind == socket.SOCK_STREAM:
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        """Ends it."""
        self.socket.close()
        for one in self.taken:
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
