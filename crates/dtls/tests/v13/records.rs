//! Records of DTLS 1.3 as they stand on the wire.

use pollrtc_dtls::wire::Version;
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::record::Header;

use crate::support::cipher::split;
use crate::support::{Pair, Setup};

#[test]
fn plain_records_claim_what_browsers_claim() {
    let mut pair = Setup::v13().pair();
    let versions = |datagrams: &[Vec<u8>]| {
        let headers = split(datagrams)
            .into_iter()
            .map(|record| AnyHeader::parse(&record).unwrap());
        let plain = headers.filter_map(|header| match header {
            AnyHeader::Classic(header) => Some(header.version),
            AnyHeader::Cid(_) | AnyHeader::Unified(_) => None,
        });
        plain.collect::<Vec<_>>()
    };
    let hello = pair.client_sends();
    assert_eq!(versions(&hello), [Version::DTLS_1_0; 2]);
    for mut datagram in hello {
        // What it claims is of no importance.
        datagram[2] = 0xfc;
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    assert_eq!(versions(&flight), [Version::DTLS_1_2]);
    for datagram in flight {
        pair.client_gets(&datagram);
    }
    assert_eq!(versions(&pair.client_sends()), []);
}

#[test]
fn messages_share_encrypted_records_and_all_share_datagrams() {
    let mut setup = Setup::v13();
    setup.client.groups = vec![pollrtc_crypto::NamedGroup::X25519];
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    assert_eq!(
        (flight.len(), split(&flight).len()),
        (1, 2),
        "a plain record and an encrypted one"
    );
    for datagram in flight {
        pair.client_gets(&datagram);
    }
    let flight = pair.client_sends();
    assert_eq!((flight.len(), split(&flight).len()), (1, 1));
}

#[test]
fn a_record_too_short_for_its_mask_is_dropped() {
    let mut pair = Pair::connected13();
    for length in 0..17u8 {
        let mut record = vec![0x2f, 0, 9, 0, length];
        record.extend(vec![7; usize::from(length)]);
        pair.client_gets(&record);
        pair.client_gets(&[0x2b, 0, 9]);
    }
    let stats = pair.client.stats();
    assert_eq!(stats.malformed_records + stats.forged_records, 34);
    assert!(Header::parse(&[0x2f; 40]).is_err());
    assert!(pair.client.is_connected());
}
