//! Answers.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{BundleIds, Codec, CodecOrder, PayloadType, Role, RtpCapabilities, RtpParameters, rules};

impl RtpParameters {
    /// Answers this offer with what we can (RFC 9429 §5.3.1): its payload types and ids, and only
    /// what both sides have. `None` if there is no common codec for media; the section is to be
    /// rejected then.
    ///
    /// What repairs or wraps a codec is answered if that codec is. `bundle` gives ids to the
    /// extensions that the offer only proposes: [`claim`](BundleIds::claim) all sections of the
    /// offer's bundle first. Layers are added with [`answer_simulcast`](Self::answer_simulcast).
    pub fn answer(&self, capabilities: &RtpCapabilities, bundle: &mut BundleIds) -> Option<RtpParameters> {
        let extmap_allow_mixed = self.extmap_allow_mixed && capabilities.extmap_allow_mixed;
        Some(RtpParameters {
            codecs: self.answer_codecs(capabilities)?,
            header_extensions: self.answer_extensions(capabilities, extmap_allow_mixed, bundle),
            extmap_allow_mixed,
            rtcp_rsize: self.rtcp_rsize && capabilities.rtcp_rsize,
            ..RtpParameters::default()
        })
    }

    fn answer_codecs(&self, capabilities: &RtpCapabilities) -> Option<Vec<PayloadType>> {
        let mut answered = Answered {
            capabilities,
            codecs: Vec::new(),
        };
        // What refers to others comes after them.
        for round in [is_media, is_beside_media, is_red, is_fec, is_rtx] {
            for (place, offered) in self.codecs.iter().enumerate() {
                if round(offered.codec.role()) && answered.fits(offered) {
                    answered.add(place, offered);
                }
            }
            if answered.codecs.is_empty() {
                return None;
            }
        }
        Some(answered.in_order())
    }
}

fn is_media(role: Role) -> bool {
    role == Role::Media
}

fn is_beside_media(role: Role) -> bool {
    matches!(role, Role::ComfortNoise | Role::Events)
}

fn is_red(role: Role) -> bool {
    role == Role::Redundancy
}

fn is_fec(role: Role) -> bool {
    role == Role::Fec
}

fn is_rtx(role: Role) -> bool {
    role == Role::Retransmission
}

/// The codecs of an answer in the making.
struct Answered<'a> {
    capabilities: &'a RtpCapabilities,
    codecs: Vec<Entry>,
}

struct Entry {
    /// In the offer.
    place: usize,
    /// In our capabilities.
    preference: usize,
    codec: PayloadType,
}

impl Answered<'_> {
    /// Whether what it refers to is answered too.
    fn fits(&self, offered: &PayloadType) -> bool {
        let clock_rate = offered.codec.clock_rate;
        let media = |each: &Entry| each.codec.codec.role() == Role::Media && each.codec.codec.clock_rate == clock_rate;
        let any_media = || self.codecs.iter().any(media);
        match offered.codec.role() {
            Role::Media | Role::Events => true,
            Role::ComfortNoise => any_media(),
            // RFC 2198 §5: all that is wrapped has to be on the `m=` line.
            Role::Redundancy => match offered.red() {
                None => false,
                Some(wrapped) if wrapped.is_empty() => any_media(),
                Some(wrapped) => wrapped.iter().all(|payload_type| {
                    self.get(*payload_type).is_some_and(|each| {
                        matches!(each.codec.role(), Role::Media | Role::ComfortNoise | Role::Events)
                    })
                }),
            },
            // RFC 5109 §14: ULPFEC goes within RED, or else it would need a section of its own; FlexFEC (RFC 8627) does
            // with an SSRC of its own.
            Role::Fec if offered.codec.is("ulpfec") => {
                let red = |each: &Entry| {
                    each.codec.codec.role() == Role::Redundancy && each.codec.codec.clock_rate == clock_rate
                };
                any_media() && self.codecs.iter().any(red)
            }
            Role::Fec => any_media(),
            // RFC 4588 §8.1, §8.6: another payload type of the same clock, which is no `rtx` itself.
            Role::Retransmission => offered.apt().is_some_and(|apt| {
                let repaired = self.get(apt);
                let again = self.codecs.iter().any(|each| each.codec.apt() == Some(apt));
                !again
                    && repaired.is_some_and(|each| {
                        each.codec.clock_rate == clock_rate && each.codec.role() != Role::Retransmission
                    })
            }),
        }
    }

    fn add(&mut self, place: usize, offered: &PayloadType) {
        let Some((preference, ours)) = self.capability(&offered.codec) else {
            return;
        };
        let preference = match offered.apt().and_then(|apt| self.preference(apt)) {
            Some(repaired) => repaired,
            None => preference,
        };
        let mut codec = Codec {
            parameters: answered_parameters(offered, ours),
            ..ours.clone()
        };
        codec.feedback.retain(|kind| offered.codec.feedback.contains(kind));
        self.codecs.push(Entry {
            place,
            preference,
            codec: PayloadType {
                payload_type: offered.payload_type,
                codec,
            },
        });
    }

    /// Ours for an offered codec: the one with the same parameters, else the first that matches.
    fn capability(&self, offered: &Codec) -> Option<(usize, &Codec)> {
        let all = || self.capabilities.codecs.iter().enumerate();
        // To compare texts costs little, to read them much.
        all()
            .find(|(_, ours)| ours.parameters == offered.parameters && ours.matches(offered))
            .or_else(|| all().find(|(_, ours)| ours.matches(offered)))
    }

    fn get(&self, payload_type: u8) -> Option<&PayloadType> {
        self.codecs
            .iter()
            .map(|each| &each.codec)
            .find(|each| each.payload_type == payload_type)
    }

    fn preference(&self, payload_type: u8) -> Option<usize> {
        self.codecs
            .iter()
            .find(|each| each.codec.payload_type == payload_type)
            .map(|each| each.preference)
    }

    /// RFC 9429 §5.3.1: as offered, or as the application prefers.
    fn in_order(mut self) -> Vec<PayloadType> {
        let order = self.capabilities.order;
        self.codecs.sort_by_key(|each| match order {
            CodecOrder::AsBefore => (each.place, false, 0),
            CodecOrder::Preferred => {
                let repairs = each.codec.codec.role() == Role::Retransmission;
                (each.preference, repairs, each.place)
            }
        });
        self.codecs.into_iter().map(|each| each.codec).collect()
    }
}

fn answered_parameters(offered: &PayloadType, ours: &Codec) -> String {
    match (offered.codec.role(), offered.apt()) {
        (Role::Redundancy, _) => offered.codec.parameters.clone(),
        (Role::Retransmission, Some(apt)) => {
            let apt = apt.to_string();
            if ours.parameters.is_empty() {
                ["apt=", &apt].concat()
            } else {
                ["apt=", &apt, ";", &ours.parameters].concat()
            }
        }
        _ => rules::answer(&offered.codec, ours),
    }
}
