"""A reload writes the difference and nothing else."""

from lab.waiting import wait_for
from table import begin, change, saved, services
from test_crash import CONFIG, LINES, written


def writes(hasup):
    """Requests that the kernel was given."""
    return services(hasup)["table"]["writes"]


def reload(node, hasup, config, lines):
    """Reloads; the requests that it took until the table has this many lines and stands still."""
    before = writes(hasup)
    done = hasup.reload(config)
    assert done.returncode == 0, done.stderr + hasup.log()
    wait_for("the table", lambda: saved(node), lambda seen: len(seen) == lines, 20)
    look = wait_for("quiet", lambda: (writes(hasup), saved(node), writes(hasup)), lambda seen: seen[0] == seen[2], 20)
    return look[0] - before, look[1]


def test_changes(director):
    """One request for one change; a scheduler is edited in place."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    assert reload(director, hasup, CONFIG, LINES) == (0, before)

    hasup.reload(CONFIG.replace("weight 2", "weight 20"))
    wait_for("the weight", lambda: saved(director), lambda lines: any("-w 20" in line for line in lines), 20)
    assert writes(hasup) == LINES + 1

    hasup.reload(CONFIG.replace("lb_algo wlc", "lb_algo sed"))
    wait_for("the scheduler", lambda: saved(director),
             lambda lines: "-A -t 10.99.0.1:80 -s sed" in lines and any("-w 2" in line for line in lines), 20)
    assert writes(hasup) == LINES + 3

    one = CONFIG[:CONFIG.index("virtual_server 10.99.0.2")]
    count, _ = reload(director, hasup, one, 3)
    assert count == 2, "the scheduler of before, and the removal"
    count, lines = reload(director, hasup, CONFIG, LINES)
    assert (count, lines) == (2, before)
    assert hasup.stop(20)[0] == 0


def test_the_first_services_come_and_go(director):
    """A hasupd without virtual servers has nothing to do with IPVS until a reload brings some."""
    plain = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\npriority 100\nvirtual_ipaddress {\n10.0.0.100\n}\n}\n"
    change(director, "-A", "-t", "10.99.9.9:80", "-s", "wrr")
    hasup = begin(director, plain)
    assert len(saved(director)) == 1
    assert reload(director, hasup, plain + CONFIG, LINES + 1)[0] == LINES
    assert reload(director, hasup, plain, 1)[0] == 2
    assert hasup.cli("status").returncode in (0, 1)
    assert hasup.stop(20)[0] == 0
    assert len(saved(director)) == 1


def test_what_somebody_has_added(director):
    """D67: a destination that no configuration has named is shown and left, until a reload."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    change(director, "-a", "-t", "10.99.0.1:80", "-r", "10.0.0.77:80", "-m", "-w", "1")
    wait_for("it to be seen", lambda: services(hasup)["services"][0]["surplus"], lambda seen: seen == ["10.0.0.77:80"], 20)
    assert len(saved(director)) == LINES + 1
    assert hasup.cli("services").returncode == 0
    assert reload(director, hasup, CONFIG, LINES) == (1, before)
    change(director, "-d", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80")
    wait_for("it to be mended", lambda: saved(director), lambda lines: lines == before, 20)
    change(director, "-C")
    wait_for("all to be mended", lambda: saved(director), lambda lines: lines == before, 20)
    assert hasup.stop(20)[0] == 0
