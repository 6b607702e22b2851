//! Descriptions that others wrote: browsers' captures and a collection of samples, where a copy of
//! them lies beside the repository.

use std::fs;
use std::path::PathBuf;

use pollrtc_sdp::attribute::Attribute;
use pollrtc_sdp::{OwnedSession, Parser, Profile, Session};

#[path = "common/corpus.rs"]
mod files;

use files::corpus;

/// What the collection's index expects of a sample of our own making: `valid`, `invalid`, `tolerate`.
fn expectations() -> Vec<(String, String)> {
    let index = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/sdp/samples-index.csv");
    let index = fs::read_to_string(index).unwrap_or_default();
    index
        .lines()
        .filter_map(|line| {
            let mut columns = line.split(',');
            let file = columns.next()?;
            Some((file.to_owned(), columns.nth(4)?.to_owned()))
        })
        .filter(|(file, _)| file.starts_with("own__"))
        .collect()
}

#[test]
fn every_browser_capture_parses_and_says_all_that_a_data_channel_needs() {
    for (file, text) in corpus("browsers") {
        let session = Session::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(session.media_count() > 0, "{file}");
        assert_eq!(session.media().count(), session.media_count(), "{file}");
        for media in session.media() {
            assert!(media.mid().is_some(), "{file}");
            if media.is_rejected() {
                continue;
            }
            assert!(media.ice_ufrag().is_some_and(|ufrag| ufrag.len() >= 4), "{file}");
            assert!(media.ice_pwd().is_some_and(|pwd| pwd.len() >= 22), "{file}");
            assert_eq!(media.fingerprints().next().expect(&file).bytes().count(), 32, "{file}");
            assert!(media.setup().is_some(), "{file}");
            assert!(session.bundle().expect(&file).contains(media.mid().unwrap()), "{file}");
            if media.is_data_channel() {
                assert_eq!(media.sctp_port(), Some(5000), "{file}");
                assert!(media.max_message_size().is_some_and(|size| size >= 65_536), "{file}");
            }
        }
    }
}

#[test]
fn whatever_is_accepted_keeps_every_byte() {
    for (file, text) in corpus("samples").into_iter().chain(corpus("browsers")) {
        for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
            let Ok(session) = Parser::new().profile(profile).parse(&text) else {
                continue;
            };
            let owned = OwnedSession::from(session);
            assert_eq!(owned.as_bytes(), text, "{file}");
            let sections: usize = session.media().map(|media| media.as_bytes().len()).sum();
            let head = owned.as_session().lines().take_while(|line| line.letter != 'm').count();
            assert!(sections <= text.len() && head > 0, "{file}");
        }
    }
}

#[test]
fn every_error_points_into_the_text() {
    for (file, text) in corpus("samples") {
        for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
            let Err(error) = Parser::new().profile(profile).parse(&text) else {
                continue;
            };
            assert!(error.offset() <= text.len(), "{file}: {error}");
            let before = &text[..error.offset()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
            assert_eq!(
                (error.line() as usize, error.column() as usize),
                (line, column),
                "{file}: {error}"
            );
        }
    }
}

#[test]
fn what_the_profiles_make_of_samples_of_our_own() {
    let samples = corpus("samples");
    let mut counts = [0; 3];
    for (file, expected) in expectations() {
        let Some((_, text)) = samples.iter().find(|(name, _)| *name == file) else {
            continue;
        };
        let accepts = |profile| Parser::new().profile(profile).parse(text).is_ok();
        match expected.as_str() {
            "valid" => {
                assert!(accepts(Profile::Jsep), "{file}");
                counts[0] += 1;
            }
            "invalid" => {
                assert!(!accepts(Profile::Rfc8866), "{file}");
                counts[1] += 1;
            }
            "tolerate" => {
                // Two carriage returns before a line feed: what is one line for us is two for others.
                assert_eq!(accepts(Profile::Lenient), file != "own__double-crcrlf.sdp", "{file}");
                counts[2] += 1;
            }
            _ => panic!("{file}: {expected}"),
        }
    }
    assert!(samples.is_empty() || counts == [60, 46, 14], "{counts:?}");
}

#[test]
fn what_has_a_type_is_written_as_it_came() {
    for (file, text) in corpus("browsers") {
        let session = Session::parse(&text).expect(&file);
        let sections = session.media().map(|media| media.attributes());
        for raw in sections.flatten().chain(session.attributes()) {
            let typed = Attribute::parse(raw.name, raw.value).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(typed.to_string(), raw.to_string(), "{file}");
        }
    }
}
