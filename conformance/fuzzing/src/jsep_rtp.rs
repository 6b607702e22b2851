//! The target of what RTP sections negotiate.

use pollrtc_jsep::rtp::{
    BundleIds, MediaKind, NegotiatedRtp, Role, RtpCapabilities, RtpParameters, RtpSources, Simulcast,
};
use pollrtc_sdp::{Connection, Media, MediaLine, Origin, Parser, Profile, Session, Writer};

/// An offer, and after a NUL an answer of the peer's. We answer the offer; and the peer's answer is
/// taken for one to the offer, and for one to ours.
pub fn jsep_rtp(data: &[u8]) {
    let (offer, answer) = match data.iter().position(|byte| *byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let parse = |text| Parser::new().profile(Profile::Lenient).parse(text);
    let answer = parse(answer).ok();
    let Ok(offer) = parse(offer) else { return };
    let mut bundle = BundleIds::new();
    let sections: Vec<_> = offer
        .media()
        .map(|media| (kind(&media), RtpParameters::read(&media)))
        .collect();
    for (kind, offered) in &sections {
        checked(offered);
        let _ = bundle.claim(*kind, offered);
    }
    for media in offer.media() {
        let sources = RtpSources::read(&media);
        assert!(sources.tracks().len() <= sources.sources.len());
    }
    let mut answers = answer.iter().flat_map(Session::media);
    for (kind, offered) in &sections {
        if let Some(answered) = answers.next() {
            peers_answer(*kind, offered, &RtpParameters::read(&answered));
        }
        answer_and_offer_again(*kind, offered, &mut bundle);
    }
}

fn kind(media: &Media<'_>) -> MediaKind {
    MediaKind::parse(media.kind()).unwrap_or(MediaKind::Video)
}

/// What is read is within bounds, each number once.
fn checked(read: &RtpParameters) {
    let mut seen = [false; 128];
    for each in &read.codecs {
        let seen = &mut seen[usize::from(each.payload_type)];
        assert!(!*seen && each.codec.feedback.len() <= 32);
        *seen = true;
    }
    let mut seen = [false; 256];
    let real = read.header_extensions.iter().filter(|each| each.id < 4_096);
    for seen_before in real.map(|each| std::mem::replace(&mut seen[usize::from(each.id)], true)) {
        assert!(!seen_before);
    }
    assert!(read.rids.len() <= 64 && read.simulcast.send.len() + read.simulcast.receive.len() <= 64);
}

/// Whatever the peer answers, what is agreed was offered.
fn peers_answer(kind: MediaKind, offered: &RtpParameters, answered: &RtpParameters) {
    let mut ours = RtpParameters::offer(&RtpCapabilities::of(kind), None, &mut BundleIds::new());
    ours.offer_simulcast(Simulcast::send(["q", "h", "f"]));
    for offer in [offered, &ours] {
        if let Ok(agreed) = offer.accept(answered) {
            within(offer, &agreed);
            let again = RtpParameters::offer(&RtpCapabilities::of(kind), Some(&agreed), &mut BundleIds::new());
            checked(&again);
        }
    }
}

fn within(offer: &RtpParameters, agreed: &NegotiatedRtp) {
    assert_eq!(agreed.send.codecs.len(), agreed.receive.codecs.len());
    for (sent, received) in agreed.send.codecs.iter().zip(&agreed.receive.codecs) {
        assert!(sent.codec.matches(&received.codec));
        assert!(offer.codec(received.payload_type).is_some());
    }
    let rids = agreed.send.rids.iter().chain(&agreed.receive.rids);
    assert!(
        rids.clone()
            .all(|rid| offer.rids.iter().any(|offered| offered.id == rid.id))
    );
    assert_eq!(agreed.clone().reversed().reversed(), *agreed);
}

/// Our answer can be written, is read the same, and both sides agree on all of it; and what we
/// offer next keeps it.
fn answer_and_offer_again(kind: MediaKind, offered: &RtpParameters, bundle: &mut BundleIds) {
    let able = RtpCapabilities::of(kind);
    let Some(mut answer) = offered.answer(&able, bundle) else {
        return;
    };
    answer.answer_simulcast(offered, |_, _| true);
    assert!(answer.codecs.iter().any(|each| each.codec.role() == Role::Media));
    let arrived = carried(kind, &answer);
    assert_eq!(arrived, answer);
    let agreed = offered.accept(&arrived).expect("our answer has an offered codec");
    assert_eq!(agreed.receive.format_list(), answer.format_list());
    within(offered, &agreed);

    let again = RtpParameters::offer(&able, Some(&agreed.reversed()), bundle);
    checked(&again);
    let kept: Vec<u8> = again.codecs.iter().map(|each| each.payload_type).collect();
    let before: Vec<u8> = answer.codecs.iter().map(|each| each.payload_type).collect();
    assert!(kept.starts_with(&before), "{kept:?} should start with {before:?}");
}

fn carried(kind: MediaKind, parameters: &RtpParameters) -> RtpParameters {
    let mut writer = Writer::new(&Origin::with_id("1", "1"));
    writer
        .media(&MediaLine {
            kind: kind.as_str(),
            port: 9,
            port_count: None,
            protocol: "UDP/TLS/RTP/SAVPF",
            format_list: &parameters.format_list(),
        })
        .connection(&Connection::UNSPECIFIED);
    parameters.write(&mut writer);
    let written = writer.finish().expect("what was negotiated can be written");
    RtpParameters::read(&written.as_session().media().next().expect("one section"))
}
