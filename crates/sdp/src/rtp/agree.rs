//! What is agreed once there is an answer.

use super::extension::{receives, sends};
use super::{PayloadType, RtpParameters};

/// What both sides agreed on for one section, as one of them sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegotiatedRtp {
    /// With what to send: payload types, parameters and ids as the other side wants to receive
    /// them (RFC 3264 §5.1).
    pub send: RtpParameters,
    /// What comes in: as we said it.
    pub receive: RtpParameters,
}

impl NegotiatedRtp {
    /// The same as the other side sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            send: self.receive,
            receive: self.send,
        }
    }
}

/// Why a section of the peer can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtpError {
    /// The answer has none of the codecs that were offered.
    #[error("answer with at least one of the offered codecs, or reject the section with port 0")]
    NoCommonCodec,
    /// A payload type stands for two configurations within one bundle (RFC 9143 §9.1.1).
    #[error("payload type {0} stands for two codecs in one bundle; give one of them another")]
    PayloadTypeConflict(u8),
    /// An extension id stands for two extensions within one bundle (RFC 8285 §7).
    #[error("extension id {0} stands for two header extensions in one bundle; give one of them another")]
    ExtensionIdConflict(u16),
}

impl RtpParameters {
    /// What this offer and its answer agree on, as the offerer sees it;
    /// [`reversed`](NegotiatedRtp::reversed) for the answerer.
    ///
    /// # Errors
    ///
    /// If they agree on no codec.
    pub fn accept(&self, answer: &RtpParameters) -> Result<NegotiatedRtp, RtpError> {
        let mut agreed = NegotiatedRtp::default();
        for theirs in &answer.codecs {
            if let Some(ours) = self.codec_for(theirs) {
                agreed.send.codecs.push(theirs.clone());
                agreed.receive.codecs.push(ours.clone());
            }
        }
        if agreed.send.codecs.iter().all(|each| each.codec.is_rtx()) {
            return Err(RtpError::NoCommonCodec);
        }
        for theirs in &answer.header_extensions {
            if receives(theirs.extension.direction) {
                agreed.send.header_extensions.push(theirs.clone());
            }
            if sends(theirs.extension.direction) {
                agreed.receive.header_extensions.push(theirs.clone());
            }
        }
        for side in [&mut agreed.send, &mut agreed.receive] {
            side.rtcp_rsize = self.rtcp_rsize && answer.rtcp_rsize;
            side.extmap_allow_mixed = self.extmap_allow_mixed && answer.extmap_allow_mixed;
        }
        Ok(agreed)
    }

    /// Which of ours the answer's codec is: that with the same payload type, else the first that
    /// matches.
    fn codec_for(&self, theirs: &PayloadType) -> Option<&PayloadType> {
        let matching = || self.codecs.iter().filter(|ours| ours.codec.matches(&theirs.codec));
        matching()
            .find(|ours| ours.payload_type == theirs.payload_type)
            .or_else(|| matching().next())
    }
}
