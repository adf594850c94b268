"""Tells when an address comes and goes: `address_watch.py DESCRIPTOR ADDRESS`, with a bound rtnetlink socket."""

import os
import socket
import struct
import sys
import time

route = socket.socket(fileno=int(sys.argv[1]))
wanted = socket.inet_aton(sys.argv[2])
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(90))
except PermissionError:
    pass
print("ready", flush=True)
seen = []
while True:
    # What was seen is told a little later: telling takes longer than looking at the clock, and others are at work.
    route.settimeout(0.01 if seen else None)
    try:
        seen.append((route.recv(65536), time.time()))
        continue
    except TimeoutError:
        pass
    for data, moment in seen:
        while len(data) >= 16:
            length, kind = struct.unpack("IH", data[:6])
            if kind in (20, 21) and wanted in data[16:length]:  # RTM_NEWADDR, RTM_DELADDR
                print("added" if kind == 20 else "removed", f"{moment:.6f}", flush=True)
            data = data[max(16, (length + 3) & ~3):]
    seen = []
