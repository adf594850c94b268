#!/usr/bin/python3
"""hasup and Debian's keepalived side by side: prints a table and writes docs/benchmarks.md.

    RUNS=5               repetitions of each measurement (median)
    ENGINES=keepalived   only one of them
    ONLY=takeover,cpu    only rows whose key begins with one of these words
    WEAR=60              seconds of the row of wear (C4 asks for an hour: 3600)
    KILLS=20             how often something is killed, restarted or upgraded in the rows of continuity (ONLY=kill,hang,…)
    WRITE=               do not write docs/benchmarks.md; nor does a part (ONLY, ENGINES) or a run of fewer than 5
"""

import datetime
import os
import platform
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import changes  # noqa: E402
import checking  # noqa: E402
import continuity  # noqa: E402
import dumping  # noqa: E402
import filling  # noqa: E402
import guarding  # noqa: E402
import measures  # noqa: E402
import parsing  # noqa: E402
import tracking  # noqa: E402
from rig import ENGINES, ROOT  # noqa: E402

RUNS = int(os.environ.get("RUNS", "5"))
CHOSEN = [name for name in ENGINES if name in os.environ.get("ENGINES", "keepalived,hasup").split(",")]
ONLY = tuple(word for word in os.environ.get("ONLY", "").split(",") if word)

PAGE = os.path.join(ROOT, "docs", "benchmarks.md")

EXPLANATION = """\
Both daemons run in network namespaces of the same machine, one after the other in each row. CPU is user and system
time of all processes of a daemon over 10 s, divided by the adverts that the master sent; in a lab of namespaces the
kernel charges the receivers' share of a packet to its sender."""


def repeated(function, *arguments):
    """One result of each run."""
    return [function(*arguments) for _ in range(RUNS)]


def median_text(values, form):
    """The median of some values as text."""
    return form.format(statistics.median(values))


def takeover(engine, advert, *config):
    """Median and worst lateness of a takeover: the advert, the address, and the announcement after that."""
    runs = measures.takeovers(engine, advert, max(RUNS, 5 if advert >= 1 else 20), *config)
    return [(f"{statistics.median(late):+.2f} ms (worst {max(late):+.2f})", statistics.median(late)) for late in zip(*runs)]


def single(form):
    """A row of one figure: the median of several runs."""
    def measure(engine, function, *arguments):
        values = repeated(function, engine, *arguments)
        return median_text(values, form), statistics.median(values)
    return measure


def loads(engine, links, advert):
    """CPU of master and backup under one load: two rows from one measurement."""
    runs = [measures.cpu(engine, links, advert, True) for _ in range(RUNS)]
    rates = statistics.median(rate for _, rate in runs)
    master, backup = (statistics.median(costs[side] for costs, _ in runs) for side in (0, 1))
    return [(f"{master:.1f} µs ({rates:,.0f}/s)", master), (f"{backup:.1f} µs", backup)]


def alone(engine, links, advert):
    """CPU of a master without a peer."""
    runs = [measures.cpu(engine, links, advert, False) for _ in range(RUNS)]
    cost = statistics.median(costs[0] for costs, _ in runs)
    return f"{cost:.1f} µs ({statistics.median(rate for _, rate in runs):,.0f}/s)", cost


def churn(engine, advert):
    """Widest gap of all runs and takeovers of the peer."""
    runs = [measures.gap_under_churn(engine, advert) for _ in range(RUNS)]
    widest = max(gap for gap, _ in runs)
    return f"{widest:.2f} × interval, {sum(lost for _, lost in runs)} takeovers", widest


def judged(engine, kind):
    """Time and peak memory of a check: two rows from one measurement."""
    runs = [parsing.check(engine, kind) for _ in range(RUNS)]
    seconds, megabytes = (statistics.median(run[place] for run in runs) for place in (0, 1))
    return [(f"{seconds:.3f} s", seconds), (f"{megabytes:.0f} MB", megabytes)]


def dumps(engine, count):
    """Median and worst time from a signal to the complete file, of each file."""
    found = []
    for kind in dumping.KINDS:
        times = dumping.dump_times(engine, count, kind)
        found.append((f"{statistics.median(times):.1f} ms (worst {max(times):.1f})", statistics.median(times)))
    return found


def handovers(engine):
    """Pings that a hand-over loses, and the longest silence."""
    (lost, most), (silent, longest) = continuity.handovers(engine)
    return [(f"{lost:.0f} (worst {most:.0f})", lost), (f"{silent:.1f} ms (worst {longest:.1f})", silent)]


def tracked(engine, command):
    """Processor time of a run, the widest advert gap, and hasupd's longest turn."""
    runs = [tracking.cost(engine, command) for _ in range(RUNS)]
    run, gap, turn = ([one[place] for one in runs] for place in range(3))
    return [(f"{statistics.median(run):.3f} ms", statistics.median(run)), (f"{max(gap):.1f} ms", max(gap)),
            ("–", None) if None in turn else (f"{max(turn):.1f} ms", max(turn))]


def checked(engine, kind, count):
    """Processor time of a check, memory, checks done, TIME_WAIT sockets, hasupd's longest turn."""
    runs = [checking.load(engine, kind, count) for _ in range(RUNS)]
    cost, memory, done, waiting, turn = ([run[place] for run in runs] for place in range(5))
    return [(f"{statistics.median(cost):.1f} µs", statistics.median(cost)), (f"{statistics.median(memory):.1f} MB", statistics.median(memory)),
            (f"{statistics.median(done):.2f} %", statistics.median(done)), (f"{statistics.median(waiting):,.0f}", statistics.median(waiting)),
            ("–", None) if None in turn else (f"{max(turn):.1f} ms", max(turn))]


def outages(engine):
    """Median and worst time until a dead server is out, and until it is back."""
    return [(f"{statistics.median(times) * 1000:.0f} ms (worst {max(times) * 1000:.0f})", max(times) * 1000)
            for times in checking.outage(engine, max(RUNS, 3))]


def filled(engine):
    """IPVS's table of 10,000 servers, in user-mode Linux: from nothing, one weight changed, taken out."""
    runs = [filling.measure(engine) for _ in range(RUNS)]
    used, complete, reload, requests, stop = ([run[place] for run in runs] for place in range(5))
    return [*((f"{statistics.median(times):.2f} s", statistics.median(times)) for times in (used, complete, reload)),
            ("–", None) if None in requests else (f"{max(requests)}", max(requests)),
            (f"{statistics.median(stop):.2f} s", statistics.median(stop))]


def guard_share(engine, lines, advert):
    """What a guard adds to a takeover in ms; the worst of both in words."""
    if engine is not ENGINES["hasup"]:
        return [("–", None)]
    (without, worst), (guarded, worst_guarded) = guarding.added(lines, advert, max(RUNS, 5))
    added = guarded - without
    return [(f"{added:+.1f} ms ({without:.1f} without, worst {worst:.1f}; {guarded:.1f} with, worst {worst_guarded:.1f})", added)]


def gaps(engine, lines, fault):
    """Median and worst of what a client is without an answer; hasup has a guard, keepalived can't."""
    times = guarding.gap(engine, lines, fault, RUNS)
    return [(f"{statistics.median(times):.0f} ms (worst {max(times):.0f})", statistics.median(times))]


def guard_load(engine, lines):
    """What a guard takes at rest: per cent of a core, memory."""
    if engine is not ENGINES["hasup"]:
        return [("–", None)] * 2
    runs = repeated(guarding.loads, lines)
    found = []
    for place, unit in enumerate(("%", "MB")):
        without, guarded = (statistics.median(run[side][place] for run in runs) for side in (0, 1))
        found.append((f"{guarded - without:+.2f} {unit} ({without:.2f} without)", guarded - without))
    return found


def turns():
    """Milliseconds of hasupd's longest turn."""
    longest = statistics.median(repeated(measures.longest_turn))
    return f"{longest:.1f} ms", longest


def hasup_only(engine, measure):
    """For what keepalived has no counterpart of."""
    return measure() if engine is ENGINES["hasup"] else ("–", None)


def hasup_only_rows(engine, measure, count):
    """The same for several figures in milliseconds."""
    if engine is not ENGINES["hasup"]:
        return [("–", None)] * count
    return [(f"{value:.1f} ms", value) for value in measure()]


PUNCTUAL = "≤ +0.2 ms median, ≤ keepalived's + 0.05 ms"
SOON = "≤ keepalived's + 0.1 ms"

# key, what is measured, what is asked, and how: one engine -> list of (text, figure)
ROWS = [
    *((f"takeover-{advert}",
       [f"takeover after kill -9, advert_int {advert}, beyond the protocol's {wait}: the advert", "same: the address is there",
        "same: from then to its first announcement"], [PUNCTUAL, SOON, "≤ 0.05 ms"], lambda engine, advert=advert: takeover(engine, advert))
      for advert, wait in ((1, "3.609 s"), (0.1, "361 ms"), (0.01, "36.1 ms"))),
    ("preemption", ["both nodes have the address when one preempts the other, 0.1"], ["≤ 0.3 ms"],
     lambda engine: [single("{:.2f} ms")(engine, changes.both_have_it)]),
    *((f"reload-{count}", [f"SIGHUP to a new address, {words}"], [asked],
       lambda engine, count=count, load=load: [single("{:.1f} ms")(engine, changes.reload_to_live, count, load)])
      for count, load, words, asked in ((1, 0, "2 instances", "≤ 8 ms"), (500, 4, "501 instances, four busy processes", "≤ 40 ms"))),
    ("churn-cost", ["a link that comes and goes in its own namespace, 1,000 instances: processor time"], ["≤ 0.5 ×"],
     lambda engine: [single("{:.2f} ms")(engine, changes.churn_cost)]),
    ("rate", ["rate of adverts at 0.01, of the nominal one"], ["≥ 99.9 %"],
     lambda engine: [single("{:.2f} %")(engine, measures.rate)]),
    ("cpu-250",
     ["CPU of the master per advert, 250 × 100/s, a backup on the link", "CPU of that backup per advert, 250 × 100/s"],
     ["≤ 0.25 ×", "≤ 0.5 ×"], lambda engine: loads(engine, 1, 0.01)),
    ("cpu-1000-peer",
     ["CPU of the master per advert, 1,000 × 10/s, a backup on the link", "CPU of that backup per advert, 1,000 × 10/s"],
     ["≤ 0.25 ×", "≤ 0.5 ×"], lambda engine: loads(engine, 4, 0.1)),
    ("cpu-1000-alone", ["CPU of the master per advert, 1,000 × 10/s, no peer"], ["≤ 0.5 ×"],
     lambda engine: [alone(engine, 4, 0.1)]),
    ("memory-1", ["memory (PSS of all processes at rest), 1 instance"], ["≤ 0.75 ×"],
     lambda engine: [single("{:.1f} MB")(engine, measures.memory, 0)]),
    ("memory-1000", ["memory (PSS of all processes at rest), 1,000 instances"], ["≤ 0.9 ×"],
     lambda engine: [single("{:.1f} MB")(engine, measures.memory, 4)]),
    ("start", ["1,000 instances: exec to the last one MASTER (protocol: 3.414 s)"], ["≤ 3.474 s"],
     lambda engine: [single("{:.3f} s")(engine, measures.start_up)]),
    *((f"dumps-{count}",
       [f"signal to complete keepalived.data, {count:,} instances", "same: keepalived.stats", "same: keepalived.json"],
       [asked] * 3, lambda engine, count=count: dumps(engine, count))
      for count, asked in ((10, "≤ 8 ms"), (1000, "≤ 50 ms"))),
    *((f"track-{word}",
       [f"500 track_scripts {words} each second: processor time of a run", "same: widest advert gap, 0.1", "same: hasupd's longest turn"],
       [asked, "≤ 110 ms", "≤ 10 ms"], lambda engine, command=command: tracked(engine, command))
      for word, words, command, asked in (("program", "(/usr/bin/true)", "/usr/bin/true", "≤ 0.85 ×"),
                                          ("file", "(`</etc/hosts`)", "</etc/hosts", "≤ 0.05 ×"))),
    *((f"groups-{advert}", [f"takeover of a sync group of 10 with a script each, advert_int {advert}, beyond the protocol's time"],
       ["≤ +0.3 ms median"], lambda engine, advert=advert: takeover(engine, advert, tracking.group)[:1])
      for advert in (1, 0.1, 0.01)),
    ("track-process",
     ["a tracked process ends: to priority 0 on the wire", "one starts: to the end of the FAULT, by a scan"],
     ["≤ 5 ms", "≤ 1,000 ms"], lambda engine: hasup_only_rows(engine, tracking.process, 2)),
    ("track-memory", ["memory (PSS of all processes at rest), 1 instance with a script"], ["≤ 0.9 ×"],
     lambda engine: [single("{:.1f} MB")(engine, tracking.memory)]),
    *((f"checks-{kind}",
       [f"CPU of a {name}, {count:,} servers, delay_loop 1, all processes", "same: memory (PSS of all processes)",
        "same: checks done, of the configured ones", "same: sockets in TIME_WAIT", "same: hasupd's longest turn"],
       [cpu, memory, "≥ 99.9 %", "= 0", "≤ 10 ms"], lambda engine, kind=kind, count=count: checked(engine, kind, count))
      for kind, name, count, cpu, memory in (("tcp", "TCP_CHECK", 5000, "≤ 0.6 ×", "≤ 1.3 ×"),
                                             ("http", "HTTP_GET", 5000, "≤ 0.7 ×", "≤ 1.2 ×"),
                                             ("ssl", "SSL_GET (TLS 1.3)", 300, "≤ 0.6 ×", "≤ 1.6 ×"))),
    ("checks-table",
     ["10,000 servers, 100 × 100, from nothing, in user-mode Linux: processor time", "same: until all are in the table",
      "same: one weight changed by a reload", "same: requests of that", "same: stop"],
     ["≤ 0.4 ×", "≤ 0.4 ×", "≤ 0.5 ×", "= 1", "≤ 0.3 ×"], filled),
    ("checks-outage", ["a dead server leaves the table (HTTP_GET, delay_loop 1, retry 0)", "one that is back is in it again"],
     ["≤ 1020 ms", "≤ 2020 ms"], outages),
    ("checks-death", ["kill -9 of the checker beside dead servers: they are in the table again"], ["= 0"],
     lambda engine: [single("{:.2f} s")(engine, checking.death)]),
    ("checks-questions", ["`hasup services` with 1,000 servers, the whole command"], ["≤ 20 ms"],
     lambda engine: [hasup_only_rows(engine, lambda: [checking.questions()], 1)[0]]),
    ("turns", ["hasupd's longest turn (processor time) with 1,000 instances: start, takeover, questions and reload"], ["≤ 10 ms"],
     lambda engine: [hasup_only(engine, turns)]),
    ("check-instances",
     ["`hasup check` and `keepalived -t`, 4,000 instances (200,000 lines)", "peak memory of that"],
     ["< 1 s, ≤ 0.5 ×", ""], lambda engine: judged(engine, "instances")),
    ("check-servers",
     ["`hasup check` and `keepalived -t`, 10,000 real servers (200,000 lines)", "peak memory of that"],
     ["< 1 s, ≤ 0.5 ×", ""], lambda engine: judged(engine, "servers")),
    ("churn-0.1", ["widest advert gap while links are made and deleted and others take over, 0.1"], ["no takeover"],
     lambda engine: [churn(engine, 0.1)]),
    ("churn-0.01", ["same, 0.01"], ["no takeover"], lambda engine: [churn(engine, 0.01)]),
    *((f"kill{name}-{advert}", [f"kill -9 of the master's VRRP process, advert_int {advert}{words}"], ["no transition"],
       lambda engine, advert=advert, load=load: [continuity.kills(engine, advert, load)])
      for name, words, load in (("", "", 0), ("-busy", ", four busy processes beside it", 4)) for advert in (1, 0.1, 0.01)),
    *((f"hang-{advert}", [f"SIGSTOP of hasup's VRRP worker, advert_int {advert}"], [asked],
       lambda engine, advert=advert: [hasup_only(engine, lambda: continuity.hangs(engine, advert))])
      for advert, asked in ((1, "≤ 2 s"), (0.1, "≤ 200 ms"), (0.01, "≤ 25 ms and a restart"))),
    *((f"supervisor-{how}-{advert}", [f"hasupd {words}, advert_int {advert}"], ["no transition"],
       lambda engine, how=how, advert=advert: [hasup_only(engine, lambda: continuity.restarts(how, advert))])
      for how, words in (("kill", "killed"), ("park", "restarted"), ("upgrade", "upgraded")) for advert in (1, 0.1)),
    ("resign",
     ["pings that a client loses, one each ms, when an operator has the master hand over (keepalived: a stop)",
      "same: the longest time without an answer"], ["= 0", "≤ 20 ms"], handovers),
    *((f"guard-takeover-{advert}", [f"takeover after kill -9 of everything, advert_int {advert}: what a guard with two references adds"],
       [asked], lambda engine, lines=lines, advert=advert: guard_share(engine, lines, advert))
      for advert, asked, lines in ((1, "≤ 1 ms", (*guarding.USUAL, *guarding.references())),
                                   (0.1, "≤ 150 ms", (*guarding.QUICK, *guarding.references(0.05, 0.05))))),
    *((f"guard-{key}", [f"{words}, advert_int 1: a client's longest time without an answer"], [asked],
       lambda engine, fault=fault: gaps(engine, (*guarding.USUAL, *guarding.references()), fault))
      for key, words, asked, fault in (("carrier", "the master's interface loses its carrier", "≤ 60 ms", guarding.carrier),
                                       ("switch", "the master's link is cut behind the switch", "≤ 1200 ms", guarding.switch))),
    *((f"guard-{key}", [f"{words} with a guard: a client's longest time without an answer"], ["≤ 100 ms"],
       lambda engine, fault=fault: gaps(engine, (*guarding.USUAL, *guarding.references()), fault)
       if engine is ENGINES["hasup"] else [("–", None)])
      for key, words, fault in (("takeover", "`hasup takeover`", guarding.preemption), ("resign", "`hasup resign`", guarding.resign))),
    ("guard-load", ["a guard with two paths and two references, advert_int 1: of a core, all processes", "same: memory"],
     ["< 0.3 %", "≤ 0.3 MB"], lambda engine: guard_load(engine, (*guarding.USUAL, *guarding.references()))),
    ("reloads", ["a reload a second with 500 instances"], ["no advert missed"], lambda engine: [continuity.reloads(engine)]),
    ("wear", ["every ten seconds a link that fails, twenty scripts that die on each change, and (hasup only) a death of the master's worker"],
     ["< 2 %"], lambda engine: [continuity.wear(engine)]),
]


def misses(asked, theirs, ours):
    """Whether a figure isn't what was asked: so many times the other's at most, or so late."""
    if ours is not None and asked.startswith("< ") and asked.endswith(" %"):
        return ours >= float(asked.split()[1])
    if ours is not None and re.fullmatch(r"≥ [\d.]+ %", asked):
        return ours < float(asked.split()[1])
    if ours is not None and re.fullmatch(r"= \d+", asked):
        return ours != float(asked.split()[1])
    if ours is not None and re.fullmatch(r"≤ [\d.]+ (ms|MB)", asked):
        return ours > float(asked.split()[1])
    if ours is None or theirs is None:
        return False
    if asked.endswith("×"):
        return ours > theirs * float(asked.split()[-2])
    if asked == SOON:
        return ours > theirs + 0.1
    return asked == PUNCTUAL and (ours > 0.2 or ours > theirs + 0.05)


def measure_rows():
    """All chosen rows as [what, asked, keepalived, hasup, ratio]."""
    table = []
    for key, names, asked, measure in ROWS:
        if ONLY and not key.startswith(ONLY):
            continue
        results = {}
        for engine in CHOSEN:
            print(f"... {key}: {engine}", file=sys.stderr, flush=True)
            try:
                results[engine] = measure(ENGINES[engine])
            except (AssertionError, IndexError, OSError) as error:
                print(f"    failed: {error}", file=sys.stderr)
                results[engine] = [("failed", None)] * len(names)
        for index, name in enumerate(names):
            cells = [results[engine][index] if engine in results else ("–", None) for engine in ENGINES]
            theirs, ours = (cell[1] for cell in cells)
            ratio = f"{ours / theirs:.2f} ×" if asked[index].endswith("×") and theirs and ours else ""
            if misses(asked[index], theirs, ours):
                ratio = f"{ratio} missed".strip()
            table.append([name, asked[index], *(cell[0] for cell in cells), ratio])
    if "hasup" in CHOSEN and (not ONLY or "status".startswith(ONLY)):
        call, command = measures.status_round_trip()
        table.append(["`hasup status` with 1,000 instances: round trip on the socket (whole command), ten a second", "< 20 ms", "–",
                      f"{call:.1f} ms ({command:.1f} ms)", ""])
    for kind, name in (("instances", "4,000 instances"), ("servers", "10,000 real servers")):
        if "hasup" in CHOSEN and (not ONLY or f"decode-{kind}".startswith(ONLY)):
            steps = [parsing.decoding(kind) for _ in range(RUNS)]
            times = ", ".join(f"{step} {statistics.median(run[step + '_seconds'] for run in steps) * 1000:.1f} ms"
                              for step in ("read", "parse", "encode", "decode"))
            table.append([f"{name} on the way to a worker", "", "–", f"{times}; {steps[0]['encoded_bytes'] / 1e6:.1f} MB", ""])
    return table


def kept_rows():
    """The rows that docs/benchmarks.md has."""
    with open(PAGE, encoding="utf-8") as file:
        return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if line.startswith("| ")]


def worse(before, now):
    """Rows whose ratio to keepalived has grown by more than a fifth, each as a sentence.

    Ratios only: the figures themselves are those of the machine and of its hour.
    """
    def ratios(rows):
        found = ((row[0], re.match(r"[0-9.]+(?= ×)", row[4])) for row in rows)
        return {name: float(number.group()) for name, number in found if number}
    old = ratios(before)
    return [f"{name}: {old[name]:.2f} × -> {ratio:.2f} ×" for name, ratio in ratios(now).items()
            if ratio > old.get(name, ratio) * 1.2]


def head():
    """Where and when."""
    def said(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    version = (said("keepalived", "--version").stderr.split() or ["", "?"])[1]
    commit = said("git", "rev-parse", "--short", "HEAD").stdout.strip()
    return (f"{datetime.date.today().isoformat()}, commit {commit}, Linux {platform.release()}, {os.cpu_count()} cores, "
            f"keepalived {version}, medians of {RUNS} runs (takeover: at least 20 below one second).")


def main():
    """Measures, prints, writes."""
    rows = [["what", "asked", "keepalived", "hasup", "ratio"], ["---"] * 5, *measure_rows()]
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    print(text)
    for sentence in worse(kept_rows(), rows):
        print(f"worse than in docs/benchmarks.md: {sentence}", file=sys.stderr)
    missed = [row[0] for row in rows[2:] if row[4].endswith("missed")]
    if os.environ.get("WRITE", "yes") and RUNS >= 5 and not ONLY and len(CHOSEN) == len(ENGINES):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(f"# Benchmarks\n\nMeasured by `make bench`: {head()}\n\n{EXPLANATION}\n\n{text}\n")
    for name in missed:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
