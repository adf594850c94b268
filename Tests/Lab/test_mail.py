"""Mail on transitions (O2, F14): keepalived's words, TLS and login, and servers that never answer."""

import email
import os
import pwd
import socket
import stat
import time

import pytest
from lab import conf, mail
from lab.hasup import Hasup, kernel_view
from lab.machine import late
from lab.mail import BlackHole, Server
from lab.peers import Keepalived
from lab.program import alive
from lab.waiting import hold_for, wait_for

VIP = "10.0.0.100"
LONG = bool(os.environ.get("LONG"))


def settings(*more, port=2525, relay="127.0.0.1", second='"Night Desk <night@example.org>"'):
    """global_defs of mail; settings that only hasup knows stand on lines that keepalived skips."""
    own = [line if line.split()[0] not in ("smtp_tls", "smtp_ca", "smtp_auth") else f"@hasup {line}" for line in more]
    return [f"smtp_server {relay} {port}", "notification_email {", "ops@example.org", second, "}",
            "notification_email_from keepalived@a.example.org", "smtp_helo_name a.example.org", "smtp_alert true", *own]


def text(*more, **options):
    """A file with settings of mail and one instance. A line with `@` begins at the first column."""
    lines = conf.simple(200, settings=settings(*more, **options), version=3, advert=0.1)
    return "\n".join(line.strip() if line.strip().startswith("@") else line for line in lines.split("\n"))


def mailed(mailbox, *subjects, bound=5.0):
    """Waits until exactly these mails have arrived, in this order."""
    wanted = [f"[lab] VRRP {subject}" for subject in subjects]
    return wait_for("the mails", mailbox.subjects, lambda seen: seen == wanted, bound)


def problems(hasup):
    """What status says of mails."""
    return [line for line in hasup.status().answer["daemon"]["problems"] if "mail" in line]


def senders(hasup):
    """Pids of hasup-mail."""
    return hasup.roles().get("hasup-mail", [])


@pytest.fixture
def node(lan):
    """One node."""
    return lan.node("a")


def test_the_same_mails_as_keepalived(lan, node):
    """O2: one sequence of events, mailed by both daemons: sender, recipients, headers and bodies, in their order."""
    arrived = {}
    for kind in (Keepalived, Hasup):
        with Server(node) as mailbox:
            # keepalived 2.2.7 sends `RCPT TO:<Night Desk <night@example.org>>`, which servers refuse.
            daemon = kind(node, text(second="night@example.org"), name=kind.__name__)
            daemon.start()
            lan.wait_holder(VIP, "a", 8)
            wait_for("two mails", lambda mailbox=mailbox: len(mailbox.mails), lambda count: count == 2)
            lan.link(node, False)
            wait_for("three mails", lambda mailbox=mailbox: len(mailbox.mails), lambda count: count == 3)
            lan.link(node, True)
            lan.wait_holder(VIP, "a", 8)
            wait_for("five mails", lambda mailbox=mailbox: len(mailbox.mails), lambda count: count == 5)
            arrived[kind] = list(mailbox.mails)
            if kind is Keepalived:
                daemon.stop()
                wait_for("no address", lambda: node.holds(VIP), lambda there: not there)
            else:
                assert daemon.stop()[0] == 0
                # keepalived opens a connection for it and drops it.
                mailed(mailbox, *(f"Instance VI_1 - {event}" for event in (
                    "Entering BACKUP state", "Entering MASTER state", "Entering FAULT state", "Entering BACKUP state",
                    "Entering MASTER state", "Stopping")))
    for theirs, ours in zip(arrived[Keepalived], arrived[Hasup], strict=True):
        assert theirs[0] == ours[0] == "keepalived@a.example.org"
        assert theirs[1] == ours[1] == ["ops@example.org", "night@example.org"]
        left, right = (email.message_from_string(entry[2]) for entry in (theirs, ours))
        for header in ("From", "Subject", "X-Mailer"):
            assert left[header] == right[header] is not None
        assert left["To"].split() == right["To"].split()
        assert left.keys() == right.keys() and left.get_payload().split() == right.get_payload().split()
        age = time.time() - email.utils.parsedate_to_datetime(right["Date"]).timestamp()
        assert 0 <= age < 30


def test_groups_are_mailed_about_as_by_keepalived(lan, node):
    """O2: a sync group's mails, and its members', when one member's link fails and is back."""
    node.plug("eth1", "p-a1", address=False)
    node.netns.ip("address", "add", "10.1.0.1/24", "dev", "eth1")
    instances = [conf.instance(name, vrid=vrid, priority=200, version=3, advert=0.1, interface=interface, vips=[f"{vip}/24"])
                 for name, vrid, interface, vip in (("one", 1, "eth0", "10.0.0.101"), ("two", 2, "eth1", "10.1.0.102"))]
    config = conf.file(*instances, "vrrp_sync_group G {\n    group {\n        one\n        two\n    }\n}\n",
                       settings=settings(second="night@example.org"))
    arrived = {}

    def mails(mailbox):
        parsed = [email.message_from_string(entry[2]) for entry in mailbox.mails]
        return [(one["Subject"], " ".join(one.get_payload().split())) for one in parsed]
    for kind in (Keepalived, Hasup):
        with Server(node) as mailbox:
            daemon = kind(node, config, name=kind.__name__)
            daemon.start()
            arrived[kind] = []
            for up, count in ((None, 6), (False, 9), (True, 15)):
                if up is not None:
                    lan.netns.ip("link", "set", "p-a1", "up" if up else "down")
                wait_for(f"{count} mails", lambda mailbox=mailbox: len(mailbox.mails),
                         lambda seen, count=count: seen == count, 8)
                arrived[kind].append(sorted(mails(mailbox)[-(3 if count == 9 else 6):]))
            daemon.stop()
            if kind is Hasup:
                wait_for("the last ones", lambda mailbox=mailbox: len(mailbox.mails), lambda seen: seen == 18)
                assert ("[lab] VRRP Group G - Stopping", "=> All VRRP group instances are stopping <=") in mails(mailbox)
    assert arrived[Keepalived] == arrived[Hasup]
    assert ("[lab] VRRP Group G - Entering FAULT state",
            "=> All VRRP group instances are now in FAULT state <=") in arrived[Hasup][1]


def test_who_is_mailed_about_and_what_is_not(lan, node):
    """smtp_alert_vrrp and the instance's own smtp_alert; no_email_faults; the same state isn't mailed twice."""
    config = conf.file(
        conf.instance("one", vrid=1, priority=200, version=3, advert=0.1, vips=["10.0.0.101/24"]),
        conf.instance("two", vrid=2, priority=200, version=3, advert=0.1, vips=["10.0.0.102/24"], extra=["smtp_alert off"]),
        settings=[*settings()[:-1], "smtp_alert off", "smtp_alert_vrrp", "no_email_faults"])
    with Server(node) as mailbox:
        hasup = Hasup(node, config).start()
        for name in ("one", "two"):
            hasup.wait_state("MASTER", name)
        first = ["Instance one - Entering BACKUP state", "Instance one - Entering MASTER state"]
        mailed(mailbox, *first)
        lan.link(node, False)
        hasup.wait_state("FAULT", "one")
        lan.link(node, True)
        hasup.wait_state("MASTER", "one")
        mailed(mailbox, *first, *first)
        assert mailbox.mails[0][1] == ["ops@example.org", "night@example.org"]
        assert "\r\nTo: ops@example.org,\r\n Night Desk <night@example.org>\r\n" in mailbox.mails[0][2]
        assert problems(hasup) == []
        assert hasup.reload(config.replace("no_email_faults", "", 1)).returncode == 0
        hold_for("no mail about a reload", lambda: len(mailbox.mails), lambda count: count == 4, 0.5)


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_tls_and_login(node, how):
    """F14: the certificate is verified, the login is right, and the password is in no output."""
    files = mail.authority(node.directory)
    secret = node.write("password", mail.PASSWORD + "\n")
    os.chmod(secret, 0o600)
    lines = [f"smtp_tls {how}", f"smtp_ca {files[0]}", f"smtp_auth {mail.USER} file:{secret}"]
    with Server(node, **{how: files}, login=True) as mailbox:
        hasup = Hasup(node, text(*lines)).start()
        hasup.wait_state("MASTER")
        mailed(mailbox, "Instance VI_1 - Entering BACKUP state", "Instance VI_1 - Entering MASTER state")
        assert mailbox.greetings[-1] == ("a.example.org", True)
        assert set(mailbox.logins) == {(mail.USER, mail.PASSWORD)}
        assert problems(hasup) == []
        outputs = [hasup.log(), hasup.cli("report", "-o", "-", "-f", hasup.config, bound=60).stdout,
                   hasup.cli("status", "--json").stdout, hasup.cli("history", "--json").stdout]
        outputs.append(node.netns.run(os.path.join(os.path.dirname(hasup.binary), "hasup"), "check", "--effective", hasup.config))
        assert all(mail.PASSWORD not in output for output in outputs)
        # The worker, which reads the network, has neither the password nor the login.
        with open(f"/proc/{hasup.worker()}/mem", "rb") as memory, open(f"/proc/{hasup.worker()}/maps", encoding="ascii") as maps:
            for line in maps:
                area, rights = line.split()[:2]
                if "r" in rights and "[v" not in line:
                    begin, end = (int(part, 16) for part in area.split("-"))
                    try:
                        memory.seek(begin)
                        assert mail.PASSWORD.encode() not in memory.read(end - begin)
                    except OSError:
                        continue


@pytest.mark.parametrize("fault", ["certificate", "no tls", "login", "no file"])
def test_nothing_is_sent_to_the_wrong_one(node, fault):
    """F14: another authority, a server without STARTTLS, a wrong password, no password: no mail, and status says why."""
    files = mail.authority(node.directory)
    other = os.path.join(node.directory, "other")
    os.mkdir(other)
    wrong = mail.authority(other)[0]
    secret = node.write("password", "wrong" if fault == "login" else mail.PASSWORD)
    if fault == "no file":
        os.unlink(secret)
    lines = ["smtp_tls starttls", f"smtp_ca {wrong if fault == 'certificate' else files[0]}",
             f"smtp_auth {mail.USER} file:{secret}"]
    server = Server(node) if fault == "no tls" else Server(node, starttls=files, login=True)
    with server as mailbox:
        hasup = Hasup(node, text(*lines)).start()
        hasup.wait_state("MASTER")
        found = wait_for("the problem", lambda: problems(hasup))
        words = {"certificate": "certificate", "no tls": "STARTTLS", "login": "535", "no file": "No such file"}
        assert words[fault].lower() in found[0].lower(), found
        assert mailbox.mails == [] and (fault == "login" or mailbox.logins == [])
        assert mail.PASSWORD not in hasup.log()


def test_another_try(node):
    """A server that isn't ready: the mail arrives ten seconds later, and the next one behind it."""
    with Server(node, refusals=["451 not now"]) as mailbox:
        hasup = Hasup(node, text()).start()
        hasup.wait_state("MASTER")
        wait_for("the problem", lambda: problems(hasup))
        assert "451" in problems(hasup)[0] and mailbox.mails == []
        mailed(mailbox, "Instance VI_1 - Entering BACKUP state", "Instance VI_1 - Entering MASTER state", bound=14)
        wait_for("no problem", lambda: problems(hasup), lambda seen: not seen)


def test_a_mail_that_is_refused_for_good(node):
    """It is given up at once, and doesn't hold the others."""
    with Server(node, refusals=["554 never"]) as mailbox:
        hasup = Hasup(node, text()).start()
        hasup.wait_state("MASTER")
        mailed(mailbox, "Instance VI_1 - Entering MASTER state")
        wait_for("no problem", lambda: problems(hasup), lambda seen: not seen)
        assert "554" in hasup.log()


def test_stop_mails_arrive(node):
    """§14: they are sent by a process that outlives hasupd, which doesn't wait for it."""
    with Server(node) as mailbox:
        hasup = Hasup(node, text()).start()
        hasup.wait_state("MASTER")
        mailed(mailbox, "Instance VI_1 - Entering BACKUP state", "Instance VI_1 - Entering MASTER state")
        status, seconds = hasup.stop()
        assert status == 0 and seconds < 1 + late()
        wait_for("the last mail", lambda: len(mailbox.mails), lambda count: count == 3)
        assert mailbox.subjects()[-1] == "[lab] VRRP Instance VI_1 - Stopping"


@pytest.mark.alone
@pytest.mark.parametrize("hole", ["smtp", "dns"])
def test_servers_that_never_answer(lan, pair, sniffer, hole):
    """O2: neither start nor adverts nor the stop wait; one process at a time, with a user of its own and no right."""
    node = pair[0]
    launcher = []
    if hole == "dns":
        resolver = node.write("resolv.conf", "nameserver 127.0.0.1\n")
        launcher = ["unshare", "--mount", "sh", "-c", f'mount --bind {resolver} /etc/resolv.conf && exec "$@"', "sh"]
    kind, port = (socket.SOCK_DGRAM, 53) if hole == "dns" else (socket.SOCK_STREAM, 2525)
    with BlackHole(node, port, kind):
        hasup = Hasup(node, text(relay="mail.example.org" if hole == "dns" else "127.0.0.1"))
        hasup.launcher = launcher
        began = time.monotonic()
        hasup.start()
        hasup.wait_state("MASTER")
        assert time.monotonic() - began < 2 + late()
        sender = wait_for("a sender", lambda: senders(hasup), lambda pids: len(pids) == 1)[0]
        view = wait_for("its seal", lambda: kernel_view(sender), lambda seen: seen["seccomp"] == 2)
        user = pwd.getpwnam("hasup-mail")
        assert view["uids"] == {user.pw_uid} and view["gids"] == {user.pw_gid} and view["groups"] == []
        assert view["CapEff"] == view["CapPrm"] == view["CapBnd"] == 0 and view["no_new_privs"] == 1
        entry = wait_for("its report", lambda: hasup.status().processes().get("mail"), lambda seen: seen and seen["landlock"])
        assert entry["pid"] == sender and entry["user"] == "hasup-mail" and entry["seccomp"] == "filter"
        assert "hasup-mail" in hasup.cli("status", "--processes").stdout
        # Transitions pile up behind it; adverts leave on time.
        begin = time.time()
        for _ in range(5):
            lan.link(node, False)
            hasup.wait_state("FAULT")
            lan.link(node, True)
            hasup.wait_state("MASTER")
            assert senders(hasup) == [sender]
        since = time.time()
        sniffer.wait_advert(node, count=len(sniffer.adverts(node)) + 20)
        times = [advert.time for advert in sniffer.adverts(node, since=since)]
        assert max(later - earlier for earlier, later in zip(times, times[1:])) < 0.11 + late()
        assert time.time() - begin < 25
        status, seconds = hasup.stop()
        assert status == 0 and seconds < 1 + late()
        # What is under way goes on, and ends by itself.
        assert alive(sender)
        if LONG:
            wait_for("the end of the last one", lambda: alive(sender), lambda lives: not lives, 32)


def test_a_relay_by_its_name(node):
    """The name is resolved by the process that sends, and the certificate is the name's."""
    files = mail.authority(node.directory)
    hosts = node.write("hosts", "127.0.0.1 mail.example.org\n")
    with Server(node, starttls=files) as mailbox:
        hasup = Hasup(node, text("smtp_tls starttls", f"smtp_ca {files[0]}", relay="mail.example.org"))
        hasup.launcher = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        hasup.start()
        hasup.wait_state("MASTER")
        mailed(mailbox, "Instance VI_1 - Entering BACKUP state", "Instance VI_1 - Entering MASTER state")


def test_an_upgrade_loses_no_mail(node):
    """What waits is handed to a process that goes on."""
    with Server(node, refusals=["451 not now"]) as mailbox:
        hasup = Hasup(node, text()).start()
        hasup.wait_state("MASTER")
        wait_for("the problem", lambda: problems(hasup))
        assert hasup.cli("upgrade", bound=30).returncode == 0
        mailed(mailbox, "Instance VI_1 - Entering BACKUP state", "Instance VI_1 - Entering MASTER state")
        assert hasup.state() == "MASTER"
        hold_for("no process stays", lambda: senders(hasup), lambda pids: len(pids) <= 1, 0.2)


def test_a_password_that_is_no_file(lan, node):
    """A FIFO in its place holds nothing; the file is read anew for each mail."""
    path = os.path.join(node.directory, "password")
    os.mkfifo(path)
    with Server(node, login=True) as mailbox:
        hasup = Hasup(node, text(f"smtp_auth {mail.USER} file:{path}")).start()
        hasup.wait_state("MASTER")
        wait_for("the problem", lambda: problems(hasup))
        assert stat.S_ISFIFO(os.stat(path).st_mode) and mailbox.mails == []
        os.unlink(path)
        node.write("password", mail.PASSWORD)
        lan.link(node, False)
        hasup.wait_state("FAULT")
        wait_for("a mail", mailbox.subjects, lambda seen: "[lab] VRRP Instance VI_1 - Entering FAULT state" in seen, 14)
