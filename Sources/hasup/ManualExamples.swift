/// EXAMPLES of hasup.conf(5). Each is a whole file without findings of `hasup check`.
enum ManualExamples {
    /// A configuration, and what it is for in mdoc.
    struct Example {
        var about: String
        var files: [(name: String, text: String)]
    }

    static let all = [
        Example(
            about: "One address on two nodes: the one with the higher priority has it, and the other one takes over "
                + "0.4 seconds after the last advertisement. All but the priority is the same on both.",
            files: [("node a", node(priority: 200)), ("node b", node(priority: 100))]),
        Example(
            about: "The same where multicast isn't carried, as in many clouds: each node names itself and the other "
                + "one.",
            files: [
                ("node a", unicast(priority: 200, own: "192.0.2.1", other: "192.0.2.2")),
                ("node b", unicast(priority: 100, own: "192.0.2.2", other: "192.0.2.1")),
            ]),
        Example(
            about: "A router between two networks: while eth1 is down it can't serve, so it is in FAULT and the other "
                + "node takes over. A script is run at each change, as the user that follows its name.",
            files: [("node a", router)]),
    ]

    private static func node(priority: Int) -> String {
        """
        vrrp_instance WEB {
            interface eth0
            virtual_router_id 51
            priority \(priority)
            version 3
            advert_int 0.1
            virtual_ipaddress {
                192.0.2.100/24
            }
        }
        """
    }

    private static func unicast(priority: Int, own: String, other: String) -> String {
        """
        vrrp_instance WEB {
            interface eth0
            virtual_router_id 51
            priority \(priority)
            version 3
            unicast_src_ip \(own)
            unicast_peer {
                \(other)
            }
            virtual_ipaddress {
                192.0.2.100/24
            }
        }
        """
    }

    private static let router = """
        vrrp_instance GATEWAY {
            interface eth0
            virtual_router_id 52
            priority 150
            track_interface {
                eth1
            }
            virtual_ipaddress {
                192.0.2.254/24
                198.51.100.254/24 dev eth1
            }
            notify "/usr/local/sbin/gateway-changed" nobody
        }
        """
}
