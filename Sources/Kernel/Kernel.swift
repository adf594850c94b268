// Kernel: interfaces and addresses by rtnetlink(7): requests with typed results, notifications as events.
// Imports: Base, CLibnl, CLinux, Reactor, Wire.
// Begin with NetlinkThread.swift; RouteConnection.swift sends its requests, LinkMonitor.swift follows notifications.
