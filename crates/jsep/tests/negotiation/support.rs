//! Two peers that talk, and words for what they say.

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    CertificateHash, Config, Description, Effect, HashFunction, LocalTransport, NegotiationError, Negotiator, SdpKind,
    TransportKey,
};

/// A negotiator with transports that tell the same each time they are asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Peer {
    pub(crate) negotiator: Negotiator,
    pub(crate) name: &'static str,
    /// What all transports have found.
    pub(crate) candidates: Vec<String>,
    pub(crate) end_of_candidates: bool,
    pub(crate) with_tls_id: bool,
}

impl Peer {
    /// Data channels only.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::with(name, Config::new(0x3fff_0000_0000_0001))
    }

    /// Audio and video too.
    pub(crate) fn media(name: &'static str) -> Self {
        Self::with(name, media_config())
    }

    pub(crate) fn with(name: &'static str, config: Config) -> Self {
        Self {
            negotiator: Negotiator::new(config),
            name,
            candidates: Vec::new(),
            end_of_candidates: false,
            with_tls_id: false,
        }
    }

    /// What the transports have to tell.
    pub(crate) fn transport(&self) -> impl Fn(TransportKey) -> LocalTransport + use<> {
        let peer = self.clone();
        move |key| {
            let name = peer.name;
            let candidates = peer.candidates.iter();
            LocalTransport {
                ufrag: format!("{name}T{}g{}", key.transport, key.generation),
                pwd: format!("{name}PasswordOfTransport{}g{}", key.transport, key.generation),
                fingerprints: vec![fingerprint(name)],
                tls_id: peer
                    .with_tls_id
                    .then(|| format!("{name}-dtls-association-{}-{}", key.transport, key.tls_id)),
                candidates: candidates.map(|line| line.parse().expect("a candidate")).collect(),
                end_of_candidates: peer.end_of_candidates,
            }
        }
    }

    pub(crate) fn create_offer(&mut self) -> Description {
        let transport = self.transport();
        self.negotiator.create_offer(transport).expect("an offer")
    }

    pub(crate) fn create_answer(&mut self) -> Description {
        let transport = self.transport();
        self.negotiator.create_answer(transport).expect("an answer")
    }

    /// Makes an offer and sets it.
    pub(crate) fn offer(&mut self) -> Description {
        let offer = self.create_offer();
        self.negotiator.set_local(&offer).expect("our offer fits");
        offer
    }

    /// Takes an offer, answers it and sets the answer.
    pub(crate) fn answer(&mut self, offer: &Description) -> Description {
        self.negotiator.set_remote(offer).expect("the offer can be taken");
        let answer = self.create_answer();
        self.negotiator.set_local(&answer).expect("our answer fits");
        answer
    }

    /// Takes what the peer says and gives its effects.
    pub(crate) fn take(&mut self, description: &Description) -> Vec<Effect> {
        self.negotiator
            .set_remote(description)
            .unwrap_or_else(|error| panic!("{error}\n{description}"))
    }

    /// What the peer says is refused, and nothing changes.
    pub(crate) fn refuse(&mut self, description: &Description) -> NegotiationError {
        let before = self.negotiator.clone();
        let error = self.negotiator.set_remote(description).expect_err("it is refused");
        assert_eq!(self.negotiator, before, "an error changes nothing");
        error
    }

    pub(crate) fn local(&self) -> Description {
        let described = self.negotiator.local_description(self.transport());
        described.expect("it can be written").expect("there is one")
    }
}

/// Audio and video as browsers have them.
pub(crate) fn media_config() -> Config {
    Config {
        audio: RtpCapabilities::of(MediaKind::Audio),
        video: RtpCapabilities::of(MediaKind::Video),
        ..Config::new(0x3fff_0000_0000_0002)
    }
}

pub(crate) fn fingerprint(name: &str) -> CertificateHash {
    let byte = name.bytes().fold(0_u8, u8::wrapping_add);
    CertificateHash::new(HashFunction::Sha256, &[byte; 32]).expect("32 bytes")
}

/// The digits of a fingerprint.
pub(crate) fn hash_of(name: &str) -> String {
    let text = fingerprint(name).to_string();
    text.strip_prefix("sha-256 ").expect("it is by SHA-256").to_owned()
}

/// Alice offers, Bob answers, both agree.
pub(crate) fn exchange(alice: &mut Peer, bob: &mut Peer) -> (Description, Description) {
    let offer = alice.offer();
    let answer = bob.answer(&offer);
    alice.take(&answer);
    (offer, answer)
}

/// Two that have data channels.
pub(crate) fn data_pair() -> (Peer, Peer) {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    (alice, bob)
}

pub(crate) fn edited(description: &Description, from: &str, to: &str) -> Description {
    assert!(description.sdp.contains(from), "there is {from:?} in\n{description}");
    Description {
        sdp: description.sdp.replace(from, to),
        ..description.clone()
    }
}

pub(crate) fn as_kind(description: &Description, kind: SdpKind) -> Description {
    Description {
        kind,
        ..description.clone()
    }
}

/// The `m=` lines.
pub(crate) fn media_lines(description: &Description) -> Vec<&str> {
    description.sdp.lines().filter(|line| line.starts_with("m=")).collect()
}

/// The text of one section.
pub(crate) fn section(description: &Description, index: usize) -> String {
    let mut parts = description.sdp.split("\r\nm=");
    let text = parts.nth(index + 1).expect("there is such a section");
    format!("m={}\r\n", text.trim_end())
}

/// The values of an attribute, wherever it stands.
pub(crate) fn values<'d>(description: &'d str, attribute: &str) -> Vec<&'d str> {
    let lines = description.lines().filter_map(|line| line.strip_prefix("a="));
    lines
        .filter_map(|line| line.strip_prefix(attribute)?.strip_prefix(':'))
        .collect()
}

pub(crate) fn has(description: &str, attribute: &str) -> bool {
    description
        .lines()
        .any(|line| line.strip_prefix("a=") == Some(attribute))
}

pub(crate) fn version(description: &Description) -> u64 {
    let origin = description.sdp.lines().nth(1).expect("o= is the second line");
    origin
        .split(' ')
        .nth(2)
        .expect("it has a version")
        .parse()
        .expect("a number")
}

pub(crate) fn is_rejected(description: &Description, index: usize) -> bool {
    media_lines(description)[index].split(' ').nth(1) == Some("0") && !has(&section(description, index), "bundle-only")
}

/// What a section says about its transport, candidates aside.
pub(crate) fn transport_of(section: &str) -> Vec<String> {
    let attributes = ["ice-ufrag", "ice-pwd", "fingerprint", "setup", "tls-id"];
    let all = attributes.iter().flat_map(|name| {
        values(section, name)
            .into_iter()
            .map(move |value| format!("a={name}:{value}\r\n"))
    });
    all.collect()
}

/// As a peer writes it that goes by RFC 9143 §7.1.3: sections with port zero, and those behind the
/// first of their bundle, say nothing about a transport.
pub(crate) fn described_once(description: &Description) -> Description {
    let bundles = values(&description.sdp, "group");
    let bundled: Vec<&str> = bundles.iter().flat_map(|group| group.split(' ').skip(2)).collect();
    let count = media_lines(description).len();
    let mut sdp = description.sdp.split("m=").next().unwrap_or_default().to_owned();
    for index in 0..count {
        let mut text = section(description, index);
        let says_nothing = text.split(' ').nth(1) == Some("0") || bundled.contains(&values(&text, "mid")[0]);
        if says_nothing {
            for line in transport_of(&text.clone()) {
                text = text.replace(&line, "");
            }
        }
        sdp.push_str(&text);
    }
    Description {
        sdp,
        ..description.clone()
    }
}

/// How many different values an attribute has.
pub(crate) fn different(description: &Description, attribute: &str) -> usize {
    let mut values = values(&description.sdp, attribute);
    values.sort_unstable();
    values.dedup();
    values.len()
}
