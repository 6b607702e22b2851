//! The connection that the test is about.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;
use pollrtc_dtls::{
    AlertDescription, ClientCertificates, CloseReason, Config, ConfigError, Connection, Cookies, Event, HandshakeError,
    KeyUpdateRequest, PeerVerification, Stats, Versions,
};

use crate::credential::{self, Signatures};
use crate::options::{ClientCertificate, Options};
use crate::transport::{Command, Transport};

/// Why a test ends with an error, which the runner may or may not have wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Unimplemented(&'static str),
    #[error("no version of DTLS is left")]
    NoVersion,
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("the certificate or its key can't be read")]
    Credential,
    #[error("the runner can't be talked to: {0}")]
    Transport(#[from] io::Error),
    #[error("a ClientHello was refused: {0}")]
    ClientHelloRefused(HandshakeError),
    #[error("the connection ended: {0}")]
    Closed(CloseReason),
    #[error("the runner went away during the handshake; dropped:{0}")]
    Interrupted(String),
    #[error("nothing came within {MAX_TIMEOUTS} timeouts")]
    TimedOut,
    #[error("the next timeout is in {actual:?}, not in {expected:?}")]
    Timeout {
        expected: Option<Duration>,
        actual: Option<Duration>,
    },
    #[error("another protocol of the application was negotiated")]
    Protocol,
    #[error("another server was asked for: {0:?}")]
    ServerName(Option<String>),
    #[error("the credential that signed is number {0:?}")]
    SelectedCredential(Option<usize>),
    #[error("{0}")]
    Send(#[from] pollrtc_dtls::SendError),
    #[error("{0}")]
    Export(#[from] pollrtc_dtls::ExportError),
}

/// After how many timeouts in a row BoringSSL gives up, and so do we, as the caller.
const MAX_TIMEOUTS: u64 = 13;

/// Runs the test to its end.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let signatures = Arc::new(Signatures::default());
    let config = config(options, &signatures)?;
    let transport = Transport::connect(options.ipv6, options.port, options.shim_id)?;
    let rng = Rng::from_os();
    let mut session = Session {
        options,
        transport,
        connection: match options.server {
            true => Connection::server(config, rng)?,
            false => Connection::client(config, rng)?,
        },
        now: Instant::from_millis(1_000_000),
        signatures,
        resent_before: 0,
        is_over: false,
    };
    let result = session.run();
    session.transport.finish();
    result
}

fn config(options: &Options, signatures: &Arc<Signatures>) -> Result<Config, Failure> {
    let versions = match (options.versions.v12, options.versions.v13) {
        (true, true) => Versions::Both,
        (true, false) => Versions::Dtls12,
        (false, true) => Versions::Dtls13,
        (false, false) => return Err(Failure::NoVersion),
    };
    let mut config = Config::new(None, verification(options));
    config.cookies = Cookies::Off;
    for (number, credential) in options.credentials.iter().enumerate() {
        let delay = options.private_key_delay;
        config
            .certificates
            .push(credential::load(credential, number, delay, signatures)?);
    }
    config.versions = versions;
    if !options.signature_schemes.is_empty() {
        config.signature_schemes.clone_from(&options.signature_schemes);
    }
    if !options.groups.is_empty() {
        config.groups.clone_from(&options.groups);
    }
    config.client_certificates = match options.client_certificate {
        ClientCertificate::NotRequested => ClientCertificates::NotRequested,
        ClientCertificate::Optional => ClientCertificates::Optional,
        ClientCertificate::Required => ClientCertificates::Required,
    };
    config.application_protocols.clone_from(&options.application_protocols);
    config.server_name.clone_from(&options.server_name);
    config.session_tickets = !options.no_tickets;
    config.srtp_profiles.clone_from(&options.srtp_profiles);
    // How patient we are is counted in timeouts.
    config.handshake_timeout = Duration::MAX;
    if let Some(mtu) = options.mtu {
        config.mtu = mtu;
    }
    // As much as the runner's largest certificates take, unless the test has its own idea.
    config.max_reassembly = options.max_certificates.unwrap_or(100 * 1024);
    if let Some(timeout) = options.initial_timeout {
        config.initial_rto = timeout;
    }
    Ok(config)
}

/// The runner checks what the peer is told; what it should be is for the API that it knows.
fn verification(options: &Options) -> PeerVerification {
    let verification = options.verification;
    if !(verification.enforced && verification.fails) {
        return PeerVerification::AcceptAny;
    }
    let alert = match verification.by_callback {
        true => AlertDescription::CERTIFICATE_UNKNOWN,
        false => AlertDescription::HANDSHAKE_FAILURE,
    };
    PeerVerification::Callback(Arc::new(move |_| Err(alert)))
}

/// What was dropped without a word, and why.
fn dropped(stats: &Stats) -> String {
    let reasons = [
        ("malformed records", stats.malformed_records),
        ("unexpected records", stats.unexpected_records),
        ("replayed records", stats.replayed_records),
        ("forged records", stats.forged_records),
        ("unauthenticated alerts", stats.unauthenticated_alerts),
        ("malformed fragments", stats.malformed_fragments),
        ("refused fragments", stats.refused_fragments),
        ("replaced fragments", stats.replaced_fragments),
    ];
    let counted = reasons.iter().filter(|(_, count)| *count > 0);
    counted.map(|(reason, _)| format!(" {reason};")).collect()
}

struct Session<'a> {
    options: &'a Options,
    transport: Transport,
    connection: Connection,
    now: Instant,
    signatures: Arc<Signatures>,
    /// How many flights had been sent again when the last datagram came.
    resent_before: u64,
    /// One side has closed the connection.
    is_over: bool,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.handle_events()?;
            self.flush()?;
            if self.is_over {
                return Ok(());
            }
            match self.transport.receive()? {
                Command::Datagram(mut datagram) => self.handle_datagram(&mut datagram)?,
                Command::Advance(time) => {
                    self.now += time;
                    self.connection.handle_timeout(self.now);
                    if self.connection.stats().flights_resent - self.resent_before >= MAX_TIMEOUTS {
                        return Err(Failure::TimedOut);
                    }
                }
                Command::SetMtu(mtu) => self.connection.set_mtu(mtu),
                // Half as long again is what the connection makes of it.
                Command::SetTimeout(timeout) => {
                    let round_trip_time = (timeout * 2 + Duration::from_nanos(2)) / 3;
                    self.connection.set_round_trip_time(round_trip_time);
                }
                Command::ExpectTimeout(expected) => self.check_timeout(expected)?,
                Command::End if self.connection.is_connected() => return Ok(()),
                Command::End => return Err(Failure::Interrupted(dropped(&self.connection.stats()))),
            }
        }
    }

    fn handle_datagram(&mut self, datagram: &mut [u8]) -> Result<(), Failure> {
        let received = self.connection.handle_body(self.now, datagram);
        let messages: Vec<Vec<u8>> = received.map(|message| message.to_vec()).collect();
        self.resent_before = self.connection.stats().flights_resent;
        self.now += self.signatures.take_time();
        // What ended the handshake came first.
        self.handle_events()?;
        for message in messages {
            if !self.is_over {
                self.answer(message)?;
            }
        }
        Ok(())
    }

    fn handle_events(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Connected { .. } => self.begin()?,
                // Came before the handshake was complete. The runner wants to see such data dropped;
                // our callers may do so, since they get it apart from the rest.
                Event::ApplicationData(_) => {}
                Event::ClientHelloRefused(error) => {
                    self.flush()?;
                    return Err(Failure::ClientHelloRefused(error));
                }
                Event::Closed(CloseReason::Remote | CloseReason::Local) => self.is_over = true,
                Event::Closed(reason) => {
                    self.flush()?;
                    return Err(Failure::Closed(reason));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the test wants as soon as the handshake is complete.
    fn begin(&mut self) -> Result<(), Failure> {
        // The last flight goes first.
        self.flush()?;
        let expected = self.options.expected_protocol.as_deref();
        if expected.is_some() && self.connection.application_protocol() != expected {
            return Err(Failure::Protocol);
        }
        let server_name = self.connection.server_name();
        if self.options.expected_server_name.is_some() && server_name != self.options.expected_server_name.as_deref() {
            return Err(Failure::ServerName(server_name.map(str::to_owned)));
        }
        let signed = self.signatures.credential();
        if self.options.expected_credential.is_some() && signed != self.options.expected_credential {
            return Err(Failure::SelectedCredential(signed));
        }
        if let Some(export) = &self.options.export {
            let mut keys = vec![0; export.length];
            let context = export.use_context.then_some(export.context.as_bytes());
            self.connection
                .export_keying_material(&export.label, context, &mut keys)?;
            self.connection.send(&keys)?;
        }
        if self.options.send_alert {
            self.connection.abort(self.now, AlertDescription::DECOMPRESSION_FAILURE);
            return Ok(());
        }
        if self.options.writes_first {
            self.connection.send(b"hello")?;
        }
        if self.options.shuts_down {
            self.connection.close(self.now);
        }
        self.before_reading()
    }

    /// Where an API of another kind would wait for data.
    fn before_reading(&mut self) -> Result<(), Failure> {
        self.flush()?;
        if self.options.updates_keys_before_reading {
            self.connection.update_keys(KeyUpdateRequest::NotRequested)?;
        }
        self.flush()
    }

    /// The runner waits for everything that it sends to come back with all bits turned.
    fn answer(&mut self, mut message: Vec<u8>) -> Result<(), Failure> {
        for byte in &mut message {
            *byte ^= 0xff;
        }
        if self.options.updates_keys {
            self.connection.update_keys(KeyUpdateRequest::NotRequested)?;
        }
        self.connection.send(&message)?;
        self.before_reading()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut buf = vec![0; 32_768];
        while let Some(length) = self.connection.write_body(self.now, &mut buf, Headroom::NONE) {
            self.transport.send(&buf[..length])?;
        }
        Ok(())
    }

    fn check_timeout(&self, expected: Option<Duration>) -> Result<(), Failure> {
        let due = self.connection.poll_timeout();
        let actual = due.map(|due| due.saturating_since(self.now));
        match actual == expected {
            true => Ok(()),
            false => Err(Failure::Timeout { expected, actual }),
        }
    }
}
