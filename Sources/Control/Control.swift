// Control: the protocol io.hasup between hasupd and its clients: requests, reports, server and client.
// Imports: Base, CLinux, Reactor, VRRP, Varlink.
// Begin with ControlInterface.swift, then ControlStatus.swift for `hasup status`, ControlServer.swift for the socket.
