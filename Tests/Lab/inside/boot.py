"""What systemd does to the installed service, within user-mode Linux, of which it is process 1: as test_boot does it.

Arguments are the kinds of test_boot, in its order.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import conf, uml  # noqa: E402
from lab.hasup import Hasup  # noqa: E402
from lab.net import Lan, run  # noqa: E402
from lab.waiting import wait_for  # noqa: E402

VIP = "10.0.0.100"
BOUND = 30


def control(*words, check=True):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        log = subprocess.run(["journalctl", "--no-pager", "-n", "40"], capture_output=True, text=True, check=False).stdout
        raise AssertionError(f"systemctl {words}: {done.stderr}\n{log}")
    return done.stdout.strip()


def drop_in(unit, name, text):
    """A file beside a unit's."""
    folder = f"/etc/systemd/system/{unit}.service.d"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}.conf", "w", encoding="utf-8") as file:
        file.write(text)
    control("daemon-reload")


def be_patient(unit):
    """A start takes seconds in here: the worker and the watchdog wait for it longer than the unit as it is installed says, and
    nothing is realtime, whose fuse (0.2 s of computing without a pause) a start in here would blow."""
    with open(f"/usr/lib/systemd/system/{unit}.service", encoding="utf-8") as file:
        command = next(line for line in file if line.startswith("ExecStart="))
    drop_in(unit, "patience", "[Service]\nWatchdogSec=60\nLimitRTPRIO=0\nCapabilityBoundingSet=~CAP_SYS_NICE\nExecStart=\n"
            + command.replace(" --foreground", " --foreground --grace 20"))


def main_pid(unit):
    return int(control("show", "--value", "--property=MainPID", unit))


def worker(pid):
    """The VRRP worker; hasupd has children that live for a moment, too."""
    def found():
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [child for child in file.read().split() if role(child) == "hasup-vrrp"]
    return wait_for("the worker", found, lambda children: len(children) == 1, BOUND)


def role(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return os.path.basename(file.read().split("\0")[0])
    except OSError:
        return ""


def program(pid):
    return os.readlink(f"/proc/{pid}/exe")


def killed(unit):
    old = main_pid(unit)
    os.kill(old, 9)
    wait_for("the next hasupd", lambda: (main_pid(unit), control("is-active", unit, check=False)),
             lambda seen: seen[0] not in (0, old) and seen[1] == "active", BOUND)


def restarted(unit):
    old = main_pid(unit)
    control("restart", unit)
    assert main_pid(unit) not in (0, old)


def reloaded(unit):
    old = main_pid(unit)
    child = worker(old)
    control("reload", unit)
    assert (main_pid(unit), worker(old)) == (old, child)


def upgraded(unit):
    old = main_pid(unit)
    run("sh", "-c", "cp /usr/sbin/hasupd /usr/sbin/hasupd.new && mv /usr/sbin/hasupd.new /usr/sbin/hasupd")
    before = os.stat(f"/proc/{old}/exe").st_ino
    control("reload", unit)
    assert main_pid(unit) == old
    assert os.stat(f"/proc/{old}/exe").st_ino == os.stat("/usr/sbin/hasupd").st_ino != before


def addresses():
    return run("ip", "address", "show", "dev", "eth0")


def serve(lan, kind, unit):
    """One unit from start to stop beside a peer that isn't to notice anything before the stop."""
    peer = Hasup(lan.nodes["b"], conf.simple(100, version=3, advert=3), name=f"peer-{kind}")
    control("start", unit)
    wait_for("the address", addresses, lambda text: VIP in text, BOUND)
    peer.start()
    peer.wait_state("BACKUP", bound=BOUND)
    for what in (killed, restarted, reloaded, upgraded):
        what(unit)
        heard = peer.status().instance()["counters"]["adverts_received"]
        wait_for("adverts", lambda: peer.status().instance()["counters"]["adverts_received"],
                 lambda count: count > heard, BOUND)  # pylint: disable=W0640
        log = run("journalctl", "--no-pager", "-o", "short-precise", "-n", "40", "-t", "hasupd", "-t", "systemd")
        assert VIP in addresses(), log
        assert peer.status().instance()["counters"]["became_master"] == 0, \
            f"{kind}: {what.__name__} was noticed\n{log}\n{peer.log()}"
        print(f"{kind}: {what.__name__}", flush=True)
    control("stop", unit)
    assert VIP not in addresses()
    assert control("show", "--value", "--property=Result", unit) == "success"
    peer.wait_state("MASTER", bound=BOUND)
    assert peer.stop()[0] == 0
    print(f"{kind}: stopped", flush=True)


def main():
    assert uml.is_inside(), "this starts services: only for user-mode Linux"
    with Lan() as lan:
        lan.node("b", 2)
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "p-a", "netns", lan.netns.name)
        lan.netns.ip("link", "set", "p-a", "master", "br0", "up")
        for words in (["address", "add", "10.0.0.1/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            run("ip", *words)
        wait_for("carrier", lambda: lan.port_state("p-a"), lambda state: state == "forwarding")
        for unit in ("hasup", "hasup-rootless"):
            be_patient(unit)
        for kind in sys.argv[1:]:
            if kind == "without scripts":
                with open("/etc/no-scripts.conf", encoding="utf-8") as file:
                    drop_in("hasup", "no-scripts", file.read())
            serve(lan, kind, "hasup-rootless" if kind == "rootless" else "hasup")
    print("nobody noticed")


main()
