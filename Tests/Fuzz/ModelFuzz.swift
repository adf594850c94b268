import Base
import Configuration
import ConfigurationModel

/// An encoded model and encoded diagnostics, as a worker is handed them.
enum ModelFuzz: FuzzTarget {
    /// A little of everything.
    static let text = """
        global_defs {
          router_id r
          script_user u :g
          smtp_server mail 25
          notification_email { a@b }
          lvs_sync_daemon eth0 A id 3
        }
        SSL { ca /ca.pem }
        track_file F { file /f }
        bfd_instance B { neighbor_ip 10.0.0.9 }
        vrrp_instance A {
          interface eth0
          virtual_router_id 1
          priority 100
          authentication {
            auth_type PASS
            auth_pass secret
          }
          virtual_ipaddress { 10.0.0.1/24 dev eth1 label x:1 }
          unicast_peer { 10.0.0.9 min_ttl 3 }
          track_interface { eth1 weight -3 reverse }
          notify_master "/bin/m 'a b'" u g
        }
        vrrp_instance C {
          interface eth1
          virtual_router_id 2
          version 3
          advert_int 0.01
          virtual_ipaddress { fe80::1 }
        }
        virtual_server_group G {
          10.0.9.0/24 80
          fwmark 9 inet
        }
        virtual_server group G {
          protocol TCP
          lb_algo mh
          mh-port
          lb_kind TUN type gue port 6080 csum
          persistence_timeout 9
          quorum_up "/bin/up a" u
          sorry_server 10.0.0.8 80
          real_server 10.0.0.2 80 {
            SSL_GET {
              sni_name s
              url {
                path /
                digest 00112233445566778899aabbccddeeff
                status_code 200 301-302
              }
              url {
                path /a
                regex "a{2}"
                regex_options utf caseless
              }
            }
            UDP_CHECK {
              payload 0102
              require_reply 0X
              bindto 10.0.0.7
              bind_if eth0
            }
            DNS_CHECK { name example.org }
            MISC_CHECK { misc_path "/bin/chk a" }
            FILE_CHECK { track_file F }
            BFD_CHECK { name B }
          }
        }
        """

    static func seeds() -> [[UInt8]] {
        let loaded = ConfigurationFuzz.load(Array(text.utf8))
        var seeds = [loaded.model.encode(), ConfigurationModel().encode(), loaded.diagnostics.encode()]
        var single = loaded.model
        single.instances.removeLast()
        single.virtualServers = []
        seeds.append(single.encode())
        return seeds
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        if let findings = try? [Diagnostic](decoding: input) {
            for finding in findings.prefix(20) { _ = finding.rendered() }
        }
        guard let encoded = try? EncodedModel(input) else { return }
        _ = try? encoded.global()
        for index in 0..<min(encoded.instanceCount, 64) { _ = try? encoded.instance(at: index) }
        guard let model = try? encoded.decode() else { return }
        // A model that was accepted can be handed on.
        let again = model.encode().withUnsafeBytes { try? EncodedModel($0).decode() }
        precondition(again == model, "the model isn't what it was after encoding")
    }
}
