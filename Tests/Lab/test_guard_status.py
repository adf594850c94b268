"""The cluster in status and history: who is heard by which path, what a BACKUP waits for, what was refused."""

import socket
import time

from lab import conf
from lab.cluster import VIP, altered, beats, begin, copy_key, guard, make_key, nodes, paths
from lab.waiting import hold_for, wait_for

BETWEEN = ('iifname "p-a" oifname "p-b"', 'iifname "p-b" oifname "p-a"')


def words(hasup, *command):
    """What a command prints, on one line."""
    return " ".join(hasup.cli(*command).stdout.split())


def test_status_says_what_a_backup_waits_for(lan, cabled):
    """F4: one path that is left tells that the other lives, what it is, and why nobody takes over."""
    key = make_key(cabled[0])
    a, b = begin(lan, cabled, [key, copy_key(key, cabled[1])])
    both = wait_for("both paths", lambda: paths(b), lambda seen: all(path["heard"] for path in seen), 5)
    assert [path["path"] for path in both] == ["lan", "cable"]
    assert all(path["round_trip_seconds"] < 0.1 and path["last_heard_seconds"] < 1 for path in both)
    # Before the first echo a frame may be of another life.
    assert all(set(path["refused"]) <= {"unproved"} for path in both)
    assert "Cluster web: a is heard by lan (" in words(b, "status") and "there: VI_1 MASTER (200)" in words(b, "status")
    lan.drop(*BETWEEN)
    wait_for("the reason", lambda: words(b, "status"),
             lambda text: "not MASTER: a is alive and MASTER by `cable`, its adverts aren't heard here." in text, 5)
    lost = wait_for("the path", lambda: paths(b), lambda seen: not seen[0]["heard"], 5)
    assert lost[1]["heard"] and lost[1]["last_heard_seconds"] < 1
    node = nodes(b)[0]
    assert (node["cluster"], node["node"], node["heard"], node["hears_us"]) == ("web", "a", True, True)
    assert (node["groups"][0]["name"], node["groups"][0]["state"], node["other_settings"]) == ("VI_1", "MASTER", False)
    assert b.status().instance()["why_not_master"]["code"] == "guarded"
    assert "by lan nothing for" in words(b, "status")
    assert "a is alive and MASTER by `cable`" in words(b, "history")
    lan.heal()
    wait_for("no reason", lambda: words(b, "status"), lambda text: "its adverts aren't heard" not in text, 5)
    done = a.cli("resign", "VI_1")
    assert done.returncode == 0, done.stdout + done.stderr
    lan.wait_holder(VIP, "b", 2)
    assert a.cli("takeover", "VI_1").returncode == 0
    lan.wait_holder(VIP, "a", 2)
    assert "a has asked for the hand-over" in words(b, "history")


def spoil(place):
    """Changes one byte of a payload."""
    def change(payload):
        payload[place] ^= 1
        return payload
    return change


def test_bad_frames_are_refused_and_counted(lan, cabled, heard):
    """Repeated, forged, another cluster's, too short: each by its reason, and nobody moves."""
    key = make_key(cabled[0])
    a, b = begin(lan, cabled, [key, copy_key(key, cabled[1])])
    since = time.time()
    frame = wait_for("frames by the cable", lambda: [beat for beat in beats(heard, 0, since) if beat.path == 1],
                     lambda seen: len(seen) >= 3, 5)[0].frame
    bad = [altered(frame), altered(frame, spoil(-1)), altered(frame, spoil(50)), altered(frame, spoil(4)),
           altered(frame, lambda payload: payload[:20]), altered(frame, lambda payload: payload[:-1])]
    with cabled[0].netns.entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("eth1", 0))
    with sender:
        for _ in range(10):
            for one in bad:
                sender.send(one)
            time.sleep(0.02)
    counts = {"repeated": 10, "authentication": 30, "cluster": 10, "length": 10}
    wait_for("all reasons", lambda: paths(b)[1]["refused"], lambda seen: {**seen, "unproved": 0} == {**counts, "unproved": 0}, 5)
    text = words(b, "status")
    assert "refused:" in text and "30 authentication" in text and "10 repeated" in text
    hold_for("a has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1)
    assert [a.state(), b.state()] == ["MASTER", "BACKUP"]


def test_a_guard_comes_and_goes_by_reload(lan, cabled):
    """Adding, changing and removing a guard moves no master."""
    key = make_key(cabled[0])
    keys = [key, copy_key(key, cabled[1])]
    daemons = begin(lan, cabled, (None, None))
    plain, guarded = ([conf.simple(priority, before=block(key), version=3, advert=0.1)
                       for priority, key in zip((200, 100), keys)] for block in (lambda _: "", guard))
    for texts, heard in ((guarded, True), (plain, False), (guarded, True)):
        for hasup, text in zip(daemons, texts):
            done = hasup.reload(text)
            assert done.returncode == 0, done.stdout + done.stderr
        for hasup in daemons:
            wait_for("what is heard", lambda: [node["heard"] for node in nodes(hasup)],  # pylint: disable=cell-var-from-loop
                     lambda seen, heard=heard: seen == ([True] if heard else []), 5)
        hold_for("a has the address", lambda: lan.holders(VIP), lambda seen: seen == ["a"], 1)
    assert [hasup.status().instance()["counters"]["became_master"] for hasup in daemons] == [1, 0]
