//! Parsing allocates nothing, however the description is read.

use allocation_counter::measure;
use pollrtc_sdp::attribute::{Attribute, Candidate};
use pollrtc_sdp::{OwnedSession, Parser, Profile, Session};

mod common;

#[test]
fn no_profile_allocates_to_parse() {
    let offer = common::offer(200);
    for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
        let allocations = measure(|| {
            let mut findings = 0;
            let session = Parser::new()
                .profile(profile)
                .parse_with(&offer, |_| findings += 1)
                .unwrap();
            assert_eq!((session.media_count(), findings), (200, 0));
        });
        assert_eq!(allocations.count_total, 0, "{profile:?}");
    }
}

#[test]
fn an_error_costs_no_allocation_either() {
    let offer = common::offer(3).replace("a=setup:actpass", "a=setup:maybe");
    let allocations = measure(|| assert!(Session::parse(&offer).is_err()));
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn reading_everything_allocates_nothing() {
    let offer = common::offer(20);
    let allocations = measure(|| {
        let session = Session::parse(&offer).unwrap();
        let mut read = session.groups().flat_map(|group| group.mids()).count();
        for media in session.media() {
            read += media
                .attributes()
                .filter_map(|raw| Attribute::parse(raw.name, raw.value).ok())
                .count();
            read += media.candidates().flat_map(|candidate| candidate.extensions()).count();
            read += media.fingerprints().flat_map(|fingerprint| fingerprint.bytes()).count();
            read += media.formats().count() + media.mid().map_or(0, str::len) + media.ice_pwd().map_or(0, str::len);
        }
        assert!(read > 1_000);
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn a_trickled_candidate_costs_no_allocation() {
    let line =
        "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0";
    let allocations = measure(|| assert_eq!(Candidate::parse(line).unwrap().port, 46_154));
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn an_owned_session_is_its_text_and_its_index() {
    let offer = common::offer(20);
    let mut owned = None;
    let allocations = measure(|| owned = OwnedSession::parse(&offer).ok());
    assert_eq!(owned.unwrap().as_bytes(), offer.as_bytes());
    assert_eq!(allocations.count_total, 2);
    let owned = OwnedSession::parse(&offer).unwrap();
    let reading = measure(|| assert_eq!(owned.media(19).unwrap().mid(), Some("19")));
    assert_eq!(reading.count_total, 0);
}
