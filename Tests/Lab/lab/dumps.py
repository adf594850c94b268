"""keepalived's dump files, read by the rules of the exporters (behaviours_vrrp2 §7), and asked for by signals."""

import json
import os
import signal

from .waiting import wait_for

STATES = ["INIT", "BACKUP", "MASTER", "FAULT"]
JSON_SIGNAL, CLEAR_SIGNAL = signal.SIGRTMIN + 2, signal.SIGRTMAX - 1
NAMES = {signal.SIGUSR1: "keepalived.data", signal.SIGUSR2: "keepalived.stats", CLEAR_SIGNAL: "keepalived.stats",
         JSON_SIGNAL: "keepalived.json"}


def dump(daemon, folder, number, bound=2.0, name=None):
    """Asks for one file by a signal, waits for a new one, and returns its text."""
    path = os.path.join(folder, name or NAMES[number])
    before = None if not os.path.exists(path) else (os.stat(path).st_ino, os.stat(path).st_mtime_ns)
    daemon.program.signal(number)

    def fresh():
        try:
            found = os.stat(path)
            return found.st_size > 0 and (found.st_ino, found.st_mtime_ns) != before and found
        except FileNotFoundError:
            return False
    # keepalived writes into the file itself: it is whole when it has stopped growing.
    wait_for(f"a new {path}", fresh, bound=bound)
    sizes = []

    def grown():
        sizes.append(os.stat(path).st_size)
        return len(sizes) > 5 and len(set(sizes[-5:])) == 1
    wait_for(f"the end of {path}", grown, bound=bound)
    with open(path, encoding="utf-8") as file:
        return file.read()


def statistics(text):
    """keepalived.stats: instance -> section and name -> number; a value that is no number fails."""
    found, section = {}, None
    for line in text.splitlines():
        if line.startswith("VRRP Instance") and ":" in line:
            instance = line.split(":")[1].strip()
            found[instance], section = {}, None
        elif line.startswith("  ") and line.endswith(":"):
            section = line.strip()[:-1]
        elif line.startswith("    ") and section:
            name, value = line.strip().split(":")
            found[instance][f"{section}/{name.strip()}"] = int(value)
        elif line.startswith("  "):
            name, value = line.strip().split(":")
            section = None
            found[instance][name.strip()] = int(value)
    return found


def data(text):
    """keepalived.data as mehdy/keepalived-exporter reads it: instance -> what it looks for."""
    found, instance, key = {}, None, ""
    numbers = {"Gratuitous ARP delay": "garp_delay", "Virtual Router ID": "vrid"}
    for line in text.splitlines():
        if line.startswith(" VRRP Instance") and "=" in line:
            instance = line.strip().split("=")[1].strip()
            found[instance] = {"vips": []}
        elif line.startswith("   ") and instance:
            if line.startswith("     "):
                value = line.strip()
            else:
                separator = next((one for one in "=:" if one in line), None)
                if separator is None:
                    continue
                key, value = (part.strip() for part in line.strip().split(separator)[:2])
                if key == "Virtual IP":
                    continue
            entry = found[instance]
            if key.startswith("Virtual IP (") and value:
                entry["vips"].append(value)
            if key in ("State", "Wantstate"):
                entry[key.lower()] = STATES.index(value)
            elif key in ("Interface", "Listening device"):
                entry["interface"] = value
            elif key in numbers:
                entry[numbers[key]] = int(value)
        elif not line.startswith((" VRRP Version", " VRRP Script")):
            instance = None
    return found


def first_lines(text):
    """keepalived.data as gen2brain/keepalived_exporter reads it: an instance ends at its first line without `=`."""
    found, entry = [], None
    for line in text.splitlines():
        if line.startswith(" VRRP Instance") and "=" in line:
            entry = {"name": line.strip().split("=")[1].strip()}
        elif line.startswith("   ") and "=" in line and entry:
            key, value = (part.strip() for part in line.strip().split("=")[:2])
            if key == "Last transition":
                entry[key] = float(value.split()[0])
            elif key == "Virtual Router ID":
                entry[key] = int(value)
            elif key in ("State", "Wantstate"):
                entry[key] = STATES.index(value)
            elif key == "Interface":
                entry[key] = value
        elif entry and not line.startswith(" VRRP Version"):
            found.append(entry)
            entry = None
    return found


def scripts(text):
    """Tracking scripts as mehdy/keepalived-exporter reads them: name -> (status, state)."""
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith(" VRRP Script") and "=" in line:
            name = line.strip().split("=")[1].strip()
            found[name] = {}
        elif line.startswith("   ") and name:
            if "=" in line:
                key, value = (part.strip() for part in line.strip().split("=")[:2])
                found[name][key] = value
        elif not line.startswith("    "):
            name = None
    return {name: (entry.get("Status"), entry.get("State")) for name, entry in found.items()}


def instances(text):
    """keepalived.json of version 1: instance -> its data and stats, of the types that exporters want."""
    found = {}
    for entry in json.loads(text):
        values = entry["data"]
        for key in ("state", "wantstate", "garp_delay", "vrid"):
            assert isinstance(values[key], int) and not isinstance(values[key], bool), (key, values[key])
        assert isinstance(values["last_transition"], float) and isinstance(values.get("vips", []), list)
        assert all(isinstance(value, int) for value in entry["stats"].values())
        found[values["iname"]] = entry
    return found
