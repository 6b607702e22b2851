//! What a candidate that trickles allocates.

use std::collections::BTreeSet;

use allocation_counter::measure;
use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    CertificateHash, Config, HashFunction, LocalTransport, Negotiator, RemoteCandidate, TransceiverInit, TransportKey,
};

/// However much was described, and told before.
#[test]
fn a_candidate_costs_a_negotiator_the_same_however_many_came_before() {
    let mut costs = BTreeSet::new();
    for sections in [2, 50] {
        let [mut alice, mut bob] = [1, 2].map(|id| {
            let audio = RtpCapabilities::of(MediaKind::Audio);
            Negotiator::new(Config {
                audio,
                ..Config::new(id)
            })
        });
        for _ in 1..sections {
            alice.add_transceiver(MediaKind::Audio, TransceiverInit::default());
        }
        alice.add_data_channels();
        let transport = |key: TransportKey| LocalTransport {
            ufrag: format!("uf{}g{}", key.transport, key.generation),
            pwd: "of/no/use/without/a/transport".to_owned(),
            fingerprints: vec![CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).expect("32 bytes")],
            ..LocalTransport::default()
        };
        let offer = alice.create_offer(transport).unwrap();
        alice.set_local(&offer).unwrap();
        bob.set_remote(&offer).unwrap();
        let answer = bob.create_answer(transport).unwrap();
        bob.set_local(&answer).unwrap();
        for number in 0..900 {
            let line = format!(
                "candidate:1 1 udp 2130706431 192.0.2.{} {} typ host",
                number % 256,
                1_000 + number
            );
            let candidate = RemoteCandidate {
                mid: Some("1"),
                ..RemoteCandidate::from(&line)
            };
            let mut effects = Vec::new();
            let cost = measure(|| effects = bob.add_remote_candidate(candidate).unwrap());
            assert_eq!(effects.len(), 1);
            // What grows doubles, so that few of many cost more.
            if number % 100 == 50 {
                costs.insert(cost.count_total);
            }
        }
    }
    let most = costs.last().copied().unwrap_or_default();
    assert!(most <= 16, "{costs:?} allocations");
}
