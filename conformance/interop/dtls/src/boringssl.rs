//! BoringSSL as a state machine.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use boring::ssl::{
    AlpnError, ErrorCode, HandshakeError, MidHandshakeSslStream, Ssl, SslAlert, SslContext, SslMethod, SslOptions,
    SslRef, SslStream, SslVerifyError, SslVerifyMode, SslVersion,
};
use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};

use crate::clock;
use crate::identity::Identity;

/// How BoringSSL behaves.
#[derive(Clone)]
pub struct Options {
    pub versions: [SslVersion; 2],
    /// By preference; the first is the one whose public key is sent.
    pub groups: &'static str,
    /// Of DTLS 1.2; those of 1.3 can't be chosen.
    pub ciphers: Option<&'static str>,
    pub identity: Identity,
    /// Whom it talks to.
    pub peer: Identity,
    pub srtp_profiles: Option<&'static str>,
    pub application_protocol: Option<&'static [u8]>,
    pub mtu: u32,
}

impl Options {
    /// The newest version alone, with defaults.
    pub fn new(identity: &Identity, peer: &Identity) -> Self {
        Self {
            versions: [SslVersion::DTLS1_3; 2],
            groups: "X25519:P-256:P-384",
            ciphers: None,
            identity: identity.clone(),
            peer: peer.clone(),
            srtp_profiles: None,
            application_protocol: None,
            mtu: 1200,
        }
    }

    fn context(&self) -> SslContext {
        let mut builder = SslContext::builder(SslMethod::dtls()).unwrap();
        clock::install(&mut builder);
        builder.set_min_proto_version(Some(self.versions[0])).unwrap();
        builder.set_max_proto_version(Some(self.versions[1])).unwrap();
        builder.set_certificate(&self.identity.certificate).unwrap();
        builder.set_private_key(&self.identity.key).unwrap();
        builder.set_curves_list(self.groups).unwrap();
        if let Some(ciphers) = self.ciphers {
            builder.set_strict_cipher_list(ciphers).unwrap();
        }
        if let Some(profiles) = self.srtp_profiles {
            builder.set_tlsext_use_srtp(profiles).unwrap();
        }
        if let Some(protocol) = self.application_protocol {
            let listed = [&[protocol.len() as u8], protocol].concat();
            builder.set_alpn_protos(&listed).unwrap();
            builder.set_alpn_select_callback(move |_, offered| {
                let length = protocol.len();
                let found = offered.windows(length).find(|window| *window == protocol);
                found.ok_or(AlpnError::ALERT_FATAL)
            });
        }
        builder.set_options(SslOptions::NO_QUERY_MTU);
        let expected = self.peer.certificate.to_der().unwrap();
        let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        builder.set_custom_verify_callback(mode, move |ssl| {
            let shown = ssl.peer_certificate().and_then(|shown| shown.to_der().ok());
            match shown.is_some_and(|shown| shown == expected) {
                true => Ok(()),
                false => Err(SslVerifyError::Invalid(SslAlert::BAD_CERTIFICATE)),
            }
        });
        builder.build()
    }
}

type Datagrams = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// What BoringSSL reads from and writes to.
#[derive(Clone, Default)]
struct Wire {
    incoming: Datagrams,
    outgoing: Datagrams,
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let datagram = self
            .incoming
            .borrow_mut()
            .pop_front()
            .ok_or(io::ErrorKind::WouldBlock)?;
        let length = datagram.len().min(buf.len());
        buf[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One end of a connection.
pub struct Boringssl {
    state: State,
    wire: Wire,
    remote: SocketAddr,
    now: Instant,
    /// What came for the application.
    pub received: Vec<Vec<u8>>,
    /// The peer has said goodbye.
    pub is_closed_by_peer: bool,
}

enum State {
    Before(MidHandshakeSslStream<Wire>),
    Connected(SslStream<Wire>),
    Failed(String),
}

impl Boringssl {
    pub fn client(options: &Options, remote: SocketAddr) -> Self {
        Self::start(options, remote, Ssl::setup_connect)
    }

    pub fn server(options: &Options, remote: SocketAddr) -> Self {
        Self::start(options, remote, Ssl::setup_accept)
    }

    fn start(options: &Options, remote: SocketAddr, role: fn(Ssl, Wire) -> MidHandshakeSslStream<Wire>) -> Self {
        let mut ssl = Ssl::new(&options.context()).unwrap();
        ssl.set_mtu(options.mtu).unwrap();
        let wire = Wire::default();
        let mut end = Self {
            state: State::Before(role(ssl, wire.clone())),
            wire,
            remote,
            now: Instant::ZERO,
            received: Vec::new(),
            is_closed_by_peer: false,
        };
        end.go_on(Instant::ZERO);
        end
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.state {
            State::Failed(why) => Some(why),
            _ => None,
        }
    }

    /// What is known of the connection, as long as there is one.
    pub fn ssl(&self) -> Option<&SslRef> {
        match &self.state {
            State::Before(handshake) => Some(handshake.ssl()),
            State::Connected(stream) => Some(stream.ssl()),
            State::Failed(_) => None,
        }
    }

    fn stream(&mut self) -> &mut SslStream<Wire> {
        match &mut self.state {
            State::Connected(stream) => stream,
            State::Before(_) => panic!("BoringSSL is not connected yet"),
            State::Failed(why) => panic!("BoringSSL failed: {why}"),
        }
    }

    pub fn send(&mut self, payload: &[u8]) {
        clock::set(self.now);
        assert_eq!(self.stream().ssl_write(payload).unwrap(), payload.len());
    }

    /// New keys, also ours if `request`.
    pub fn update_keys(&mut self, request: bool) {
        clock::set(self.now);
        assert!(clock::update_keys(self.stream().ssl_mut(), request));
        self.go_on(self.now);
    }

    pub fn close(&mut self) {
        clock::set(self.now);
        self.stream().shutdown().unwrap();
    }

    pub fn export(&self, label: &str, context: Option<&[u8]>) -> [u8; 60] {
        let mut key = [0; 60];
        let ssl = self.ssl().expect("there is a connection");
        ssl.export_keying_material(&mut key, label, context).unwrap();
        key
    }

    /// As far as it gets with what has come.
    fn go_on(&mut self, now: Instant) {
        clock::set(now);
        self.now = now;
        if let State::Before(handshake) = self.take() {
            self.state = match handshake.handshake() {
                Ok(stream) => State::Connected(stream),
                Err(HandshakeError::WouldBlock(handshake)) => State::Before(handshake),
                Err(error) => State::Failed(error.to_string()),
            };
        }
        let mut buf = [0; 1 << 14];
        while let State::Connected(stream) = &mut self.state {
            match stream.ssl_read(&mut buf) {
                Ok(length) => self.received.push(buf[..length].to_vec()),
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.is_closed_by_peer = true;
                    break;
                }
                Err(error) => self.state = State::Failed(error.to_string()),
            }
        }
    }

    /// The handshake, to be gone on with; anything else stays.
    fn take(&mut self) -> State {
        match std::mem::replace(&mut self.state, State::Failed("lost".into())) {
            State::Before(handshake) => State::Before(handshake),
            other => {
                self.state = other;
                State::Failed(String::new())
            }
        }
    }
}

impl StateMachine for Boringssl {
    type Event = ();
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        self.wire.incoming.borrow_mut().push_back(datagram.payload.to_vec());
        self.go_on(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        clock::set(now);
        match &mut self.state {
            State::Before(handshake) => clock::handle_timeout(handshake.ssl_mut()),
            State::Connected(stream) => clock::handle_timeout(stream.ssl_mut()),
            State::Failed(_) => {}
        }
        self.go_on(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = now;
        let datagram = self.wire.outgoing.borrow_mut().pop_front()?;
        buf[..datagram.len()].copy_from_slice(&datagram);
        Some(Transmit::udp(self.remote, datagram.len()))
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        clock::set(self.now);
        // Its clock ticks in microseconds.
        let left = clock::timeout(self.ssl()?)? + std::time::Duration::from_micros(1);
        Some(self.now + left)
    }
}
