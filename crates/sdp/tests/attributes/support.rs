//! Verbs for tests of attributes: accepted ones are written back as they were, refused ones say why.

use pollrtc_sdp::attribute::{Attribute, InvalidAttribute};
use pollrtc_sdp::{ErrorKind, OwnedSession, Parser, Place, Profile, Session};

pub(crate) fn read(text: &str) -> Result<Attribute<'_>, InvalidAttribute> {
    let (name, value) = split(text);
    Attribute::parse(name, value)
}

/// Each is read with a typed form, is written as it was, and can be added to a description.
pub(crate) fn written_back(attributes: &[&str]) {
    for text in attributes {
        let attribute = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!matches!(attribute, Attribute::Other(_)), "{text}");
        assert_eq!(attribute.to_string(), *text);
        let mut owned = OwnedSession::parse(&description(&[])).unwrap();
        owned.push_attribute(Place::Media(0), attribute).unwrap();
        assert!(owned.to_string().ends_with(&format!("\r\na={text}\r\n")), "{text}");
        let written = owned.as_session().media().next().unwrap();
        let last = written.attributes().last().unwrap();
        assert_eq!(Attribute::parse(last.name, last.value), Ok(attribute), "{text}");
    }
}

/// Each is refused, with the message that follows.
pub(crate) fn refused(attributes: &[(&str, &str)]) {
    for (text, message) in attributes {
        let error = read(text).expect_err(text);
        assert_eq!(error.to_string(), *message, "{text}");
    }
}

/// An offer with a video section of payload types 96 and 97 that ends with these attributes.
pub(crate) fn description(attributes: &[&str]) -> String {
    let mut text = String::from(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n",
    );
    for attribute in attributes {
        text.push_str(&format!("a={attribute}\r\n"));
    }
    text
}

/// What a profile makes of such an offer: the error, or what it tolerates, each by line and kind.
pub(crate) fn verdict(profile: Profile, attributes: &[&str]) -> Result<Vec<(u32, ErrorKind)>, ErrorKind> {
    let mut findings = Vec::new();
    Parser::new()
        .profile(profile)
        .parse_with(&description(attributes), |finding| {
            findings.push((finding.line(), finding.kind()));
        })
        .map_err(|error| error.kind())?;
    Ok(findings)
}

/// The verdicts of the three profiles, the strictest first, without lines.
pub(crate) fn verdicts(attributes: &[&str]) -> [Result<Vec<ErrorKind>, ErrorKind>; 3] {
    [Profile::Rfc8866, Profile::Jsep, Profile::Lenient].map(|profile| {
        let findings = verdict(profile, attributes)?;
        Ok(findings.into_iter().map(|(_, kind)| kind).collect())
    })
}

pub(crate) fn lenient(text: &str) -> Session<'_> {
    Parser::new()
        .profile(Profile::Lenient)
        .parse(text)
        .expect("the lenient profile reads it")
}

fn split(text: &str) -> (&str, Option<&[u8]>) {
    match text.split_once(':') {
        Some((name, value)) => (name, Some(value.as_bytes())),
        None => (text, None),
    }
}
