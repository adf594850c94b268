"""MASTER is notified when the address can be used (D47)."""

import os

from lab import conf
from lab.fifo import lines_of
from lab.hasup import Hasup
from lab.waiting import wait_for

VIP = "10.0.0.100"


def test_master_is_told_when_the_address_is_there(lan):
    """D47: a script that asks for the address finds it, each time."""
    node = lan.node("a")
    script = node.write("master.sh", f"""#!/bin/sh
ip address show dev eth0 to {VIP} | grep -q {VIP} && echo there >>{node.directory}/seen || echo missing >>{node.directory}/seen
""")
    os.chmod(script, 0o755)
    a = Hasup(node, conf.simple(200, version=3, advert=0.02, extra=[f'notify_master "{script}"'],
                                settings=["script_user root"])).start()
    for count in range(1, 9):
        wait_for("a call", lambda: len(lines_of(f"{node.directory}/seen")), lambda seen, count=count: seen >= count, 5)
        lan.link(node, False)
        a.wait_state("FAULT")
        lan.link(node, True)
        a.wait_state("MASTER")
    assert set(lines_of(f"{node.directory}/seen")) == {"there"}
