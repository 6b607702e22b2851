//! What is done for each packet of SRTP never touches the heap. (aws-lc-rs keeps what it works with on the
//! stack, too, where this does not look: memory of C is not counted.)

#[path = "support/providers.rs"]
mod providers;

use allocation_counter::measure;
use pollrtc_crypto::{AeadAlgorithm, CtrAlgorithm, HashAlgorithm};
use providers::providers;

#[test]
fn packets_never_touch_the_heap() {
    for provider in providers() {
        let ctr = CtrAlgorithm::ALL.map(|algorithm| provider.ctr(algorithm, &vec![7; algorithm.key_len()]).unwrap());
        let aead = AeadAlgorithm::ALL.map(|algorithm| provider.aead(algorithm, &vec![7; algorithm.key_len()]).unwrap());
        let hmac = provider.hmac(HashAlgorithm::Sha1, &[7; 20]).unwrap();
        let mut packet = [7; 1200];
        let allocations = measure(|| {
            for key in &ctr {
                key.apply_keystream(&[7; 16], &mut packet);
                let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
                hmac.sign(&[&packet, &[0; 4]], &mut mac);
                hmac.verify::<10>(&[&packet, &[0; 4]], mac.first_chunk().unwrap())
                    .unwrap();
                hmac.verify::<4>(&[&packet, &[1; 4]], mac.first_chunk().unwrap())
                    .unwrap_err();
            }
            for key in &aead {
                let tag = key.seal(&[7; 12], &[8; 12], &mut packet).unwrap();
                key.open(&[7; 12], &[8; 12], &mut packet, &tag).unwrap();
            }
        });
        assert_eq!(allocations.count_total, 0, "{provider:?}");
    }
}
