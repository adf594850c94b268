"""hasupd is never away for long: the bound of issue 9 on a turn of its loop."""

import pytest
from lab import turns
from lab.net import Lan


@pytest.mark.alone
def test_no_turn_takes_more_than_its_share(record_property):
    """D6, with 1,000 instances, in processor time. A hypervisor's pauses are in that time, so the best of three counts."""
    attempts = []
    for _ in range(3):
        with Lan() as lan:
            attempts.append(turns.measure(lan))
        if max(attempts[-1].values()) < turns.BOUND:
            break
    record_property("turns", attempts[-1])
    assert max(attempts[-1].values()) < turns.BOUND, attempts
