//! The examples of the RFCs on SDP: read, and written as they were.

use pollrtc_conformance::{text, vectors};
use pollrtc_sdp::attribute::{Attribute, Candidate};
use pollrtc_sdp::{Media, OwnedSession, Parser, Profile};
use serde_json::{Map, Value, json};

#[test]
fn examples_are_read_to_the_letter() {
    for vector in descriptions() {
        let section = text(&vector, "section");
        let description = description(&vector);
        let session = Parser::new()
            .profile(Profile::Rfc8866)
            .parse(&description)
            .unwrap_or_else(|error| panic!("{section}: {error}"));
        let expected = vector["media"].as_array().unwrap();
        assert_eq!(session.media_count(), expected.len(), "{section}");
        for (media, expected) in session.media().zip(expected) {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(fields(&media).get(name), Some(value), "{section}: {name}");
            }
        }
    }
}

#[test]
fn examples_are_written_as_they_were() {
    for vector in descriptions() {
        let section = text(&vector, "section");
        let description = description(&vector);
        let session = OwnedSession::parse(&description).unwrap();
        assert_eq!(session.to_string(), description, "{section}");
        for media in session.as_session().media() {
            for raw in media.attributes() {
                let typed = Attribute::parse(raw.name, raw.value).unwrap_or_else(|error| panic!("{section}: {error}"));
                assert_eq!(typed.to_string(), raw.to_string(), "{section}");
            }
        }
    }
}

#[test]
fn candidates_are_read_and_written_as_they_were() {
    let vectors = vectors("sdp");
    let candidates = vectors["candidates"].as_array().unwrap();
    assert!(!candidates.is_empty());
    for vector in candidates {
        let line = text(vector, "line");
        let candidate = Candidate::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(format!("candidate:{candidate}"), line);
    }
}

fn descriptions() -> Vec<Value> {
    let descriptions = vectors("sdp")["descriptions"].as_array().unwrap().clone();
    assert!(!descriptions.is_empty());
    descriptions
}

fn description(vector: &Value) -> String {
    let lines = vector["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| format!("{}\r\n", line.as_str().unwrap()))
        .collect()
}

/// What the accessors say, under their names.
fn fields(media: &Media<'_>) -> Map<String, Value> {
    let fields = json!({
        "line": media.line().to_string(),
        "connection": media.connection().map(|connection| connection.to_string()),
        "mid": media.mid(),
        "ice_ufrag": media.ice_ufrag(),
        "ice_pwd": media.ice_pwd(),
        "ice_options": media.ice_options().map(|options| options.as_str()),
        "fingerprints": media.fingerprints().map(|fingerprint| fingerprint.to_string()).collect::<Vec<_>>(),
        "setup": media.setup().map(|setup| setup.as_str()),
        "tls_id": media.tls_id(),
        "candidates": media.candidates().map(|candidate| candidate.to_string()).collect::<Vec<_>>(),
        "sctp_port": media.sctp_port(),
        "max_message_size": media.max_message_size(),
        "direction": media.direction().as_str(),
    });
    let Value::Object(fields) = fields else {
        unreachable!("the macro was given an object")
    };
    fields
}
