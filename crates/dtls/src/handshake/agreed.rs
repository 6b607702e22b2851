//! What both sides agree upon beside the cryptography: SRTP, the protocol of the application, the
//! size of records. The same in both versions, but for where the answers stand.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::extensions::{extension, use_srtp};
use super::message::malformed;
use crate::config::Config;
use crate::error::HandshakeError;
use crate::reassembly::Message;
use crate::records::RecordLayer;
use crate::wire::extensions::{Extensions, HOST_NAME};
use crate::wire::record::MAX_PLAINTEXT_LEN;
use crate::wire::{ExtensionType, SrtpProfile, Version, Writer};

/// RFC 8449 §4: no less than this.
const MIN_RECORD_SIZE: u16 = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) srtp_profile: Option<SrtpProfile>,
    pub(crate) application_protocol: Option<Vec<u8>>,
    /// As a server: the name by which the client asked for us.
    pub(crate) server_name: Option<Box<str>>,
    /// The longest plaintext that the peer takes, if it said so.
    record_size_limit: Option<u16>,
}

impl Agreed {
    /// As a server: the best of what the client offers.
    pub(crate) fn choose(config: &Config, message: &Message, offers: &Extensions<'_>) -> Result<Self, HandshakeError> {
        // RFC 5764 §4.1.1: our preference; a client with a master key identifier gets none back.
        let srtp_profile = offers.use_srtp().map_err(|_| malformed(message))?.and_then(|offered| {
            let mut ours = config.srtp_profiles.iter().copied();
            ours.find(|profile| offered.profiles.contains(profile.code()))
        });
        let application_protocol = match offers.application_protocols().map_err(|_| malformed(message))? {
            Some(offered) if !config.application_protocols.is_empty() => {
                let mut ours = config.application_protocols.iter();
                let common = ours.find(|ours| offered.iter().any(|theirs| theirs == &ours[..]));
                // RFC 7301 §3.2: who has protocols of its own must not go on without.
                Some(common.ok_or(HandshakeError::ApplicationProtocol)?.clone())
            }
            _ => None,
        };
        let server_name = offers.server_name().map_err(|_| malformed(message))?;
        Ok(Self {
            srtp_profile,
            application_protocol,
            server_name: server_name.map(Box::from),
            record_size_limit: record_size_limit(message, offers)?,
        })
    }

    /// As a client: whether we asked for this.
    pub(crate) fn is_offered(config: &Config, kind: ExtensionType) -> bool {
        match kind {
            ExtensionType::USE_SRTP => !config.srtp_profiles.is_empty(),
            ExtensionType::ALPN => !config.application_protocols.is_empty(),
            ExtensionType::RECORD_SIZE_LIMIT => config.record_size_limit.is_some(),
            ExtensionType::SERVER_NAME => config.server_name.is_some(),
            _ => false,
        }
    }

    /// As a client: what the server answered.
    pub(crate) fn from_answers(
        config: &Config,
        message: &Message,
        answers: &Extensions<'_>,
    ) -> Result<Self, HandshakeError> {
        let illegal = HandshakeError::IllegalParameter(message.kind);
        // RFC 5764 §4.1.1: exactly one profile, one of ours; and the identifier that we gave, which is
        // none.
        let use_srtp = answers.use_srtp().map_err(|_| malformed(message))?;
        let srtp_profile = use_srtp.map(|answer| {
            let mut profiles = answer.profiles.iter();
            let profile = match (profiles.next(), profiles.next(), answer.mki) {
                (Some(code), None, []) => SrtpProfile::from_code(code),
                _ => None,
            };
            profile
                .filter(|profile| config.srtp_profiles.contains(profile))
                .ok_or(illegal)
        });
        // RFC 7301 §3.1: exactly one protocol, one of ours.
        let protocols = answers.application_protocols().map_err(|_| malformed(message))?;
        let application_protocol = protocols.map(|answer| {
            let mut protocols = answer.iter();
            let protocol = match (protocols.next(), protocols.next()) {
                (Some(protocol), None) => protocol,
                _ => return Err(illegal),
            };
            let mut ours = config.application_protocols.iter();
            ours.find(|ours| ours[..] == *protocol).cloned().ok_or(illegal)
        });
        answers.server_name_answer().map_err(|_| malformed(message))?;
        Ok(Self {
            srtp_profile: srtp_profile.transpose()?,
            application_protocol: application_protocol.transpose()?,
            server_name: None,
            record_size_limit: record_size_limit(message, answers)?,
        })
    }

    /// As a client: what we ask for.
    pub(crate) fn write_offers(writer: &mut Writer, config: &Config) {
        if !config.srtp_profiles.is_empty() {
            use_srtp(writer, &config.srtp_profiles);
        }
        if !config.application_protocols.is_empty() {
            application_protocols(writer, &config.application_protocols);
        }
        if let Some(limit) = config.record_size_limit {
            extension(writer, ExtensionType::RECORD_SIZE_LIMIT, |writer| writer.u16(limit));
        }
        if let Some(name) = &config.server_name {
            server_name(writer, name);
        }
    }

    /// As a server: what we answer.
    pub(crate) fn write_answers(&self, writer: &mut Writer, config: &Config, version: Version) {
        if let Some(profile) = self.srtp_profile {
            use_srtp(writer, &[profile]);
        }
        if let Some(protocol) = &self.application_protocol {
            application_protocols(writer, core::slice::from_ref(protocol));
        }
        // RFC 8449 §4: who understands it says so.
        if self.record_size_limit.is_some() {
            let limit = config.record_size_limit.unwrap_or(no_limit(version));
            extension(writer, ExtensionType::RECORD_SIZE_LIMIT, |writer| writer.u16(limit));
        }
    }

    /// RFC 8449 §4: from here on both keep to the other's limit, if both told one.
    pub(crate) fn apply(&self, config: &Config, records: &mut RecordLayer, version: Version) {
        let none = no_limit(version);
        let (theirs, ours) = match self.record_size_limit {
            Some(theirs) => (theirs.min(none), config.record_size_limit.unwrap_or(none).min(none)),
            None => (none, none),
        };
        records.set_size_limits(usize::from(theirs), usize::from(ours));
    }
}

/// The longest that a plaintext may be; in DTLS 1.3 its type counts (RFC 8446 §5.4).
fn no_limit(version: Version) -> u16 {
    let inner = usize::from(version == Version::DTLS_1_3);
    u16::try_from(MAX_PLAINTEXT_LEN + inner).unwrap_or(u16::MAX)
}

fn record_size_limit(message: &Message, extensions: &Extensions<'_>) -> Result<Option<u16>, HandshakeError> {
    let limit = extensions.record_size_limit().map_err(|_| malformed(message))?;
    match limit {
        Some(limit) if limit < MIN_RECORD_SIZE => Err(HandshakeError::IllegalParameter(message.kind)),
        limit => Ok(limit),
    }
}

/// RFC 6066 §3.
fn server_name(writer: &mut Writer, name: &str) {
    extension(writer, ExtensionType::SERVER_NAME, |writer| {
        writer.vector16(|writer| {
            writer.u8(HOST_NAME);
            writer.vector16(|writer| writer.bytes(name.as_bytes()));
        });
    });
}

fn application_protocols(writer: &mut Writer, protocols: &[Vec<u8>]) {
    extension(writer, ExtensionType::ALPN, |writer| {
        writer.vector16(|writer| {
            for protocol in protocols {
                writer.vector8(|writer| writer.bytes(protocol));
            }
        });
    });
}
