//! The server's side of the handshake.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{Certificate, NamedGroup, SignatureScheme};

use super::application::ApplicationTraffic;
use super::keys::{ApplicationSecrets, Schedule, TrafficSecret};
use super::retry::Cookie;
use super::{
    CLIENT_CONTEXT, SERVER_CONTEXT, Transcript, check_certificate, check_peer_finished, check_signature,
    choose_certificate, finished, messages, offered_schemes, show_certificate,
};
use crate::config::ClientCertificates;
use crate::error::HandshakeError;
use crate::flight::Answer;
use crate::handshake::{
    Agreed, Context, CookieKeys, Established, HelloResponse, Step, connection_id, malformed, peer_connection_id,
};
use crate::reassembly::Message;
use crate::records::{APPLICATION_EPOCH, HANDSHAKE_EPOCH};
use crate::wire::handshake::ClientHello;
use crate::wire::{CipherSuite, HandshakeType, Version};

/// Where a server stands; each state is named after the message that it waits for.
pub(crate) enum Server {
    Certificate(Box<Progress>),
    CertificateVerify(Box<Progress>, Vec<u8>),
    /// The certificate of an anonymous client is empty.
    Finished(Box<Progress>, Vec<u8>),
}

/// Everything known once our flight is out.
pub(crate) struct Progress {
    schedule: Schedule,
    transcript: Transcript,
    client: TrafficSecret,
    application: ApplicationSecrets,
    agreed: Agreed,
    group: NamedGroup,
    /// Whether this is the client's second hello.
    retried: bool,
    /// The ClientHello, until something has come that follows it.
    client_hello: Option<Vec<u8>>,
}

/// What both can do.
struct Choice<'a> {
    suite: CipherSuite,
    certificate: Certificate,
    scheme: SignatureScheme,
    group: NamedGroup,
    /// The client's public key of that group, if it sent one.
    public_key: Option<&'a [u8]>,
    agreed: Agreed,
    /// What the client wants to be sent.
    connection_id: Option<&'a [u8]>,
}

impl Server {
    /// Takes a ClientHello that asks for this version.
    pub(crate) fn accept(
        keys: &CookieKeys,
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ClientHello<'_>,
    ) -> Result<HelloResponse<Self>, HandshakeError> {
        let illegal = HandshakeError::IllegalParameter(message.kind);
        // RFC 9147 §5.3, RFC 8446 §4.1.2.
        if !hello.cookie.is_empty() || hello.compression_methods != [0] {
            return Err(illegal);
        }
        let cookie = Cookie::from_hello(keys, cx, message, hello)?;
        let choice = Choice::new(cx, message, hello, cookie.as_ref().and_then(|cookie| cookie.group))?;
        let schedule = Schedule::new(cx.provider(), choice.suite);
        match (&cookie, choice.public_key) {
            (None, Some(public_key)) if !keys.are_required() => {
                let transcript = Transcript::new(schedule, message.message_seq)?;
                Self::answer(cx, message, hello, &choice, public_key, transcript, false).map(HelloResponse::Accepted)
            }
            (None, _) => {
                let wanted = choice.public_key.is_none().then_some(choice.group as u16);
                super::retry::request(keys, cx, message, hello, choice.suite, wanted)
            }
            (Some(cookie), Some(public_key)) if cookie.suite == choice.suite => {
                let transcript = cookie.transcript(schedule, message)?;
                Self::answer(cx, message, hello, &choice, public_key, transcript, true).map(HelloResponse::Accepted)
            }
            // RFC 8446 §4.1.4: what the retry settled stays.
            (Some(_), _) => Err(illegal),
        }
    }

    /// Whether the hello's cookie is one of ours, and for it.
    pub(crate) fn has_valid_cookie(
        keys: &CookieKeys,
        cx: &Context<'_>,
        message: &Message,
        hello: &ClientHello<'_>,
    ) -> bool {
        matches!(Cookie::from_hello(keys, cx, message, hello), Ok(Some(_)))
    }

    /// Our flight.
    fn answer(
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ClientHello<'_>,
        choice: &Choice<'_>,
        public_key: &[u8],
        mut transcript: Transcript,
        retried: bool,
    ) -> Result<Self, HandshakeError> {
        let provider = cx.provider();
        let schedule = Schedule::new(provider, choice.suite);
        let exchange = provider
            .answer_key_exchange(choice.group, public_key, cx.rng)
            .map_err(|_| HandshakeError::IllegalParameter(message.kind))?;
        transcript.add(&message.bytes);
        let random = cx.rng.array();
        let mut flight = vec![transcript.send(0, HandshakeType::SERVER_HELLO, |writer| {
            messages::server_hello(writer, &random, choice.suite, |writer| {
                messages::key_share(writer, choice.group as u16, &exchange.public_key);
                // RFC 9147 §9.1: it has to be known before anything is encrypted.
                connection_id(writer, choice.connection_id.and_then(|_| cx.records.own_id()));
            });
        })];

        let secret = schedule.handshake(&exchange.secret, &transcript.hash())?;
        cx.config.log_secret(
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            hello.random,
            secret.client.as_bytes(),
        );
        cx.config.log_secret(
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            hello.random,
            secret.server.as_bytes(),
        );
        flight.push(
            transcript.send(HANDSHAKE_EPOCH, HandshakeType::ENCRYPTED_EXTENSIONS, |writer| {
                messages::encrypted_extensions(writer, cx.config, &choice.agreed);
            }),
        );
        let is_requested = cx.config.client_certificates != ClientCertificates::NotRequested;
        if is_requested {
            flight.push(
                transcript.send(HANDSHAKE_EPOCH, HandshakeType::CERTIFICATE_REQUEST, |writer| {
                    messages::certificate_request(writer, cx.config);
                }),
            );
        }
        let identity = (&choice.certificate, choice.scheme);
        flight.extend(show_certificate(cx, &mut transcript, identity, SERVER_CONTEXT)?);
        flight.push(finished(schedule, &mut transcript, &secret.server)?);

        let application = schedule.application(&secret, &transcript.hash())?;
        cx.config
            .log_secret("CLIENT_TRAFFIC_SECRET_0", hello.random, application.client.as_bytes());
        cx.config
            .log_secret("SERVER_TRAFFIC_SECRET_0", hello.random, application.server.as_bytes());
        cx.config
            .log_secret("EXPORTER_SECRET", hello.random, application.exporter.as_bytes());
        cx.records.set_plain_version(Version::DTLS_1_2);
        cx.records.forget_keys();
        choice.agreed.apply(cx.config, cx.records, Version::DTLS_1_3);
        cx.records.agree_ids(choice.connection_id);
        cx.records
            .install_sealer13(HANDSHAKE_EPOCH, schedule.record_keys(&secret.server)?);
        cx.records
            .install_opener13(HANDSHAKE_EPOCH, schedule.record_keys(&secret.client)?);
        // For acknowledgements and alerts; the application has to wait.
        cx.records
            .install_sealer13(APPLICATION_EPOCH, schedule.record_keys(&application.server)?);
        cx.flight.start(flight, Answer::Expected);
        cx.acks.clear();
        let progress = Box::new(Progress {
            schedule,
            transcript,
            client: secret.client,
            application,
            agreed: choice.agreed.clone(),
            group: choice.group,
            retried,
            client_hello: Some(message.bytes.clone()),
        });
        Ok(match is_requested {
            true => Self::Certificate(progress),
            false => Self::Finished(progress, Vec::new()),
        })
    }

    /// The ClientHello, header included, as long as nothing has come that follows it.
    pub(crate) fn unanswered_client_hello(&self) -> Option<&[u8]> {
        self.progress().client_hello.as_deref()
    }

    /// The client has proved that it has our answer: nobody else takes its place.
    pub(crate) fn handle_proof(&mut self) {
        let (Self::Certificate(progress) | Self::CertificateVerify(progress, _) | Self::Finished(progress, _)) = self;
        progress.client_hello = None;
    }

    fn progress(&self) -> &Progress {
        let (Self::Certificate(progress) | Self::CertificateVerify(progress, _) | Self::Finished(progress, _)) = self;
        progress
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, Box<ApplicationTraffic>>, HandshakeError> {
        let next = match (self, message.kind) {
            (Self::Certificate(mut progress), HandshakeType::CERTIFICATE) => {
                let certificate = check_certificate(cx, message)?;
                progress.transcript.add(&message.bytes);
                match certificate {
                    Some(certificate) => Self::CertificateVerify(progress, certificate),
                    None if cx.config.client_certificates == ClientCertificates::Required => {
                        return Err(HandshakeError::CertificateRequired);
                    }
                    // RFC 8446 §4.4.3: without a certificate there is nothing to prove.
                    None => Self::Finished(progress, Vec::new()),
                }
            }
            (Self::CertificateVerify(mut progress, certificate), HandshakeType::CERTIFICATE_VERIFY) => {
                let transcript = progress.transcript.hash();
                check_signature(cx, &certificate, message, CLIENT_CONTEXT, &transcript)?;
                progress.transcript.add(&message.bytes);
                Self::Finished(progress, certificate)
            }
            (Self::Finished(progress, certificate), HandshakeType::FINISHED) => {
                return progress.finish(cx, message, certificate).map(Step::Complete);
            }
            _ => return Err(HandshakeError::Unexpected(message.kind)),
        };
        Ok(Step::Next(next))
    }
}

impl<'a> Choice<'a> {
    /// Of what the client offers, the best for us; what we don't know is skipped. After a retry the
    /// group is settled.
    fn new(
        cx: &Context<'_>,
        message: &Message,
        hello: &ClientHello<'a>,
        settled: Option<u16>,
    ) -> Result<Self, HandshakeError> {
        let config = cx.config;
        let extensions = &hello.extensions;
        extensions.certificate_authorities().map_err(|_| malformed(message))?;
        let suite = config
            .cipher_suites
            .iter()
            .copied()
            .filter(|suite| suite.version() == Version::DTLS_1_3)
            .find(|suite| hello.cipher_suites.contains(suite.code()))
            .ok_or(HandshakeError::CipherSuite)?;
        let (certificate, scheme) = choose_certificate(config, offered_schemes(extensions, message)?)?;
        let offered = extensions.supported_groups().map_err(|_| malformed(message))?;
        let shares = extensions.key_shares().map_err(|_| malformed(message))?;
        let (Some(offered), Some(shares)) = (offered, shares) else {
            return Err(HandshakeError::MissingExtension);
        };
        let common = || {
            config
                .known_groups()
                .filter(|group| offered.contains(*group as u16))
                .filter(|group| settled.is_none_or(|settled| *group as u16 == settled))
        };
        let share = |group: NamedGroup| shares.iter().find(move |share| share.group == group as u16);
        let best = common().next().ok_or(HandshakeError::Group)?;
        // Another round trip is worth it only for what a quantum computer can't break.
        let group = match best.is_diffie_hellman() {
            true => common().find(|group| share(*group).is_some()).unwrap_or(best),
            false => best,
        };
        // RFC 8446 §4.2.8: one public key per group.
        if shares.iter().filter(|share| share.group == group as u16).count() > 1 {
            return Err(HandshakeError::IllegalParameter(message.kind));
        }
        let agreed = Agreed::choose(config, message, extensions)?;
        Ok(Self {
            suite,
            certificate,
            scheme,
            group,
            public_key: share(group).map(|share| share.public_key),
            agreed,
            connection_id: peer_connection_id(config, message, extensions)?,
        })
    }
}

impl Progress {
    /// The client's Finished: it is acknowledged, and that is all.
    fn finish(
        self,
        cx: &mut Context<'_>,
        message: &Message,
        peer_certificate: Vec<u8>,
    ) -> Result<Established<Box<ApplicationTraffic>>, HandshakeError> {
        let schedule = self.schedule;
        check_peer_finished(schedule, &self.transcript, &self.client, message)?;
        let client_keys = schedule.record_keys(&self.application.client)?;
        cx.records.install_opener13(APPLICATION_EPOCH, client_keys);
        cx.records.end_handshake_writing();
        cx.flight.finish();
        let secrets = ApplicationTraffic::new(
            schedule,
            self.application.server,
            self.application.client,
            self.application.exporter,
            self.transcript.next_message_seq,
        );
        Ok(Established {
            secrets: Box::new(secrets),
            agreed: self.agreed,
            group: self.group,
            retried: self.retried,
            peer_certificate,
        })
    }
}
