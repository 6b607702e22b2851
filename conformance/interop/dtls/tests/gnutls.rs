//! GnuTLS's own client and server, over loopback. run.sh installs them; without them the tests fail.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Deadline};

use pollrtc_core::{Clock, Headroom, InnerProtocol};
use pollrtc_crypto::{NamedGroup, Rng};
use pollrtc_dtls::{CipherSuite, Config, Connection, Cookies, SrtpProfile, State, Version};
use pollrtc_dtls_interop::identity::{Identity, KeyKind};

const PATIENCE: Duration = Duration::from_secs(60);
const EXPORT_LABEL: &str = "EXTRACTOR-dtls_srtp";
const EXPORT_LEN: usize = 60;
/// GnuTLS's name of each cipher suite of DTLS 1.2.
const SUITES: [(CipherSuite, &str, &str); 6] = [
    (CipherSuite::EcdheEcdsaAes128GcmSha256, "+ECDHE-ECDSA", "+AES-128-GCM"),
    (CipherSuite::EcdheEcdsaAes256GcmSha384, "+ECDHE-ECDSA", "+AES-256-GCM"),
    (
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256,
        "+ECDHE-ECDSA",
        "+CHACHA20-POLY1305",
    ),
    (CipherSuite::EcdheRsaAes128GcmSha256, "+ECDHE-RSA", "+AES-128-GCM"),
    (CipherSuite::EcdheRsaAes256GcmSha384, "+ECDHE-RSA", "+AES-256-GCM"),
    (
        CipherSuite::EcdheRsaChaCha20Poly1305Sha256,
        "+ECDHE-RSA",
        "+CHACHA20-POLY1305",
    ),
];
/// GnuTLS's name of each group of DTLS 1.2.
const GROUPS: [(NamedGroup, &str); 3] = [
    (NamedGroup::X25519, "+GROUP-X25519"),
    (NamedGroup::Secp256r1, "+GROUP-SECP256R1"),
    (NamedGroup::Secp384r1, "+GROUP-SECP384R1"),
];

/// DTLS 1.2 with everything that may be.
const ANY: &str = "NORMAL:-VERS-ALL:+VERS-DTLS1.2";

/// Files that GnuTLS reads a key and its certificate from.
struct Files {
    key: PathBuf,
    certificate: PathBuf,
}

impl Files {
    fn new(name: &str, identity: &Identity) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (key, certificate) = (
            directory.join(format!("{name}.key")),
            directory.join(format!("{name}.pem")),
        );
        std::fs::write(&key, identity.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        std::fs::write(&certificate, identity.certificate.to_pem().unwrap()).unwrap();
        Self { key, certificate }
    }
}

/// `gnutls-serv` or `gnutls-cli`, which ends with its test.
struct Peer {
    child: Child,
    stdin: ChildStdin,
    output: Arc<Mutex<String>>,
}

impl Peer {
    fn start(program: &str, arguments: &[&str], files: &Files) -> Self {
        let mut child = Command::new(program)
            .arg("--udp")
            .args(["--srtp-profiles", "SRTP_AES128_CM_HMAC_SHA1_80", "--alpn", "webrtc"])
            .args(["--keymatexport", EXPORT_LABEL])
            .args(["--keymatexportsize", &EXPORT_LEN.to_string()])
            .arg("--x509keyfile")
            .arg(&files.key)
            .arg("--x509certfile")
            .arg(&files.certificate)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; run.sh installs it"));
        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().unwrap(), output.clone());
        collect(child.stderr.take().unwrap(), output.clone());
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, output }
    }

    fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    fn says(&self, text: &str) -> bool {
        self.output.lock().unwrap().contains(text)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut buf = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buf) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buf[..length]));
        }
    });
}

/// Our end: a connection, its socket, and what came.
struct Ours {
    connection: Connection,
    socket: UdpSocket,
    peer: SocketAddr,
    clock: Clock,
    received: Vec<u8>,
}

impl Ours {
    fn new(connection: Connection, socket: UdpSocket, peer: SocketAddr) -> Self {
        Self {
            connection,
            socket,
            peer,
            clock: Clock::new(),
            received: Vec::new(),
        }
    }

    /// Drives the connection until `done`, or panics with what the peer said.
    fn run_until(&mut self, peer: &Peer, done: impl Fn(&Self) -> bool) {
        let deadline = Deadline::now() + PATIENCE;
        let mut buf = [0; 4096];
        while !done(self) {
            assert!(Deadline::now() < deadline, "{:?}\n{}", self.connection, peer.output());
            let now = self.clock.now();
            while let Some(length) = self.connection.write_body(now, &mut buf, Headroom::NONE) {
                // The peer may not listen yet.
                self.socket.send_to(&buf[..length], self.peer).ok();
            }
            self.socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            if let Ok((length, from)) = self.socket.recv_from(&mut buf) {
                self.peer = from;
                for payload in self.connection.handle_body(self.clock.now(), &mut buf[..length]) {
                    self.received.extend_from_slice(payload);
                }
            }
            self.connection.handle_timeout(self.clock.now());
        }
    }

    fn check_agreement(&self) {
        assert_eq!(self.connection.srtp_profile(), Some(SrtpProfile::Aes128CmHmacSha1_80));
        assert_eq!(self.connection.application_protocol(), Some(&b"webrtc"[..]));
        assert_eq!(self.connection.stats().forged_records, 0);
    }

    /// Keys for others are the same.
    fn check_exporter(&mut self, peer: &Peer) {
        let mut exported = [0; EXPORT_LEN];
        self.connection
            .export_keying_material(EXPORT_LABEL, None, &mut exported)
            .unwrap();
        let hex: String = exported.iter().map(|byte| format!("{byte:02x}")).collect();
        self.run_until(peer, |_| peer.output().to_lowercase().contains(&hex));
    }
}

fn loopback() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn config(own: &Identity, peer: &Identity) -> Config {
    let mut config = Config::new(own.ours(), peer.only());
    config.cookies = Cookies::Off;
    config.srtp_profiles = vec![SrtpProfile::Aes128CmHmacSha1_80];
    config.application_protocols = vec![b"webrtc".to_vec()];
    config.initial_rto = Duration::from_millis(100);
    config
}

/// Our client and an echoing `gnutls-serv`, which asks for a cookie first.
fn our_client(name: &str, config: Config, identity: &Identity, arguments: &[&str]) {
    let files = Files::new(name, identity);
    let port = loopback().local_addr().unwrap().port();
    let port_text = port.to_string();
    let own = ["--echo", "--require-client-cert", "--port", &port_text];
    let peer = Peer::start("gnutls-serv", &[&own, arguments].concat(), &files);
    let connection = Connection::client(config, Rng::from_os()).unwrap();
    let mut ours = Ours::new(connection, loopback(), (Ipv4Addr::LOCALHOST, port).into());
    ours.run_until(&peer, |ours| ours.connection.is_connected());
    ours.connection.send(b"there and back\n").unwrap();
    ours.run_until(&peer, |ours| ours.received.ends_with(b"there and back\n"));
    // The server does not show its exporter's key over UDP.
    ours.check_agreement();
    ours.connection.close(ours.clock.now());
    ours.run_until(&peer, |ours| ours.connection.state() == State::Closed);
}

/// `gnutls-cli` and our server.
fn our_server(name: &str, config: Config, identity: &Identity, arguments: &[&str]) {
    let files = Files::new(name, identity);
    let socket = loopback();
    let local = socket.local_addr().unwrap();
    let port = local.port().to_string();
    let own = ["--insecure", "--no-ca-verification", "--port", &port, "127.0.0.1"];
    let mut peer = Peer::start("gnutls-cli", &[arguments, &own].concat(), &files);
    let mut ours = Ours::new(Connection::server(config, Rng::from_os()).unwrap(), socket, local);
    ours.run_until(&peer, |ours| ours.connection.is_connected());
    ours.run_until(&peer, |_| peer.says("Handshake was completed"));
    ours.check_agreement();
    ours.check_exporter(&peer);
    peer.stdin.write_all(b"from gnutls\n").unwrap();
    ours.run_until(&peer, |ours| ours.received.ends_with(b"from gnutls\n"));
    ours.connection.send(b"from pollrtc\n").unwrap();
    ours.run_until(&peer, |_| peer.says("from pollrtc"));
    ours.connection.close(ours.clock.now());
    ours.run_until(&peer, |_| peer.says("Peer has closed"));
}

#[test]
fn our_client_with_every_cipher_suite() {
    let own = Identity::new(KeyKind::P256);
    let (ecdsa, rsa) = (Identity::new(KeyKind::P256), Identity::new(KeyKind::Rsa2048));
    assert_eq!(
        SUITES.len(),
        CipherSuite::ALL
            .iter()
            .filter(|suite| suite.version() == Version::DTLS_1_2)
            .count()
    );
    for (suite, exchange, _) in SUITES {
        let identity = if exchange == "+ECDHE-RSA" { &rsa } else { &ecdsa };
        let mut config = config(&own, identity);
        config.cipher_suites = vec![suite];
        our_client("serv-suites", config, identity, &["--priority", ANY]);
    }
}

#[test]
fn our_client_with_every_group() {
    let (own, peer) = (Identity::new(KeyKind::P256), Identity::new(KeyKind::P256));
    for (_, group) in GROUPS {
        let priority = format!("{ANY}:-GROUP-ALL:{group}");
        our_client("serv-groups", config(&own, &peer), &peer, &["--priority", &priority]);
    }
}

#[test]
fn our_client_with_an_rsa_certificate_and_small_datagrams() {
    let (own, peer) = (Identity::new(KeyKind::Rsa2048), Identity::new(KeyKind::Rsa2048));
    let mut config = config(&own, &peer);
    config.mtu = 300;
    our_client("serv-small", config, &peer, &["--priority", ANY, "--mtu", "400"]);
}

#[test]
fn our_server_with_every_cipher_suite() {
    let peer = Identity::new(KeyKind::P256);
    let (ecdsa, rsa) = (Identity::new(KeyKind::P256), Identity::new(KeyKind::Rsa2048));
    for (suite, exchange, cipher) in SUITES {
        let own = if exchange == "+ECDHE-RSA" { &rsa } else { &ecdsa };
        let mut config = config(own, &peer);
        config.cipher_suites = vec![suite];
        let priority = format!("{ANY}:-KX-ALL:{exchange}:-CIPHER-ALL:{cipher}");
        our_server("cli-suites", config, &peer, &["--priority", &priority]);
    }
}

#[test]
fn our_server_with_every_group() {
    let (own, peer) = (Identity::new(KeyKind::P256), Identity::new(KeyKind::P256));
    for (group, name) in GROUPS {
        let mut config = config(&own, &peer);
        config.groups = vec![group];
        // RFC 8422 §5.1: the client's groups have to have the curve of our certificate too.
        let priority = format!("{ANY}:-GROUP-ALL:{name}:+GROUP-SECP256R1");
        our_server("cli-groups", config, &peer, &["--priority", &priority]);
    }
}

#[test]
fn our_server_with_cookies_and_small_datagrams() {
    let (own, peer) = (Identity::new(KeyKind::Rsa2048), Identity::new(KeyKind::Rsa2048));
    let mut config = config(&own, &peer);
    config.mtu = 300;
    config.cookies = Cookies::Required;
    our_server("cli-small", config, &peer, &["--priority", ANY, "--mtu", "400"]);
}
