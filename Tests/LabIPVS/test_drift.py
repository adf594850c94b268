"""D67, D68: what others change in the table."""

from table import begin, ipvsadm, quiet, saved, services, wait_services, wait_table
from test_crash import CONFIG, written

FOREIGN = ["-A -t 10.99.9.9:80 -s wrr", "-a -t 10.99.9.9:80 -r 10.0.0.99:80 -m -w 7"]


def foreign(node):
    """A service of somebody else, with a server."""
    for line in FOREIGN:
        ipvsadm(node, *line.split())


def test_L6_ours_return(director):
    """A server, a weight, a scheduler, a service, all of it: each is mended once, counted and logged."""
    foreign(director)
    hasup = begin(director, CONFIG)
    before = wait_table(director, "the table", lambda lines: len(lines) == 7)
    for number, order in enumerate(("-d -t 10.99.0.1:80 -r 10.0.0.12:80", "-e -t 10.99.0.1:80 -r 10.0.0.11:80 -m -w 9",
                                    "-E -t 10.99.0.1:80 -s rr", "-D -t 10.99.0.2:80", "-D -t 10.99.0.1:80"), 1):
        count = services(hasup)["table"]["mended"]
        ipvsadm(director, *order.split())
        wait_table(director, f"{order} to be mended", lambda lines: lines == before)
        wait_services(hasup, "its count", lambda answer, count=count: answer["table"]["mended"] > count)
        assert hasup.log().count("mended what another program has changed in IPVS") == number, hasup.log()
    for said in ("10.0.0.12:80 was missing", "weight 9 of 10.0.0.11:80 instead of 2", "scheduler rr instead of wlc",
                 "the service was missing"):
        assert said in hasup.log(), hasup.log()
    # A flush takes the foreign one, too, and nobody brings that back.
    ipvsadm(director, "-C")
    wait_table(director, "ours to be mended", lambda lines: lines == [line for line in before if line not in FOREIGN])
    assert hasup.stop(20)[0] == 0
    assert saved(director) == []


def test_L6_none_left(director):
    """After a stop nothing of ours is there, whoever made it, and also not when a crash came before; the rest is."""
    foreign(director)
    hasup = begin(director, CONFIG)
    wait_table(director, "the table", lambda lines: len(lines) == 7)
    # A destination that another program has added goes with its service.
    ipvsadm(director, "-a", "-t", "10.99.0.1:80", "-r", "10.0.0.77:80", "-m", "-w", "1")
    hasup.kill()
    hasup = begin(director, CONFIG)
    wait_table(director, "the table", lambda lines: len(lines) == 7)
    quiet(director, hasup)
    assert hasup.stop(20)[0] == 0
    assert saved(director) == FOREIGN


def test_repeated_changes(director):
    """The mending goes on, however often; the log has five lines and one a minute."""
    hasup = begin(director, CONFIG)
    before, _ = written(director, hasup)
    for _ in range(7):
        ipvsadm(director, "-d", "-t", "10.99.0.1:80", "-r", "10.0.0.12:80")
        wait_table(director, "it to be mended", lambda lines: lines == before)
    assert hasup.log().count("mended what another program has changed in IPVS") <= 6, hasup.log()
    assert wait_services(hasup, "its count", lambda answer: answer["table"]["mended"] >= 7)["services"][0]["mended"] >= 7
    assert hasup.stop(20)[0] == 0
