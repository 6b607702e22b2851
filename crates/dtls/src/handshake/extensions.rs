//! Extensions that several messages have.

use super::message::malformed;
use crate::config::Config;
use crate::error::HandshakeError;
use crate::reassembly::Message;
use crate::wire::extensions::Extensions;
use crate::wire::{ExtensionType, SrtpProfile, Writer};

/// The connection id that the peer wants to be sent, if we speak of ids as well.
pub(crate) fn peer_connection_id<'a>(
    config: &Config,
    message: &Message,
    extensions: &Extensions<'a>,
) -> Result<Option<&'a [u8]>, HandshakeError> {
    match config.connection_ids {
        Some(_) => extensions.connection_id().map_err(|_| malformed(message)),
        None => Ok(None),
    }
}

/// Writes an extension: its kind, and its content with the length.
pub(crate) fn extension(writer: &mut Writer, kind: ExtensionType, content: impl FnOnce(&mut Writer)) {
    writer.u16(kind.0);
    writer.vector16(content);
}

/// RFC 9146 §3: the connection id that we want to be sent, if ids are spoken.
pub(crate) fn connection_id(writer: &mut Writer, id: Option<&[u8]>) {
    if let Some(id) = id {
        extension(writer, ExtensionType::CONNECTION_ID, |writer| {
            writer.vector8(|writer| writer.bytes(id));
        });
    }
}

/// RFC 5764 §4.1.1: profiles and no master key identifier.
pub(crate) fn use_srtp(writer: &mut Writer, profiles: &[SrtpProfile]) {
    extension(writer, ExtensionType::USE_SRTP, |writer| {
        writer.vector16(|writer| {
            for profile in profiles {
                writer.u16(profile.code());
            }
        });
        writer.vector8(|_mki| {});
    });
}

/// RFC 8422 §5.1.2: uncompressed points, the only format that is left.
pub(crate) fn point_formats(writer: &mut Writer) {
    extension(writer, ExtensionType::EC_POINT_FORMATS, |writer| {
        writer.vector8(|formats| formats.u8(0));
    });
}

/// What the peer may sign with. RFC 8446 §4.2.3: PKCS1 counts for certificates alone in DTLS 1.3.
pub(crate) fn signature_schemes(writer: &mut Writer, config: &Config) {
    writer.vector16(|writer| {
        for scheme in config.known_signature_schemes() {
            writer.u16(scheme as u16);
        }
    });
}
