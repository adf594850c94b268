"""SSL_GET, the SSL block, and what HTTP_GET and SSL_GET compare (behaviours 11, behaviours_lvs2 B16-B19).

Each test has one configuration with many servers, which are checked side by side.
"""

import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import time

import pytest
from lab.forge import LONG
from lab.hasup import binary
from lab.servers import Server, http, request, silent
from lab.services import check, real, service, wait_table
from lab.waiting import hold_for, wait_for

BODY = b"xxhello"
DIGEST = hashlib.md5(BODY).hexdigest()


def ssl_get(*urls, lines=(), timeout=1):
    """A check of several urls, each a list of lines besides its path."""
    blocks = [line for url in urls or ([],) for line in ("url {", "  path /", *(f"  {text}" for text in url), "}")]
    return check("SSL_GET", *lines, *blocks, timeout=timeout)


class Authority:
    """A certificate authority with openssl(1), and what it signs."""

    def __init__(self, node, name):
        self.folder = os.path.join(node.directory, f"pki-{name}")
        os.mkdir(self.folder)
        self.name = name
        self.certificate, self.key = self.path(f"{name}.crt"), self.path(f"{name}.key")
        self.openssl("req", "-x509", *self.new(self.key), "-out", self.certificate, "-days", "2", "-subj", f"/CN={name}")

    @staticmethod
    def new(key):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key]

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name, is_authority=False):
        """Returns the files of a certificate and its key."""
        key, wanted, certificate, extensions = (self.path(f"{name}.{end}") for end in ("key", "csr", "crt", "ext"))
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"basicConstraints=CA:{'TRUE' if is_authority else 'FALSE'}\n")
        self.openssl("req", *self.new(key), "-out", wanted, "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", wanted, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                     "-out", certificate, "-days", "2", "-extfile", extensions)
        return certificate, key


@pytest.fixture
def authority(lan):
    return Authority(lan.node("a") if "a" not in lan.nodes else lan.nodes["a"], "root")


def context(authority, low=None, high=None, clients=None):
    """A server's TLS; `clients` is the file of the authorities that its clients have to have certificates of."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if not os.path.exists(authority.path("server.crt")):
        authority.issue("server")
    made.load_cert_chain(authority.path("server.crt"), authority.path("server.key"))
    if low:
        made.minimum_version = low
    if high:
        made.maximum_version = high
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients)
    return made


def tls(settings, answer=None, proper=False, seen=None):
    """A reply function: `answer` over TLS; `proper` says that it ends, as the standard wants it."""
    answer = answer or http(body=BODY, headers=[f"Content-Length: {len(BODY)}"])

    def reply(connection, _):
        secure = settings.wrap_socket(connection, server_side=True)
        if seen is not None:
            seen.append(secure)
        answer(secure, b"")
        if proper:
            secure.settimeout(2)
            secure.unwrap()
        secure.close()
    return reply


def closes(connection, _):
    connection.recv(4096)


def no_tls(connection, _):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def resets(connection, _):
    connection.recv(5)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def garbage(connection, _):
    connection.recv(4096)
    connection.sendall(os.urandom(4096))


def cut(connection, _):
    """A handshake record that ends in the middle."""
    connection.recv(4096)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x00\x10")


def alert(connection, _):
    connection.recv(4096)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")


def verdict_cases(authority):
    """Name, what the server does, the check, what its failure is called."""
    plain = context(authority)
    unbounded = http(body=BODY)
    explodes = http(body=b"a" * 40 + b"!")
    return [
        ("plain", tls(plain), ssl_get(), None),
        ("TLS 1.2", tls(context(authority, high=ssl.TLSVersion.TLSv1_2)), ssl_get(), None),
        ("TLS 1.3", tls(context(authority, low=ssl.TLSVersion.TLSv1_3)), ssl_get(), None),
        ("status", tls(plain, http("503 No")), ssl_get(), "status code 503"),
        ("status wanted", tls(plain, http("404 No")), ssl_get(["status_code 404"]), None),
        ("digest", tls(plain), ssl_get([f"digest {DIGEST}"]), None),
        ("wrong digest", tls(plain, http(body=b"x")), ssl_get([f"digest {DIGEST}"]), "another digest"),
        ("digest and status", tls(plain, http("500 No", body=BODY)), ssl_get([f"digest {DIGEST}"]), "status code 500"),
        ("chunks", tls(plain, http(body=b"3\r\nxxh\r\n4\r\nello\r\n0\r\n\r\n", headers=["Transfer-Encoding: chunked"])),
         ssl_get([f"digest {DIGEST}", 'regex "^xxhello$"']), None),
        ("regex", tls(plain), ssl_get(['regex "hel+o"']), None),
        ("lower offset", tls(plain), ssl_get(['regex "hello"', "regex_min_offset 2"]), None),
        ("beyond it", tls(plain), ssl_get(['regex "hello"', "regex_min_offset 3"]), "doesn't fit the regex"),
        ("upper offset", tls(plain), ssl_get(['regex "hello"', "regex_max_offset 2"]), None),
        ("below it", tls(plain), ssl_get(['regex "hello"', "regex_max_offset 1"]), "doesn't fit the regex"),
        ("no match", tls(plain), ssl_get(['regex "nobody"', "regex_no_match"]), None),
        ("a match", tls(plain), ssl_get(['regex "HELLO"', "regex_options caseless", "regex_no_match"]),
         "doesn't fit the regex"),
        ("explosion", tls(plain, explodes), ssl_get(['regex "^(a+)+[0-9]"']), "the regex takes too long"),
        ("explosion, no match", tls(plain, explodes), ssl_get(['regex "^(a+)+[0-9]"', "regex_no_match"]),
         "the regex takes too long"),
        ("two urls", tls(plain), ssl_get([], ['regex "nobody"']), "doesn't fit the regex"),
        ("cut off", tls(plain, unbounded), ssl_get(['regex "hello"']), None),
        ("cut off, compliant", tls(plain, unbounded), ssl_get(['regex "hello"'], lines=["tls_compliant"]),
         "connection closed early"),
        ("ended, compliant", tls(plain, unbounded, proper=True), ssl_get(['regex "hello"'], lines=["tls_compliant"]),
         None),
        ("cut off, compliant url", tls(plain, unbounded), ssl_get(['regex "hello"', "tls_compliant"]),
         "connection closed early"),
        ("cut off, url not compliant", tls(plain, unbounded),
         ssl_get(['regex "hello"', "tls_compliant off"], lines=["tls_compliant"]), None),
        ("no TLS", no_tls, ssl_get(), "TLS failed"),
        ("garbage", garbage, ssl_get(), "TLS failed"),
        ("cut", cut, ssl_get(), "TLS failed"),
        ("alert", alert, ssl_get(), "TLS failed"),
        ("closes", closes, ssl_get(), "TLS failed"),
        ("resets", resets, ssl_get(), "connection reset"),
        ("silent", silent, ssl_get(), "no answer in time"),
    ]


def test_verdicts(lan, begin, authority):
    """Status, digest, regex with its offsets, versions, ends with and without close-notify, and what isn't TLS."""
    node = lan.nodes["a"]
    cases = verdict_cases(authority)
    ports = {name: 9001 + place for place, (name, *_) in enumerate(cases)}
    for name, reply, _, _ in cases:
        Server(node, ports[name], reply).start()
    hasup, table = begin(service(*[real(ports[name], block) for name, _, block, _ in cases], extra=["alpha"]))
    well = {ports[name]: 1 for name, _, _, failure in cases if failure is None}
    names = {port: name for name, port in ports.items()}

    def up():
        return {names[port] for port in table.servers()}

    wait_for("those that are well", up, lambda seen: seen == {names[port] for port in well}, 10)
    hold_for("them", up, lambda seen: seen == {names[port] for port in well}, 2)
    shown = hasup.cli("services", "--json").stdout
    reasons = {server["port"]: server.get("reason") or "" for entry in json.loads(shown)["services"]
               for server in entry["servers"]}
    for name, _, _, failure in cases:
        if failure:
            assert failure in reasons[ports[name]], (name, reasons[ports[name]])


def test_names(lan, begin, authority):
    """Host: url, then checker, then real server, then virtual server; the name of the handshake: sni_name, else the same."""
    node = lan.nodes["a"]
    told = {}

    def server(port):
        settings = context(authority)
        settings.sni_callback = lambda connection, name, _: setattr(connection, "asked", name)

        def answer(connection, _):
            asked = request(connection)
            if asked is None:
                return
            host = [line[6:].decode() for line in asked.split(b"\r\n") if line.lower().startswith(b"host: ")]
            told.setdefault(port, set()).add((getattr(connection, "asked", None), *host))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        Server(node, port, tls(settings, answer)).start()

    both = ["virtualhost r.example"]
    cases = [
        # lines of the real server, of the check, of its urls; what the server is told.
        ([], [], [[]], {(None, "v.example")}),
        ([], ["enable_sni"], [[]], {("v.example", "v.example")}),
        (both, ["enable_sni"], [[]], {("r.example", "r.example")}),
        (both, ["enable_sni", "virtualhost c.example"], [[]], {("c.example", "c.example")}),
        (both, ["enable_sni", "virtualhost c.example"], [["virtualhost u.example"], []],
         {("u.example", "u.example"), ("c.example", "c.example")}),
        (both, ["sni_name n.example"], [["virtualhost u.example"]], {("n.example", "u.example")}),
        ([], ["sni_name"], [[]], {("v.example", "v.example")}),
        (both, ["enable_sni off", "virtualhost c.example"], [["virtualhost u.example"]], {(None, "u.example")}),
    ]
    servers = []
    for place, (of_server, of_check, urls, _) in enumerate(cases):
        server(9001 + place)
        servers.append(real(9001 + place, ssl_get(*urls, lines=of_check), extra=of_server))
    server(9050)
    hasup, table = begin(
        service(*servers, extra=["alpha", "virtualhost v.example"]) +
        service(real(9050, ssl_get()), port=81, extra=["alpha"]))
    wait_table(table, {9001 + place: 1 for place in range(len(cases))}, 8)
    for place, (*_, wanted) in enumerate(cases):
        wait_for(f"what server {place} is told", lambda: told.get(9001 + place), lambda seen: seen == wanted)
    wait_for("the address", lambda: told.get(9050), lambda seen: seen == {(None, "127.0.0.1:9050")})


def test_client_certificates(lan, begin, authority):
    """The certificate with its chain and its key's password; a new certificate is used after a reload; servers aren't verified."""
    node = lan.nodes["a"]
    other = Authority(node, "other")
    middle = authority.issue("middle", is_authority=True)
    below = Authority(node, "below")
    below.certificate, below.key = middle
    leaf, key = below.issue("client")
    with open(leaf, "a", encoding="ascii") as chain, open(middle[0], encoding="ascii") as of_middle:
        chain.write(of_middle.read())
    sealed = node.write("sealed.key", "")
    Authority.openssl("ec", "-in", key, "-aes256", "-passout", "pass:phrase", "-out", sealed)
    os.chmod(sealed, 0o600)
    seen = []
    for port, options in enumerate([
            {"clients": authority.certificate, "high": ssl.TLSVersion.TLSv1_2}, {"clients": authority.certificate},
            {"clients": other.certificate, "high": ssl.TLSVersion.TLSv1_2}, {"clients": other.certificate}, {}], 9001):
        Server(node, port, tls(context(authority, **options), seen=seen)).start()
    block = "SSL {{\n  ca {}\n  certificate {}\n  key {}\n{}}}\n"
    checks = service(*[real(port, ssl_get()) for port in range(9001, 9006)], extra=["alpha"])
    # The authority of `ca` has signed none of these servers: keepalived doesn't verify them, nor does hasup.
    hasup, table = begin(block.format(other.certificate, leaf, sealed, "  password phrase\n") + checks)
    wait_table(table, {9001: 1, 9002: 1, 9005: 1}, 8)
    # The checker has the key, and its files only by what it was given.
    pid = hasup.worker("hasup-checker")
    assert not any("sealed" in os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd"))
    os.kill(pid, 9)
    wait_for("another checker", lambda: hasup.roles().get("hasup-checker"), lambda new: new and new != [pid], 8)
    hold_for("the same servers", table.servers, lambda servers: servers == {9001: 1, 9002: 1, 9005: 1}, 2)
    # What is wrong is refused, and the old ones go on.
    refused = hasup.reload(block.format(other.certificate, leaf, other.key, "") + checks)
    assert refused.returncode != 0 and "key values mismatch" in refused.stdout + refused.stderr, refused
    hold_for("the same servers", table.servers, lambda servers: servers == {9001: 1, 9002: 1, 9005: 1}, 1.5)
    # The same file with another content.
    new, new_key = other.issue("client")
    config = block.format(other.certificate, node.write("live.crt", ""), node.write("live.key", ""), "") + checks
    for target, source in (("live.crt", new), ("live.key", new_key)):
        with open(source, encoding="ascii") as file:
            node.write(target, file.read())
    assert hasup.reload(config).returncode == 0
    wait_table(table, {9003: 1, 9004: 1, 9005: 1}, 8)
    for target, source in (("live.crt", leaf), ("live.key", key)):
        with open(source, encoding="ascii") as file:
            node.write(target, file.read())
    words = "contents of the files of SSL changed"
    for options in (["--dry-run"], []):
        done = hasup.reload(None, *options)
        assert done.returncode == 0 and words in done.stdout, done
    wait_table(table, {9001: 1, 9002: 1, 9005: 1}, 8)
    done = hasup.reload()
    assert done.returncode == 0 and words not in done.stdout and "othing changed" in done.stdout, done
    assert hasup.log().count("reloaded: global contents of the files of SSL") == 1
    hasup.stop()
    assert "PRIVATE KEY" not in hasup.log()


def test_what_cannot_be_used(lan, begin, authority):
    """Errors with file and line and the library's words in `hasup check`; a start leaves such servers unchecked; a reload is
    refused."""
    node = lan.nodes["a"]
    _, strange = Authority(node, "other").issue("client")
    certificate, key = authority.issue("client")
    junk = node.write("junk.pem", "no certificate\n")
    Server(node, 9001, tls(context(authority))).start()
    Server(node, 9002, http(body=BODY)).start()
    good = service(
        real(9001, ssl_get()), real(9002, check("HTTP_GET", "url {", "  path /", '  regex "hello"', "}")))

    def ssl_block(ca, certificate, key):
        return f"SSL {{\n  ca {ca}\n  certificate {certificate}\n  key {key}\n}}\n"

    cases = [
        (ssl_block("/nonexistent.pem", certificate, key) + good, 2, "can't read `/nonexistent.pem`: no such file"),
        (ssl_block(junk, certificate, key) + good, 2, f"the ca `{junk}` can't be used: no start line"),
        (ssl_block(authority.certificate, junk, key) + good, 3, f"the certificate `{junk}` can't be used: no start line"),
        (ssl_block(authority.certificate, certificate, junk) + good, 4, f"the key `{junk}` can't be used: "),
        (ssl_block(authority.certificate, certificate, strange) + good, 4, "can't be used: key values mismatch"),
        (good.replace('"hello"', '"(hello"'), None, "the regex doesn't compile: missing closing parenthesis, at byte 6"),
    ]
    for text, line, words in cases:
        path = node.write("wrong.conf", text)
        done = subprocess.run([binary("hasup"), "check", path], capture_output=True, text=True, check=False)
        said = " ".join(done.stdout.split())
        assert done.returncode == 1 and words in said, (words, done)
        assert line is None or f"wrong.conf:{line}:" in said, (line, done)
    # A start is tolerant: what can't be checked stays as it is, and says so.
    hasup, table = begin(cases[4][0].replace('"hello"', '"(hello"'))
    wait_table(table, {9001: 1, 9002: 1})

    def shown():
        return " ".join(hasup.cli("services").stdout.split())

    wait_for("the reasons", shown, lambda text: "the files of `SSL` can't be used" in text and
             "the regex doesn't compile" in text)
    # Both servers stand in the table, nobody looks at them, and that is said by each exit status.
    def answer():
        done = hasup.cli("services", "--json")
        return done.returncode, json.loads(done.stdout)["services"][0]["servers"]

    _, servers = wait_for("both unchecked", answer, lambda seen: seen[0] == 1 and [server["state"] for server in seen[1]] == [
        "UNCHECKED", "UNCHECKED"])
    assert [seen["checks"][0]["kind"] for seen in servers] == ["SSL_GET", "HTTP_GET"], servers
    status = hasup.cli("status")
    assert status.returncode == 1 and "2 unchecked" in status.stdout and "isn't set up" in status.stdout, status.stdout
    for text, _, words in cases:
        refused = hasup.reload(text)
        assert refused.returncode != 0 and words in " ".join((refused.stdout + refused.stderr).split()), refused
    assert hasup.reload(ssl_block(authority.certificate, certificate, key) + good).returncode == 0
    wait_for("checks", shown, lambda text: "can't be used" not in text and "doesn't compile" not in text, 8)
    assert hasup.cli("status").returncode == 0 and "unchecked" not in hasup.cli("status").stdout


def test_sessions(lan, begin, authority):
    """Sessions are resumed; after a failure the handshake is a full one, and (LONG=1) at least once a minute."""
    node = lan.nodes["a"]
    handshakes, statuses = [], []

    def answer(secure, _):
        status = statuses.pop(0) if statuses else "200 OK"
        handshakes.append((time.monotonic(), secure.session_reused, status))
        http(status, headers=["Content-Length: 0"], body=b"")(secure, b"")

    Server(node, 9001, tls(context(authority), answer)).start()
    hasup, table = begin(service(real(9001, ssl_get()), extra=["alpha"]))
    wait_table(table, {9001: 1})
    wait_for("resumption", lambda: [reused for _, reused, _ in handshakes[-3:]], lambda seen: seen == [True] * 3, 8)
    statuses.append("500 No")
    wait_for("the failure", lambda: [status for *_, status in handshakes], lambda seen: "500 No" in seen)
    place = [status for *_, status in handshakes].index("500 No")
    wait_for("the next handshakes", lambda: len(handshakes), lambda count: count > place + 3, 8)
    assert [reused for _, reused, _ in handshakes[place:place + 3]] == [True, False, True], handshakes[place - 1:place + 4]
    if LONG:
        began = time.monotonic()
        wait_for("a full handshake", lambda: handshakes[-1][:2], lambda last: last[0] > began and not last[1], 65)
