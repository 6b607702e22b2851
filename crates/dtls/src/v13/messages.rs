//! The bodies of the messages that we send (RFC 8446 §4).

use pollrtc_crypto::{Certificate, SignatureScheme};

use crate::config::Config;
use crate::handshake::{Agreed, extension, signature_schemes};
use crate::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use crate::wire::{CipherSuite, ExtensionType, Version, Writer};

/// RFC 8446 §4.1.3, RFC 9147 §5.4: the session id is never the client's.
pub(super) fn server_hello(
    writer: &mut Writer,
    random: &[u8; 32],
    suite: CipherSuite,
    extensions: impl FnOnce(&mut Writer),
) {
    writer.u16(Version::DTLS_1_2.0);
    writer.bytes(random);
    writer.vector8(|_session_id| {});
    writer.u16(suite.code());
    writer.u8(0);
    writer.vector16(|writer| {
        extension(writer, ExtensionType::SUPPORTED_VERSIONS, |writer| {
            writer.u16(Version::DTLS_1_3.0);
        });
        extensions(writer);
    });
}

/// RFC 8446 §4.2.8: the server's public key.
pub(super) fn key_share(writer: &mut Writer, group: u16, public_key: &[u8]) {
    extension(writer, ExtensionType::KEY_SHARE, |writer| {
        writer.u16(group);
        writer.vector16(|writer| writer.bytes(public_key));
    });
}

/// RFC 8446 §4.1.4: another public key, please, and this cookie. It depends on nothing else, so that
/// it can be written again when the cookie comes back.
pub(super) fn hello_retry_request(writer: &mut Writer, suite: CipherSuite, group: Option<u16>, cookie: &[u8]) {
    server_hello(writer, &HELLO_RETRY_REQUEST_RANDOM, suite, |writer| {
        if let Some(group) = group {
            extension(writer, ExtensionType::KEY_SHARE, |writer| writer.u16(group));
        }
        extension(writer, ExtensionType::COOKIE, |writer| {
            writer.vector16(|writer| writer.bytes(cookie));
        });
    });
}

/// RFC 8446 §4.3.1.
pub(super) fn encrypted_extensions(writer: &mut Writer, config: &Config, agreed: &Agreed) {
    writer.vector16(|writer| {
        agreed.write_answers(writer, config, Version::DTLS_1_3);
    });
}

/// RFC 8446 §4.3.2: any key that we can verify, from any authority.
pub(super) fn certificate_request(writer: &mut Writer, config: &Config) {
    writer.vector8(|_context| {});
    writer.vector16(|writer| {
        extension(writer, ExtensionType::SIGNATURE_ALGORITHMS, |writer| {
            signature_schemes(writer, config);
        });
    });
}

/// RFC 8446 §4.4.2: our certificate with those that stand for it, or none.
pub(super) fn certificate(writer: &mut Writer, certificate: Option<&Certificate>) {
    writer.vector8(|_context| {});
    writer.vector24(|writer| {
        for der in certificate.into_iter().flat_map(Certificate::chain) {
            writer.vector24(|writer| writer.bytes(der));
            writer.vector16(|_extensions| {});
        }
    });
}

/// RFC 8446 §4.4.3.
pub(super) fn certificate_verify(writer: &mut Writer, scheme: SignatureScheme, signature: &[u8]) {
    writer.u16(scheme as u16);
    writer.vector16(|writer| writer.bytes(signature));
}
