//! What the attributes of an RTP section say of its formats, its header extensions and each other.

use crate::attribute::{
    Attribute, Candidate, ExtMap, Fingerprint, Fmtp, Name, Rid, RtcpFb, RtpMap, Simulcast, payload_type_of,
};
use crate::error::ErrorKind;
use crate::fields::MediaLine;
use crate::grammar::Fault;
use crate::profile::Level;

/// What has been seen of the section's streams. Ids take one bit each; only if some may stand twice
/// is the section looked at again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Streams {
    /// The payload types of the `m=` line, one bit each; `None` without RTP.
    payload_types: Option<u128>,
    /// Ids of header extensions, one bit each.
    extensions: [u128; 2],
    /// One of 64 bits for each rid, by its hash.
    rids: u64,
    /// Whether the session has header extensions.
    session_has_extensions: bool,
    /// Whether some may stand twice.
    pub(super) look_again: bool,
}

impl Streams {
    /// For the next section.
    pub(super) fn next_section(&self, names: u128, level: Level) -> Self {
        Self {
            session_has_extensions: match level {
                Level::Session => names & Name::ExtMap.bit() != 0,
                Level::Media => self.session_has_extensions,
            },
            ..Self::default()
        }
    }

    pub(super) fn formats(&mut self, line: &MediaLine<'_>, payload_types: u128) {
        self.payload_types = line.protocol.contains("RTP/").then_some(payload_types);
    }

    /// Checks an attribute's value, and says what is wrong with one that can be understood.
    #[inline]
    pub(super) fn check(&mut self, name: Name, text: &str) -> Result<Option<ErrorKind>, Fault> {
        Ok(match name {
            Name::RtcpFb => RtcpFb::parse(text)?.payload_type.and_then(|each| self.unlisted(each)),
            Name::RtpMap => self.unlisted(RtpMap::parse(text)?.payload_type),
            Name::Fmtp => payload_type_of(Fmtp::parse(text)?.format).and_then(|each| self.unlisted(each)),
            Name::ExtMap => self.extension(&ExtMap::parse(text)?),
            Name::Candidate => incomplete(&Candidate::parse_value(text)?),
            Name::Fingerprint => lower_case(&Fingerprint::parse(text)?),
            Name::Rid => {
                self.rid(&Rid::parse(text)?);
                None
            }
            Name::Simulcast => {
                Simulcast::parse(text)?;
                self.look_again = true;
                None
            }
            name => {
                Attribute::check(name, text)?;
                None
            }
        })
    }

    /// RFC 8866 §6.6: attributes name formats of their section; others mean nothing.
    #[inline]
    fn unlisted(&self, payload_type: u8) -> Option<ErrorKind> {
        let listed = self.payload_types? & 1_u128.wrapping_shl(u32::from(payload_type)) != 0;
        (!listed).then_some(ErrorKind::UnlistedFormat)
    }

    /// RFC 8285 §5: each id once, all extensions at one level. §7: not so the ids that the answerer
    /// replaces, where one id has alternatives.
    #[inline]
    fn extension(&mut self, extension: &ExtMap<'_>) -> Option<ErrorKind> {
        let bit = 1_u128.wrapping_shl(u32::from(extension.id));
        if let Some(ids) = self.extensions.get_mut(usize::from(extension.id) / 128) {
            self.look_again |= *ids & bit != 0;
            *ids |= bit;
        }
        let mixed = self.session_has_extensions;
        self.session_has_extensions = false;
        mixed.then_some(ErrorKind::ExtensionsAtBothLevels)
    }

    fn rid(&mut self, rid: &Rid<'_>) {
        let hash = rid
            .id
            .bytes()
            .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let bit = 1_u64.wrapping_shl(hash);
        self.look_again |= self.rids & bit != 0;
        self.rids |= bit;
    }
}

/// RFC 8839 §5.1: all but host candidates say what they are derived from. RFC 6544 §4.5: TCP
/// candidates say who connects, or are ignored.
fn incomplete(candidate: &Candidate<'_>) -> Option<ErrorKind> {
    if candidate.needs_related() && candidate.related.is_none() {
        Some(ErrorKind::MissingRelatedAddress)
    } else if candidate.tcp_type.is_none() && candidate.is_tcp() {
        Some(ErrorKind::MissingTcpType)
    } else {
        None
    }
}

/// RFC 8122 §5 has upper-case digits.
fn lower_case(fingerprint: &Fingerprint<'_>) -> Option<ErrorKind> {
    let lower = fingerprint
        .value
        .bytes()
        .fold(false, |lower, byte| lower | byte.is_ascii_lowercase());
    lower.then_some(ErrorKind::LowerCaseFingerprint)
}
