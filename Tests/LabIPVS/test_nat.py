"""Real web servers behind NAT: what a client notices of their deaths."""

import time

from lab.net import Lan
from lab.site import ADDRESS, Site, Visitor
from lab.waiting import wait_for
from table import begin, saved, wait_services, wait_table


def weights(lines):
    """Addresses of servers by the lines of `ipvsadm -Sn`."""
    return {line.split(" -r ")[1].split(":")[0]: int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("-a")}


def test_nat():
    """One dies, and after the verdict there is no error; all die, and the sorry server answers; both come back."""
    with Lan("nat") as lan:
        site = Site(lan)
        first, second = site.servers
        hasup = begin(site.director, site.config())
        both = {first.address: 1, second.address: 1}
        wait_table(site.director, "both servers", lambda lines: weights(lines) == both)
        visitor = Visitor(site.client)

        def visited(what, *pages):
            """Waits until all of these pages were seen in visits that began after this moment, and returns those visits."""
            moment = time.monotonic()
            wait_for(what, lambda: visitor.since(moment), lambda seen: len(seen) > 20 and set(pages) <= set(seen), 20)
            return visitor.since(moment)

        assert set(visited("both pages", "first", "second")) == {"first", "second"}
        first.kill()
        wait_table(site.director, "one server", lambda lines: weights(lines) == {second.address: 1})
        assert set(visited("the second page", "second")) == {"second"}
        wait_services(hasup, "the reason", lambda answer: answer["services"][0]["servers"][0]["reason"] == "connection refused")
        second.kill()
        wait_table(site.director, "the sorry server", lambda lines: weights(lines) == {site.sorry.address: 1})
        assert set(visited("the sorry page", "sorry")) == {"sorry"}
        assert hasup.cli("services", bound=20).returncode == 1
        first.start()
        second.start()
        wait_table(site.director, "both servers", lambda lines: weights(lines) == both)
        assert set(visited("both pages", "first", "second")) == {"first", "second"}
        visitor.end()
        assert hasup.stop(20)[0] == 0
        assert saved(site.director) == [] and ADDRESS in site.director.addresses()
