import Base
import VRRP

/// The news of the machine's own addresses on eth0.
var ownAddresses: Event {
    Event.addresses(
        [(IPAddress(v4: 0x0a00_0005), 24), (IPAddress(v6High: 0xfe80_0000_0000_0000, low: 5), 64)].map {
            address, length in
            AddressChange(
                KernelAddress(AddressKey(interfaceIndex: 2, address: address, length: length)), isPresent: true)
        }, isAfterLoss: false)
}
