// Kernel: interfaces and addresses by rtnetlink(7), IPVS by generic netlink: requests with typed results, notifications.
// Imports: Base, CLibnl, CLinux, ConfigurationModel, LoadBalancing, Reactor, Wire.
// Begin with NetlinkThread.swift and IPVS/IPVSThread.swift; RouteConnection.swift and IPVSConnection.swift send requests.
