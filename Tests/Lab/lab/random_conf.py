"""Random configurations that are all valid on a node with eth0 and eth1."""

from . import conf

# Few, so that two configurations often name the same address, in another form or of another instance.
HOSTS = range(1, 21)


def configuration(dice):
    """Up to four instances with addresses of all kinds, some of them on another interface."""
    blocks, free4, free6 = [], list(HOSTS), list(HOSTS)
    dice.shuffle(free4)
    dice.shuffle(free6)
    for number in sorted(dice.sample(range(1, 6), dice.randint(1, 4))):
        family = dice.choice((4, 4, 6))
        vips, excluded = [], []
        for _ in range(dice.randint(1, 5)):
            if family == 4:
                length = dice.choice((32, 24, 28))
                text = f"10.9.0.{free4.pop()}/{length}"
                # The kernel refuses another scope in a network that an interface has already.
                text += dice.choice(("", " label eth0:7", " brd 10.9.0.255", " scope link" if length == 32 else ""))
            else:
                text = f"fd00:9::{free6.pop():x}/{dice.choice((128, 64))}"
                text += dice.choice(("", "", " preferred_lft 0"))
            if "label" not in text:
                text += dice.choice(("", "", " dev eth1"))
            (excluded if vips and dice.random() < 0.3 else vips).append(text)
        extra = ["virtual_ipaddress_excluded {", *(f"    {line}" for line in excluded), "}"] if excluded else []
        blocks.append(conf.instance(f"V{number}", vrid=number, version=3, advert=0.05, vips=vips, extra=extra,
                                    priority=dice.randint(100, 254)))
    return conf.file(*blocks)
