"""A reload writes the difference and nothing else."""

from table import begin, ipvsadm, quiet, saved, services, wait_services, wait_table
from test_crash import CONFIG, LINES, written


def writes(hasup):
    """Requests that the kernel was given."""
    return services(hasup)["table"]["writes"]


def reload(node, hasup, config, lines):
    """Reloads; the requests that it took until the table has this many lines and stands still."""
    before = writes(hasup)
    done = hasup.reload(config)
    assert done.returncode == 0, done.stderr + hasup.log()
    wait_table(node, "the table", lambda seen: len(seen) == lines)
    count, seen = quiet(node, hasup)
    return count - before, seen


def test_changes(director):
    """One request for one change; a scheduler is edited in place."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    assert reload(director, hasup, CONFIG, LINES) == (0, before)

    hasup.reload(CONFIG.replace("weight 2", "weight 20"))
    wait_table(director, "the weight", lambda lines: any("-w 20" in line for line in lines))
    assert quiet(director, hasup)[0] == LINES + 1

    hasup.reload(CONFIG.replace("lb_algo wlc", "lb_algo sed"))
    wait_table(director, "the scheduler",
               lambda lines: "-A -t 10.99.0.1:80 -s sed" in lines and any(line.endswith("-w 2") for line in lines))
    assert quiet(director, hasup)[0] == LINES + 3

    one = CONFIG[:CONFIG.index("virtual_server 10.99.0.2")]
    count, _ = reload(director, hasup, one, 3)
    assert count == 2, "the scheduler of before, and the removal"
    count, lines = reload(director, hasup, CONFIG, LINES)
    assert (count, lines) == (2, before)
    assert hasup.stop(20)[0] == 0


def test_the_first_services_come_and_go(director):
    """A hasupd without virtual servers has nothing to do with IPVS until a reload brings some."""
    plain = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\npriority 100\nvirtual_ipaddress {\n10.0.0.100\n}\n}\n"
    ipvsadm(director, "-A", "-t", "10.99.9.9:80", "-s", "wrr")
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
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "10.0.0.77:80", "-m", "-w", "1")
    wait_services(hasup, "it to be seen", lambda answer: answer["services"][0]["surplus"] == ["10.0.0.77:80"])
    assert len(saved(director)) == LINES + 1
    assert hasup.cli("services").returncode == 0
    assert reload(director, hasup, CONFIG, LINES) == (1, before)
    ipvsadm(director, "-d", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80")
    wait_table(director, "it to be mended", lambda lines: lines == before)
    ipvsadm(director, "-C")
    wait_table(director, "all to be mended", lambda lines: lines == before)
    assert hasup.stop(20)[0] == 0


def test_another_namespace(director, network):
    """net_namespace_ipvs: the table is written there, also after an upgrade; a reload can't move it."""
    other = network.node(f"d{len(network.nodes)}")
    there = f"net_namespace_ipvs {other.netns.name}\n"
    hasup = begin(director, there + CONFIG)
    before = wait_table(other, "the table", lambda lines: len(lines) == LINES)
    assert saved(director) == []
    refused = hasup.reload(CONFIG)
    assert refused.returncode == 1 and "net_namespace_ipvs" in refused.stdout + refused.stderr, refused
    assert hasup.reload(there + CONFIG.replace("weight 2", "weight 20")).returncode == 0
    wait_table(other, "the weight", lambda lines: any("-w 20" in line for line in lines))
    assert hasup.reload(there + CONFIG).returncode == 0
    done = hasup.cli("upgrade", bound=60)
    assert done.returncode == 0, done.stderr + hasup.log()
    wait_services(hasup, "an answer", lambda answer: answer["services"][0]["state"] == "UP")
    ipvsadm(other, "-d", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80")
    wait_table(other, "the change of another to be mended", lambda lines: lines == before)
    assert hasup.stop(20)[0] == 0
    assert saved(other) == []


def test_a_namespace_that_is_missing(director):
    """D69: VRRP would go on; the reason is shown."""
    hasup = begin(director, "net_namespace_ipvs no-such\n" + CONFIG)
    answer = wait_services(hasup, "the reason", lambda answer: answer["table"].get("trouble"))
    assert "no-such" in answer["table"]["trouble"], answer
    assert hasup.cli("services", bound=20).returncode == 1
    assert hasup.stop(20)[0] == 0
