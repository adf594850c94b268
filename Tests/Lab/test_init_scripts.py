"""The init scripts for machines without systemd, installed by `INIT=…  make install`."""

import os
import shutil
import subprocess

import pytest
from lab import conf
from lab.hasup import ROOT, binary
from lab.launch import install
from lab.program import alive, descendants
from lab.waiting import wait_for

VIP = "10.0.0.100"
OPENRC = os.path.join(ROOT, ".venv", "openrc")
# A machine of its own as far as the script can see: /run, /srv (the prefix), /etc/default.
SURROUNDINGS = """
mount -t tmpfs tmpfs /run && mount --bind "$1/srv" /srv && mount --bind "$1/etc/default" /etc/default && touch /run/ready && sleep 300
"""


# A machine that OpenRC has booted, as far as it can see, with a network that is up.
OPENRC_SURROUNDINGS = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/upper /run/work
mount -t overlay overlay -o "lowerdir=$2/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$1/etc:$2/etc:/etc,upperdir=/run/upper,workdir=/run/work" /etc
mount --bind "$1/srv" /srv
touch /etc/insserv.conf
cat > /etc/init.d/wires <<'END'
#!/sbin/openrc-run
depend() { provide net; }
start() { :; }
stop() { :; }
END
chmod 755 /etc/init.d/wires
for name in starting started stopping inactive wasinactive failed hotplugged daemons options exclusive scheduled tmp; do
    mkdir -p /run/openrc/$name
done
touch /run/openrc/softlevel /run/ready
sleep 300
"""


class Script:
    """/etc/init.d/hasup on a node, in surroundings of its own."""

    def __init__(self, node, init="sysv"):
        self.node = node
        self.init = init
        self.tree = install(os.path.join(node.directory, "tree"), prefix="/srv/hasup", init=init)
        self.config = node.write(f"{init}.conf", conf.simple(200, version=3, advert=0.1))
        settings = f"{self.tree}/etc/" + ("default" if init == "sysv" else "conf.d")
        os.makedirs(settings)
        with open(f"{settings}/hasup", "w", encoding="utf-8") as file:
            file.write(f"HASUP_CONFIG={self.config}\n")
        surroundings = SURROUNDINGS if init == "sysv" else OPENRC_SURROUNDINGS
        self.place = node.spawn(
            ["unshare", "--mount", "sh", "-c", surroundings, "sh", self.tree, OPENRC], "surroundings")
        wait_for("the surroundings", lambda: os.path.exists(f"/proc/{self.place.pid}/root/run/ready"))

    def run(self, word, bound=25):
        """Runs the script with one word."""
        script = [f"{self.tree}/etc/init.d/hasup"] if self.init == "sysv" else ["rc-service", "hasup"]
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.place.pid}/ns/mnt", f"--net=/proc/{self.place.pid}/ns/net", "--",
             *script, word], capture_output=True, text=True, timeout=bound, stdin=subprocess.DEVNULL)

    def does(self, word, status=0):
        """Runs it and expects this exit status; returns what it printed."""
        done = self.run(word)
        assert done.returncode == status, f"{word}: {done}"
        return done.stdout

    def pid(self):
        """What the pid file says."""
        with open(f"/proc/{self.place.pid}/root/run/hasup/hasup.pid", encoding="ascii") as file:
            return int(file.read())

    def configure(self, text):
        """Another configuration, for the next reload."""
        self.node.write(f"{self.init}.conf", text)

    def replace_program(self):
        """Installs hasupd anew, as a package does: by a rename."""
        path = f"{self.tree}/srv/hasup/sbin/hasupd"
        shutil.copy(path, f"{path}.new")
        os.rename(f"{path}.new", path)


@pytest.fixture
def init(lan):
    """The script on node a."""
    return Script(lan.node("a"))


def test_sysv(init):
    """start, status, reload, restart, stop, by the exit statuses of LSB."""
    node = init.node
    init.does("status", 3)
    init.does("start")
    wait_for("the address", lambda: node.holds(VIP))
    init.does("status")
    first = init.pid()
    init.does("start")
    assert init.pid() == first and alive(first), "a second start starts nothing"
    init.does("reload")
    assert init.pid() == first
    init.configure("vrrp_instance X {\n")
    init.does("reload", 1)
    init.configure(conf.simple(200, version=3, advert=0.1))
    init.does("restart")
    assert init.pid() != first and not alive(first)
    wait_for("the address", lambda: node.holds(VIP))
    init.does("stop")
    assert not node.holds(VIP)
    init.does("status", 3)
    init.does("stop")


def test_sysv_upgrades_at_a_reload(init):
    """Another program lies there by now: the same process becomes it, and the script still knows it."""
    init.does("start")
    wait_for("the address", lambda: init.node.holds(VIP))
    pid = init.pid()
    init.replace_program()
    assert os.readlink(f"/proc/{pid}/exe").endswith("(deleted)")
    assert "->" in init.does("reload")
    assert init.pid() == pid and not os.readlink(f"/proc/{pid}/exe").endswith("(deleted)")
    assert "->" not in init.does("reload")
    init.does("status")
    init.does("stop")
    assert not init.node.holds(VIP)


def test_sysv_after_a_kill_and_a_failed_start(init):
    """A killed one's pid file is no obstacle (C1); a start that is refused says so at once."""
    init.does("start")
    wait_for("the address", lambda: init.node.holds(VIP))
    os.kill(init.pid(), 9)
    wait_for("its end", lambda: init.run("status").returncode, lambda status: status == 1)
    init.does("start")
    wait_for("the address", lambda: init.node.holds(VIP))
    init.does("stop")
    os.unlink(init.config)
    done = init.run("start", bound=5)
    assert done.returncode == 1 and "didn't start" in done.stderr


def test_openrc(lan):
    """OpenRC itself: start, reload, a refused one, an upgrade, a kill that its supervisor answers, restart, stop."""
    node = lan.node("a")
    init = Script(node, "openrc")

    def is_daemon(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return file.read().startswith(b"/srv/hasup/sbin/hasupd\0") and \
                    os.path.samefile(f"/proc/{pid}/ns/mnt", f"/proc/{init.place.pid}/ns/mnt")
        except OSError:
            return False

    def daemons():
        return [pid for pid in descendants(1) if alive(pid) and is_daemon(pid)]

    init.does("status", 3)
    init.does("start")
    wait_for("the address", lambda: node.holds(VIP))
    init.does("status")
    init.does("reload")
    init.configure("vrrp_instance X {\n")
    init.does("reload", 1)
    init.configure(conf.simple(200, version=3, advert=0.1))
    init.replace_program()
    assert "->" in init.does("reload")
    assert node.holds(VIP)
    [first] = daemons()
    os.kill(first, 9)
    wait_for("another hasupd", daemons, lambda pids: len(pids) == 1 and pids != [first])
    wait_for("the address", lambda: node.holds(VIP))
    init.does("restart")
    wait_for("the address", lambda: node.holds(VIP))
    init.does("stop")
    assert not node.holds(VIP) and not daemons()
    init.does("status", 3)


def test_shellcheck():
    """Nothing in the scripts that a shell would understand otherwise than it was meant."""
    for arguments in (["packaging/sysv/hasup"], ["packaging/install"], ["Tests/openrc"],
                      ["-s", "sh", "-e", "SC2034,SC2154", "packaging/openrc/hasup"]):
        done = subprocess.run(["shellcheck", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=20)
        assert done.returncode == 0, done.stdout


def test_nothing_is_installed_where_it_was_not_asked_for(tmp_path):
    """A package owns /etc/init.d: the scripts go there by INIT= only."""
    binary("hasupd")
    for init in ("systemd", "openrc"):
        tree = install(str(tmp_path / init), init=init)
        assert os.path.exists(f"{tree}/etc/init.d/hasup") == (init == "openrc")
        for name in ("sysv", "openrc"):
            with open(f"{tree}/usr/share/doc/hasup/init/{name}", encoding="utf-8") as file:
                text = file.read()
            assert "@PREFIX@" not in text and "/usr/sbin/hasupd" in text
        for unit in ("hasup", "hasup-rootless"):
            assert os.path.exists(f"{tree}/usr/lib/systemd/system/{unit}.service")
