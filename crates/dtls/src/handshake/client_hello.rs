//! The ClientHello that we send (RFC 6347 §4.3.2, RFC 9147 §5.3): one for both versions.

use alloc::boxed::Box;

use pollrtc_crypto::KeyExchange;

use super::agreed::Agreed;
use super::extensions::{connection_id, extension, point_formats, signature_schemes};
use crate::config::Config;
use crate::wire::{ExtensionType, Version, Writer};

/// What differs between the first ClientHello and the next, and from client to client.
pub(super) struct HelloFields<'a> {
    pub(super) random: &'a [u8; 32],
    /// What HelloVerifyRequest gave.
    pub(super) legacy_cookie: &'a [u8],
    /// What HelloRetryRequest gave.
    pub(super) cookie: &'a [u8],
    pub(super) key_shares: &'a [Box<dyn KeyExchange>],
    /// What we want to be sent, if connection ids are on.
    pub(super) connection_id: Option<&'a [u8]>,
}

/// Writes the body.
pub(super) fn write(writer: &mut Writer, config: &Config, fields: &HelloFields<'_>) {
    let (v12, v13) = (config.speaks(Version::DTLS_1_2), config.speaks(Version::DTLS_1_3));
    writer.u16(Version::DTLS_1_2.0);
    writer.bytes(fields.random);
    writer.vector8(|_session_id| {});
    writer.vector8(|writer| writer.bytes(fields.legacy_cookie));
    writer.vector16(|writer| {
        let spoken = |version| v13 && version == Version::DTLS_1_3 || v12 && version == Version::DTLS_1_2;
        for suite in config.cipher_suites.iter().filter(|suite| spoken(suite.version())) {
            writer.u16(suite.code());
        }
    });
    writer.vector8(|compression_methods| compression_methods.u8(0));
    writer.vector16(|writer| {
        if v12 {
            extension(writer, ExtensionType::EXTENDED_MASTER_SECRET, |_| {});
            extension(writer, ExtensionType::RENEGOTIATION_INFO, |writer| {
                writer.vector8(|_| {});
            });
        }
        extension(writer, ExtensionType::SUPPORTED_GROUPS, |writer| {
            writer.vector16(|writer| {
                for group in config.known_groups().filter(|group| v13 || group.is_diffie_hellman()) {
                    writer.u16(group as u16);
                }
            });
        });
        if v12 {
            point_formats(writer);
        }
        extension(writer, ExtensionType::SIGNATURE_ALGORITHMS, |writer| {
            signature_schemes(writer, config);
        });
        Agreed::write_offers(writer, config);
        connection_id(writer, fields.connection_id);
        if v13 {
            version_13(writer, config, v12, fields);
        }
    });
}

/// A ticket together with a fresh key exchange (RFC 8446 §4.2.9).
const PSK_DHE_KE: u8 = 1;

/// What only DTLS 1.3 asks for (RFC 8446 §4.2).
fn version_13(writer: &mut Writer, config: &Config, v12: bool, fields: &HelloFields<'_>) {
    extension(writer, ExtensionType::SUPPORTED_VERSIONS, |writer| {
        writer.vector8(|writer| {
            writer.u16(Version::DTLS_1_3.0);
            if v12 {
                writer.u16(Version::DTLS_1_2.0);
            }
        });
    });
    extension(writer, ExtensionType::KEY_SHARE, |writer| {
        writer.vector16(|writer| {
            for share in fields.key_shares {
                writer.u16(share.group() as u16);
                writer.vector16(|writer| writer.bytes(share.public_key()));
            }
        });
    });
    if config.session_tickets {
        extension(writer, ExtensionType::PSK_KEY_EXCHANGE_MODES, |writer| {
            writer.vector8(|modes| modes.u8(PSK_DHE_KE));
        });
    }
    if !fields.cookie.is_empty() {
        extension(writer, ExtensionType::COOKIE, |writer| {
            writer.vector16(|writer| writer.bytes(fields.cookie));
        });
    }
}
