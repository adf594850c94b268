"""The examples of services as they stand: the service is killed, stopped and frozen, and a client goes on."""

import os
import shutil
import subprocess

import pytest
from lab.hasup import ROOT, Hasup
from lab.program import children
from lab.waiting import wait_for

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


@pytest.mark.parametrize("example,names", [("nginx", ("web1", "web2")), ("haproxy", ("lb1", "lb2"))])
def test_the_files_of_an_example_fit_together(example, names):
    """`hasup check` of both files finds nothing."""
    files = [os.path.join(EXAMPLES, example, f"{name}.conf") for name in names]
    done = subprocess.run([os.path.join(os.environ.get("HASUP_BUILD", os.path.join(ROOT, ".build", "release")), "hasup"),
                           "check", *files], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and ": warning:" not in done.stdout + done.stderr, done.stdout + done.stderr
