"""The examples of services as they stand: the service is killed, stopped and frozen, and a client goes on."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab.forge import LONG
from lab.hasup import ROOT, Hasup
from lab.program import children
from lab.waiting import hold_for, wait_for

EXAMPLES = os.path.join(ROOT, "examples")
# A machine's processes are its own, and so are /etc/keepalived, /run and /var/log.
INSIDE = """set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/haproxy /var/log/nginx
exec /usr/bin/python3 -c "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True: signal.pause()" """
NGINX = """pid /run/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path /run/nginx-body; proxy_temp_path /run/nginx-proxy; fastcgi_temp_path /run/nginx-fastcgi;
    uwsgi_temp_path /run/nginx-uwsgi; scgi_temp_path /run/nginx-scgi;
    server {
        listen 80 default_server;
        location / { return 200 "NAME"; }
        location = /health { access_log off; return 200; }
    }
}
"""
HAPROXY = """global
    stats socket /run/haproxy/admin.sock mode 660 level admin user haproxy
defaults
    mode http
    timeout connect 1s
    timeout client 2s
    timeout server 2s
frontend web
    bind :80
    http-request return status 200 content-type text/plain string NAME
"""


class Host:
    """A machine with one example's files: its own processes, /etc and /run."""

    def __init__(self, lan, name, number, example):
        self.node, self.name = lan.node(name, number), name
        self.node.netns.ip("address", "add", f"192.0.2.{number}/24", "dev", "eth0")
        layer = os.path.join(self.node.directory, "layer")
        for folder in ("upper", "work"):
            os.makedirs(os.path.join(layer, folder))
        program = self.node.spawn(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", INSIDE, "sh", layer],
                                  "machine")
        self.inside = wait_for("the machine's first process", lambda: children(program.pid))[0]
        wait_for("the machine's folders", lambda: os.path.isdir(f"/proc/{self.inside}/root/run/haproxy")
                 or not program.running())
        wait_for("the machine's mounts", lambda: self.run("mountpoint", "-q", "/var/log", check=False) == 0)
        self.run("mkdir", "-p", "/etc/keepalived")
        for file in os.listdir(os.path.join(EXAMPLES, example)):
            target = f"/proc/{self.inside}/root/etc/keepalived/{file}"
            shutil.copyfile(os.path.join(EXAMPLES, example, file), target)
            os.chmod(target, 0o644 if "." in file else 0o755)
        self.hasup = Hasup(self.node, "", name=name)
        self.hasup.config = f"/etc/keepalived/{name}.conf"
        self.hasup.launcher = self.command()

    def command(self, *words):
        """A command line that runs inside."""
        return ["nsenter", "-t", str(self.inside), "-m", "-p", "--", *words]

    def run(self, *words, check=True):
        """Runs a command inside; returns its exit status."""
        # A service that goes on in the background would keep a pipe open.
        path = os.path.join(self.node.directory, "run.log")
        with open(path, "wb") as output:
            done = subprocess.run(self.node.netns.command(*self.command(*words)), stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=output, timeout=20, check=False)
        with open(path, encoding="utf-8", errors="replace") as file:
            assert not check or done.returncode == 0, f"{words}: {file.read()}"
        return done.returncode

    def file(self, path, text):
        """Writes a file inside."""
        with open(f"/proc/{self.inside}/root{path}", "w", encoding="utf-8") as file:
            file.write(text)

    def nginx(self):
        """Starts nginx."""
        self.file("/etc/nginx.conf", NGINX.replace("NAME", self.name))
        self.run("/usr/sbin/nginx", "-c", "/etc/nginx.conf")

    def haproxy(self):
        """Starts HAProxy."""
        self.file("/etc/haproxy.conf", HAPROXY.replace("NAME", self.name))
        self.run("/usr/sbin/haproxy", "-D", "-f", "/etc/haproxy.conf")

    def signal(self, name, process):
        """Sends a signal to all processes of a name inside."""
        self.run("pkill", f"-{name}", "-x", process)


class Client:
    """Asks a service again and again from a machine of its own."""

    def __init__(self, lan):
        self.node = lan.node("client", 200)
        self.node.netns.ip("address", "add", "192.0.2.200/24", "dev", "eth0")

    def ask(self, address):
        """The answer, or nothing."""
        script = ("import sys, urllib.request\n"
                  f"print(urllib.request.urlopen('http://{address}/', timeout=0.5).read().decode())")
        done = subprocess.run(self.node.netns.command("/usr/bin/python3", "-c", script), capture_output=True, text=True,
                              timeout=5)
        return done.stdout.strip()

    def wait(self, address, name, bound=10.0):
        """Waits until a machine answers."""
        return wait_for(f"{name} to answer at {address}", lambda: self.ask(address), lambda seen: seen == name, bound)


def machines(lan, example, names):
    """The machines of an example, and a client; skips without what Debian calls the same."""
    found = [Host(lan, name, number, example) for number, name in enumerate(names, 1)]
    return *found, Client(lan)


def begin(*hosts):
    """Starts hasup on the machines."""
    for host in hosts:
        host.hasup.start()


@pytest.mark.parametrize("deed,undo", [("KILL", None), ("STOP", "CONT"), ("QUIT", None)])
def test_nginx(lan, deed, undo):
    """nginx is killed, frozen, or ends: the other machine answers, and gives back when nginx is well again."""
    web1, web2, client = machines(lan, "nginx", ("web1", "web2"))
    web1.nginx()
    web2.nginx()
    begin(web1, web2)
    client.wait("192.0.2.100", "web1")
    web1.signal(deed, "nginx")
    client.wait("192.0.2.100", "web2")
    if undo:
        web1.signal(undo, "nginx")
    else:
        wait_for("nginx to end", lambda: web1.run("pgrep", "-x", "nginx", check=False) != 0)
        web1.nginx()
    client.wait("192.0.2.100", "web1")


@pytest.mark.parametrize("deed,undo", [("KILL", None), ("STOP", "CONT"), ("TERM", None)])
def test_haproxy(lan, deed, undo):
    """HAProxy of one machine is killed, frozen, or ends: the other one has both addresses until it is well again."""
    lb1, lb2, client = machines(lan, "haproxy", ("lb1", "lb2"))
    lb1.haproxy()
    lb2.haproxy()
    begin(lb1, lb2)
    client.wait("192.0.2.101", "lb1")
    client.wait("192.0.2.102", "lb2")
    lb1.signal(deed, "haproxy")
    client.wait("192.0.2.101", "lb2")
    client.wait("192.0.2.102", "lb2")
    if undo:
        lb1.signal(undo, "haproxy")
    else:
        wait_for("HAProxy to end", lambda: lb1.run("pgrep", "-x", "haproxy", check=False) != 0)
        lb1.haproxy()
    client.wait("192.0.2.101", "lb1")
    client.wait("192.0.2.102", "lb2")


MARIADB = """[mariadb]
datadir = /run/mariadb
socket = /run/mysqld/mysqld.sock
server_id = NUMBER
bind_address = 0.0.0.0
log_bin = binlog
log_slave_updates = 1
gtid_strict_mode = 1
sync_binlog = 1
read_only = 1
user = mysql
skip_name_resolve
innodb_buffer_pool_size = 32M
"""


class Database:
    """MariaDB on one of the machines, as examples/mariadb/README.md has it."""

    def __init__(self, host, number, other):
        self.host = host
        for file, line in (("passwd", "mysql:x:990:990::/nonexistent:/usr/sbin/nologin"), ("group", "mysql:x:990:")):
            with open(f"/proc/{host.inside}/root/etc/{file}", "a", encoding="utf-8") as out:
                out.write(line + "\n")
        host.file("/etc/mariadb.cnf", MARIADB.replace("NUMBER", str(number)))
        host.run("mkdir", "-p", "/run/mariadb", "/run/mysqld")
        host.run("chown", "990:990", "/run/mariadb", "/run/mysqld")
        host.run("mariadb-install-db", "--defaults-file=/etc/mariadb.cnf", "--auth-root-socket-user=mysql", "--skip-test-db")
        self.start()
        self.sql("SET SQL_LOG_BIN = 0; CREATE USER replication@'%' IDENTIFIED BY 'secret';"
                 "GRANT REPLICATION SLAVE ON *.* TO replication@'%';"
                 "CREATE USER client@'%' IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO client@'%';"
                 "CREATE DATABASE shop; CREATE TABLE shop.orders (number INT PRIMARY KEY);"
                 f"CHANGE MASTER TO MASTER_HOST='192.0.2.{other}', MASTER_USER='replication', MASTER_PASSWORD='secret',"
                 "MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=current_pos; START SLAVE")

    def start(self):
        """Starts it, and waits until it answers."""
        self.host.run("sh", "-c", "setsid mariadbd --defaults-file=/etc/mariadb.cnf >/run/mariadb.log 2>&1 &")
        wait_for("MariaDB", lambda: self.host.run("/etc/keepalived/check-mariadb", check=False) == 0, bound=30)

    def sql(self, text):
        """Executes statements as the user of its socket; returns the values, one a line."""
        path = os.path.join(self.host.node.directory, "run.log")
        self.host.run("setpriv", "--reuid=990", "--regid=990", "--clear-groups", "mariadb", "--batch", "--skip-column-names",
                      "--execute", text)
        with open(path, encoding="utf-8") as file:
            return file.read().split()

    def rows(self):
        """What it has."""
        return [int(number) for number in self.sql("SELECT number FROM shop.orders ORDER BY number")]

    def wait_rows(self, rows):
        """Waits until it has these."""
        wait_for("all rows", self.rows, lambda seen: seen == rows, 20)


class Orders:
    """A client that adds rows through the address of the service, and remembers those that were confirmed."""

    def __init__(self, node):
        self.node, self.confirmed, self.last = node, [], 0

    def add(self):
        """Adds one; returns whether that was confirmed."""
        self.last += 1
        done = subprocess.run(
            self.node.netns.command("mariadb", "--no-defaults", "-h", "192.0.2.100", "-u", "client", "-psecret",
                                    "--connect-timeout=1", "shop", "-e", f"INSERT INTO orders VALUES ({self.last})"),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
        if done.returncode == 0:
            self.confirmed.append(self.last)
        return done.returncode == 0

    def wait(self, bound=20):
        """Adds rows until one is confirmed."""
        wait_for("a confirmed row", self.add, bound=bound)


@pytest.mark.skipif(not LONG, reason="two MariaDBs take a while: LONG=1")
@pytest.mark.skipif(not shutil.which("mariadbd"), reason="MariaDB isn't installed (mariadb-server-core, mariadb-client-core)")
def test_mariadb(lan):
    """Rows that were confirmed are there, whoever has the address: over a resign, a death, and a standby that refuses."""
    db1, db2, client = machines(lan, "mariadb", ("db1", "db2"))
    first, second = Database(db1, 1, 2), Database(db2, 2, 1)
    begin(db1)
    db1.hasup.wait_state("MASTER", "DB", bound=20)
    orders = Orders(client.node)
    orders.wait()
    begin(db2)
    db2.hasup.wait_state("BACKUP", "DB", bound=20)
    second.wait_rows(orders.confirmed)

    # An operator moves it, while rows come.
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(db1.hasup.cli, "resign", "DB", bound=90)
        while not moving.done():
            orders.add()
    assert " is MASTER after " in moving.result().stdout, moving.result()
    orders.wait()
    assert second.rows() == orders.confirmed
    first.wait_rows(orders.confirmed)
    assert first.sql("SELECT @@read_only") == ["1"] and second.sql("SELECT @@read_only") == ["0"]

    # It dies where it is.
    db2.signal("KILL", "mariadbd")
    db1.hasup.wait_state("MASTER", "DB", bound=20)
    orders.wait()
    assert first.rows() == orders.confirmed
    second.start()
    second.wait_rows(orders.confirmed)

    # The other one can't serve: it says so, and gives the address back.
    db2.hasup.wait_state("BACKUP", "DB", bound=20)
    # Its notify script starts replication.
    hold_for("BACKUP", lambda: db2.hasup.state("DB"), lambda state: state == "BACKUP", seconds=2)
    second.sql("STOP SLAVE SQL_THREAD")
    db1.hasup.cli("resign", "DB", bound=90)
    db1.hasup.wait_state("MASTER", "DB", bound=30)
    orders.wait()
    assert first.rows() == orders.confirmed
    assert "before_master" in db2.hasup.cli("history").stdout
    # Nobody replicates: it stays.
    second.sql("STOP SLAVE")
    # MariaDB notices with the next heartbeat.
    dumps = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'"
    wait_for("the end of replication", lambda: first.sql(dumps), lambda seen: seen == ["0"], 90, 0.5)
    refused = db1.hasup.cli("resign", "DB", bound=90)
    assert refused.returncode == 1 and "the other machine doesn't replicate" in refused.stdout, refused
    orders.wait()


@pytest.mark.parametrize("example,names", [("nginx", ("web1", "web2")), ("haproxy", ("lb1", "lb2")),
                                           ("mariadb", ("db1", "db2"))])
def test_the_files_of_an_example_fit_together(example, names):
    """`hasup check` of both files finds nothing."""
    files = [os.path.join(EXAMPLES, example, f"{name}.conf") for name in names]
    done = subprocess.run([os.path.join(os.environ.get("HASUP_BUILD", os.path.join(ROOT, ".build", "release")), "hasup"),
                           "check", *files], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and ": warning:" not in done.stdout + done.stderr, done.stdout + done.stderr
