//! Targets of `pollrtc-sdp`.

use pollrtc_sdp::attribute::{Attribute, Candidate};
use pollrtc_sdp::{
    Attributes, Fragment, FragmentWriter, Media, OwnedFragment, OwnedSession, ParseError, Parser, Place, Profile,
    Session, TypedAttributes, Writer,
};

/// Each takes what those before it do.
const PROFILES: [Profile; 4] = [Profile::Rfc8866, Profile::Jsep, Profile::Interop, Profile::Lenient];

/// Bytes as a description, in each profile: those that the stricter ones accept the others do too,
/// and all that is read can be written.
pub fn sdp(data: &[u8]) {
    let results = PROFILES.map(|profile| Parser::new().profile(profile).parse(data));
    assert!(results.is_sorted_by_key(Result::is_ok));
    for result in &results {
        match result {
            Ok(session) => read(session),
            Err(error) => points_into(data, error),
        }
    }
    if let [_, Ok(session), ..] = &results {
        write(session);
    }
}

/// Bytes as a fragment, in each profile; what is read of it is written the same.
pub fn sdp_fragment(data: &[u8]) {
    let results = PROFILES.map(|profile| Parser::new().profile(profile).parse_fragment(data));
    assert!(results.is_sorted_by_key(Result::is_ok));
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        points_into(data, error);
    }
    let [_, jsep, interop, lenient] = results;
    if let Ok(fragment) = lenient {
        let candidates = fragment.media().flat_map(|media| media.candidates());
        assert!(candidates.count() <= fragment.lines().count());
    }
    if let Ok(fragment) = jsep {
        rewrite_fragment(&fragment);
    }
    if let Ok(fragment) = interop {
        let owned = OwnedFragment::parse(data).expect("it was read before");
        assert_eq!(owned.as_bytes(), data);
        assert_eq!(owned.as_fragment().media_count(), fragment.media_count());
        assert_eq!(owned.as_fragment().credentials(), fragment.credentials());
    }
}

/// The candidates of each section, told again.
fn rewrite_fragment(fragment: &Fragment<'_>) {
    let mut writer = FragmentWriter::new();
    if let Some((ufrag, pwd)) = fragment.credentials() {
        writer.credentials(ufrag, pwd);
    }
    let named = || fragment.media().filter_map(|media| Some((media.mid()?, media)));
    for (mid, media) in named() {
        writer.section_of(&media.line(), mid);
        media.candidates().for_each(|candidate| {
            writer.candidate(candidate);
        });
    }
    let written = writer.finish().expect("what was read can be written");
    let read = |media: Media<'_>| format!("{:?} {:?}", media.mid(), media.candidates().collect::<Vec<_>>());
    let again: Vec<_> = written.as_fragment().media().map(read).collect();
    assert_eq!(again, named().map(|(_, media)| read(media)).collect::<Vec<_>>());
}

/// Text as a candidate.
pub fn sdp_candidate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Candidate::parse(text) {
        Ok(candidate) => {
            assert!((1..=256).contains(&candidate.component) && candidate.priority > 0);
            assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
        }
        Err(error) => assert!((1..=text.len() + 1).contains(&error.column())),
    }
}

/// Line, column and offset name one place, and it is in the text.
fn points_into(data: &[u8], error: &ParseError) {
    let before = &data[..error.offset()];
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let columns = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    assert_eq!(
        (error.line() as usize, error.column() as usize),
        (lines + 1, columns + 1),
        "{error}"
    );
    assert!(error.display_with(data).to_string().lines().count() == 4);
}

/// Every accessor, and every attribute typed and written.
fn read(session: &Session<'_>) {
    assert_eq!(session.media().count(), session.media_count());
    let mut text = session.as_bytes().len();
    for media in session.media() {
        text -= media.as_bytes().len();
        let own = (
            media.mid(),
            media.line(),
            media.is_data_channel(),
            media.connection(),
            media.direction(),
        );
        let ice = (
            media.ice_ufrag(),
            media.ice_pwd(),
            media.ice_options(),
            media.end_of_candidates(),
        );
        let dtls = (media.setup(), media.tls_id(), media.fingerprints().count());
        let sctp = (media.sctp_port(), media.max_message_size(), media.sctp_map());
        let rtp = (
            media.rtcp(),
            media.rtcp_mux(),
            media.rtcp_rsize(),
            media.bandwidths().count(),
        );
        assert!(!format!("{own:?}{ice:?}{dtls:?}{sctp:?}{rtp:?}").is_empty());
        assert!(media.candidates().count() <= media.attributes().count());
        media.attributes().for_each(|raw| rewrite(raw.name, raw.value));
        typed_like_raw(media.attributes(), media.typed_attributes());
    }
    let head = session.lines().take_while(|line| line.letter != 'm');
    let values: usize = head.map(|line| line.value.len() + 2).sum();
    assert!(values <= text);
    let own = (
        session.origin(),
        session.name(),
        session.connection(),
        session.timings().count(),
    );
    assert!(!format!("{own:?}{:?}", session.bundle()).is_empty());
    session.attributes().for_each(|raw| rewrite(raw.name, raw.value));
    typed_like_raw(session.attributes(), session.typed_attributes());
}

/// Each attribute comes in its type, if it can be read so by itself; the lenient profile reads more.
fn typed_like_raw<'a>(raw: Attributes<'a>, typed: TypedAttributes<'a>) {
    let (mut raw, mut typed) = (raw, typed);
    loop {
        match (raw.next(), typed.next()) {
            (None, None) => return,
            (Some(raw), Some(Attribute::Other(other))) => {
                assert_eq!(raw, other);
                assert!(matches!(raw.typed(), Err(_) | Ok(Attribute::Other(_))));
            }
            (Some(raw), Some(typed)) => {
                let name = raw.name.to_ascii_lowercase();
                let alone = Attribute::parse_lenient(&name, raw.value);
                assert_eq!(alone, Ok(typed));
            }
            (raw, typed) => panic!("{raw:?} {typed:?}"),
        }
    }
}

fn rewrite(name: &str, value: Option<&[u8]>) {
    let Ok(attribute) = Attribute::parse(name, value) else {
        return;
    };
    if matches!(attribute, Attribute::Other(_)) {
        return;
    }
    let written = attribute.to_string();
    let (name, value) = match written.split_once(':') {
        Some((name, value)) => (name, Some(value.as_bytes())),
        None => (written.as_str(), None),
    };
    assert_eq!(Attribute::parse(name, value), Ok(attribute));
}

/// What a description holds can be copied, answered and changed, and is a description then too.
fn write(session: &Session<'_>) {
    let mut owned = OwnedSession::from(*session);
    assert_eq!(owned.as_bytes(), session.as_bytes());
    owned
        .push_attribute(Place::Session, Attribute::IceLite)
        .expect("it may stand there");
    assert!(Session::parse(owned.as_bytes()).is_ok());
    assert_eq!(owned.as_session().media_count(), session.media_count());

    let mut writer = Writer::new(&session.origin());
    session.media().for_each(|media| {
        writer.rejected(&media);
    });
    let rejections = writer.finish().expect("what was read can be answered");
    assert!(rejections.as_session().media().all(|media| media.is_rejected()));
}
