//! The examples of the RFCs on SDP: read, and written as they were.

use std::collections::BTreeSet;
use std::fs;

use pollrtc_conformance::{repository, text, vectors};
use pollrtc_sdp::attribute::{Attribute, Candidate};
use pollrtc_sdp::{FragmentWriter, Media, OwnedSession, Parser, Profile};
use serde_json::{Map, Value, json};

#[test]
fn examples_are_read_to_the_letter() {
    for vector in descriptions() {
        let id = text(&vector, "id");
        let description = description(&vector);
        let session = parser(&vector)
            .parse(&description)
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        let expected = vector["media"].as_array().unwrap();
        assert_eq!(session.media_count(), expected.len(), "{id}");
        for (media, expected) in session.media().zip(expected) {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(fields(&media).get(name), Some(value), "{id}: {name}");
            }
        }
    }
}

/// The strictest profile that accepts the example is the one that its vector names, and what the
/// stricter one refuses it by is what the vector says.
#[test]
fn examples_that_break_a_rule_are_refused_by_it() {
    let order = [Profile::Rfc8866, Profile::Jsep, Profile::Lenient];
    for vector in descriptions() {
        let id = text(&vector, "id");
        let description = description(&vector);
        let accepting = order
            .iter()
            .position(|profile| Parser::new().profile(*profile).parse(&description).is_ok());
        let accepting = accepting.unwrap_or_else(|| panic!("{id}: no profile accepts it"));
        assert_eq!(format!("{:?}", order[accepting]), text(&vector, "profile"), "{id}");
        let why = vector["why"].as_str();
        match accepting.checked_sub(1) {
            None => assert_eq!(why, None, "{id}"),
            Some(stricter) => {
                let error = Parser::new().profile(order[stricter]).parse(&description).unwrap_err();
                assert!(
                    why.is_some_and(|why| why.ends_with(error.kind().reference())),
                    "{id}: {why:?} {error}"
                );
            }
        }
    }
}

#[test]
fn examples_are_written_as_they_were() {
    for vector in descriptions() {
        let id = text(&vector, "id");
        let description = description(&vector);
        let owned = OwnedSession::from(parser(&vector).parse(&description).unwrap());
        assert_eq!(owned.to_string(), description, "{id}");
        let session = owned.as_session();
        let sections = session.media().map(|media| media.attributes());
        for raw in sections.flatten().chain(session.attributes()) {
            // What the vector's profile lets pass need not have a type.
            let Ok(typed) = Attribute::parse(raw.name, raw.value) else {
                assert_ne!(text(&vector, "profile"), "Rfc8866", "{id}: {raw}");
                continue;
            };
            match typed {
                // Which direction stands first says nothing (RFC 8853 §5.1), and we have one order.
                Attribute::Simulcast(_) => {
                    let words = |text: String| text.split([':', ' ']).map(str::to_owned).collect::<BTreeSet<_>>();
                    assert_eq!(words(typed.to_string()), words(raw.to_string()), "{id}");
                }
                typed => assert_eq!(typed.to_string(), raw.to_string(), "{id}"),
            }
        }
    }
}

#[test]
fn answers_have_the_sections_of_their_offers() {
    let descriptions = descriptions();
    let mut pairs = 0;
    for answer in descriptions.iter().filter(|vector| !vector["answers"].is_null()) {
        let id = text(answer, "id");
        let offer = descriptions.iter().find(|offer| offer["id"] == answer["answers"]);
        let offer = offer.unwrap_or_else(|| panic!("{id}: no such offer"));
        assert_eq!((text(offer, "kind"), text(answer, "kind")), ("offer", "answer"), "{id}");
        let kinds = |vector: &Value| -> Vec<String> {
            let text = description(vector);
            let session = parser(vector).parse(&text).unwrap();
            session.media().map(|media| media.kind().to_owned()).collect()
        };
        assert_eq!(kinds(offer), kinds(answer), "{id}");
        pairs += 1;
    }
    assert!(pairs > 40);
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

#[test]
fn fragments_are_read_and_written_as_they_were() {
    let vectors = vectors("sdp-fragments");
    let fragments = vectors["fragments"].as_array().unwrap();
    assert!(!fragments.is_empty());
    for vector in fragments {
        let section = text(vector, "section");
        let lines = description(vector);
        let fragment = Parser::new().profile(Profile::Rfc8866).parse_fragment(&lines);
        let fragment = fragment.unwrap_or_else(|error| panic!("{section}: {error}"));
        assert_eq!(json!(fragment.ice_ufrag()), vector["ice_ufrag"], "{section}");
        assert_eq!(json!(fragment.ice_pwd()), vector["ice_pwd"], "{section}");
        let mut writer = FragmentWriter::new();
        fragment.attributes().for_each(|raw| {
            writer.attribute(Attribute::parse(raw.name, raw.value).unwrap());
        });
        let expected = vector["media"].as_array().unwrap();
        assert_eq!(fragment.media_count(), expected.len(), "{section}");
        for (media, expected) in fragment.media().zip(expected) {
            let candidates: Vec<_> = media.candidates().map(|candidate| candidate.to_string()).collect();
            let read = json!({
                "mid": media.mid(),
                "candidates": candidates,
                "end_of_candidates": media.end_of_candidates(),
            });
            assert_eq!(&read, expected, "{section}");
            writer.section_of(&media.line(), media.mid().unwrap());
            media.attributes().filter(|raw| raw.name != "mid").for_each(|raw| {
                writer.attribute(Attribute::parse(raw.name, raw.value).unwrap());
            });
        }
        assert_eq!(writer.finish().unwrap().to_string(), lines, "{section}");
    }
}

/// The descriptions in `vectors/sdp-rfc*.json`.
fn descriptions() -> Vec<Value> {
    let mut names: Vec<String> = fs::read_dir(repository().join("conformance/vectors"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name.starts_with("sdp-rfc"))
        .collect();
    names.sort();
    let all: Vec<Value> = names
        .iter()
        .flat_map(|name| vectors(name)["descriptions"].as_array().unwrap().clone())
        .collect();
    let ids: BTreeSet<&str> = all.iter().map(|vector| text(vector, "id")).collect();
    assert!(ids.len() == all.len() && all.len() > 150);
    all
}

fn parser(vector: &Value) -> Parser {
    Parser::new().profile(match text(vector, "profile") {
        "Rfc8866" => Profile::Rfc8866,
        "Jsep" => Profile::Jsep,
        "Lenient" => Profile::Lenient,
        other => panic!("no profile {other}"),
    })
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
