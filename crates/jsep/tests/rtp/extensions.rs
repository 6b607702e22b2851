//! Ids and directions of header extensions.

use pollrtc_jsep::rtp::{BundleIds, HeaderExtension, MediaKind, RtpCapabilities, RtpError, RtpParameters};
use pollrtc_sdp::attribute::Direction;

use crate::support::{able_to_extend, answer, carried, extensions, offer, read};

/// An offer of VP8 with these `a=extmap` values.
fn offering(values: &[&str]) -> RtpParameters {
    let lines: Vec<String> = values.iter().map(|value| format!("a=extmap:{value}")).collect();
    let mut all = vec![
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
    ];
    all.extend(lines.iter().map(String::as_str));
    read(&all)
}

#[test]
fn an_answer_keeps_the_offers_ids() {
    let offer = offering(&["3 urn:mid", "14 urn:twcc", "7 urn:unknown"]);
    let answer = answer(&offer, &able_to_extend(&["urn:twcc", "urn:mid", "urn:more"])).unwrap();
    assert_eq!(extensions(&answer), ["3 urn:mid", "14 urn:twcc"]);
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(agreed.send.extension_id("urn:twcc"), Some(14));
    assert_eq!(agreed.send.extension_id("urn:unknown"), None);
}

#[test]
fn directions_are_answered_from_the_other_side() {
    let offer = offering(&[
        "1/sendonly urn:a",
        "2/recvonly urn:b",
        "3 urn:c",
        "4/inactive urn:d",
        "5/sendonly urn:e",
    ]);
    let mut ours = able_to_extend(&["urn:a", "urn:b", "urn:c", "urn:d", "urn:e"]);
    ours.header_extensions[2].direction = Direction::SendOnly;
    ours.header_extensions[4].direction = Direction::SendOnly;
    let answer = answer(&offer, &ours).unwrap();
    assert_eq!(
        extensions(&answer),
        ["1/recvonly urn:a", "2/sendonly urn:b", "3/sendonly urn:c"],
        "what goes in no direction is not answered"
    );
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(extensions(&agreed.send), ["1/sendonly urn:a"]);
    assert_eq!(extensions(&agreed.receive), ["2/recvonly urn:b", "3/recvonly urn:c"]);
    let theirs = agreed.reversed();
    assert_eq!(extensions(&theirs.send), ["2/sendonly urn:b", "3/sendonly urn:c"]);
}

#[test]
fn what_an_offer_only_proposes_gets_a_free_id() {
    let offer = offering(&["1 urn:a", "2 urn:taken", "4096 urn:b", "4097 urn:c"]);
    let answer = answer(&offer, &able_to_extend(&["urn:a", "urn:b", "urn:c"])).unwrap();
    assert_eq!(
        extensions(&answer),
        ["1 urn:a", "9 urn:b", "3 urn:c"],
        "2 is somebody's, if not ours"
    );
    assert_eq!(extensions(&offer.accept(&answer).unwrap().send), extensions(&answer));
}

#[test]
fn of_alternatives_with_one_id_one_is_answered() {
    // RFC 8285 §7's example.
    let offer = offering(&[
        "1 urn:toffset",
        "14 urn:obscure",
        "4096 urn:gps-string",
        "4096 urn:gps-binary",
        "4097 urn:frametype",
    ]);
    let mut ours = able_to_extend(&["urn:gps-binary", "urn:gps-string", "urn:toffset", "urn:frametype"]);
    ours.header_extensions[1].direction = Direction::RecvOnly;
    assert_eq!(
        extensions(&answer(&offer, &ours).unwrap()),
        ["1 urn:toffset", "9/recvonly urn:gps-string", "2 urn:frametype"]
    );
}

#[test]
fn ids_of_two_bytes_need_both_sides() {
    let mut offer = offering(&["14 urn:a", "16 urn:b", "4096 urn:c"]);
    let mut ours = able_to_extend(&["urn:a", "urn:b", "urn:c"]);
    let ids = |offer: &RtpParameters, ours: &RtpCapabilities| extensions(&answer(offer, ours).unwrap());
    assert_eq!(ids(&offer, &ours), ["14 urn:a", "16 urn:b", "9 urn:c"]);
    ours.extmap_allow_mixed = false;
    assert_eq!(ids(&offer, &ours), ["14 urn:a", "9 urn:c"]);

    let all: Vec<String> = (1..=14).map(|id| format!("{id} urn:{id}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).chain(["4096 urn:c"]).collect();
    offer = offering(&all);
    ours.extmap_allow_mixed = true;
    assert!(ids(&offer, &ours).is_empty(), "no id of one byte is left");
    offer.extmap_allow_mixed = true;
    assert_eq!(ids(&offer, &ours), ["16 urn:c"]);
    assert!(answer(&offer, &ours).unwrap().extmap_allow_mixed);
}

#[test]
fn an_id_that_stands_for_two_extensions_stands_for_the_first() {
    let offer = offering(&["1 urn:a", "1 urn:b", "15 urn:c"]);
    assert_eq!(extensions(&offer), ["1 urn:a", "15 urn:c"]);
}

#[test]
fn an_extension_that_is_offered_twice_is_answered_once() {
    let offer = offering(&["1 urn:a", "2 urn:a", "3 urn:a with=attributes"]);
    let answer = answer(&offer, &able_to_extend(&["urn:a"])).unwrap();
    assert_eq!(answer.header_extensions.len(), 2, "other attributes make it another");
    assert_eq!(extensions(&answer), ["1 urn:a", "3 urn:a"]);
}

#[test]
fn the_sessions_extensions_are_those_of_sections_that_have_none() {
    let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=extmap:5 urn:a\r\na=extmap-allow-mixed\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 VP8/90000\r\n";
    let session = pollrtc_sdp::Session::parse(text).unwrap();
    let offer = RtpParameters::read(&session.media().next().unwrap());
    assert_eq!(extensions(&offer), ["5 urn:a"]);
    assert!(offer.extmap_allow_mixed);
}

#[test]
fn encrypted_extensions_are_preferred_and_never_used_beside_the_plain_ones() {
    // RFC 6904 §4.1.
    let hidden = "urn:ietf:params:rtp-hdrext:encrypt";
    let offer = offering(&[
        "1 urn:level",
        &format!("2 {hidden} urn:level 25@600/24"),
        &format!("3 {hidden} {hidden} urn:x"),
    ]);
    assert_eq!(
        extensions(&offer),
        ["1 urn:level", "2 hidden urn:level"],
        "encrypted once is enough"
    );
    assert_eq!(carried(MediaKind::Video, &offer), offer);

    let mut ours = able_to_extend(&["urn:level"]);
    assert_eq!(extensions(&answer(&offer, &ours).unwrap()), ["1 urn:level"]);

    ours.header_extensions
        .push(HeaderExtension::new("urn:level").encrypted());
    let answer = answer(&offer, &ours).unwrap();
    assert_eq!(extensions(&answer), ["1/inactive urn:level", "2 hidden urn:level"]);
    assert_eq!(extensions(&offer.accept(&answer).unwrap().send), ["2 hidden urn:level"]);
}

#[test]
fn an_extension_has_one_id_in_all_sections_of_a_bundle() {
    let mut bundle = BundleIds::new();
    let first = RtpParameters::offer(&able_to_extend(&["urn:a", "urn:b"]), None, &mut bundle);
    let second = RtpParameters::offer(&able_to_extend(&["urn:c", "urn:b"]), None, &mut bundle);
    assert_eq!(extensions(&first), ["9 urn:a", "1 urn:b"]);
    assert_eq!(extensions(&second), ["2 urn:c", "1 urn:b"]);

    let mut bundle = BundleIds::new();
    bundle
        .claim(MediaKind::Video, &offering(&["1 urn:a", "4096 urn:x"]))
        .unwrap();
    bundle
        .claim(MediaKind::Video, &offering(&["1 urn:a", "2 urn:b", "4096 urn:y"]))
        .unwrap();
    assert_eq!(
        bundle.claim(MediaKind::Video, &offering(&["2 urn:a"])),
        Err(RtpError::ExtensionIdConflict(2))
    );
}

#[test]
fn a_thousand_extensions_leave_out_what_has_no_id() {
    let uris: Vec<String> = (0..1_000).map(|number| format!("urn:{number}")).collect();
    let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
    let mut ours = able_to_extend(&uris);
    let ids =
        |parameters: RtpParameters| -> Vec<u16> { parameters.header_extensions.iter().map(|each| each.id).collect() };
    // Firefox refuses the whole description for an id above 14, whatever `a=extmap-allow-mixed` says. Those that
    // browsers use for other things come last.
    for extmap_allow_mixed in [true, false] {
        ours.extmap_allow_mixed = extmap_allow_mixed;
        let all = [9].into_iter().chain((1..=14).filter(|id| *id != 9));
        assert_eq!(ids(offer(&ours)), all.collect::<Vec<u16>>());
    }
}

/// The peer has named all ids but two already, one with an id of a two-byte header.
#[test]
fn where_ids_are_few_those_that_tell_streams_apart_are_offered() {
    let mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
    let rid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    let mut bundle = BundleIds::new();
    let taken: Vec<String> = (1..=12).chain([16]).map(|id| format!("{id} urn:{id}")).collect();
    let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
    bundle.claim(MediaKind::Video, &offering(&taken)).unwrap();
    let mut ours = able_to_extend(&["urn:a", "urn:16", mid, "urn:3", rid]);
    let first = RtpParameters::offer(&ours, None, &mut bundle);
    assert_eq!(
        extensions(&first),
        ["16 urn:16", &format!("13 {mid}"), "3 urn:3", &format!("14 {rid}")]
    );
    ours.extmap_allow_mixed = false;
    let second = RtpParameters::offer(&ours, None, &mut bundle);
    assert_eq!(
        extensions(&second),
        [&format!("13 {mid}"), "3 urn:3", &format!("14 {rid}")]
    );
}

#[test]
fn an_answer_that_invents_ids_is_not_followed() {
    let offer = offering(&["1 urn:a", "2 urn:b", "4096 urn:c"]);
    let answer = offering(&["2 urn:a", "1 urn:b", "1 urn:c", "9 urn:d", "4096 urn:c"]);
    assert_eq!(extensions(&answer), ["2 urn:a", "1 urn:b", "9 urn:d", "4096 urn:c"]);
    assert!(extensions(&offer.accept(&answer).unwrap().send).is_empty());
}
