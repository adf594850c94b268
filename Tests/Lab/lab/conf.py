"""keepalived.conf texts, the same for both daemons."""


def instance(name="VI_1", *, vrid=51, priority=100, interface="eth0", version=None, advert=1, vips=("10.0.0.100/24",),
             state="BACKUP", extra=()):
    """One vrrp_instance block."""
    lines = [f"vrrp_instance {name} {{", f"    state {state}", f"    interface {interface}",
             f"    virtual_router_id {vrid}", f"    priority {priority}", f"    advert_int {advert}"]
    if version:
        lines.append(f"    version {version}")
    lines += [f"    {line}" for line in extra]
    if vips is not None:
        lines += ["    virtual_ipaddress {", *(f"        {vip}" for vip in vips), "    }"]
    return "\n".join([*lines, "}"]) + "\n"


def file(*instances, settings=()):
    """A whole file: global_defs and the instances."""
    head = ["global_defs {", "    router_id lab", *(f"    {line}" for line in settings), "}"]
    return "\n".join(head) + "\n\n" + "\n".join(instances)


def simple(priority=100, settings=(), before="", **options):
    """A file with one instance, and blocks before it."""
    return before + file(instance(priority=priority, **options), settings=settings)


def unicast(source, *peers):
    """Lines that make an instance unicast."""
    return [f"unicast_src_ip {source}", "unicast_peer {", *(f"    {peer}" for peer in peers), "}"]


def password(word):
    """Lines for PASS authentication."""
    return ["authentication {", "    auth_type PASS", f"    auth_pass {word}", "}"]
