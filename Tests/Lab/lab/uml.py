"""A kernel of its own: user-mode Linux over the host's files, for what may not be done to the machine's kernel.

Its process 1 is a shell that mounts what programs expect and runs one command. /run, /dev and /sys are its own; all other
files are the host's. One boot takes about two seconds; a system call takes 60 µs and a fork 20 ms, so timing isn't for here.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
import time

KERNEL, MODULES = "/usr/bin/linux.uml", "/usr/lib/uml/modules"
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq")
# What the director needs.
IPVS = ("veth", "bridge", "ip_vs", "ip_vs_pe_sip", *(f"ip_vs_{name}" for name in SCHEDULERS))
INIT = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/dev/shm HASUP_BUILD={build}
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run/netns /run/kernel/lib
mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t cgroup2 cgroup /sys/fs/cgroup
ln -s {modules} /run/kernel/lib/modules
ip link set lo up
modprobe -d /run/kernel -a {wanted}
setsid -w {command} >{folder}/output 2>&1 </dev/null
echo $? >{folder}/status.new; sync; mv {folder}/status.new {folder}/status
echo o >/proc/sysrq-trigger; sleep 9
"""


def is_inside():
    """Whether this is such a kernel."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        return "User Mode Linux" in file.read()


COMMAND = """{command} >{folder}/output 2>&1
echo $? >{folder}/status.new; sync; mv {folder}/status.new {folder}/status
"""
# Process 1 is systemd over an overlay of the host's files, with an installed tree on top: nothing of the host is written but
# the folder of the output. The machine ends with the service `test`.
BOOT = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs mnt /mnt
mkdir -p /mnt/lib /mnt/upper /mnt/work /mnt/all
ln -s {modules} /mnt/lib/modules
for module in overlay {wanted}; do modprobe -d /mnt $module; done
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/all || exec sh -c 'echo o >/proc/sysrq-trigger'
rm -rf /mnt/all/etc/systemd/system /mnt/all/usr/lib/tmpfiles.d/tmp.conf
cp -a {folder}/tree/. /mnt/all/
mount --bind {folder} /mnt/all{folder}
mount -t proc proc /mnt/all/proc; mount -t sysfs sys /mnt/all/sys; mount -t devtmpfs dev /mnt/all/dev; mount -t tmpfs run /mnt/all/run
exec chroot /mnt/all /lib/systemd/systemd systemd.unit=lab.target systemd.show_status=no
"""
UNITS = {"lab.target": """[Unit]
Requires=sysinit.target dbus.service test.service
After=sysinit.target dbus.service
AllowIsolate=yes
""", "test.service": """[Unit]
After=dbus.service
[Service]
Type=oneshot
Environment=HOME=/root TMPDIR=/dev/shm HASUP_BUILD={build}
ExecStart=sh {folder}/command
ExecStopPost=sh -c 'echo o >/proc/sysrq-trigger'
"""}


def boot(files, *command, modules=("veth", "bridge"), bound=240):
    """Boots systemd with hasup and these files installed, runs a command as a service, and ends: as `run`."""
    from .launch import install

    def prepare(folder, build):
        tree = install(os.path.join(folder, "tree"))
        with open(os.path.join(folder, "command"), "w", encoding="utf-8") as file:
            file.write(COMMAND.format(command=shlex.join(command), folder=folder))
        units = {f"etc/systemd/system/{name}": text.format(build=build, folder=folder) for name, text in UNITS.items()}
        for path, text in {"etc/fstab": "", **units, **files}.items():
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                file.write(text)
        return BOOT.format(modules=MODULES, folder=folder, wanted=" ".join(modules))
    return _run(prepare, bound)


def run(*command, modules=("veth", "bridge"), bound=120, show=None):
    """Boots, runs a command, and ends; returns the command's exit status and output, whose pieces `show` gets as they come."""
    def prepare(folder, build):
        return INIT.format(build=build, modules=MODULES, folder=folder, wanted=" ".join(modules),
                           command=shlex.join(command))
    return _run(prepare, bound, show)


def _run(prepare, bound, show=None):
    """Runs the kernel with the process 1 that `prepare` gives; the exit status and output that it has left."""
    from .hasup import BUILT
    assert os.access(KERNEL, os.X_OK), f"{KERNEL} is missing: run make setup"
    folder = tempfile.mkdtemp(prefix="hasup-uml-", dir="/var/tmp")
    try:
        init = os.path.join(folder, "init")
        with open(init, "w", encoding="utf-8") as file:
            file.write(prepare(folder, shlex.quote(os.path.abspath(BUILT))))
        os.chmod(init, 0o755)
        with open(os.path.join(folder, "console"), "wb") as console:
            kernel = subprocess.Popen(
                [KERNEL, "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", f"init={init}",
                 "con=null", "con0=null", "quiet", "umid=kernel", f"uml_dir={folder}"], env=_environment(folder),
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
            try:
                _wait(kernel, bound, os.path.join(folder, "output"), show)
            except subprocess.TimeoutExpired:
                # Its processes are in its own session and process group, and end with it.
                os.killpg(kernel.pid, 9)
                kernel.wait(5)
        seen = {name: _text(os.path.join(folder, name)) for name in ("output", "console", "status")}
        assert seen["status"], f"it came to no end within {bound} s: {seen['console'][-500:]} {seen['output']}"
        return int(seen["status"]), seen["output"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder):
    """The environment of the kernel: with the library of uml_registers.c where it can't start without."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        if "amx_tile" not in file.read():
            return None
    library = os.path.join(folder, "registers.so")
    source = os.path.join(os.path.dirname(__file__), "uml_registers.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": library}


def _wait(kernel, bound, output, show):
    """Waits for its end, and shows what its command says."""
    if show is None:
        kernel.wait(bound)
        return
    end, shown = time.monotonic() + bound, 0
    while True:
        ended = kernel.poll() is not None
        text = _text(output)
        show(text[shown:])
        shown = len(text)
        if ended:
            return
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired(KERNEL, bound)
        time.sleep(0.1)


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
