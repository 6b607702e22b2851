//! Typed attributes of `pollrtc-sdp`.

use std::collections::BTreeMap;

use pollrtc_sdp::attribute::{Attribute, OwnedAttribute, unescape};
use pollrtc_sdp::{ErrorKind, Parser, Profile};

/// Lines as attributes, `name:value` each: what can be read is written and read the same, and what a
/// section says twice is found as often as a naive count finds it.
pub fn sdp_attributes(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').take(MOST_LINES).collect();
    for line in &lines {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(colon) => (&line[..colon], Some(&line[colon + 1..])),
            None => (*line, None),
        };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        match Attribute::parse(name, value) {
            Ok(attribute) => {
                rewrite(attribute);
                read(attribute);
            }
            Err(error) => {
                assert!(
                    (1..=value.map_or(0, <[u8]>::len) + 1).contains(&error.column()),
                    "{error}"
                );
                if let Ok(salvaged) = Attribute::parse_lenient(name, value) {
                    assert_eq!(OwnedAttribute::from(salvaged).as_attribute(), salvaged);
                    read(salvaged);
                }
            }
        }
    }
    section(&lines);
}

const MOST_LINES: usize = 128;

fn rewrite(attribute: Attribute<'_>) {
    assert_eq!(OwnedAttribute::from(attribute).as_attribute(), attribute);
    if matches!(attribute, Attribute::Other(_)) {
        return;
    }
    let written = attribute.to_string();
    let (name, value) = match written.split_once(':') {
        Some((name, value)) => (name, Some(value.as_bytes())),
        None => (written.as_str(), None),
    };
    assert_eq!(Attribute::parse(name, value), Ok(attribute), "{written}");
}

/// Everything that a view can be asked.
fn read(attribute: Attribute<'_>) {
    match attribute {
        Attribute::RtpMap(map) => assert!(map.payload_type < 128 && map.clock_rate > 0 && map.channel_count() > 0),
        Attribute::Fmtp(fmtp) => fmtp.parameters().for_each(|(name, value)| {
            assert!(!name.contains(';') && fmtp.parameters.contains(name));
            assert!(value.is_none() || fmtp.get(name).is_some() || fmtp.parameters.contains('='));
        }),
        Attribute::RtcpFb(feedback) => assert!(feedback.applies_to(feedback.payload_type.unwrap_or(96))),
        Attribute::ExtMap(extension) => {
            assert!(matches!(extension.id, 1..=255 | 4_096..=4_351));
            assert!(extension.encrypted().is_none_or(|hidden| hidden.id == extension.id));
        }
        Attribute::Rid(rid) => {
            assert!(rid.payload_types().all(|payload_type| payload_type < 128));
            assert!(rid.restrictions().all(|(name, _)| !name.is_empty() && name != "pt"));
        }
        Attribute::Simulcast(simulcast) => {
            let lists = [simulcast.send, simulcast.recv].into_iter().flatten();
            lists.for_each(|list| {
                let alternatives: usize = list.streams().map(|stream| stream.alternatives().count()).sum();
                assert_eq!(alternatives, list.rids().count());
                assert!(list.rids().all(|rid| !rid.id.is_empty() && !rid.id.contains('~')));
            });
        }
        Attribute::SsrcGroup(group) => {
            let spaces = group.to_string().matches(' ').count();
            assert_eq!(group.ssrcs().count(), spaces);
        }
        Attribute::ImageAttr(image) => [image.send, image.recv].into_iter().flatten().for_each(|sets| {
            assert!(sets.is_any() || sets.sets().all(|set| set.entries().count() > 0));
        }),
        Attribute::DcMap(channel) => {
            assert!(unescape(channel.label()).count() <= channel.label().len());
            assert!(
                channel
                    .options()
                    .all(|(name, value)| !name.is_empty() && !value.is_empty())
            );
        }
        Attribute::Depend(depend) => assert!(depend.entries().count() > 0),
        Attribute::SourceFilter(filter) => assert!(filter.sources().count() > 0),
        Attribute::Ptime(number) | Attribute::MaxPtime(number) | Attribute::FrameRate(number) => {
            assert!(number.to_f64() >= 0.0);
        }
        _ => {}
    }
}

/// The lines as attributes of one section.
fn section(lines: &[&[u8]]) {
    let mut text = b"v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=video 9 RTP/AVP 96 97\nc=IN IP4 0.0.0.0\n".to_vec();
    for line in lines {
        text.extend_from_slice(b"a=");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let mut findings = Vec::new();
    let parser = Parser::new().profile(Profile::Lenient);
    let Ok(session) = parser.parse_with(&text, |finding| findings.push(finding.kind())) else {
        return;
    };
    let count = |kind| findings.iter().filter(|each| **each == kind).count();
    let media = session.media().next().expect("there is one section");
    let mut rids: BTreeMap<&str, usize> = BTreeMap::new();
    media.rids().for_each(|rid| *rids.entry(rid.id).or_default() += 1);
    // The parser's table holds 64.
    if rids.values().sum::<usize>() <= 64 {
        let again: usize = rids.values().map(|times| times - 1).sum();
        assert_eq!(count(ErrorKind::DuplicateRid), again);
    }
    let mut uris: BTreeMap<u16, &str> = BTreeMap::new();
    let others = media
        .header_extensions()
        .filter(|extension| !extension.is_provisional())
        .filter(|extension| *uris.entry(extension.id).or_insert(extension.uri) != extension.uri)
        .count();
    assert_eq!(count(ErrorKind::DuplicateExtension), others);
}
