// Base: the values of all rooms: addresses, times, deadlines, bytes in network order.
// Imports: nothing.
// Begin with Instant.swift and IPAddress.swift, the values that most rooms use.
