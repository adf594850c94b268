"""Fixtures: a fresh LAN for every test, and its log files shown when the test fails."""

import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab import conf, machine, services  # noqa: E402
from lab.cluster import copy_key, make_key  # noqa: E402
from lab.hasup import Hasup, binary  # noqa: E402
from lab.net import Lan  # noqa: E402
from lab.sniffer import Sniffer  # noqa: E402
from lab.store import Store  # noqa: E402
from lab.undisturbed import AddressWatch  # noqa: E402
from lab.waiting import wait_for  # noqa: E402

VIP = "10.0.0.100"


def pytest_configure(config):
    """Tests run side by side (pytest-xdist) unless they say otherwise."""
    config.addinivalue_line("markers", "alone: measures what other tests beside it would spoil")
    config.addinivalue_line("markers", "minutes: lasts for minutes, and so begins first")


def pytest_collection_modifyitems(items):
    """The longest first: what begins last ends last."""
    items.sort(key=lambda item: item.get_closest_marker("minutes") is None)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item):
    """Keeps the outcome of each phase on the item, for the fixtures."""
    outcome = yield
    setattr(item, f"report_{outcome.get_result().when}", outcome.get_result())


def _show_logs(lan):
    for node in lan.nodes.values():
        for program in node.programs:
            print(f"--- {node.name}: {os.path.basename(program.log_path)} ---")
            print(program.log()[-4000:])


@pytest.fixture(autouse=True)
def _machine():
    """What the machine was late in another test is no excuse in this one."""
    machine.forget()


@pytest.fixture
def lan(request):
    """A bridge without nodes; removed with everything on it."""
    network = Lan()
    try:
        yield network
    finally:
        report = getattr(request.node, "report_call", None)
        if report is not None and report.failed:
            _show_logs(network)
        network.close()


@pytest.fixture
def sniffer(lan):
    """Listens on all ports of the LAN."""
    listener = Sniffer(lan)
    yield listener
    listener.close()


@pytest.fixture
def pair(lan):
    """Two nodes, a (10.0.0.1) and b (10.0.0.2)."""
    return lan.node("a"), lan.node("b")


@pytest.fixture
def duo(lan, pair):
    """Starts hasup on a (priority 200) and b (priority 100); options go into the instance of both."""
    def begin(bound=6.0, vip="10.0.0.100", first=None, second=None, **options):
        options = {"version": 3, "advert": 0.1, **options}
        a = Hasup(pair[0], conf.simple(**{"priority": 200, **options, **(first or {})})).start()
        # Started together, whoever is ready first may be MASTER for a moment.
        lan.wait_holder(vip, "a", bound)
        b = Hasup(pair[1], conf.simple(**{"priority": 100, **options, **(second or {})})).start()
        b.wait_state("BACKUP")
        wait_for("b to hear a", lambda: b.status().instance()["counters"]["adverts_received"], bound=5)
        return a, b
    return begin


@pytest.fixture
def stores():
    """Makes stores that are closed at the end."""
    made = []

    def make(hasup):
        made.append(Store(hasup))
        return made[-1]
    yield make
    for store in made:
        store.close()


@pytest.fixture
def watched(pair):
    """Watches the virtual address on a."""
    watch = AddressWatch(pair[0], VIP)
    yield watch
    watch.close()


@pytest.fixture
def kept_duo(lan, pair, stores):
    """a (priority 200) under a service manager with a descriptor store, b (priority 100) as its peer."""
    def begin(copied=False, first=None, **options):
        options = {"version": 3, "advert": 0.1, **options}
        a = Hasup(pair[0], conf.simple(200, **{**options, **(first or {})}))
        if copied:
            a.binary = os.path.join(pair[0].directory, "hasupd")
            shutil.copy(binary("hasupd"), a.binary)
            shutil.copy(binary("hasup-checker"), pair[0].directory)
        store = stores(a)
        store.start()
        b = Hasup(pair[1], conf.simple(100, **options)).start()
        lan.wait_holder(VIP, "a", 8)
        b.wait_state("BACKUP")
        return a, b, store
    return begin


@pytest.fixture
def begin(lan):
    """Starts hasupd with virtual servers and a file in the place of IPVS; returns it and its table."""
    node = lan.node("a")
    started = []

    def start(config, *arguments):
        hasup, table = services.start(node, config, *arguments)
        started.append(hasup)
        return hasup, table

    yield start
    for hasup in started:
        if hasup.running():
            hasup.stop()


@pytest.fixture
def cabled(lan, pair):
    """Two nodes with a cable of their own besides the LAN."""
    a, b = pair
    a.netns.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", b.netns.name)
    for node in pair:
        node.netns.ip("link", "set", "eth1", "up")
        node.netns.ip("address", "add", f"192.168.9.{node.number}/24", "dev", "eth1")
    return pair


@pytest.fixture
def keys(cabled):
    """The same key file on both nodes."""
    key = make_key(cabled[0])
    return [key, copy_key(key, cabled[1])]


@pytest.fixture
def heard(cabled):
    """What comes to b, by the LAN and by the cable."""
    listener = Sniffer(cabled[1], prefix="eth")
    yield listener
    listener.close()
