"""The other implementations: Debian's keepalived and FRR's vrrpd, in the foreground, with files of their own."""

import glob
import json
import os
import shutil
import signal

from .net import run
from .waiting import wait_for


class Keepalived:
    """keepalived on a node, with private pid files and no syslog."""

    def __init__(self, node, config, name="keepalived"):
        self.node, self.name = node, name
        self.config = node.write(f"{name}.conf", config)
        self.program = None

    def start(self, **options):
        """Starts it in the foreground; pid files of a killed one would keep it from starting."""
        pid = os.path.join(self.node.directory, self.name)
        for stale in glob.glob(f"{pid}*.pid"):
            os.unlink(stale)
        self.program = self.node.spawn(
            ["keepalived", "-n", "-l", "-G", "-f", self.config, "-p", f"{pid}.pid", "-r", f"{pid}-vrrp.pid",
             "-c", f"{pid}-check.pid", "-b", f"{pid}-bfd.pid"], self.name, **options)
        return self

    def reload(self, config=None):
        """Changes the file and tells it."""
        if config is not None:
            self.node.write(f"{self.name}.conf", config)
        self.program.signal(signal.SIGHUP)

    def stop(self):
        """Ends it by SIGTERM."""
        return self.program.stop()

    def kill(self):
        """kill -9 of all its processes."""
        self.program.kill()

    def running(self):
        """Whether it still runs."""
        return self.program.running()


class FRR:
    """zebra and vrrpd on a node; the virtual address lives on a macvlan that vrrpd brings up and down."""

    def __init__(self, node, *, vrid, priority, version, vip4=None, vip6=None, interval=1000):
        self.node, self.vrid = node, vrid
        self.vips = [vip for vip in (vip4, vip6) if vip]
        lines = ["interface eth0", f" vrrp {vrid} version {version}", f" vrrp {vrid} priority {priority}",
                 f" vrrp {vrid} advertisement-interval {interval}"]
        if vip4:
            self._macvlan(f"vrrp4-{vrid}", f"00:00:5e:00:01:{vrid:02x}", f"{vip4}/24")
            lines.append(f" vrrp {vrid} ip {vip4}")
        if vip6:
            self._macvlan(f"vrrp6-{vrid}", f"00:00:5e:00:02:{vrid:02x}", f"{vip6}/64")
            lines.append(f" vrrp {vrid} ipv6 {vip6}")
        self.zebra_config = node.write("zebra.conf", "hostname lab\n")
        self.config = node.write("vrrpd.conf", "\n".join([*lines, "exit", ""]))
        self.sockets = os.path.join(node.directory, "frr")
        os.mkdir(self.sockets, 0o755)
        shutil.chown(self.sockets, "frr", "frr")
        self.program = self.zebra = None

    def _macvlan(self, name, mac, vip):
        """IPv6 addresses would go with each protodown: the global one is kept, the link-local one generated again."""
        ip = self.node.netns.ip
        self.node.netns.sysctl("net.ipv6.conf.all.keep_addr_on_down", 1)
        ip("link", "add", name, "link", "eth0", "address", mac, "type", "macvlan", "mode", "bridge")
        ip("address", "add", vip, "dev", name, *(["nodad"] if ":" in vip else []))
        ip("link", "set", name, "up")

    def _daemon(self, name, config):
        common = ["-z", f"{self.sockets}/zserv", "--vty_socket", self.sockets,
                  "-i", f"{self.sockets}/{name}.pid", "-P", "0", "--log", "stdout", "-f", config]
        return self.node.spawn([f"/usr/lib/frr/{name}", *common], name)

    def start(self):
        """Starts zebra, waits for it, then vrrpd."""
        self.zebra = self._daemon("zebra", self.zebra_config)
        wait_for("zebra's socket", lambda: os.path.exists(f"{self.sockets}/zserv"))
        self.program = self._daemon("vrrpd", self.config)
        wait_for("vrrpd's terminal", lambda: os.path.exists(f"{self.sockets}/vrrpd.vty"))
        return self

    def show(self):
        """`show vrrp json` of the running daemon."""
        command = ["vtysh", "--vty_socket", self.sockets, "-d", "vrrpd", "-c", "show vrrp json"]
        text = run(*self.node.netns.command(*command), check=False)
        try:
            return json.loads(text)
        except ValueError:
            return []

    def state(self, family=4):
        """Master, Backup or Initialize."""
        for router in self.show():
            if router.get("vrid") == self.vrid:
                return router.get(f"v{family}", {}).get("status")
        return None

    def stop(self):
        """Ends vrrpd by SIGTERM, then zebra."""
        result = self.program.stop()
        self.zebra.stop()
        return result

    def kill(self):
        """kill -9 of both."""
        self.program.kill()
        self.zebra.kill()
