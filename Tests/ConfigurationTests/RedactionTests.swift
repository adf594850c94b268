import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct RedactionTests {
    private static func redact(_ text: String) -> RedactedConfiguration {
        redactedConfiguration(path: "t.conf", files: SampleFiles(["t.conf": text]), environment: Environment())
    }

    private static func text(_ redacted: RedactedConfiguration) -> String {
        String(decoding: redacted.text, as: UTF8.self)
    }

    @Test(arguments: [
        "vrrp_instance A {\nauthentication {\nauth_type PASS\nauth_pass hunter2\n}\n}\n",
        "vrrp_instance A { authentication { auth_type PASS auth_pass hunter2 } }\n",
        "vrrp_instance A {\nauthentication {\nauth_pass\nhunter2\n}\n}\n",
        "$P=hunter2\nvrrp_instance A {\nauthentication {\nauth_pass $P\n}\n}\n",
        "auth_pass \"hunter2\" more\n", "auth_passs hunter2\n", "smtp_password hunter2\n", "api_token 'hunter2'\n",
        "vrrp_instance A {\nauth_hmac {\nkey 1 hunter2\nactive_key 1\n}\n}\n",
        "SSL {\npassword hunter2\nca /etc/ca.pem\n}\n",
        "vrrp_script s {\nscript \"/usr/bin/mysqladmin -uroot -phunter2 ping\"\n}\n",
        "vrrp_script s {\nscript \"/usr/bin/check 'hunter2 x'\"\n}\n",
        "vrrp_instance A {\nnotify_master \"/usr/bin/a hunter2\" root\n}\n",
        "vrrp_instance A {\nnotify /usr/bin/a hunter2\n}\n",
        "real_server 10.0.0.1 80 {\nMISC_CHECK {\nmisc_path \"/bin/check it\\'s hunter2\"\n}\n}\n",
        "global_defs {\nsmtp_server http://admin:hunter2@10.0.0.1/x\n}\n",
        "vrrp_instance A {\nauthentication {\nauth_pass it's_hunter2\\\n}\n}\n",
    ])
    func secretsGo(_ text: String) {
        let redacted = Self.redact(text)
        #expect(!Self.text(redacted).contains("hunter2"), "\(Self.text(redacted))")
        #expect(Self.text(redacted).contains("redacted"))
    }

    @Test func whatIsNoSecretStays() {
        let text = """
            vrrp_script s {
                script "/usr/bin/true"
            }

            bfd_instance b {
                neighbor_ip 10.0.0.9
                passive
            }

            vrrp_instance A {
                interface eth0
                notify /etc/x.sh
                authentication {
                    auth_type PASS
                }
            }

            """
        let redacted = Self.redact(text)
        #expect(Self.text(redacted) == text)
        #expect(redacted.secretCount == 0 && redacted.argumentCount == 0)
    }

    @Test func pathsOfScriptsStay() {
        let redacted = Self.redact("vrrp_script s {\nscript \"/usr/bin/check -p x\"\n}\n")
        #expect(Self.text(redacted).contains("\"/usr/bin/check <redacted>\""))
        #expect(redacted.argumentCount == 1)
    }

    /// Other parts of a report may hold a script's command line, or a word of it.
    @Test func argumentsAreSecretsElsewhere() {
        let secrets = Self.redact(
            """
            vrrp_script s {
            script "/usr/bin/mysqladmin -uroot -phunter2 ping"
            }
            vrrp_script t {
            script "/usr/bin/check --password swordfish  --token=letters --dir=/srv/data 'two words' -v"
            }
            vrrp_instance A {
            notify /usr/bin/a one2three
            }

            """
        ).secrets
        for secret in [
            "-uroot -phunter2 ping", "-phunter2", "swordfish", "letters", "one2three", "two words",
            "--password swordfish  --token=letters --dir=/srv/data 'two words' -v",
            "--password swordfish --token=letters --dir=/srv/data two words -v",
        ] {
            #expect(secrets.contains(secret), "\(secret): \(secrets)")
        }
        for word in ["ping", "-v", "-uroot", "/srv/data"] { #expect(!secrets.contains(word)) }
    }

    /// What a report is made for stays in it: names and addresses, and words that stand everywhere.
    @Test func wordsOfManyThingsAreNoSecrets() {
        var environment = Environment()
        environment.interfaces = ["enp3s0f0"]
        let text = """
            vrrp_instance gateway_1 {
            interface enp3s0f1
            virtual_ipaddress {
            10.0.0.100/24 label enp3s0f1:0
            }
            notify_master "/usr/bin/a gateway_1 enp3s0f0 enp3s0f1:0 10.0.0.100 10.0.0.254 fe80::1/64" keepalived_script
            notify_backup "/usr/bin/a backup -v 1 virtual_ipaddress" root
            }

            """
        let redacted = redactedConfiguration(
            path: "t.conf", files: SampleFiles(["t.conf": text]), environment: environment)
        let words = [
            "gateway_1", "enp3s0f0", "enp3s0f1:0", "10.0.0.100", "10.0.0.254", "fe80::1/64", "backup", "-v", "1",
        ]
        #expect(redacted.secrets.isDisjoint(with: words + ["virtual_ipaddress", "keepalived_script", "root"]))
    }

    private static func secrets(ofScript arguments: String) -> Set<String> {
        redact("vrrp_script s {\nscript \"/usr/bin/check \(arguments)\"\n}\n").secrets
    }

    @Test(arguments: [
        "--password swordfish", "--pass swordfish", "db_pass=swordfish", "--db.pass swordfish", "--api-token swordfish",
        "--dbPass swordfish", "PGPASSWORD=swordfish", "--PASS=swordfish", "-pass swordfish",
        "--client_secret=swordfish",
    ])
    func whatIsToldToBeSecretIs(_ arguments: String) {
        #expect(Self.secrets(ofScript: arguments).contains("swordfish"))
        #expect(Self.secrets(ofScript: "\(arguments) http").contains("swordfish"))
    }

    /// Other words have `pass` in them, too.
    @Test(arguments: ["--bypass swordfish", "--compass swordfish", "bypass=swordfish", "--BYPASS=swordfish"])
    func aPartOfAWordTellsNothing(_ arguments: String) {
        #expect(!Self.secrets(ofScript: arguments).contains("swordfish"))
    }

    /// `notify_master`, the states and `https` stand all over a report.
    @Test func knownWordsAreNoSecretsWhateverTheyStandBehind() {
        for word in ["master", "MASTER", "BACKUP", "FAULT", "virtual_router_id", "10.0.0.1", "s"] {
            for arguments in ["--password \(word)", "--password=\(word)", "--pass \(word) --token \(word)"] {
                #expect(!Self.secrets(ofScript: arguments).contains(word), "\(arguments)")
            }
        }
        var environment = Environment()
        environment.interfaces = ["enp3s0f0"]
        let text = "vrrp_script s {\nscript \"/usr/bin/check --password enp3s0f0 -x\"\n}\n"
        let redacted = redactedConfiguration(
            path: "t.conf", files: SampleFiles(["t.conf": text]), environment: environment)
        #expect(!redacted.secrets.contains("enp3s0f0"))
        #expect(Self.secrets(ofScript: "--bypass master --compass http").isDisjoint(with: ["master", "http"]))
        // A command line of nothing but these isn't one, either.
        #expect(Self.secrets(ofScript: "MASTER 10.0.0.1").isEmpty)
    }

    @Test(arguments: ["--password ''", "--password=", "--password= master", "--password '' -v", "'' ''"])
    func nothingIsNoSecret(_ arguments: String) {
        let secrets = Self.secrets(ofScript: arguments)
        #expect(!secrets.contains { $0.allSatisfy { $0 == " " } || $0 == "master" }, "\(secrets)")
    }

    @Test func aURLWithoutAUserHasNoSecret() {
        let text = "global_defs {\n    smtp_server http://@10.0.0.1/x\n}\n"
        #expect(Self.redact(text).secrets.isEmpty)
    }

    /// A short one is a part of many words.
    @Test(arguments: ["--password abc", "--pass=a1", "--token abc -v"])
    func aShortSecretGoesFromItsCommandLineOnly(_ arguments: String) {
        let redacted = Self.redact("vrrp_script s {\nscript \"/usr/bin/check \(arguments)\"\n}\n")
        #expect(Self.text(redacted).contains("\"/usr/bin/check <redacted>\""))
        #expect(!redacted.secrets.contains { $0.utf8.count < 4 }, "\(redacted.secrets)")
    }

    /// Each secret of a stranger's configuration, found without any of our parsers, is gone.
    @Test func noSecretOfTheCorpusSurvives() throws {
        var count = 0
        for sample in try Corpus.samples() {
            let text = String(decoding: sample.bytes, as: UTF8.self)
            let redacted = Self.text(Self.redact(text))
            for line in redacted.split(separator: "\n") where line.contains("auth_pass") || line.contains("password ") {
                #expect(line.hasSuffix(" <redacted>"), "\(sample.id): \(line)")
            }
            for match in text.matches(of: /(?m)^[^#!\n]*?(?:auth_pass|password)[ \t]+"?([^\s"#!]+)/) {
                count += 1
                let secret = String(match.1)
                guard secret.count > 4 else { continue }
                #expect(!redacted.contains(secret), "\(sample.id): \(secret)")
            }
        }
        #expect(count > 20)
    }
}
