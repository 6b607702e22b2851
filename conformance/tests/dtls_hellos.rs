//! ClientHellos of browsers, and what our server makes of them.

use pollrtc_conformance::{hex, text, vectors};
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, NamedGroup, Rng, default_provider};
use pollrtc_dtls::wire::handshake::{ServerHello, fragments};
use pollrtc_dtls::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use pollrtc_dtls::wire::{HandshakeType, record};
use pollrtc_dtls::{Config, Connection, Cookies, PeerVerification, Version};

/// What a ServerHello settles.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    version: String,
    /// In DTLS 1.2 another message tells it.
    group: Option<&'static str>,
    retried: bool,
}

/// Our answer, once all of these have come.
fn answer(datagrams: &[Vec<u8>]) -> Option<Answer> {
    let mut rng = Rng::from_seed([7; 32]);
    let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
    let mut config = Config::new(certificate, PeerVerification::AcceptAny);
    config.cookies = Cookies::Off;
    let mut server = Connection::server(config, rng).unwrap();
    let (now, mut buf) = (Instant::from_millis(1), [0; 1500]);
    let mut hello = Vec::new();
    for datagram in datagrams {
        assert!(hello.is_empty(), "answered before all of the hello came");
        server.handle_body(now, &mut datagram.clone());
        while let Some(length) = server.write_body(now, &mut buf, Headroom::NONE) {
            collect(&buf[..length], &mut hello);
        }
    }
    let hello = ServerHello::parse(&hello).ok()?;
    let retried = *hello.random == HELLO_RETRY_REQUEST_RANDOM;
    let version = hello.extensions.selected_version().unwrap().unwrap_or(hello.version);
    let group = match retried {
        true => hello.extensions.selected_group().unwrap(),
        false if version == Version::DTLS_1_3 => hello.extensions.key_share().unwrap().map(|share| share.group),
        false => None,
    };
    let known = [NamedGroup::X25519MlKem768, NamedGroup::X25519];
    let named = |code| known.into_iter().find(|group| *group as u16 == code).unwrap().name();
    Some(Answer {
        version: version.to_string(),
        group: group.map(named),
        retried,
    })
}

/// Appends the pieces of a ServerHello, which come in order.
fn collect(datagram: &[u8], hello: &mut Vec<u8>) {
    for record in record::records(datagram).map_while(Result::ok) {
        if record.header.epoch != 0 {
            continue;
        }
        let pieces = fragments(record.fragment).map_while(Result::ok);
        for piece in pieces.filter(|piece| piece.kind == HandshakeType::SERVER_HELLO) {
            assert_eq!(piece.offset as usize, hello.len());
            hello.extend_from_slice(piece.body);
        }
    }
}

#[test]
fn each_browsers_hello_is_answered_as_it_should_be() {
    for vector in vectors("dtls-hellos")["hellos"].as_array().unwrap() {
        let name = format!("{}, {}", text(vector, "browser"), text(vector, "name"));
        let datagrams = vector["datagrams"].as_array().unwrap().iter();
        let mut datagrams: Vec<_> = datagrams.map(|datagram| hex(datagram.as_str().unwrap())).collect();
        let is_13 = text(vector, "version") == "DTLS 1.3";
        let expected = Answer {
            version: text(vector, "version").to_owned(),
            group: is_13.then(|| NamedGroup::from_name(text(vector, "group")).unwrap().name()),
            retried: vector["retried"].as_bool().unwrap(),
        };
        assert_eq!(answer(&datagrams).as_ref(), Some(&expected), "{name}");
        datagrams.reverse();
        assert_eq!(answer(&datagrams), Some(expected), "{name}, backwards");
    }
}

/// The front of one copy and the end of another one, which overlap.
#[test]
fn two_cuts_of_one_hello_make_it_whole() {
    let vectors = vectors("dtls-hellos");
    let firefox = vectors["hellos"].as_array().unwrap().iter();
    let mut cuts = firefox
        .filter(|vector| text(vector, "browser") == "Firefox 153" && text(vector, "name").starts_with("as it is"));
    let mut half = |at: usize| hex(cuts.next().unwrap()["datagrams"][at].as_str().unwrap());
    let mut datagrams = vec![half(0), half(1)];
    for _ in 0..2 {
        assert_eq!(answer(&datagrams).unwrap().group, Some("X25519MLKEM768"));
        datagrams.reverse();
    }
}
