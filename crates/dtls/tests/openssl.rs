//! Handshakes with OpenSSL's own client and server, over loopback. Where there is no `openssl`
//! program, the tests say so and prove nothing.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Deadline};

use pollrtc_core::{Clock, Headroom, InnerProtocol};
use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, Rng, default_provider};
use pollrtc_dtls::wire::HandshakeType;
use pollrtc_dtls::{CipherSuite, Config, Connection, Cookies, PeerVerification, SrtpProfile, Version};

use crate::support::millis;
use crate::support::wire::{HelloParts, message_record};

const PATIENCE: Duration = Duration::from_secs(20);
const EXPORT_LABEL: &str = "EXTRACTOR-dtls_srtp";
const EXPORT_LEN: usize = 60;
/// OpenSSL wants the curve of a certificate to be among the groups (RFC 8422 §5.1).
const GROUPS: [&str; 3] = ["X25519:P-256", "P-256", "P-384:P-256"];

/// Whether there is an OpenSSL to talk to.
fn openssl_is_here() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no openssl program");
    }
    found
}

/// A key and a certificate made by OpenSSL.
struct Identity {
    key: PathBuf,
    certificate: PathBuf,
    der: Vec<u8>,
}

impl Identity {
    fn new(name: &str, algorithm: &[&str]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let key = directory.join(format!("{name}.key"));
        let certificate = directory.join(format!("{name}.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=interop"])
            .args(algorithm)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let der = Command::new("openssl")
            .args(["x509", "-outform", "der", "-in"])
            .arg(&certificate)
            .output()
            .unwrap()
            .stdout;
        Self { key, certificate, der }
    }

    fn ecdsa(name: &str) -> Self {
        Self::new(name, &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    fn rsa(name: &str) -> Self {
        Self::new(name, &["-newkey", "rsa:2048"])
    }

    /// The same in our own type.
    fn ours(&self) -> Certificate {
        let pkcs8 = Command::new("openssl")
            .args(["pkcs8", "-topk8", "-nocrypt", "-outform", "der", "-in"])
            .arg(&self.key)
            .output()
            .unwrap()
            .stdout;
        let key = default_provider().signing_key_from_pkcs8(&pkcs8).unwrap();
        Certificate::from_der(&self.der, key).unwrap()
    }

    fn verification(&self) -> PeerVerification {
        PeerVerification::Fingerprints(vec![Fingerprint::of(HashAlgorithm::Sha256, &self.der)])
    }
}

/// An `openssl s_client` or `s_server` that is killed with its test.
struct Peer {
    child: Child,
    stdin: ChildStdin,
    output: Arc<Mutex<String>>,
}

impl Peer {
    fn start(arguments: &[&str], identity: &Identity) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .args(["-dtls1_2", "-use_srtp", "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"])
            .args([
                "-keymatexport",
                EXPORT_LABEL,
                "-keymatexportlen",
                &EXPORT_LEN.to_string(),
            ])
            .arg("-key")
            .arg(&identity.key)
            .arg("-cert")
            .arg(&identity.certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
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
/// Where a server sends before anybody has said hello: nothing goes there.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

struct Ours {
    connection: Connection,
    socket: UdpSocket,
    peer: SocketAddr,
    clock: Clock,
    received: Vec<u8>,
    /// Comes behind every datagram of the peer, from its address.
    forged: Vec<Vec<u8>>,
}

impl Ours {
    fn new(connection: Connection, socket: UdpSocket, peer: SocketAddr) -> Self {
        Self {
            connection,
            socket,
            peer,
            clock: Clock::new(),
            received: Vec::new(),
            forged: Vec::new(),
        }
    }

    /// Drives the connection until `done`, or panics with what the peer said.
    fn run_until(&mut self, peer: &Peer, done: impl Fn(&Self) -> bool) {
        let deadline = Deadline::now() + PATIENCE;
        let mut buf = [0; 2048];
        while !done(self) {
            let state = format!("{:?}", self.connection);
            assert!(Deadline::now() < deadline, "{state}\n{}", peer.output());
            let now = self.clock.now();
            while let Some(length) = self.connection.write_body(now, &mut buf, Headroom::NONE) {
                // The peer may not listen yet.
                self.socket.send_to(&buf[..length], self.peer).ok();
            }
            self.socket.set_read_timeout(Some(millis(5))).unwrap();
            if let Ok((length, from)) = self.socket.recv_from(&mut buf) {
                self.peer = from;
                for payload in self.connection.handle_body(self.clock.now(), &mut buf[..length]) {
                    self.received.extend_from_slice(payload);
                }
                for mut forged in self.forged.clone() {
                    self.connection.handle_body(self.clock.now(), &mut forged);
                }
            }
            self.connection.handle_timeout(self.clock.now());
        }
    }

    /// Lines go both ways, keys are the same, and close_notify arrives.
    fn talk(&mut self, peer: &mut Peer) {
        self.run_until(peer, |ours| ours.connection.is_connected());
        self.connection.send(b"from pollrtc\n").unwrap();
        self.run_until(peer, |_| peer.says("from pollrtc"));
        peer.stdin.write_all(b"from openssl\n").unwrap();
        self.run_until(peer, |ours| ours.received.ends_with(b"from openssl\n"));

        assert_eq!(self.connection.srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
        let mut exported = [0; EXPORT_LEN];
        self.connection
            .export_keying_material(EXPORT_LABEL, None, &mut exported)
            .unwrap();
        let hex: String = exported.iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(peer.says(&hex), "other keys: {hex}\n{}", peer.output());
        assert_eq!(self.connection.stats().forged_records, 0);
        self.connection.close(self.clock.now());
        self.run_until(peer, |_| peer.says("closed") || peer.says("DONE"));
    }
}

fn loopback() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

fn config(peer: &Identity) -> Config {
    let certificate = Certificate::generate(default_provider(), &mut Rng::from_os()).unwrap();
    let mut config = Config::new(certificate, peer.verification());
    config.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
    config.initial_rto = millis(100);
    config.cookies = Cookies::Off;
    config
}

fn our_client_talks_to(identity: &Identity, config: Config, arguments: &[&str]) {
    let port = loopback().local_addr().unwrap().port();
    let accept = port.to_string();
    let arguments = [&["s_server", "-accept", &accept, "-Verify", "1"], arguments].concat();
    let mut peer = Peer::start(&arguments, identity);
    let remote = (Ipv4Addr::LOCALHOST, port).into();
    let connection = Connection::client(config, Rng::from_os()).unwrap();
    Ours::new(connection, loopback(), remote).talk(&mut peer);
}

fn our_server_talks_to(identity: &Identity, config: Config, arguments: &[&str]) {
    let socket = loopback();
    let target = socket.local_addr().unwrap().to_string();
    let arguments = [&["s_client", "-connect", &target], arguments].concat();
    let mut peer = Peer::start(&arguments, identity);
    let connection = Connection::server(config, Rng::from_os()).unwrap();
    Ours::new(connection, socket, NOBODY).talk(&mut peer);
}

#[test]
fn our_client_with_every_suite_to_openssls_server() {
    if !openssl_is_here() {
        return;
    }
    let (ecdsa, rsa) = (Identity::ecdsa("server-ec"), Identity::rsa("server-rsa"));
    for suite in CipherSuite::ALL
        .into_iter()
        .filter(|suite| suite.version() == Version::DTLS_1_2)
    {
        let identity = if suite.name().contains("ECDSA") { &ecdsa } else { &rsa };
        let mut config = config(identity);
        config.cipher_suites = vec![suite];
        our_client_talks_to(identity, config, &[]);
    }
}

#[test]
fn our_client_with_each_group_to_openssls_server() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("server-groups");
    for groups in GROUPS {
        our_client_talks_to(&identity, config(&identity), &["-groups", groups, "-serverpref"]);
    }
}

#[test]
fn our_client_with_small_datagrams_both_ways() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("server-small");
    let mut config = config(&identity);
    config.mtu = 200;
    our_client_talks_to(&identity, config, &["-mtu", "256"]);
}

#[test]
fn openssls_client_with_every_suite_to_our_server() {
    if !openssl_is_here() {
        return;
    }
    let (ecdsa, rsa) = (Identity::ecdsa("client-ec"), Identity::rsa("client-rsa"));
    for cipher in [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ] {
        our_server_talks_to(&ecdsa, config(&ecdsa), &["-cipher", cipher]);
        our_server_talks_to(&rsa, config(&rsa), &["-cipher", cipher]);
    }
}

#[test]
fn openssls_client_with_every_rsa_suite_to_our_server() {
    if !openssl_is_here() {
        return;
    }
    let (own, peer) = (Identity::rsa("our-rsa"), Identity::ecdsa("client-of-rsa"));
    for cipher in [
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ] {
        let mut config = config(&peer);
        config.certificates = vec![own.ours()];
        our_server_talks_to(&peer, config, &["-cipher", cipher]);
    }
}

#[test]
fn our_client_with_an_rsa_certificate_gives_a_cookie_back() {
    if !openssl_is_here() {
        return;
    }
    let (own, peer) = (Identity::rsa("our-rsa-client"), Identity::ecdsa("server-cookie"));
    let mut config = config(&peer);
    config.certificates = vec![own.ours()];
    our_client_talks_to(&peer, config, &["-listen"]);
}

#[test]
fn openssls_client_with_each_group_to_our_server() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("client-groups");
    for groups in GROUPS {
        our_server_talks_to(&identity, config(&identity), &["-groups", groups]);
    }
}

#[test]
fn openssls_client_with_small_datagrams_and_cookies() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("client-small");
    let mut config = config(&identity);
    config.mtu = 200;
    config.cookies = Cookies::Required;
    our_server_talks_to(&identity, config, &["-mtu", "256"]);
}

#[test]
fn openssls_client_may_not_renegotiate() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("client-renegotiates");
    let socket = loopback();
    let target = socket.local_addr().unwrap().to_string();
    let mut peer = Peer::start(&["s_client", "-connect", &target], &identity);
    let connection = Connection::server(config(&identity), Rng::from_os()).unwrap();
    let mut ours = Ours::new(connection, socket, NOBODY);
    ours.run_until(&peer, |ours| ours.connection.is_connected());
    ours.connection.send(b"connected\n").unwrap();
    ours.run_until(&peer, |_| peer.says("connected\n"));
    peer.stdin.write_all(b"R\n").unwrap();
    ours.run_until(&peer, |ours| ours.connection.stats().refused_renegotiations > 0);
}

#[test]
fn forged_hellos_behind_every_datagram_of_openssls_client_change_nothing() {
    if !openssl_is_here() {
        return;
    }
    let identity = Identity::ecdsa("client-forged");
    for (kind, cookies) in [(0, Cookies::Off), (1, Cookies::Off), (0, Cookies::Required)] {
        let mut config = config(&identity);
        config.cookies = cookies;
        let bad = HelloParts {
            cipher_suites: vec![0x002f],
            ..HelloParts::good()
        };
        let hello = [HelloParts::good(), bad][kind].client();
        let socket = loopback();
        let target = socket.local_addr().unwrap().to_string();
        let mut peer = Peer::start(&["s_client", "-connect", &target], &identity);
        let connection = Connection::server(config, Rng::from_os()).unwrap();
        let mut ours = Ours::new(connection, socket, NOBODY);
        ours.forged = (0..3)
            .map(|message_seq| message_record(HandshakeType::CLIENT_HELLO, message_seq, &hello))
            .collect();
        ours.talk(&mut peer);
        assert!(ours.connection.stats().ignored_client_hellos > 0);
    }
}
