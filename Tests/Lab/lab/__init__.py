"""Building blocks of the lab: namespaces, a LAN, real daemons, a sniffer and bounded waits."""
