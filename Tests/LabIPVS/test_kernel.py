"""The unit tests of Sources/Kernel/IPVS that need a kernel with IPVS (Tests/KernelTests/IPVSKernelTests.swift)."""

import os
import subprocess

import pytest
from lab.hasup import ROOT

# `swift test` leaves it; a scratch path of one's own is named by the variable.
BUNDLE = os.path.join(os.environ.get("HASUP_TESTS", os.path.join(ROOT, ".build", "debug")), "hasupPackageTests.xctest")


@pytest.mark.skipif(not os.path.exists(BUNDLE), reason="the unit tests aren't built: swift build --build-tests")
def test_units(director):
    """Each kind of service and destination is written, read, edited and removed; ipvsadm is the judge."""
    with director.netns.entered():
        done = subprocess.run([BUNDLE, "--testing-library", "swift-testing", "--filter", "IPVSKernelTests"], cwd=ROOT,
                              env={**os.environ, "HASUP_OWN_IPVS": "1"}, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "Suite IPVSKernelTests passed" in said, said[-4000:]
