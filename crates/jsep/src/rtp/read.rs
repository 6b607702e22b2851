//! Reads what a section says.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::simulcast::drop_broken_dependencies;
use super::{
    Codec, ExtensionId, Feedback, HeaderExtension, Layer, PayloadType, Rid, RtpParameters, Simulcast, SimulcastStream,
};
use pollrtc_sdp::Media;
use pollrtc_sdp::attribute::{self, Attribute, ExtMap, RidDirection, RtcpFb, RtpMap};

/// More kinds of feedback for one payload type than there are in use. Those for `*` are kept for each.
const MAX_FEEDBACK: usize = 16;

/// More bytes of `a=fmtp` than a codec of ours has. They are read again for each section of a bundle.
const MAX_PARAMETERS: usize = 4_096;

/// More streams of one source than anybody sends.
const MAX_RIDS: usize = 64;

/// More restrictions of one stream than there are.
const MAX_RESTRICTIONS: usize = 32;

impl RtpParameters {
    /// What a section says. What is malformed, repeated or refers to nothing is left out: payload
    /// types that are not on the `m=` line, that no `a=rtpmap` explains (but for the static ones of
    /// RFC 3551), whose parameters have more than 4096 bytes, or that could be RTCP (RFC 5761 §4);
    /// ids and rids that stand for two things.
    ///
    /// ```
    /// use pollrtc_jsep::sdp::Session;
    /// use pollrtc_jsep::rtp::RtpParameters;
    ///
    /// let session = Session::parse(concat!(
    ///     "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
    ///     "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\n",
    /// ))?;
    /// let offer = RtpParameters::read(&session.media().next().unwrap());
    /// assert_eq!(offer.codec(111).unwrap().channels, 2);
    /// assert!(offer.codec(0).unwrap().is("PCMU"));
    /// # Ok::<(), pollrtc_jsep::sdp::ParseError>(())
    /// ```
    pub fn read(media: &Media<'_>) -> Self {
        let mut reader = Reader::default();
        for raw in media.attributes() {
            if raw.name == "simulcast" {
                reader.simulcast.push(raw.value);
            } else if let Ok(attribute) = Attribute::parse(raw.name, raw.value) {
                reader.take(attribute);
            }
        }
        let codecs = reader.codecs(media);
        let rids = reader.rids(media);
        RtpParameters {
            simulcast: reader.simulcast(&rids),
            header_extensions: extensions(media),
            extmap_allow_mixed: media.extmap_allow_mixed(),
            rtcp_rsize: media.rtcp_rsize(),
            codecs,
            rids,
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader<'a> {
    /// By payload type.
    maps: BTreeMap<u8, RtpMap<'a>>,
    parameters: BTreeMap<u8, Vec<&'a str>>,
    feedback: BTreeMap<Option<u8>, Vec<RtcpFb<'a>>>,
    rids: Vec<attribute::Rid<'a>>,
    simulcast: Vec<Option<&'a [u8]>>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, attribute: Attribute<'a>) {
        match attribute {
            // Of several for one payload type the first counts.
            Attribute::RtpMap(map) => {
                self.maps.entry(map.payload_type).or_insert(map);
            }
            Attribute::Fmtp(fmtp) => {
                if let Some(payload_type) = fmtp.payload_type() {
                    self.parameters.entry(payload_type).or_default().push(fmtp.parameters);
                }
            }
            Attribute::RtcpFb(feedback) => {
                let list = self.feedback.entry(feedback.payload_type).or_default();
                if list.len() < MAX_FEEDBACK && !list.contains(&feedback) {
                    list.push(feedback);
                }
            }
            Attribute::Rid(rid) => self.rids.push(rid),
            _ => {}
        }
    }

    fn codecs(&self, media: &Media<'_>) -> Vec<PayloadType> {
        let mut codecs = Vec::new();
        let mut listed = PayloadTypes::new();
        for payload_type in media.formats().filter_map(|format| format.parse().ok()) {
            if !listed.insert(payload_type) {
                continue;
            }
            // RFC 5761 §4: on a port with RTCP these are packets of RTCP.
            if media.rtcp_mux() && (64..=95).contains(&payload_type) {
                continue;
            }
            let parameters = self.parameters.get(&payload_type).into_iter().flatten();
            if parameters.map(|each| each.len()).sum::<usize>() > MAX_PARAMETERS {
                continue;
            }
            let map = self.maps.get(&payload_type).copied();
            if let Some(map) = map.or_else(|| RtpMap::of_static(payload_type)) {
                codecs.push(PayloadType {
                    payload_type,
                    codec: self.codec(map, payload_type),
                });
            }
        }
        codecs
    }

    fn codec(&self, map: RtpMap<'_>, payload_type: u8) -> Codec {
        let parameters = self.parameters.get(&payload_type).map(|several| several.join(";"));
        let mut feedback: Vec<Feedback> = Vec::new();
        for key in [Some(payload_type), None] {
            for each in self.feedback.get(&key).into_iter().flatten() {
                let each = Feedback {
                    kind: each.kind.to_owned(),
                    parameter: each.parameter.unwrap_or_default().to_owned(),
                };
                if feedback.len() < MAX_FEEDBACK && !feedback.contains(&each) {
                    feedback.push(each);
                }
            }
        }
        Codec {
            name: map.encoding.to_owned(),
            clock_rate: map.clock_rate,
            channels: map.channel_count(),
            parameters: parameters.unwrap_or_default(),
            feedback,
        }
    }

    /// RFC 8851 §6.2.2: those with an id of their own, whose payload types are on the `m=` line and
    /// which depend on streams that exist.
    fn rids(&self, media: &Media<'_>) -> Vec<Rid> {
        let mut listed = PayloadTypes::new();
        for payload_type in media.formats().filter_map(|format| format.parse().ok()) {
            listed.insert(payload_type);
        }
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for rid in &self.rids {
            let times = count.entry(rid.id).or_default();
            *times = times.saturating_add(1);
        }
        let mut rids: Vec<Rid> = self
            .rids
            .iter()
            .filter(|rid| count.get(rid.id) == Some(&1))
            .take(MAX_RIDS)
            .filter_map(|rid| owned_rid(rid, &listed))
            .collect();
        drop_broken_dependencies(&mut rids);
        rids
    }

    /// RFC 8853 §5.2, §5.3.2: at most one attribute, of whose streams those count that an `a=rid`
    /// defines. What is malformed is as good as absent.
    fn simulcast(&self, rids: &[Rid]) -> Simulcast {
        let [value] = self.simulcast.as_slice() else {
            return Simulcast::default();
        };
        let Ok(Attribute::Simulcast(read)) = Attribute::parse_lenient("simulcast", *value) else {
            return Simulcast::default();
        };
        let streams = |list: Option<attribute::SimulcastList<'_>>, direction: RidDirection| {
            let mut used: Vec<&str> = Vec::new();
            let mut streams = Vec::new();
            for stream in list.iter().flat_map(attribute::SimulcastList::streams) {
                let mut alternatives = Vec::new();
                for layer in stream.alternatives() {
                    let defined = rids.iter().any(|rid| rid.id == layer.id && rid.direction == direction);
                    if defined && !used.contains(&layer.id) {
                        used.push(layer.id);
                        alternatives.push(Layer {
                            rid: layer.id.to_owned(),
                            paused: layer.paused,
                        });
                    }
                }
                if !alternatives.is_empty() {
                    streams.push(SimulcastStream { alternatives });
                }
            }
            streams
        };
        Simulcast {
            send: streams(read.send, RidDirection::Send),
            receive: streams(read.recv, RidDirection::Recv),
        }
    }
}

/// Which of the 128 payload types are in.
struct PayloadTypes([bool; 128]);

impl PayloadTypes {
    fn new() -> Self {
        Self([false; 128])
    }

    /// Whether it was not in before.
    fn insert(&mut self, payload_type: u8) -> bool {
        match self.0.get_mut(usize::from(payload_type)) {
            Some(entry @ false) => {
                *entry = true;
                true
            }
            _ => false,
        }
    }

    fn contains(&self, payload_type: u8) -> bool {
        self.0.get(usize::from(payload_type)) == Some(&true)
    }
}

fn owned_rid(rid: &attribute::Rid<'_>, listed: &PayloadTypes) -> Option<Rid> {
    let (mut payload_types, mut seen) = (Vec::new(), PayloadTypes::new());
    let mut named = rid.payload_types().peekable();
    let any = named.peek().is_none();
    payload_types.extend(named.filter(|each| listed.contains(*each) && seen.insert(*each)));
    let restrictions: Vec<_> = rid
        .restrictions()
        .take(MAX_RESTRICTIONS.saturating_add(1))
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    let owned = Rid {
        id: rid.id.to_owned(),
        direction: rid.direction,
        payload_types,
        restrictions,
    };
    let usable = (any || !owned.payload_types.is_empty())
        && owned.restrictions.len() <= MAX_RESTRICTIONS
        && owned.dependencies().count() <= MAX_RIDS;
    usable.then_some(owned)
}

/// Of two extensions with one id the first counts, but for ids that only propose: there, they are
/// alternatives (RFC 8285 §7).
fn extensions(media: &Media<'_>) -> Vec<ExtensionId> {
    let mut taken = [false; 256];
    let mut provisional = 0_usize;
    let mut extensions = Vec::new();
    for each in media.header_extensions() {
        if each.is_provisional() {
            provisional = provisional.saturating_add(1);
            if provisional > 256 {
                continue;
            }
        } else {
            let Some(taken @ false) = taken.get_mut(usize::from(each.id)) else {
                continue;
            };
            *taken = true;
        }
        extensions.extend(owned_extension(each));
    }
    extensions
}

fn owned_extension(written: ExtMap<'_>) -> Option<ExtensionId> {
    let encrypted = written.uri == ExtMap::ENCRYPT;
    let each = if encrypted { written.encrypted()? } else { written };
    // RFC 6904 §4: what is encrypted is not encrypted again.
    (each.uri != ExtMap::ENCRYPT).then(|| ExtensionId {
        id: each.id,
        extension: HeaderExtension {
            uri: each.uri.to_owned(),
            direction: each.direction.unwrap_or_default(),
            encrypted,
            attributes: each.attributes.unwrap_or_default().to_owned(),
        },
    })
}
