"""What health checks cost, and how soon they act. There is no IPVS: hasup writes the table to a file (--ipvs-record),
keepalived to a like one through a library between it and libnl (ipvs_table.c)."""

import os
import shutil
import signal
import statistics
import subprocess
import time

from lab.net import Lan
from lab.servers import Server, http
from lab.varlink import Wire
from lab.waiting import wait_for
from rig import ENGINES, ROOT, pss_megabytes

# Any address of this network is the machine's own.
NETWORK = "10.128.0.0/16"
NGINX = """\
daemon off; worker_processes 1; worker_rlimit_nofile 4000; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 3900; }}
http {{
    access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    ssl_session_cache shared:s:1m;
    server {{ listen 80 backlog=4096; location / {{ return 200 "well"; }} }}
    server {{ listen 443 ssl backlog=4096; ssl_certificate {folder}/c.pem; ssl_certificate_key {folder}/k.pem;
              location / {{ return 200 "well"; }} }}
}}
"""
CHECKS = {
    "tcp": (80, "TCP_CHECK {\n connect_timeout 1\n }"),
    "http": (80, "HTTP_GET {\n connect_timeout 1\n url {\n path /\n status_code 200\n }\n }"),
    "ssl": (443, "SSL_GET {\n connect_timeout 1\n url {\n path /\n status_code 200\n }\n }"),
}


def service(number, servers, delay=1, extra=""):
    """A virtual server with these real ones, each (address, port, check)."""
    blocks = "".join(f" real_server {address} {port} {{\n weight 1\n {check}\n }}\n" for address, port, check in servers)
    return (f"virtual_server 10.127.{number // 250}.{number % 250 + 1} 80 {{\n delay_loop {delay}\n lb_algo rr\n lb_kind NAT\n"
            f" protocol TCP\n{extra}{blocks}}}\n")


def many(kind, count):
    """A hundred servers to a service."""
    port, check = CHECKS[kind]
    places = [(f"10.128.{number // 250}.{number % 250 + 1}", port, check) for number in range(count)]
    return "".join(service(index, places[start:start + 100]) for index, start in enumerate(range(0, count, 100)))


def director(engine, node, text):
    """Starts an engine. - Returns: it, and the file that takes its changes of the table."""
    table = os.path.join(node.directory, "table")
    if engine is ENGINES["hasup"]:
        return engine(node, text).start("--ipvs-record", table), table
    library = os.path.join(node.directory, "ipvs_table.so")
    flags = subprocess.run(["pkg-config", "--cflags", "libnl-3.0", "libnl-genl-3.0"], capture_output=True, text=True, check=True)
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(ROOT, "Tests/Bench/ipvs_table.c"),
                    *flags.stdout.split()], check=True, timeout=60)
    daemon = engine(node, text)
    pid = os.path.join(node.directory, "keepalived")
    daemon.program = node.spawn(
        ["env", f"LD_PRELOAD={library}", f"IPVS_TABLE={table}", "keepalived", "-n", "-l", "-C", "-f", daemon.config,
         "-p", f"{pid}.pid", "-r", f"{pid}-vrrp.pid", "-c", f"{pid}-check.pid"], "keepalived")
    return daemon, table


def changes(table):
    """The lines about destinations of a table's file: time, command, service, destination, weight."""
    if not os.path.exists(table):
        return []
    with open(table, encoding="ascii") as file:
        lines = [line.split() for line in file if line.endswith("\n")]
    return [(float(line[0]), line[1], line[2], line[3], int(line[4])) for line in lines if line[1].endswith("rs")]


def standing(table):
    """Destinations that are in the table with a weight, by their last change."""
    last = {}
    for _, command, place, destination, weight in changes(table):
        last[place, destination] = command != "delrs" and weight > 0
    return sum(last.values())


def counter(node, name):
    """A counter of TCP in a node's namespace (proc_pid_net(5), snmp)."""
    with node.netns.entered(), open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("Tcp:")]
    return int(values[names.index(name)])


class Web:
    """nginx on every address of NETWORK."""

    def __init__(self, node):
        folder = os.path.join(node.directory, "web")
        os.mkdir(folder, 0o755)
        node.netns.ip("route", "add", "local", NETWORK, "dev", "lo")
        node.netns.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        node.netns.sysctl("net.core.somaxconn", 4096)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=bench", "-keyout", f"{folder}/k.pem", "-out", f"{folder}/c.pem"],
                       check=True, capture_output=True, timeout=30)
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("user root;\n" + NGINX.format(folder=folder))
        self.program = node.spawn([shutil.which("nginx") or "/usr/sbin/nginx", "-c", config], "nginx")
        wait_for("nginx", lambda: os.path.exists(f"{folder}/nginx.pid"), bound=5)


def load(engine, kind, count, seconds=10):
    """µs of processor time for a check, MB of all processes, checks of the configured ones in percent, TIME_WAIT sockets."""
    with Lan("bench") as lan:
        node = lan.node("a")
        Web(node)
        daemon, table = director(engine, node, many(kind, count))
        wait_for("all servers", lambda: standing(table), lambda seen: seen == count, 60, 0.5)
        time.sleep(5)
        opened, used, begin = counter(node, "ActiveOpens"), daemon.program.processor_seconds(), time.monotonic()
        time.sleep(seconds)
        used, opened = daemon.program.processor_seconds() - used, counter(node, "ActiveOpens") - opened
        took = time.monotonic() - begin
        memory = pss_megabytes(daemon.program.family())
        waiting = node.netns.run("ss", "-tanH", "state", "time-wait").count("\n")
        turn = None
        if engine is ENGINES["hasup"]:
            with Wire(daemon.control) as wire:
                turn = wire.call("io.hasup.Statistics")["parameters"]["loop"]["longest_work_seconds"] * 1000
        assert standing(table) == count
        daemon.stop()
    return used / opened * 1e6, memory, opened / took / count * 100, waiting, turn


def outage(engine, runs=10):
    """Seconds from a server's end to its leaving the table, and from its return to its being back (HTTP_GET, delay_loop 1)."""
    gone, back = [], []
    with Lan("bench") as lan:
        node = lan.node("a")
        server = Server(node, 8080, http(body=b"well")).start()
        other = Server(node, 8081, http(body=b"well")).start()
        check = "HTTP_GET {\n connect_timeout 1\n retry 0\n url {\n path /\n status_code 200\n }\n }"
        daemon, table = director(engine, node, service(0, [("127.0.0.1", port, check) for port in (8080, 8081)]))
        wait_for("both", lambda: standing(table), lambda seen: seen == 2, 10, 0.02)
        for number in range(runs):
            # At another moment of the interval each time.
            time.sleep(1 + number / runs)
            moment = time.time()
            server.stop()
            wait_for("the server's end", lambda: standing(table), lambda seen: seen == 1, 10, 0.01)
            gone.append(changes(table)[-1][0] - moment)
            time.sleep(1 + number / runs)
            moment = time.time()
            server.start()
            wait_for("the server's return", lambda: standing(table), lambda seen: seen == 2, 10, 0.01)
            back.append(changes(table)[-1][0] - moment)
        daemon.stop()
        server.stop()
        other.stop()
    return gone, back


def death(engine, runs=5):
    """Seconds for which dead servers are in the table again after kill -9 of the checker, at most."""
    longest = 0.0
    check = "TCP_CHECK {\n connect_timeout 1\n retry 0\n }"
    with Lan("bench") as lan:
        node = lan.node("a")
        server = Server(node, 8080).start()
        daemon, table = director(engine, node, service(0, [("127.0.0.1", port, check) for port in (8080, 8081, 8082)]))
        wait_for("the living", lambda: standing(table), lambda seen: seen == 1, 10, 0.05)
        for _ in range(runs):
            begin = time.time()
            if engine is ENGINES["hasup"]:
                os.kill(daemon.worker("hasup-checker"), signal.SIGKILL)
            else:
                os.kill(max(daemon.program.family()), signal.SIGKILL)
            time.sleep(4)
            added = {}
            for moment, command, place, destination, _ in changes(table):
                if moment < begin or destination.endswith(":8080"):
                    continue
                if command == "addrs":
                    added[place, destination] = moment
                elif command == "delrs" and (place, destination) in added:
                    longest = max(longest, moment - added.pop((place, destination)))
            longest = max([longest, *(time.time() - moment for moment in added.values())])
        daemon.stop()
        server.stop()
    return longest


def questions(count=1000, asked=20):
    """Milliseconds of the question that `hasup services` asks, with so many servers: the median."""
    with Lan("bench") as lan:
        node = lan.node("a")
        Web(node)
        daemon, table = director(ENGINES["hasup"], node, many("tcp", count))
        wait_for("all servers", lambda: standing(table), lambda seen: seen == count, 60, 0.2)
        times = []
        for _ in range(asked):
            begin = time.monotonic()
            assert daemon.cli("services").returncode == 0
            times.append((time.monotonic() - begin) * 1000)
            time.sleep(0.1)
        daemon.stop()
    return statistics.median(times)
