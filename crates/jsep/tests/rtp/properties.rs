//! What holds for every two peers.

use pollrtc_jsep::rtp::{
    BundleIds, CodecOrder, HeaderExtension, MediaKind, NegotiatedRtp, Role, RtpCapabilities, RtpParameters, Simulcast,
};
use quickcheck::{Arbitrary, Gen, TestResult, quickcheck};

use crate::support::{carried, codec};

/// What a peer can do: any of the usual codecs and some odd ones, in any order.
#[derive(Debug, Clone)]
struct Peer(RtpCapabilities);

/// A peer for video.
#[derive(Debug, Clone)]
struct VideoPeer(RtpCapabilities);

fn some<T: Clone>(g: &mut Gen, all: &[T]) -> Vec<T> {
    let mut chosen: Vec<(u32, T)> = all.iter().map(|each| (u32::arbitrary(g), each.clone())).collect();
    chosen.sort_by_key(|(key, _)| *key);
    let keep = usize::arbitrary(g) % (all.len() + 1);
    chosen.into_iter().take(keep).map(|(_, each)| each).collect()
}

fn peer(g: &mut Gen, kind: MediaKind) -> RtpCapabilities {
    const ODD: [&str; 8] = [
        "H264/90000 profile-level-id=4de034;packetization-mode=1",
        "H264/90000 level-asymmetry-allowed=1;profile-level-id=42e00b;packetization-mode=1",
        "H264/90000",
        "opus/48000/2 stereo=1",
        "L16/44100/2",
        "red/8000",
        "rtx/48000 rtx-time=200",
        "H265/90000 level-id=90",
    ];
    let usual = RtpCapabilities::of(kind);
    let codecs: Vec<_> = usual.codecs.iter().cloned().chain(ODD.map(codec)).collect();
    let mut codecs = some(g, &codecs);
    for codec in &mut codecs {
        codec.feedback = some(g, &codec.feedback);
    }
    let extra = ["urn:x", "urn:y"].map(HeaderExtension::new);
    let extensions: Vec<_> = usual.header_extensions.iter().cloned().chain(extra).collect();
    RtpCapabilities {
        codecs,
        order: *g
            .choose(&[CodecOrder::AsBefore, CodecOrder::AsBefore, CodecOrder::Preferred])
            .unwrap(),
        header_extensions: some(g, &extensions),
        extmap_allow_mixed: bool::arbitrary(g),
        rtcp_rsize: bool::arbitrary(g),
        ..usual
    }
}

impl Arbitrary for Peer {
    fn arbitrary(g: &mut Gen) -> Self {
        let kind = *g.choose(&[MediaKind::Audio, MediaKind::Video]).unwrap();
        Peer(peer(g, kind))
    }
}

impl Arbitrary for VideoPeer {
    fn arbitrary(g: &mut Gen) -> Self {
        VideoPeer(peer(g, MediaKind::Video))
    }
}

/// Offer and answer as they arrive, and what each side takes from them: the offerer first.
fn exchange(
    offer: &RtpParameters,
    offerer: &RtpCapabilities,
    answerer: &RtpCapabilities,
) -> Option<(RtpParameters, NegotiatedRtp, NegotiatedRtp)> {
    if offer.codecs.is_empty() {
        // There is no `m=` line without formats.
        return None;
    }
    let arrived = carried(offerer.kind, offer);
    assert_eq!(&arrived, offer, "an offer arrives as it was made");
    let mut bundle = BundleIds::new();
    bundle
        .claim(offerer.kind, &arrived)
        .expect("an offer without conflicts");
    let answer = arrived.answer(answerer, &mut bundle)?;
    let answered = carried(offerer.kind, &answer);
    assert_eq!(answered, answer, "an answer arrives as it was made");
    let theirs = arrived.accept(&answer).expect("our own answer fits").reversed();
    let ours = offer.accept(&answered).expect("an answer that fits");
    Some((answer, ours, theirs))
}

fn with_kind_of(other: &RtpCapabilities, capabilities: &RtpCapabilities) -> bool {
    other.kind == capabilities.kind
}

quickcheck! {
    fn an_answer_is_within_its_offer(offerer: Peer, answerer: Peer) -> TestResult {
        let (offerer, answerer) = (offerer.0, answerer.0);
        if !with_kind_of(&offerer, &answerer) {
            return TestResult::discard();
        }
        let offer = RtpParameters::offer(&offerer, None, &mut BundleIds::new());
        let Some((answer, ..)) = exchange(&offer, &offerer, &answerer) else {
            let common = offer.codecs.iter().any(|each| {
                each.codec.role() == Role::Media && answerer.codecs.iter().any(|ours| ours.matches(&each.codec))
            });
            assert!(!common, "there was a codec to answer with");
            return TestResult::passed();
        };
        for each in &answer.codecs {
            let offered = offer.codec(each.payload_type).expect("an offered payload type");
            assert!(offered.matches(&each.codec));
            assert!(each.codec.feedback.iter().all(|kind| offered.feedback.contains(kind)));
            assert!(each.apt().is_none_or(|apt| answer.codec(apt).is_some()), "what is repaired is there");
            assert!(each.red().is_none_or(|list| list.iter().all(|one| answer.codec(*one).is_some())));
        }
        for each in &answer.header_extensions {
            assert!(offer.header_extensions.iter().any(|offered| offered.id == each.id
                && offered.extension.uri == each.extension.uri));
        }
        assert!(answer.codecs.iter().any(|each| each.codec.role() == Role::Media));
        TestResult::passed()
    }

    fn both_sides_agree_on_the_same(offerer: Peer, answerer: Peer) -> TestResult {
        let (offerer, answerer) = (offerer.0, answerer.0);
        if !with_kind_of(&offerer, &answerer) {
            return TestResult::discard();
        }
        let offer = RtpParameters::offer(&offerer, None, &mut BundleIds::new());
        let Some((answer, ours, theirs)) = exchange(&offer, &offerer, &answerer) else {
            return TestResult::discard();
        };
        assert_eq!(ours, theirs.reversed());
        assert_eq!(ours.send.format_list(), answer.format_list());
        assert_eq!(ours.receive.format_list(), answer.format_list());
        TestResult::passed()
    }

    fn a_reoffer_keeps_payload_types_and_order_from_either_side(offerer: Peer, answerer: Peer) -> TestResult {
        let (offerer, answerer) = (offerer.0, answerer.0);
        if !with_kind_of(&offerer, &answerer) {
            return TestResult::discard();
        }
        let mut bundle = BundleIds::new();
        let offer = RtpParameters::offer(&offerer, None, &mut bundle);
        let Some((answer, ours, theirs)) = exchange(&offer, &offerer, &answerer) else {
            return TestResult::discard();
        };
        let mut theirs_in_use = BundleIds::new();
        theirs_in_use.claim(offerer.kind, &offer).unwrap();
        for (peer, agreed, in_use) in [(&offerer, ours, &mut bundle), (&answerer, theirs, &mut theirs_in_use)] {
            let again = RtpParameters::offer(peer, Some(&agreed), in_use);
            if peer.order == CodecOrder::AsBefore {
                let first: Vec<u8> = again.codecs.iter().take(answer.codecs.len()).map(|each| each.payload_type).collect();
                let before: Vec<u8> = answer.codecs.iter().map(|each| each.payload_type).collect();
                assert_eq!(first, before);
            }
            for each in &again.codecs {
                let before = offer.codec(each.payload_type);
                assert!(before.is_none_or(|before| before.matches(&each.codec)), "{each:?} was {before:?}");
            }
            for each in &again.header_extensions {
                let agreed = answer.header_extensions.iter();
                assert!(agreed.clone().any(|known| known.id == each.id && known.extension.uri == each.extension.uri));
            }
        }
        TestResult::passed()
    }

    fn a_second_round_agrees_on_the_same_as_the_first(offerer: Peer, answerer: Peer) -> TestResult {
        let (mut offerer, mut answerer) = (offerer.0, answerer.0);
        if !with_kind_of(&offerer, &answerer) {
            return TestResult::discard();
        }
        (offerer.order, answerer.order) = (CodecOrder::AsBefore, CodecOrder::AsBefore);
        let mut bundle = BundleIds::new();
        let offer = RtpParameters::offer(&offerer, None, &mut bundle);
        let Some((first, ours, _)) = exchange(&offer, &offerer, &answerer) else {
            return TestResult::discard();
        };
        let again = RtpParameters::offer(&offerer, Some(&ours), &mut bundle);
        let (second, ..) = exchange(&again, &offerer, &answerer).expect("what was agreed before");
        assert_eq!(second.format_list(), first.format_list());
        assert_eq!(second.header_extensions, first.header_extensions);
        TestResult::passed()
    }

    fn sections_of_one_bundle_never_conflict(peers: Vec<Peer>) -> bool {
        let mut bundle = BundleIds::new();
        let sections: Vec<_> = peers
            .iter()
            .map(|Peer(peer)| (peer.kind, RtpParameters::offer(peer, None, &mut bundle)))
            .collect();
        let mut theirs = BundleIds::new();
        sections.iter().all(|(kind, section)| {
            let numbers = || section.codecs.iter().map(|each| each.payload_type);
            theirs.claim(*kind, section).is_ok()
                && numbers().all(|number| number < 128 && !(64..=95).contains(&number))
                && numbers().collect::<std::collections::BTreeSet<_>>().len() == section.codecs.len()
        })
    }

    fn layers_of_an_answer_are_within_those_of_the_offer(offerer: VideoPeer, answerer: VideoPeer, keep: u8) -> TestResult {
        let mut offer = RtpParameters::offer(&offerer.0, None, &mut BundleIds::new());
        offer.offer_simulcast(Simulcast::send(["0", "1", "2", "3"]));
        let Some(mut answer) = offer.answer(&answerer.0, &mut BundleIds::new()) else {
            return TestResult::discard();
        };
        answer.answer_simulcast(&offer, |_, rid| keep >> rid.parse::<u8>().unwrap() & 1 == 1);
        let answer = carried(MediaKind::Video, &answer);
        let agreed = offer.accept(&answer).unwrap();
        assert_eq!(agreed.send.simulcast.send.len(), (keep & 0b1111).count_ones() as usize);
        assert_eq!(agreed.send.simulcast.send, answer.simulcast.receive);
        assert_eq!(agreed.clone().reversed().reversed(), agreed);
        TestResult::passed()
    }
}
