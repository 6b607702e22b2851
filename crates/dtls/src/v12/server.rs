//! The server's side of the handshake.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{Certificate, KeyExchange, NamedGroup, SignatureScheme};

use super::keys::{SecurityParameters, Side};
use super::messages::Answers;
use super::{
    Negotiated, Transcript, check_certificate, check_signature, encrypted, group_from_code, groups12, messages, plain,
};
use crate::config::ClientCertificates;
use crate::error::HandshakeError;
use crate::flight::{Answer, Item};
use crate::handshake::{
    Agreed, Context, CookieKeys, Established, HelloResponse, Step, check_finished, first_certificate, malformed,
    message, peer_connection_id,
};
use crate::reassembly::Message;
use crate::records::Keys12;
use crate::wire::handshake::{CertificateVerify, ClientHello, ClientKeyExchange, DOWNGRADE_TO_1_2, Finished};
use crate::wire::{Authentication, CipherSuite, HandshakeType, Version, Writer};

/// The cipher suite that is none: a client's other way to say that its renegotiation_info is empty
/// (RFC 5746 §3.3).
const EMPTY_RENEGOTIATION_INFO_SCSV: u16 = 0x00ff;

/// Where a server stands; each state is named after the message that it waits for.
pub(crate) enum Server {
    Certificate(Exchange),
    ClientKeyExchange(Exchange, ClientIdentity),
    CertificateVerify(Authenticating),
    Finished(Authenticating, Keys12),
}

/// Everything known once there are keys.
pub(crate) struct Authenticating {
    secrets: SecurityParameters,
    transcript: Transcript,
    agreed: Agreed,
    group: NamedGroup,
    /// Empty for an anonymous client.
    peer_certificate: Vec<u8>,
}

/// Everything known once both hellos are out.
pub(crate) struct Exchange {
    negotiated: Negotiated,
    transcript: Transcript,
    /// The transcript's first message.
    client_hello_len: usize,
    key_exchange: Box<dyn KeyExchange>,
}

/// What is known of the client when its key comes.
pub(crate) enum ClientIdentity {
    /// It was not asked.
    NotRequested,
    /// The certificate that it showed; empty if it has none and needs none.
    Shown(Vec<u8>),
}

/// A ClientHello before and after its cookie: what the cookie is for, so that a second
/// ClientHello with weaker offers does not pass with the first one's cookie.
fn cookie_free_parts<'a>(body: &'a [u8], cookie: &[u8]) -> (&'a [u8], &'a [u8]) {
    // Version, random, session id with its length; then the cookie with its length.
    let session_id_len = body.get(34).copied().map_or(0, usize::from);
    let before = 35 + session_id_len;
    let after = before + 1 + cookie.len();
    (
        body.get(..before).unwrap_or_default(),
        body.get(after..).unwrap_or_default(),
    )
}

/// RFC 6347 §4.2.1: the request for a cookie.
fn hello_verify_request(cx: &mut Context<'_>, message_seq: u16, cookie: &[u8]) -> Vec<u8> {
    cx.records.set_plain_version(Version::DTLS_1_0);
    message(HandshakeType::HELLO_VERIFY_REQUEST, message_seq, |writer| {
        messages::hello_verify_request(writer, cookie);
    })
}

/// What both can do.
struct Choice {
    suite: CipherSuite,
    certificate: Certificate,
    scheme: SignatureScheme,
    group: NamedGroup,
    agreed: Agreed,
    answers: Answers,
    /// What the client wants to be sent.
    connection_id: Option<Box<[u8]>>,
}

impl Choice {
    /// Of what the client offers, the best for us; what we don't know is skipped.
    fn new(cx: &Context<'_>, hello: &ClientHello<'_>, message: &Message) -> Result<Self, HandshakeError> {
        let malformed = |_| HandshakeError::Malformed(message.kind);
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let config = cx.config;
        let extensions = &hello.extensions;
        if !hello.compression_methods.contains(&0) {
            return Err(illegal);
        }
        if !extensions.extended_master_secret().map_err(malformed)? {
            return Err(HandshakeError::ExtendedMasterSecret);
        }
        // RFC 5746 §3.6: empty, since there was no handshake before this one.
        let renegotiation_info = extensions.renegotiation_info().map_err(malformed)?;
        if matches!(renegotiation_info, Some([_, ..])) {
            return Err(illegal);
        }
        let scsv = hello.cipher_suites.contains(EMPTY_RENEGOTIATION_INFO_SCSV);

        let schemes = extensions.signature_algorithms().map_err(malformed)?;
        let groups = extensions.supported_groups().map_err(malformed)?;
        let (certificate, scheme, suite) = first_certificate(config, |certificate| {
            let key = certificate.key();
            let mut ours = key.schemes().iter().copied();
            let scheme = ours
                .find(|scheme| schemes.is_some_and(|offered| offered.contains(*scheme as u16)))
                .ok_or(HandshakeError::SignatureScheme)?;
            // RFC 8422 §5.1: the curve of an ECDSA key is one that the client knows.
            let curve = NamedGroup::of_key(key.public_key_info());
            if curve.is_some_and(|curve| groups.is_some_and(|offered| !offered.contains(curve as u16))) {
                return Err(HandshakeError::Group);
            }
            let suite = config
                .cipher_suites
                .iter()
                .copied()
                .filter(|suite| suite.authentication() == Some(Authentication::of(scheme)))
                .find(|suite| hello.cipher_suites.contains(suite.code()))
                .ok_or(HandshakeError::CipherSuite)?;
            Ok((certificate.clone(), scheme, suite))
        })?;
        let group = match groups {
            Some(offered) => groups12(cx.config).find(|group| offered.contains(*group as u16)),
            // RFC 8422 §4: a client that says nothing takes anything; everyone has P-256.
            None => group_from_code(cx.config, NamedGroup::Secp256r1 as u16),
        };
        let point_formats = extensions.ec_point_formats().map_err(malformed)?;
        let agreed = Agreed::choose(config, message, extensions)?;
        Ok(Self {
            suite,
            certificate,
            scheme,
            group: group.ok_or(HandshakeError::Group)?,
            agreed,
            answers: Answers {
                point_formats: point_formats.is_some(),
                renegotiation_info: renegotiation_info.is_some() || scsv,
            },
            connection_id: peer_connection_id(config, message, extensions)?.map(Box::from),
        })
    }

    /// Our first flight.
    fn answer(
        self,
        cx: &mut Context<'_>,
        hello: &ClientHello<'_>,
        message: &Message,
    ) -> Result<Server, HandshakeError> {
        let provider = cx.provider();
        let key_exchange = provider.key_exchange(self.group, cx.rng)?;
        let negotiated = Negotiated {
            suite: self.suite,
            client_random: *hello.random,
            server_random: server_random(cx),
            agreed: self.agreed,
        };
        cx.records.forget_keys();
        cx.records.set_plain_version(Version::DTLS_1_2);
        negotiated.agreed.apply(cx.config, cx.records, Version::DTLS_1_2);
        cx.records.agree_ids(self.connection_id.as_deref());
        // RFC 6347 §4.2.2: our numbers go on where those of the hellos stand.
        let mut transcript = Transcript::new(message.bytes.clone(), message.message_seq);

        let mut params = Writer::new();
        messages::key_exchange_params(&mut params, self.group, key_exchange.public_key());
        let params = params.into_bytes();
        let signed = [&negotiated.client_random[..], &negotiated.server_random, &params].concat();
        let signature = self.certificate.key().sign(self.scheme, &signed, cx.rng)?;

        let is_requested = cx.config.client_certificates != ClientCertificates::NotRequested;
        let mut flight = vec![
            plain(transcript.send(HandshakeType::SERVER_HELLO, |writer| {
                let id = self.connection_id.as_deref().and_then(|_| cx.records.own_id());
                messages::server_hello(writer, cx.config, &negotiated, self.answers, id);
            })),
            plain(transcript.send(HandshakeType::CERTIFICATE, |writer| {
                messages::certificate(writer, Some(&self.certificate));
            })),
            plain(transcript.send(HandshakeType::SERVER_KEY_EXCHANGE, |writer| {
                writer.bytes(&params);
                messages::signed(writer, self.scheme, &signature);
            })),
        ];
        if is_requested {
            flight.push(plain(transcript.send(HandshakeType::CERTIFICATE_REQUEST, |writer| {
                messages::certificate_request(writer, cx.config);
            })));
        }
        flight.push(plain(transcript.send(HandshakeType::SERVER_HELLO_DONE, |_| {})));
        cx.flight.start(flight, Answer::Expected);
        let exchange = Exchange {
            negotiated,
            transcript,
            client_hello_len: message.bytes.len(),
            key_exchange,
        };
        Ok(match is_requested {
            true => Server::Certificate(exchange),
            false => Server::ClientKeyExchange(exchange, ClientIdentity::NotRequested),
        })
    }
}

/// RFC 8446 §4.1.3: tells a client that speaks 1.3 that somebody has changed its ClientHello.
fn server_random(cx: &mut Context<'_>) -> [u8; 32] {
    let mut random: [u8; 32] = cx.rng.array();
    if cx.config.speaks(Version::DTLS_1_3)
        && let Some(end) = random.last_chunk_mut()
    {
        *end = DOWNGRADE_TO_1_2;
    }
    random
}

impl Server {
    /// Takes a ClientHello that asks for this version.
    pub(crate) fn accept(
        keys: &CookieKeys,
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ClientHello<'_>,
    ) -> Result<HelloResponse<Self>, HandshakeError> {
        if keys.are_required() && !Self::has_valid_cookie(keys, message, hello) {
            let (before, after) = cookie_free_parts(message.body(), hello.cookie);
            let cookie = keys.cookie([before, after]);
            return Ok(HelloResponse::Cookie(hello_verify_request(
                cx,
                message.message_seq,
                &cookie,
            )));
        }
        let choice = Choice::new(cx, hello, message)?;
        choice.answer(cx, hello, message).map(HelloResponse::Accepted)
    }

    /// Whether the hello's cookie is one of ours, and for it.
    pub(crate) fn has_valid_cookie(keys: &CookieKeys, message: &Message, hello: &ClientHello<'_>) -> bool {
        let (before, after) = cookie_free_parts(message.body(), hello.cookie);
        keys.is_valid([before, after], hello.cookie)
    }

    /// The ClientHello, header included, as long as nothing has come that follows it.
    pub(crate) fn unanswered_client_hello(&self) -> Option<&[u8]> {
        match self {
            Self::Certificate(exchange) | Self::ClientKeyExchange(exchange, ClientIdentity::NotRequested) => {
                exchange.transcript.bytes.get(..exchange.client_hello_len)
            }
            _ => None,
        }
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, SecurityParameters>, HandshakeError> {
        let next = match (self, message.kind) {
            (Self::Certificate(mut exchange), HandshakeType::CERTIFICATE) => {
                let certificate = check_certificate(cx, message)?;
                if certificate.is_empty() && cx.config.client_certificates == ClientCertificates::Required {
                    return Err(HandshakeError::NoCertificate);
                }
                exchange.transcript.add(message);
                Self::ClientKeyExchange(exchange, ClientIdentity::Shown(certificate))
            }
            (Self::ClientKeyExchange(exchange, identity), HandshakeType::CLIENT_KEY_EXCHANGE) => {
                exchange.complete(cx, message, identity)?
            }
            (Self::CertificateVerify(mut client), HandshakeType::CERTIFICATE_VERIFY) => {
                let verify = CertificateVerify::parse(message.body()).map_err(|_| malformed(message))?;
                check_signature(
                    cx,
                    &client.peer_certificate,
                    message.kind,
                    verify.scheme,
                    &client.transcript.bytes,
                    verify.signature,
                )?;
                client.transcript.add(message);
                // Not before the proof: until here, records of the next epoch are of no use.
                Self::await_finished(cx, client)?
            }
            (Self::Finished(client, keys), HandshakeType::FINISHED) => {
                let established = client.finish(cx, message)?;
                cx.records.install_sealer(keys);
                return Ok(Step::Complete(established));
            }
            _ => return Err(HandshakeError::Unexpected(message.kind)),
        };
        Ok(Step::Next(next))
    }

    /// What comes next is encrypted.
    fn await_finished(cx: &mut Context<'_>, client: Authenticating) -> Result<Self, HandshakeError> {
        let (client_keys, server_keys) = client.secrets.record_keys(cx.provider())?;
        cx.records.install_opener(client_keys);
        Ok(Self::Finished(client, server_keys))
    }
}

impl Exchange {
    fn complete(
        mut self,
        cx: &mut Context<'_>,
        message: &Message,
        identity: ClientIdentity,
    ) -> Result<Server, HandshakeError> {
        let client = ClientKeyExchange::parse(message.body()).map_err(|_| malformed(message))?;
        let group = self.key_exchange.group();
        let shared_secret = self
            .key_exchange
            .complete(client.public_key)
            .map_err(|_| HandshakeError::IllegalParameter(message.kind))?;
        self.transcript.add(message);
        let negotiated = self.negotiated;
        let session_hash = self.transcript.hash(cx.provider(), negotiated.suite.hash())?;
        let secrets = SecurityParameters::new(
            cx.provider(),
            negotiated.suite,
            negotiated.client_random,
            negotiated.server_random,
            &shared_secret,
            session_hash.as_bytes(),
        )?;
        cx.config
            .log_secret("CLIENT_RANDOM", &negotiated.client_random, secrets.master_secret());
        let client = Authenticating {
            secrets,
            transcript: self.transcript,
            agreed: negotiated.agreed,
            group,
            peer_certificate: match identity {
                ClientIdentity::NotRequested => Vec::new(),
                ClientIdentity::Shown(certificate) => certificate,
            },
        };
        // RFC 5246 §7.4.8: without a certificate there is nothing to prove.
        match client.peer_certificate.is_empty() {
            true => Server::await_finished(cx, client),
            false => Ok(Server::CertificateVerify(client)),
        }
    }
}

impl Authenticating {
    /// The client's Finished, and ours: the last flight.
    fn finish(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Established<SecurityParameters>, HandshakeError> {
        let finished = Finished::parse(message.body()).map_err(|_| HandshakeError::Finished)?;
        let (secrets, mut transcript) = (self.secrets, self.transcript);
        let hash = transcript.hash(cx.provider(), secrets.suite.hash())?;
        let expected = secrets.verify_data(cx.provider(), Side::Client, hash.as_bytes())?;
        check_finished(&expected, finished.verify_data)?;

        transcript.add(message);
        let hash = transcript.hash(cx.provider(), secrets.suite.hash())?;
        let verify_data = secrets.verify_data(cx.provider(), Side::Server, hash.as_bytes())?;
        let finished = transcript.send(HandshakeType::FINISHED, |writer| writer.bytes(&verify_data));
        cx.flight
            .start(vec![Item::ChangeCipherSpec, encrypted(finished)], Answer::None);
        Ok(Established {
            secrets,
            agreed: self.agreed,
            group: self.group,
            retried: false,
            peer_certificate: self.peer_certificate,
        })
    }
}
