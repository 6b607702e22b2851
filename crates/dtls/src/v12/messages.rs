//! The bodies of the messages that we send.

use pollrtc_crypto::{Certificate, NamedGroup, SignatureScheme};

use super::Negotiated;
use crate::config::Config;
use crate::handshake::{connection_id, extension, point_formats, signature_schemes};
use crate::wire::handshake::{CertificateRequest, NAMED_CURVE};
use crate::wire::{ExtensionType, Version, Writer};

/// Which extensions of the client the server answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    pub(super) point_formats: bool,
    pub(super) renegotiation_info: bool,
}

/// RFC 5246 §7.4.1.3.
pub(super) fn server_hello(
    writer: &mut Writer,
    config: &Config,
    negotiated: &Negotiated,
    answers: Answers,
    id: Option<&[u8]>,
) {
    writer.u16(Version::DTLS_1_2.0);
    writer.bytes(&negotiated.server_random);
    writer.vector8(|_session_id| {});
    writer.u16(negotiated.suite.code());
    writer.u8(0);
    writer.vector16(|writer| {
        extension(writer, ExtensionType::EXTENDED_MASTER_SECRET, |_| {});
        if answers.renegotiation_info {
            extension(writer, ExtensionType::RENEGOTIATION_INFO, |writer| {
                writer.vector8(|_| {});
            });
        }
        if answers.point_formats {
            point_formats(writer);
        }
        negotiated.agreed.write_answers(writer, config, Version::DTLS_1_2);
        connection_id(writer, id);
    });
}

/// RFC 6347 §4.2.1: of version 1.0, which says nothing about what follows.
pub(super) fn hello_verify_request(writer: &mut Writer, cookie: &[u8]) {
    writer.u16(Version::DTLS_1_0.0);
    writer.vector8(|writer| writer.bytes(cookie));
}

/// RFC 5246 §7.4.2: our certificate with those that stand for it; §7.4.6: or none.
pub(super) fn certificate(writer: &mut Writer, certificate: Option<&Certificate>) {
    writer.vector24(|writer| {
        for der in certificate.into_iter().flat_map(Certificate::chain) {
            writer.vector24(|writer| writer.bytes(der));
        }
    });
}

/// RFC 8422 §5.4: the part of ServerKeyExchange that is signed.
pub(super) fn key_exchange_params(writer: &mut Writer, group: NamedGroup, public_key: &[u8]) {
    writer.u8(NAMED_CURVE);
    writer.u16(group as u16);
    writer.vector8(|writer| writer.bytes(public_key));
}

/// A scheme and a signature: the end of ServerKeyExchange, and all of CertificateVerify.
pub(super) fn signed(writer: &mut Writer, scheme: SignatureScheme, signature: &[u8]) {
    writer.u16(scheme as u16);
    writer.vector16(|writer| writer.bytes(signature));
}

/// RFC 5246 §7.4.4: any key that we can verify, from any authority.
pub(super) fn certificate_request(writer: &mut Writer, config: &Config) {
    writer.vector8(|types| {
        types.u8(CertificateRequest::ECDSA_SIGN);
        types.u8(CertificateRequest::RSA_SIGN);
    });
    signature_schemes(writer, config);
    writer.vector16(|_authorities| {});
}

/// RFC 8422 §5.7.
pub(super) fn client_key_exchange(writer: &mut Writer, public_key: &[u8]) {
    writer.vector8(|writer| writer.bytes(public_key));
}
