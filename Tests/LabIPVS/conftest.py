"""Fixtures of the tests that need a kernel with IPVS. Each test has a network namespace, and so a table, of its own."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "Lab")]

from lab import uml  # noqa: E402
from lab.net import Lan  # noqa: E402


def pytest_ignore_collect():
    """Elsewhere the table is somebody's."""
    return not uml.is_inside()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item):
    """Keeps the outcome of each phase on the item, for the fixture."""
    outcome = yield
    setattr(item, f"report_{outcome.get_result().when}", outcome.get_result())


@pytest.fixture(scope="session")
def network():
    """One LAN for all."""
    with Lan() as lan:
        yield lan


@pytest.fixture
def director(request, network):
    """A node with eth0 and an empty table."""
    node = network.node(f"d{len(network.nodes)}")
    yield node
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        for program in node.programs:
            print(f"--- {os.path.basename(program.log_path)} ---\n{program.log()[-4000:]}")
    node.kill_everything()
    # A table that is left keeps the modules of its schedulers.
    with node.netns.entered():
        subprocess.run(["ipvsadm", "-C"], check=False, capture_output=True)
