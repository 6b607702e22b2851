//! The client's side of the handshake.

use alloc::vec::Vec;

use pollrtc_crypto::NamedGroup;

use super::keys::{SecurityParameters, Side};
use super::{Negotiated, Transcript, check_certificate, check_signature, encrypted, group_from_code, messages, plain};
use crate::config::Config;
use crate::error::HandshakeError;
use crate::flight::{Answer, Item};
use crate::handshake::{
    Agreed, ClientAuthentication, Context, Established, Offer, Step, check_finished, first_certificate, malformed,
    peer_connection_id,
};
use crate::reassembly::Message;
use crate::wire::handshake::{CertificateRequest, Finished, ServerHello, ServerKeyExchange};
use crate::wire::{CipherSuite, ExtensionType, HandshakeType, Version};

/// Where a client stands; each state is named after the message that it waits for.
pub(crate) enum Client {
    Certificate(Negotiated, Transcript),
    ServerKeyExchange(Peer),
    CertificateRequest(Peer, KeyShare),
    ServerHelloDone(Peer, KeyShare, ClientAuthentication),
    Finished(SecurityParameters, Negotiated, NamedGroup, Vec<u8>, Transcript),
}

/// Everything known once the server has shown its certificate.
pub(crate) struct Peer {
    negotiated: Negotiated,
    transcript: Transcript,
    certificate: Vec<u8>,
}

/// The server's ephemeral key, whose signature is verified.
pub(crate) struct KeyShare {
    group: NamedGroup,
    public_key: Vec<u8>,
}

impl Client {
    /// Takes the server's choice of this version.
    pub(crate) fn accept(
        offer: Offer,
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ServerHello<'_>,
    ) -> Result<Self, HandshakeError> {
        let suite = CipherSuite::from_code(hello.cipher_suite)
            .filter(|suite| suite.version() == Version::DTLS_1_2 && cx.config.cipher_suites.contains(suite))
            .ok_or(HandshakeError::IllegalParameter(message.kind))?;
        if hello.compression_method != 0 {
            return Err(HandshakeError::IllegalParameter(message.kind));
        }
        let agreed = check_extensions(cx.config, message, hello)?;
        let connection_id = peer_connection_id(cx.config, message, &hello.extensions)?;
        agreed.apply(cx.config, cx.records, Version::DTLS_1_2);
        cx.records.agree_ids(connection_id);
        cx.records.set_plain_version(Version::DTLS_1_2);
        let mut transcript = Transcript::new(offer.hello, offer.next_message_seq);
        transcript.add(message);
        let negotiated = Negotiated {
            suite,
            client_random: offer.random,
            server_random: *hello.random,
            agreed,
        };
        Ok(Self::Certificate(negotiated, transcript))
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, SecurityParameters>, HandshakeError> {
        let next = match (self, message.kind) {
            (Self::Certificate(negotiated, mut transcript), HandshakeType::CERTIFICATE) => {
                let certificate = check_certificate(cx, message)?;
                if certificate.is_empty() {
                    return Err(HandshakeError::NoCertificate);
                }
                transcript.add(message);
                Self::ServerKeyExchange(Peer {
                    negotiated,
                    transcript,
                    certificate,
                })
            }
            (Self::ServerKeyExchange(mut peer), HandshakeType::SERVER_KEY_EXCHANGE) => {
                let key_share = peer.check_key_exchange(cx, message)?;
                peer.transcript.add(message);
                Self::CertificateRequest(peer, key_share)
            }
            (Self::CertificateRequest(mut peer, key_share), HandshakeType::CERTIFICATE_REQUEST) => {
                let authentication = certificate_request(cx, message)?;
                peer.transcript.add(message);
                Self::ServerHelloDone(peer, key_share, authentication)
            }
            (Self::CertificateRequest(peer, key_share), HandshakeType::SERVER_HELLO_DONE) => {
                peer.answer(cx, message, &key_share, ClientAuthentication::NotRequested)?
            }
            (Self::ServerHelloDone(peer, key_share, authentication), HandshakeType::SERVER_HELLO_DONE) => {
                peer.answer(cx, message, &key_share, authentication)?
            }
            (Self::Finished(secrets, negotiated, group, peer_certificate, transcript), HandshakeType::FINISHED) => {
                let finished = Finished::parse(message.body()).map_err(|_| HandshakeError::Finished)?;
                let hash = transcript.hash(cx.provider(), secrets.suite.hash())?;
                let expected = secrets.verify_data(cx.provider(), Side::Server, hash.as_bytes())?;
                check_finished(&expected, finished.verify_data)?;
                cx.flight.finish();
                return Ok(Step::Complete(Established {
                    secrets,
                    agreed: negotiated.agreed,
                    group,
                    retried: false,
                    peer_certificate,
                }));
            }
            _ => return Err(HandshakeError::Unexpected(message.kind)),
        };
        Ok(Step::Next(next))
    }
}

/// RFC 5246 §7.4.1.4: only answers to what we offered.
fn check_extensions(config: &Config, message: &Message, hello: &ServerHello<'_>) -> Result<Agreed, HandshakeError> {
    let offered = |kind| {
        matches!(
            kind,
            ExtensionType::EXTENDED_MASTER_SECRET
                | ExtensionType::RENEGOTIATION_INFO
                | ExtensionType::EC_POINT_FORMATS
                // Some servers repeat their lists here. We have offered ours, and what they say decides nothing.
                | ExtensionType::SUPPORTED_GROUPS
                | ExtensionType::SIGNATURE_ALGORITHMS
        ) || kind == ExtensionType::CONNECTION_ID && config.connection_ids.is_some()
            || Agreed::is_offered(config, kind)
    };
    if hello.extensions.iter().any(|(kind, _)| !offered(kind)) {
        return Err(HandshakeError::UnsolicitedExtension);
    }
    let malformed = |_| malformed(message);
    if !hello.extensions.extended_master_secret().map_err(malformed)? {
        return Err(HandshakeError::ExtendedMasterSecret);
    }
    hello.extensions.ec_point_formats().map_err(malformed)?;
    // RFC 5746 §3.4: empty, since there was no handshake before this one.
    if matches!(hello.extensions.renegotiation_info().map_err(malformed)?, Some([_, ..])) {
        return Err(HandshakeError::IllegalParameter(message.kind));
    }
    Agreed::from_answers(config, message, &hello.extensions)
}

/// What we show and sign with: the server says which keys and signatures it can verify.
fn certificate_request(cx: &Context<'_>, message: &Message) -> Result<ClientAuthentication, HandshakeError> {
    let request = CertificateRequest::parse(message.body()).map_err(|_| malformed(message))?;
    if cx.config.certificates.is_empty() {
        return Ok(ClientAuthentication::WithoutCertificate);
    }
    first_certificate(cx.config, |certificate| {
        let mut schemes = certificate.key().schemes().iter().copied();
        schemes
            .find(|scheme| request.takes(*scheme))
            .map(|scheme| ClientAuthentication::With(certificate.clone(), scheme))
            .ok_or(HandshakeError::SignatureScheme)
    })
}

impl Peer {
    /// RFC 8422 §5.4: the ephemeral key, signed together with both randoms.
    fn check_key_exchange(&self, cx: &Context<'_>, message: &Message) -> Result<KeyShare, HandshakeError> {
        let exchange = ServerKeyExchange::parse(message.body()).map_err(|_| malformed(message))?;
        let group = group_from_code(cx.config, exchange.group).ok_or(HandshakeError::Group)?;
        let negotiated = &self.negotiated;
        let signed = [
            &negotiated.client_random[..],
            &negotiated.server_random,
            exchange.params,
        ]
        .concat();
        let authentication = check_signature(
            cx,
            &self.certificate,
            message.kind,
            exchange.scheme,
            &signed,
            exchange.signature,
        )?;
        if Some(authentication) != negotiated.suite.authentication() {
            return Err(HandshakeError::UnsupportedCertificate);
        }
        Ok(KeyShare {
            group,
            public_key: exchange.public_key.to_vec(),
        })
    }

    /// Our second flight: certificate, ephemeral key, proof, and from there on encrypted.
    fn answer(
        mut self,
        cx: &mut Context<'_>,
        message: &Message,
        key_share: &KeyShare,
        authentication: ClientAuthentication,
    ) -> Result<Client, HandshakeError> {
        if !message.body().is_empty() {
            return Err(malformed(message));
        }
        self.transcript.add(message);
        let provider = cx.provider();
        let mut flight = Vec::with_capacity(5);
        if !matches!(authentication, ClientAuthentication::NotRequested) {
            flight.push(plain(self.transcript.send(HandshakeType::CERTIFICATE, |writer| {
                messages::certificate(writer, authentication.certificate());
            })));
        }

        let exchange = provider.key_exchange(key_share.group, cx.rng)?;
        flight.push(plain(self.transcript.send(
            HandshakeType::CLIENT_KEY_EXCHANGE,
            |writer| {
                messages::client_key_exchange(writer, exchange.public_key());
            },
        )));
        let shared_secret = exchange
            .complete(&key_share.public_key)
            .map_err(|_| HandshakeError::IllegalParameter(HandshakeType::SERVER_KEY_EXCHANGE))?;
        let negotiated = self.negotiated;
        let session_hash = self.transcript.hash(provider, negotiated.suite.hash())?;
        let secrets = SecurityParameters::new(
            provider,
            negotiated.suite,
            negotiated.client_random,
            negotiated.server_random,
            &shared_secret,
            session_hash.as_bytes(),
        )?;
        cx.config
            .log_secret("CLIENT_RANDOM", &negotiated.client_random, secrets.master_secret());

        if let ClientAuthentication::With(certificate, scheme) = authentication {
            let signature = certificate.key().sign(scheme, &self.transcript.bytes, cx.rng)?;
            flight.push(plain(self.transcript.send(
                HandshakeType::CERTIFICATE_VERIFY,
                |writer| {
                    messages::signed(writer, scheme, &signature);
                },
            )));
        }

        let (client_keys, server_keys) = secrets.record_keys(provider)?;
        cx.records.install_sealer(client_keys);
        cx.records.install_opener(server_keys);
        let hash = self.transcript.hash(provider, negotiated.suite.hash())?;
        let verify_data = secrets.verify_data(provider, Side::Client, hash.as_bytes())?;
        flight.push(Item::ChangeCipherSpec);
        flight.push(encrypted(self.transcript.send(HandshakeType::FINISHED, |writer| {
            writer.bytes(&verify_data);
        })));
        cx.flight.start(flight, Answer::Expected);

        let (group, certificate) = (key_share.group, self.certificate);
        Ok(Client::Finished(
            secrets,
            negotiated,
            group,
            certificate,
            self.transcript,
        ))
    }
}
