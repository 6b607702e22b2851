//! DTLS: records, handshake messages, and whole connections.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Flow, InnerProtocol, Standalone};
use pollrtc_crypto::{Certificate, HashAlgorithm, Rng};
use pollrtc_dtls::wire::ack::Ack;
use pollrtc_dtls::wire::handshake::{
    CertificateChain, CertificateRequest, CertificateVerify, ClientHello, ClientKeyExchange, Finished,
    HelloVerifyRequest, ServerHello, ServerKeyExchange, fragments,
};
use pollrtc_dtls::wire::{HandshakeType, Writer, datagram, record, v13};
use pollrtc_dtls::{
    ApplicationData, Config, Connection, ConnectionIdPolicy, ConnectionIdUsage, Cookies, KeyUpdateRequest,
    PeerVerification, SrtpProfile, Version, Versions, connection_id,
};
use pollrtc_fuzzing_provider::PROVIDER;

/// A datagram: its records, and the fragments in them, come back as they were when written again.
pub fn dtls_record(bytes: &[u8]) {
    let mut rest = bytes;
    for record in record::records(bytes) {
        let Ok(record) = record else { break };
        let written = [&record.header.to_bytes(), record.fragment].concat();
        assert!(rest.starts_with(&written));
        rest = &rest[written.len()..];
        let mut content = record.fragment;
        for fragment in fragments(record.fragment) {
            let Ok(fragment) = fragment else { break };
            let written = [&fragment.header(), fragment.body].concat();
            assert!(content.starts_with(&written));
            content = &content[written.len()..];
            assert!(fragment.offset as usize + fragment.body.len() <= fragment.length as usize);
        }
    }
    let mut copy = bytes.to_vec();
    match datagram::split_first_mut(&mut copy) {
        Ok((header, record, rest)) => {
            assert_eq!(record.len(), header.record_len());
            assert_eq!(record.len() + rest.len(), bytes.len());
            if let datagram::AnyHeader::Unified(header) = header {
                assert_eq!(header.header_len + header.ciphertext_len, record.len());
                assert!((2..=5).contains(&header.header_len));
            }
        }
        Err(error) => assert_eq!(datagram::AnyHeader::parse(bytes), Err(error)),
    }
    for id_len in [1, 8, 255] {
        with_ids(bytes, id_len);
    }
    if let Ok(ack) = Ack::parse(bytes) {
        let mut writer = Writer::new();
        Ack::write(&mut writer, ack.iter());
        assert_eq!(writer.into_bytes(), bytes);
    }
}

/// The same records, where connection ids have this length: their headers come back as they were, and the
/// first id that is found is that of the first record that has one.
fn with_ids(bytes: &[u8], id_len: u8) {
    let mut found = None;
    let mut copy = bytes.to_vec();
    let mut rest = &mut copy[..];
    while let Ok((header, record, after)) = datagram::split_first_mut_with_id(rest, id_len) {
        assert_eq!(record.len(), header.record_len());
        let id = header.connection_id().map(|range| record[range].to_vec());
        match (&header, &id) {
            (datagram::AnyHeader::Cid(header), Some(id)) => {
                let mut written = vec![0; header.header_len()];
                header.write(&mut written, id).expect("room for the header");
                assert!(record.starts_with(&written));
            }
            (datagram::AnyHeader::Unified(header), Some(id)) => {
                assert_eq!(usize::from(header.connection_id_len), id.len());
                assert_eq!(header.header_len + header.ciphertext_len, record.len());
            }
            (datagram::AnyHeader::Cid(_), None) => panic!("there is always an id"),
            _ => assert_eq!(id, None),
        }
        assert!(id.as_ref().is_none_or(|id| id.len() == usize::from(id_len)));
        found = found.or(id);
        rest = after;
    }
    assert_eq!(connection_id(bytes, id_len).map(<[u8]>::to_vec), found);
}

/// The kind of a handshake message of DTLS 1.3, without its high bit, then its body.
fn handshake_of_13(kind: u8, body: &[u8]) {
    match HandshakeType(kind) {
        HandshakeType::ENCRYPTED_EXTENSIONS => {
            if let Ok(parsed) = v13::EncryptedExtensions::parse(body) {
                extensions(&parsed.extensions);
            }
        }
        HandshakeType::CERTIFICATE_REQUEST => {
            if let Ok(request) = v13::CertificateRequest::parse(body) {
                assert!(body[1..].starts_with(request.context));
                extensions(&request.extensions);
            }
        }
        HandshakeType::CERTIFICATE => {
            if let Ok(chain) = v13::CertificateChain::parse(body) {
                assert!(chain.iter().all(|(der, _)| !der.is_empty()));
                chain.iter().for_each(|(_, found)| extensions(&found));
            }
        }
        HandshakeType::NEW_CONNECTION_ID => {
            if let Ok(new) = v13::NewConnectionId::parse(body) {
                let mut writer = Writer::new();
                v13::NewConnectionId::write(&mut writer, new.iter(), new.usage);
                assert_eq!(writer.into_bytes(), body);
            }
        }
        HandshakeType::REQUEST_CONNECTION_ID => {
            if let Ok(request) = v13::RequestConnectionId::parse(body) {
                assert_eq!(request.body(), body);
            }
        }
        HandshakeType::KEY_UPDATE => {
            if let Ok(update) = v13::KeyUpdate::parse(body) {
                assert_eq!(update.body(), body);
            }
        }
        _ => {
            if let Ok(ticket) = v13::NewSessionTicket::parse(body) {
                assert!(!ticket.ticket.is_empty());
            }
        }
    }
}

/// The kind of a handshake message, with the high bit set for those of DTLS 1.3, then its body.
pub fn dtls_handshake(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    if kind & 0x80 != 0 {
        return handshake_of_13(kind & 0x7f, body);
    }
    match HandshakeType(*kind) {
        HandshakeType::CLIENT_HELLO => client_hello(body),
        HandshakeType::SERVER_HELLO => {
            if let Ok(hello) = ServerHello::parse(body) {
                assert!(hello.session_id.len() <= 32);
                extensions(&hello.extensions);
            }
        }
        HandshakeType::HELLO_VERIFY_REQUEST => {
            if let Ok(request) = HelloVerifyRequest::parse(body) {
                assert_eq!(request.cookie.len() + 3, body.len());
            }
        }
        HandshakeType::CERTIFICATE => {
            if let Ok(chain) = CertificateChain::parse(body) {
                let length: usize = chain.iter().map(|der| der.len() + 3).sum();
                assert_eq!(length + 3, body.len());
                assert!(chain.iter().all(|der| !der.is_empty()));
            }
        }
        HandshakeType::SERVER_KEY_EXCHANGE => {
            if let Ok(exchange) = ServerKeyExchange::parse(body) {
                assert!(body.starts_with(exchange.params) && body.ends_with(exchange.signature));
                assert!(exchange.params.ends_with(exchange.public_key));
            }
        }
        HandshakeType::CERTIFICATE_REQUEST => {
            if let Ok(request) = CertificateRequest::parse(body) {
                let schemes = 2 * request.signature_schemes.iter().count();
                assert_eq!(
                    request.certificate_types.len() + schemes + request.authorities.len() + 5,
                    body.len()
                );
            }
        }
        HandshakeType::CLIENT_KEY_EXCHANGE => {
            if let Ok(exchange) = ClientKeyExchange::parse(body) {
                assert_eq!(exchange.public_key, &body[1..]);
            }
        }
        HandshakeType::CERTIFICATE_VERIFY => {
            if let Ok(verify) = CertificateVerify::parse(body) {
                assert_eq!(verify.signature, &body[4..]);
            }
        }
        _ => assert_eq!(Finished::parse(body).is_ok(), body.len() == 12),
    }
}

/// What was read, written again, is what was there.
fn client_hello(body: &[u8]) {
    let Ok(hello) = ClientHello::parse(body) else { return };
    extensions(&hello.extensions);
    let _ = hello.offers_version(Version::DTLS_1_2);
    let mut writer = Writer::new();
    writer.u16(hello.version.0);
    writer.bytes(hello.random);
    writer.vector8(|writer| writer.bytes(hello.session_id));
    writer.vector8(|writer| writer.bytes(hello.cookie));
    writer.vector16(|writer| hello.cipher_suites.iter().for_each(|suite| writer.u16(suite)));
    writer.vector8(|writer| writer.bytes(hello.compression_methods));
    let before_extensions = writer.len();
    writer.vector16(|writer| {
        for (kind, content) in hello.extensions.iter() {
            writer.u16(kind.0);
            writer.vector16(|writer| writer.bytes(content));
        }
    });
    // A hello may leave out an empty block of extensions altogether.
    let written = writer.into_bytes();
    assert!(written == body || written[..before_extensions] == *body);
}

fn extensions(extensions: &pollrtc_dtls::wire::extensions::Extensions<'_>) {
    for (kind, content) in extensions.iter() {
        assert_eq!(extensions.get(kind), Some(content), "no type occurs twice");
    }
    let _ = (
        extensions.supported_versions(),
        extensions.supported_groups(),
        extensions.signature_algorithms(),
        extensions.ec_point_formats(),
        extensions.extended_master_secret(),
        extensions.renegotiation_info(),
        extensions.use_srtp(),
        extensions.selected_version(),
        extensions.selected_group(),
        extensions.cookie(),
        extensions.key_share(),
        extensions.connection_id(),
    );
    if let Ok(Some(shares)) = extensions.key_shares() {
        assert!(shares.iter().all(|share| !share.public_key.is_empty()));
    }
}

/// Role, versions and whether there are connection ids, then a script for the law harness: a connection against an honest peer.
pub fn dtls_connection(data: &[u8]) {
    let Some((role, script)) = data.split_first() else {
        return;
    };
    let ids = [Ids::Off, Ids::On][usize::from(*role / 9 % 2)];
    crate::run(&laws(*role % 3, versions(*role / 3), ids), script);
}

/// The versions that this number stands for.
pub(crate) fn versions(number: u8) -> Versions {
    [Versions::Dtls12, Versions::Dtls13, Versions::Both][usize::from(number % 3)]
}

/// Whether both ends speak of connection ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Off,
    On,
}

fn laws(role: u8, versions: Versions, ids: Ids) -> Laws<Standalone<Connection>> {
    let configs = configs(versions, ids);
    let (machine, peer) = (
        Flow::udp(SocketAddr::from(([192, 0, 2, 1], 5000))),
        Flow::udp(SocketAddr::from(([192, 0, 2, 2], 6000))),
    );
    let alone = |connection: Result<Connection, _>, flow| Standalone::new(connection.unwrap(), flow);
    let client = move |flow| {
        alone(
            Connection::client(configs.client.clone(), Rng::from_seed([3; 32])),
            flow,
        )
    };
    let server = move |flow| {
        alone(
            Connection::server(configs.server.clone(), Rng::from_seed([4; 32])),
            flow,
        )
    };
    let careful = move |flow| {
        alone(
            Connection::server(configs.careful.clone(), Rng::from_seed([4; 32])),
            flow,
        )
    };
    let laws = match role {
        0 => Laws::walking(move || client(peer), walk).against(move || server(machine)),
        1 => Laws::walking(move || server(peer), walk).against(move || client(machine)),
        _ => Laws::walking(move || careful(peer), walk).against(move || client(machine)),
    };
    let laws = match ids {
        Ids::Off => laws,
        Ids::On => laws
            .verb(|connection, _, argument| {
                let usages = [ConnectionIdUsage::Immediate, ConnectionIdUsage::Spare];
                let _ = connection
                    .inner
                    .issue_connection_ids(argument as u8 / 2 % 16, usages[argument as usize % 2]);
            })
            .verb(|connection, _, argument| {
                let _ = connection.inner.request_connection_ids(argument as u8);
            })
            .verb(|connection, _, _| {
                let _ = connection.inner.use_next_connection_id();
            }),
    };
    laws.verb(|connection, _, argument| {
        let _ = connection.inner.send(&argument.to_be_bytes());
    })
    .verb(|connection, now, _| {
        connection.inner.repeat_flight(now);
    })
    .verb(|connection, now, argument| {
        connection
            .inner
            .set_client_hello_deadline(now + Duration::from_millis(u64::from(argument as u16)));
    })
    .verb(|connection, _, argument| connection.inner.set_mtu(usize::from(argument as u16 % 2000)))
    .verb(|connection, _, argument| connection.inner.set_round_trip_time(Duration::from_micros(argument)))
    .verb(|connection, _, argument| {
        let mut buf = vec![0; usize::from(argument as u16 % 2000)];
        let payload_len = buf.len() / 2;
        let _ = connection.inner.write_record(&mut buf, payload_len);
    })
    .verb(|connection, _, argument| {
        let mut out = vec![0; usize::from(argument as u8)];
        let _ = connection
            .inner
            .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut out);
    })
    .verb(|connection, _, argument| {
        let requests = [KeyUpdateRequest::NotRequested, KeyUpdateRequest::Requested];
        // An error: all numbers are used up.
        let _ = connection.inner.update_keys(requests[argument as usize % 2]);
    })
    .verb(|connection, now, _| connection.inner.close(now))
    .verb(|connection, now, _| connection.inner.handle_timeout(now))
    .memory(|connection| connection.inner.memory(), 104 * 1024)
}

/// The ends of a connection that know each other.
pub(crate) struct Configs {
    pub(crate) client: Arc<Config>,
    pub(crate) server: Arc<Config>,
    /// A server that asks for cookies.
    careful: Arc<Config>,
}

pub(crate) fn configs(versions: Versions, ids: Ids) -> &'static Configs {
    static CONFIGS: OnceLock<[[Configs; 3]; 2]> = OnceLock::new();
    let [off, on] = CONFIGS.get_or_init(|| {
        let mut rng = Rng::from_seed([1; 32]);
        let mut generate = || Certificate::generate(PROVIDER, &mut rng).expect("a certificate");
        let (a, b) = (generate(), generate());
        let config = |versions, own: &Certificate, peer: &Certificate| {
            let fingerprint = peer.fingerprint(HashAlgorithm::Sha256);
            let mut config =
                Config::with_provider(PROVIDER, own.clone(), PeerVerification::Fingerprints(vec![fingerprint]));
            config.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
            config.versions = versions;
            config.cookies = Cookies::Off;
            config
        };
        let random = |length: u8| NonZeroU8::new(length).map(|length| ConnectionIdPolicy::Random { length });
        [Ids::Off, Ids::On].map(|ids| {
            [Versions::Dtls12, Versions::Dtls13, Versions::Both].map(|versions| {
                let (mut client, mut server) = (config(versions, &a, &b), config(versions, &b, &a));
                if ids == Ids::On {
                    (client.connection_ids, server.connection_ids) = (random(3), random(8));
                }
                let mut careful = server.clone();
                careful.cookies = Cookies::Required;
                Configs {
                    client: client.into(),
                    server: server.into(),
                    careful: careful.into(),
                }
            })
        })
    });
    let [v12, v13, both] = if ids == Ids::On { on } else { off };
    match versions {
        Versions::Dtls12 => v12,
        Versions::Dtls13 => v13,
        Versions::Both => both,
    }
}

/// Takes all records out of a datagram that came.
fn walk(received: Option<ApplicationData<'_>>) -> String {
    let records = received.into_iter().flatten();
    records.map(|record| format!("{record:02x?} ")).collect()
}
