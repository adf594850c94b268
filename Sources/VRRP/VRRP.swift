// VRRP: the virtual routers of a node as pure values: events and the time in, actions out (RFC 9568).
// Imports: Base, ConfigurationModel, Varlink, Wire.
// Begin with Node.swift, whose `handle` takes Event.swift and gives Action.swift; VirtualRouter+Receive.swift decides.
