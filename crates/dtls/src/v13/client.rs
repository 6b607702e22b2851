//! The client's side of the handshake.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::NamedGroup;

use super::application::ApplicationTraffic;
use super::keys::{HandshakeSecret, Schedule};
use super::{
    CLIENT_CONTEXT, SERVER_CONTEXT, Transcript, check_certificate, check_peer_finished, check_signature,
    choose_certificate, finished, messages, offered_schemes, show_certificate,
};
use crate::config::Config;
use crate::error::HandshakeError;
use crate::flight::Answer;
use crate::handshake::{
    Agreed, ClientAuthentication, Context, Established, Offer, Step, malformed, peer_connection_id,
};
use crate::reassembly::Message;
use crate::records::{APPLICATION_EPOCH, HANDSHAKE_EPOCH};
use crate::wire::handshake::ServerHello;
use crate::wire::v13::{CertificateRequest, EncryptedExtensions};
use crate::wire::{CipherSuite, ExtensionType, HandshakeType, Version};

/// Where a client stands; each state is named after the message that it waits for.
pub(crate) enum Client {
    EncryptedExtensions(Box<Progress>),
    /// A request for our certificate may come first.
    Certificate(Box<Progress>),
    CertificateVerify(Box<Progress>, Vec<u8>),
    Finished(Box<Progress>, Vec<u8>),
}

/// Everything known once the server's choice is.
pub(crate) struct Progress {
    schedule: Schedule,
    transcript: Transcript,
    secret: HandshakeSecret,
    agreed: Agreed,
    group: NamedGroup,
    retried: bool,
    /// What we show ourselves with, if we are asked.
    authentication: ClientAuthentication,
    client_random: [u8; 32],
}

/// What a HelloRetryRequest settled.
pub(crate) struct Retry {
    transcript: Transcript,
    suite: CipherSuite,
    group: Option<u16>,
}

impl Client {
    /// RFC 8446 §4.1.4: the server wants another public key or its cookie back.
    pub(crate) fn retry(
        mut offer: Offer,
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ServerHello<'_>,
    ) -> Result<(Offer, Retry), HandshakeError> {
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let schedule = choice(cx, message, hello)?;
        check_solicited(hello, &[ExtensionType::KEY_SHARE, ExtensionType::COOKIE])?;
        let group = hello.extensions.selected_group().map_err(|_| malformed(message))?;
        let cookie = hello.extensions.cookie().map_err(|_| malformed(message))?;
        if group.is_none() && cookie.is_none() {
            return Err(illegal);
        }
        if let Some(code) = group {
            // RFC 8446 §4.2.8: one that we offered, and of which we sent no public key.
            let is_known = offer.key_shares.iter().any(|share| share.group() as u16 == code);
            let group = cx
                .config
                .known_groups()
                .find(|group| *group as u16 == code && !is_known)
                .ok_or(illegal)?;
            offer.key_shares = vec![cx.provider().key_exchange(group, cx.rng)?];
        }

        let [head, body] = super::tls_parts(&offer.hello);
        let first_hello = schedule.digest(&[head, body])?;
        let mut transcript = Transcript::after_retry(schedule, first_hello.as_bytes(), 0)?;
        transcript.add(&message.bytes);
        cx.records.set_plain_version(Version::DTLS_1_2);
        offer.send(cx, &[], cookie.unwrap_or_default());
        let retry = Retry {
            transcript,
            suite: schedule.suite,
            group,
        };
        Ok((offer, retry))
    }

    /// Takes the server's choice of this version.
    pub(crate) fn accept(
        offer: Offer,
        retry: Option<Retry>,
        cx: &mut Context<'_>,
        message: &Message,
        hello: &ServerHello<'_>,
    ) -> Result<Self, HandshakeError> {
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let schedule = choice(cx, message, hello)?;
        match cx.config.connection_ids {
            None => check_solicited(hello, &[ExtensionType::KEY_SHARE])?,
            Some(_) => check_solicited(hello, &[ExtensionType::KEY_SHARE, ExtensionType::CONNECTION_ID])?,
        }
        let connection_id = peer_connection_id(cx.config, message, &hello.extensions)?;
        let server_share = hello.extensions.key_share().map_err(|_| malformed(message))?;
        let server_share = server_share.ok_or(HandshakeError::MissingExtension)?;
        let share = offer
            .key_shares
            .into_iter()
            .find(|share| share.group() as u16 == server_share.group)
            .ok_or(illegal)?;
        let (group, retried) = (share.group(), retry.is_some());
        let mut transcript = match retry {
            None => Transcript::new(schedule, 0)?,
            // RFC 8446 §4.1.4: what the retry settled stays.
            Some(retry) if retry.suite != schedule.suite => return Err(illegal),
            Some(retry) if retry.group.is_some_and(|group| group != server_share.group) => return Err(illegal),
            Some(retry) => retry.transcript,
        };
        transcript.next_message_seq = offer.next_message_seq;
        transcript.add(&offer.hello);
        transcript.add(&message.bytes);

        let shared_secret = share.complete(server_share.public_key).map_err(|_| illegal)?;
        let secret = schedule.handshake(&shared_secret, &transcript.hash())?;
        cx.config.log_secret(
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            &offer.random,
            secret.client.as_bytes(),
        );
        cx.config.log_secret(
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            &offer.random,
            secret.server.as_bytes(),
        );
        cx.records.set_plain_version(Version::DTLS_1_2);
        cx.records.agree_ids(connection_id);
        cx.records
            .install_sealer13(HANDSHAKE_EPOCH, schedule.record_keys(&secret.client)?);
        cx.records
            .install_opener13(HANDSHAKE_EPOCH, schedule.record_keys(&secret.server)?);
        // RFC 9147 §7.2: the answer says that the ClientHello has come.
        cx.flight.finish();
        Ok(Self::EncryptedExtensions(Box::new(Progress {
            schedule,
            transcript,
            secret,
            agreed: Agreed::default(),
            group,
            retried,
            authentication: ClientAuthentication::NotRequested,
            client_random: offer.random,
        })))
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, Box<ApplicationTraffic>>, HandshakeError> {
        let next = match (self, message.kind) {
            (Self::EncryptedExtensions(mut progress), HandshakeType::ENCRYPTED_EXTENSIONS) => {
                progress.agreed = encrypted_extensions(cx.config, message)?;
                progress.agreed.apply(cx.config, cx.records, Version::DTLS_1_3);
                progress.transcript.add(&message.bytes);
                Self::Certificate(progress)
            }
            (Self::Certificate(mut progress), HandshakeType::CERTIFICATE_REQUEST)
                if matches!(progress.authentication, ClientAuthentication::NotRequested) =>
            {
                progress.authentication = certificate_request(cx, message)?;
                progress.transcript.add(&message.bytes);
                Self::Certificate(progress)
            }
            (Self::Certificate(mut progress), HandshakeType::CERTIFICATE) => {
                let certificate = check_certificate(cx, message)?.ok_or(HandshakeError::NoCertificate)?;
                progress.transcript.add(&message.bytes);
                Self::CertificateVerify(progress, certificate)
            }
            (Self::CertificateVerify(mut progress, certificate), HandshakeType::CERTIFICATE_VERIFY) => {
                let transcript = progress.transcript.hash();
                check_signature(cx, &certificate, message, SERVER_CONTEXT, &transcript)?;
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

/// What both hellos of a server say alike.
fn choice(cx: &Context<'_>, message: &Message, hello: &ServerHello<'_>) -> Result<Schedule, HandshakeError> {
    // RFC 9147 §5.4, RFC 8446 §4.1.3: our session id comes back, and it is empty.
    let is_legal = hello.version == Version::DTLS_1_2 && hello.session_id.is_empty() && hello.compression_method == 0;
    let suite = CipherSuite::from_code(hello.cipher_suite)
        .filter(|suite| suite.version() == Version::DTLS_1_3 && cx.config.cipher_suites.contains(suite))
        .filter(|_| is_legal)
        .ok_or(HandshakeError::IllegalParameter(message.kind))?;
    Ok(Schedule::new(cx.provider(), suite))
}

/// RFC 8446 §4.2: only what a hello of the server may hold.
fn check_solicited(hello: &ServerHello<'_>, allowed: &[ExtensionType]) -> Result<(), HandshakeError> {
    let is_allowed = |kind| kind == ExtensionType::SUPPORTED_VERSIONS || allowed.contains(&kind);
    match hello.extensions.iter().all(|(kind, _)| is_allowed(kind)) {
        true => Ok(()),
        false => Err(HandshakeError::UnsolicitedExtension),
    }
}

/// RFC 8446 §4.3.1: answers to what we asked.
fn encrypted_extensions(config: &Config, message: &Message) -> Result<Agreed, HandshakeError> {
    let parsed = EncryptedExtensions::parse(message.body()).map_err(|_| malformed(message))?;
    for (kind, _) in parsed.extensions.iter() {
        match kind {
            kind if Agreed::is_offered(config, kind) => {}
            // What the server would rather have had (RFC 8446 §4.2.7); of no use to us.
            ExtensionType::SUPPORTED_GROUPS => {}
            // RFC 8446 §4.2: these have their place in other messages.
            ExtensionType::SUPPORTED_VERSIONS
            | ExtensionType::KEY_SHARE
            | ExtensionType::COOKIE
            | ExtensionType::CONNECTION_ID
            | ExtensionType::SIGNATURE_ALGORITHMS => return Err(HandshakeError::IllegalParameter(message.kind)),
            _ => return Err(HandshakeError::UnsolicitedExtension),
        }
    }
    Agreed::from_answers(config, message, &parsed.extensions)
}

fn certificate_request(cx: &Context<'_>, message: &Message) -> Result<ClientAuthentication, HandshakeError> {
    let request = CertificateRequest::parse(message.body()).map_err(|_| malformed(message))?;
    if !request.context.is_empty() {
        return Err(HandshakeError::IllegalParameter(message.kind));
    }
    let extensions = &request.extensions;
    extensions.certificate_authorities().map_err(|_| malformed(message))?;
    let schemes = offered_schemes(extensions, message)?;
    if cx.config.certificates.is_empty() {
        return Ok(ClientAuthentication::WithoutCertificate);
    }
    let (certificate, scheme) = choose_certificate(cx.config, schemes)?;
    Ok(ClientAuthentication::With(certificate, scheme))
}

impl Progress {
    /// The server's Finished, and our last flight. RFC 8446 §4.4.2: a certificate only if asked.
    fn finish(
        mut self,
        cx: &mut Context<'_>,
        message: &Message,
        peer_certificate: Vec<u8>,
    ) -> Result<Established<Box<ApplicationTraffic>>, HandshakeError> {
        let schedule = self.schedule;
        check_peer_finished(schedule, &self.transcript, &self.secret.server, message)?;
        self.transcript.add(&message.bytes);
        let application = schedule.application(&self.secret, &self.transcript.hash())?;
        cx.config.log_secret(
            "CLIENT_TRAFFIC_SECRET_0",
            &self.client_random,
            application.client.as_bytes(),
        );
        cx.config.log_secret(
            "SERVER_TRAFFIC_SECRET_0",
            &self.client_random,
            application.server.as_bytes(),
        );
        cx.config
            .log_secret("EXPORTER_SECRET", &self.client_random, application.exporter.as_bytes());

        let mut flight = Vec::with_capacity(3);
        match &self.authentication {
            ClientAuthentication::NotRequested => {}
            ClientAuthentication::WithoutCertificate => {
                flight.push(
                    self.transcript
                        .send(HANDSHAKE_EPOCH, HandshakeType::CERTIFICATE, |writer| {
                            messages::certificate(writer, None);
                        }),
                );
            }
            ClientAuthentication::With(certificate, scheme) => {
                let identity = (certificate, *scheme);
                flight.extend(show_certificate(cx, &mut self.transcript, identity, CLIENT_CONTEXT)?);
            }
        }
        flight.push(finished(schedule, &mut self.transcript, &self.secret.client)?);
        cx.flight.start(flight, Answer::Acknowledgement);
        cx.acks.clear();

        let server_keys = schedule.record_keys(&application.server)?;
        let client_keys = schedule.record_keys(&application.client)?;
        cx.records.install_sealer13(APPLICATION_EPOCH, client_keys);
        cx.records.install_opener13(APPLICATION_EPOCH, server_keys);
        let secrets = ApplicationTraffic::new(
            schedule,
            application.client,
            application.server,
            application.exporter,
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
