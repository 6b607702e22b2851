//! The same work in the words of each library.

use std::hint::black_box;
use std::io::Cursor;

use pollrtc_sdp::attribute::{Attribute, RawAttribute};
use pollrtc_sdp::{OwnedSession, Parser, Session, Writer};
use rtc_sdp::SessionDescription;
use str0m::change::SdpOffer;
use webrtc_sdp::{SdpSession, parse_sdp};

use super::{Run, Work, timed};

/// A library and what of the work it has calls for.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    work: &'static [(Work, Run)],
}

impl Library {
    pub(crate) fn work(&self, work: Work) -> Option<Run> {
        self.work.iter().find(|(kind, _)| *kind == work).map(|(_, run)| *run)
    }
}

pub(crate) const LIBRARIES: [Library; 5] = [
    Library {
        name: "pollrtc",
        work: &[
            (Work::Structure, |text, n| {
                let parser = Parser::new().structure_only();
                repeat(n, || parser.parse(text).map(|session| session.media_count()))
            }),
            (Work::Checked, |text, n| {
                repeat(n, || Session::parse(text).map(|session| session.media_count()))
            }),
            (Work::Typed, |text, n| {
                let parser = Parser::new().structure_only();
                repeat(n, || parser.parse(text).map(|session| read_all(&session)))
            }),
            (Work::Owned, |text, n| repeat(n, || OwnedSession::parse(text))),
            (Work::Write, |text, n| {
                let session = OwnedSession::parse(text).map_err(message)?;
                Ok(timed(n, || session.as_bytes().to_vec()))
            }),
            (Work::Compose, |text, n| {
                let session = Session::parse(text).map_err(message)?;
                let attributes = typed(session.attributes())?;
                let media: Result<Vec<_>, String> = session
                    .media()
                    .map(|media| Ok((media.line(), media.connection(), typed(media.attributes())?)))
                    .collect();
                let media = media?;
                repeat(n, || {
                    let mut writer = Writer::new(&session.origin());
                    for attribute in &attributes {
                        writer.attribute(*attribute);
                    }
                    for (line, connection, attributes) in &media {
                        writer.media(line);
                        if let Some(connection) = connection {
                            writer.connection(connection);
                        }
                        for attribute in attributes {
                            writer.attribute(*attribute);
                        }
                    }
                    writer.finish()
                })
            }),
        ],
    },
    Library {
        name: "sdp-types",
        work: &[
            (Work::Structure, sdp_types_parse),
            (Work::Owned, sdp_types_parse),
            (Work::Write, |text, n| {
                let session = sdp_types::Session::parse(text.as_bytes()).map_err(message)?;
                repeat(n, || {
                    let mut written = Vec::new();
                    session.write(&mut written).map(|()| written)
                })
            }),
        ],
    },
    Library {
        name: "rtc-sdp",
        work: &[
            (Work::Structure, rtc_sdp_parse),
            (Work::Owned, rtc_sdp_parse),
            (Work::Write, |text, n| {
                let session = SessionDescription::unmarshal(&mut Cursor::new(text)).map_err(message)?;
                Ok(timed(n, || session.marshal()))
            }),
        ],
    },
    Library {
        name: "webrtc-sdp",
        work: &[
            (Work::Checked, webrtc_sdp_parse),
            (Work::Typed, webrtc_sdp_parse),
            (Work::Owned, webrtc_sdp_parse),
            (Work::Write, |text, n| {
                let session: SdpSession = parse_sdp(text, false).map_err(message)?;
                Ok(timed(n, || session.to_string()))
            }),
        ],
    },
    Library {
        name: "str0m",
        work: &[
            (Work::Checked, str0m_parse),
            (Work::Typed, str0m_parse),
            (Work::Owned, str0m_parse),
            (Work::Write, |text, n| {
                let offer = SdpOffer::from_sdp_string(text).map_err(message)?;
                Ok(timed(n, || offer.to_sdp_string()))
            }),
        ],
    },
];

fn sdp_types_parse(text: &str, repetitions: u64) -> Result<f64, String> {
    repeat(repetitions, || sdp_types::Session::parse(text.as_bytes()))
}

fn rtc_sdp_parse(text: &str, repetitions: u64) -> Result<f64, String> {
    repeat(repetitions, || SessionDescription::unmarshal(&mut Cursor::new(text)))
}

fn webrtc_sdp_parse(text: &str, repetitions: u64) -> Result<f64, String> {
    repeat(repetitions, || parse_sdp(text, false))
}

fn str0m_parse(text: &str, repetitions: u64) -> Result<f64, String> {
    repeat(repetitions, || SdpOffer::from_sdp_string(text))
}

/// Times a reader, which must take the text.
fn repeat<T, E: std::fmt::Display>(repetitions: u64, mut read: impl FnMut() -> Result<T, E>) -> Result<f64, String> {
    read().map_err(message)?;
    Ok(timed(repetitions, read))
}

fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Every attribute in its typed form.
fn typed<'a>(attributes: impl Iterator<Item = RawAttribute<'a>>) -> Result<Vec<Attribute<'a>>, String> {
    attributes
        .map(|raw| Attribute::parse(raw.name, raw.value).map_err(message))
        .collect()
}

/// Every attribute in its typed form; gives how many there are.
pub(crate) fn read_all(session: &Session<'_>) -> usize {
    let sections = session.media().flat_map(|media| media.typed_attributes());
    session.typed_attributes().chain(sections).map(black_box).count()
}
