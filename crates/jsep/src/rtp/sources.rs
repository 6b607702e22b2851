//! Which RTP sources a section names: what came before `a=mid`, `a=msid` and `a=rid`, and still helps.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_sdp::Media;

/// The sources of a section, from `a=ssrc` and `a=ssrc-group` (RFC 5576).
///
/// Peers that number the sources themselves name them here, and old ones put several tracks into
/// one section ("plan B") or the layers of simulcast into a group (`SIM`). We read that and never
/// write it: of ours, there are [`LocalSource`]s.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RtpSources {
    /// In the order in which they are first named.
    pub sources: Vec<Source>,
    /// Groups and their sources, as they are written.
    pub groups: Vec<(String, Vec<u32>)>,
}

/// A source and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The SSRC.
    pub ssrc: u32,
    /// The canonical name (RFC 3550 §6.5.1).
    pub cname: Option<String>,
    /// The stream and the track that it belongs to.
    pub msid: Option<(String, Option<String>)>,
}

/// A source of ours, as our descriptions name it (RFC 5576), with the one that retransmits its packets.
///
/// ```
/// use pollrtc_jsep::rtp::LocalSource;
///
/// let camera = LocalSource { ssrc: 1, rtx: Some(2) };
/// assert_eq!(camera.ssrcs().collect::<Vec<_>>(), [1, 2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalSource {
    /// The SSRC of the media.
    pub ssrc: u32,
    /// The SSRC of its retransmissions (RFC 4588), where there are any.
    pub rtx: Option<u32>,
}

impl LocalSource {
    /// One or both.
    pub fn ssrcs(self) -> impl Iterator<Item = u32> {
        core::iter::once(self.ssrc).chain(self.rtx)
    }
}

/// A track as its sources show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The stream and the track, if they have names.
    pub msid: Option<(String, Option<String>)>,
    /// The source of each layer; several with the old form of simulcast, in the order of its group,
    /// which browsers write from small to large.
    pub layers: Vec<u32>,
}

impl RtpSources {
    /// What a section names. What is malformed or repeated is left out.
    pub fn read(media: &Media<'_>) -> Self {
        let mut place: BTreeMap<u32, usize> = BTreeMap::new();
        let mut sources: Vec<Source> = Vec::new();
        for line in media.ssrcs() {
            let at = *place.entry(line.ssrc).or_insert(sources.len());
            if at == sources.len() {
                sources.push(Source {
                    ssrc: line.ssrc,
                    ..Source::default()
                });
            }
            let Some(source) = sources.get_mut(at) else { continue };
            if let Some(msid) = line.msid() {
                let named = (msid.stream.to_owned(), msid.track.map(ToOwned::to_owned));
                source.msid.get_or_insert(named);
            } else if let ("cname", Some(name)) = (line.attribute, line.value) {
                source.cname.get_or_insert_with(|| name.to_owned());
            }
        }
        let groups = media.ssrc_groups();
        Self {
            sources,
            groups: groups
                .map(|group| (group.semantics.to_owned(), group.ssrcs().collect()))
                .collect(),
        }
    }

    /// The source that retransmits this one's packets: the second of its `FID` group (RFC 4588 §8.7,
    /// RFC 5576 §4.2).
    pub fn rtx_of(&self, ssrc: u32) -> Option<u32> {
        self.second_of("FID", ssrc)
    }

    /// The source that protects this one with FEC: the second of its `FEC-FR` group (RFC 5956 §4.3).
    pub fn fec_of(&self, ssrc: u32) -> Option<u32> {
        self.second_of("FEC-FR", ssrc)
    }

    fn second_of(&self, semantics: &str, ssrc: u32) -> Option<u32> {
        self.groups.iter().find_map(|(each, ssrcs)| match ssrcs.as_slice() {
            [first, second, ..] if each == semantics && *first == ssrc => Some(*second),
            _ => None,
        })
    }

    /// The tracks that the sources belong to: one for each layer group, and one for each other
    /// source that repairs no other. In a section of today there is at most one.
    pub fn tracks(&self) -> Vec<Track> {
        let mut used: BTreeMap<u32, ()> = BTreeMap::new();
        for (semantics, ssrcs) in &self.groups {
            if matches!(semantics.as_str(), "FID" | "FEC-FR" | "FEC") {
                used.extend(ssrcs.iter().skip(1).map(|ssrc| (*ssrc, ())));
            }
        }
        let mut layers_of: BTreeMap<u32, &[u32]> = BTreeMap::new();
        for (semantics, ssrcs) in &self.groups {
            if let ("SIM", [first, others @ ..]) = (semantics.as_str(), ssrcs.as_slice())
                && !layers_of.contains_key(first)
            {
                layers_of.insert(*first, ssrcs);
                used.extend(others.iter().map(|ssrc| (*ssrc, ())));
            }
        }
        let own = self.sources.iter().filter(|source| !used.contains_key(&source.ssrc));
        own.map(|source| Track {
            msid: source.msid.clone(),
            layers: match layers_of.get(&source.ssrc) {
                Some(layers) => layers.to_vec(),
                None => [source.ssrc].into(),
            },
        })
        .collect()
    }
}
