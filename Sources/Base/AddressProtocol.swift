/// Programs that add addresses, as IFA_PROTO names them (linux/if_addr.h; kernel 5.18 and later).
package enum AddressProtocol {
    /// Ours: VRRP's protocol number.
    package static let ours: UInt8 = 112
    /// keepalived's: RTPROT_KEEPALIVED (linux/rtnetlink.h).
    package static let keepalived: UInt8 = 18
}
