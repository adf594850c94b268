"""What a worker that an attacker owns leaves in its page: its successor lives with it (docs/decisions, D9)."""

import random
import struct

from lab import conf, hostile
from lab.forge import LONG
from lab.hasup import OPTIMIZED, Hasup
from lab.hostile import Impostor, frame
from lab.waiting import wait_for
from test_hostile_worker import VIP, Turns, end, restarts, successor


def spoil(page, kind, dice):
    """Writes one kind of rubbish into a page."""
    # What the kind before has left there may be beyond the page.
    used, records = min(max(page.word(hostile.SLOTS_USED), 0), hostile.SLOTS_MAX - 1), page.records()
    newest = max((record for record in records if record[2]), key=lambda record: record[1])
    sequence, payload = newest[1] + 1, bytearray(newest[3])
    claim = bytes(payload)

    def bent(change):
        change(payload)
        page.write(used, sequence, newest[2], bytes(payload))
        page.set(hostile.SLOTS_USED, used + 1)

    def flip(content):
        # Behind version and fingerprint, or it's nobody's record.
        for _ in range(dice.randint(1, 4)):
            content[dice.randrange(9, len(content))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))

    def everywhere(content, number=lambda index: 1):
        for index in range(hostile.SLOTS_MAX - 1):
            page.write(index, sequence + index, number(index), content)
        page.set(hostile.SLOTS_USED, hostile.SLOTS_MAX)

    kinds = {
        "bent": lambda: bent(flip),
        "cut": lambda: bent(lambda content: content.__delitem__(slice(dice.randrange(9, len(content)), None))),
        "all ones": lambda: page.memory.__setitem__(slice(hostile.PAGE_HEAD, hostile.PAGE_HEAD + 64 * 256), b"\xff" * 64 * 256),
        "random": lambda: page.memory.__setitem__(slice(hostile.PAGE_HEAD, hostile.PAGE_HEAD + 64 * 256), dice.randbytes(64 * 256)),
        "head of ones": lambda: [page.set(place, -1) for place in (8, 16, 24, 32)],
        "last generation": lambda: page.set(hostile.GENERATION, (1 << 63) - 1),
        "first generation": lambda: page.set(hostile.GENERATION, -(1 << 63)),
        "stamp of tomorrow": lambda: page.set(hostile.STAMP, (1 << 63) - 1),
        "no slots": lambda: page.set(hostile.SLOTS_USED, 0),
        "slots without end": lambda: page.set(hostile.SLOTS_USED, (1 << 63) - 1),
        "last sequence": lambda: page.write(used, (1 << 63) - 1, newest[2], claim),
        "moments of tomorrow": lambda: bent(lambda content: content.__setitem__(slice(16, 24), struct.pack(">q", 1 << 60))),
        "endless claims": lambda: everywhere(claim),
        "claims of others": lambda: everywhere(claim, lambda index: (index * 65_537) & 0xFFFFFFFF),
        "marks of ones": lambda: page.mark_all(-1),
        "marks of tomorrow": lambda: page.mark_all(1 << 60),
        "records of one byte": lambda: everywhere(b"\1"),
    }
    kinds[kind]()


SPOILS = ["all ones", "random", "head of ones", "last generation", "first generation", "stamp of tomorrow", "no slots",
          "slots without end", "last sequence", "moments of tomorrow", "endless claims", "claims of others",
          "marks of ones", "marks of tomorrow", "records of one byte", *["cut"] * 3, *["bent"] * (200 if LONG else 20)]


def test_a_spoiled_snapshot(duo, lan):
    """Its last will: whatever is in the page, its successor runs, once, and in the end one node has the address."""
    a, b = duo(advert=0.1)
    dice = random.Random(20261126)
    for kind in SPOILS:
        worker, before = a.worker(), restarts(a)
        with Turns(a):
            with Impostor(worker) as impostor:
                impostor.say(frame(hostile.WORKED))
                spoil(impostor.page, kind, dice)
                end(worker)
            successor(a, worker)
        # Reading a page that is full may take an unoptimized build longer than a start may take.
        assert restarts(a) == before + 1 or not OPTIMIZED, (kind, a.log()[-1500:])
    lan.wait_holder(VIP, "a", 8)
    a.wait_state("MASTER")
    b.wait_state("BACKUP")
    assert "was started before" not in a.log(), "a successor's notifications count on"
    assert "signal 4" not in a.log() and "signal 11" not in a.log() and "starts without a snapshot" not in a.log()


def test_an_unreadable_master_leaves_no_address(lan, pair):
    """A record whose head claims MASTER and whose rest is rubbish: the address goes before the election is over."""
    a = Hasup(pair[0], conf.simple(100, version=3, advert=1)).start()
    a.wait_state("MASTER", bound=8)
    worker = a.worker()
    with Impostor(worker) as impostor:
        impostor.say(frame(hostile.WORKED))
        newest = max((record for record in impostor.page.records() if record[2]), key=lambda record: record[1])
        used = impostor.page.word(hostile.SLOTS_USED)
        for index in range(used):
            impostor.page.write(index, newest[1] + index + 1, newest[2], newest[3][:12])
        end(worker)
    successor(a, worker)
    wait_for("the address to go", lambda: pair[0].holds(VIP), lambda held: not held, 2)
    assert a.state() == "BACKUP"
    a.wait_state("MASTER", bound=8)
