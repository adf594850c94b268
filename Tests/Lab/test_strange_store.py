"""What is in the descriptor store, or in the page, is a stranger's (docs/decisions, D10)."""

import fcntl
import os
import re
import signal

import pytest
from lab import conf
from lab.hasup import Hasup
from lab.store import USUAL
from lab.waiting import wait_for

VIP = "10.0.0.100"
ADDRESSES = 4096 + 262144 * 64


def memory(size, seals=0, content=b""):
    """A memory file."""
    number = os.memfd_create("strange", os.MFD_ALLOW_SEALING)
    os.ftruncate(number, size)
    os.pwrite(number, content, 0)
    if seals:
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
    return number


STATE = 4096 + 65536 * 256
STRANGE = {
    "foreign": lambda: [("somebody-elses", os.open("/dev/null", os.O_RDWR))],
    "not a memory file": lambda: [("hasup-state", os.open("/dev/null", os.O_RDWR)),
                                  ("hasup-addresses", os.open("/dev/null", os.O_RDWR)),
                                  ("hasup-configuration", os.open("/dev/null", os.O_RDONLY)),
                                  ("hasup-notifications", os.open("/dev/null", os.O_RDWR))],
    "not sealed": lambda: [("hasup-state", memory(STATE)), ("hasup-addresses", memory(ADDRESSES)),
                           ("hasup-configuration", memory(100)), ("hasup-notifications", memory(STATE))],
    "of another size": lambda: [("hasup-state", memory(4096, 6)), ("hasup-addresses", memory(4096, 6)),
                                ("hasup-configuration", memory(0, 14))],
    "zeros": lambda: [("hasup-state", memory(STATE, 6)), ("hasup-addresses", memory(ADDRESSES, 6)),
                      ("hasup-configuration", memory(4096, 14)), ("hasup-notifications", memory(STATE, 6))],
}


@pytest.mark.parametrize("kind", sorted(STRANGE))
def test_what_is_strange_in_the_store(lan, pair, stores, kind):
    """It is told, removed from the store, and the start is an ordinary one."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1))
    store = stores(a)
    for name, number in STRANGE[kind]():
        store.put(name, number)
    store.start()
    lan.wait_holder(VIP, "a", 4)
    wait_for("its own in the store", store.names, lambda names: names == USUAL, 2)
    assert "can't be used" in a.log()
    store.restart()
    assert "resumed 1 master" in a.log()
    assert a.state() == "MASTER"


@pytest.mark.parametrize("content, reason", [(b"\x63rubbish", "it isn't of a form that hasupd"),
                                             (None, "isn't the number of an open file")])
def test_a_handover_that_is_none(lan, pair, content, reason):
    """It is refused with a sentence that says why, and the start is one without a predecessor."""
    a = Hasup(pair[0], conf.simple(200, version=3, advert=0.1))
    number = memory(100, 14, content) if content else 987
    a.start(environment={"HASUP_HANDOVER": str(number)}, descriptors=[number] if content else [])
    lan.wait_holder(VIP, "a", 4)
    assert re.search(f"The handover of the hasupd before can't be used: .*{reason}.*starts without a predecessor", a.log())
    assert a.stop()[0] == 0


def test_a_page_full_of_rubbish(kept_duo, pair, lan):
    """Sealed, of the right size and form, and yet no record in it is one: the worker starts anew."""
    a, b, store = kept_duo()
    store.end(signal.SIGKILL)
    page = dict(store.kept)["hasup-state"]
    os.pwrite(page, os.urandom(1 << 20), 4096)
    os.pwrite(page, (4096).to_bytes(8, "little"), 24)
    store.start()
    a.wait_state("MASTER", bound=6)
    lan.wait_holder(VIP, "a", 4)
    assert a.stop()[0] == 0


def test_nobody_can_read_the_address_page(kept_duo):
    """A worker has written over its form: the next one is given a new one, by this hasupd and by the next."""
    a, _, store = kept_duo()
    before = dict(store.kept)["hasup-addresses"]
    os.pwrite(before, b"rubbish!", 0)
    os.kill(a.worker(), signal.SIGKILL)
    wait_for("it is told", a.log, lambda log: "the addresses that it has set can't be read any more" in log, 4)
    a.wait_state("MASTER", bound=6)
    wait_for("the new one in its place", store.names, lambda names: names == USUAL, 2)
    os.pwrite(dict(store.kept)["hasup-addresses-1"], b"rubbish!", 0)
    store.restart()
    a.wait_state("MASTER", bound=6)
    assert store.names() == USUAL
