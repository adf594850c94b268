// Kernel: interfaces and addresses by rtnetlink(7), IPVS's table by generic netlink: requests with typed results,
// notifications as events.
// Imports: Base, CLibnl, CLinux, ConfigurationModel, LoadBalancing, Reactor, Wire.
// Begin with NetlinkThread.swift; RouteConnection.swift sends its requests, LinkMonitor.swift follows notifications.
// IPVS: IPVSThread.swift, whose requests IPVSConnection.swift sends.
