//! What the stand-ins keep of the real ones.

use pollrtc_crypto::{
    AeadAlgorithm, Certificate, CryptoError, CtrAlgorithm, HashAlgorithm, NamedGroup, Rng, SignatureScheme,
    public_key_info,
};
use pollrtc_fuzzing_provider::PROVIDER;
use quickcheck::quickcheck;

quickcheck! {
    fn what_was_sealed_is_opened_and_with_a_byte_changed_it_is_not(
        nonce: (u64, u32), aad: Vec<u8>, plaintext: Vec<u8>, at: usize, change: u8
    ) -> bool {
        let nonce: [u8; 12] = [&nonce.0.to_be_bytes()[..], &nonce.1.to_be_bytes()].concat().try_into().expect("12 bytes");
        AeadAlgorithm::ALL.into_iter().all(|algorithm| {
            let key = PROVIDER.aead(algorithm, &vec![7; algorithm.key_len()]).expect("a key");
            let mut sealed = plaintext.clone();
            let tag = key.seal(&nonce, &aad, &mut sealed).expect("sealed");
            let mut opened = sealed.clone();
            let is_opened = key.open(&nonce, &aad, &mut opened, &tag) == Ok(()) && opened == plaintext;

            let whole = [&nonce[..], &aad, &sealed, &tag].concat();
            let mut changed = whole.clone();
            let at = at % changed.len();
            changed[at] ^= change.max(1);
            let (nonce, rest) = changed.split_at(12);
            let (aad, rest) = rest.split_at(aad.len());
            let (sealed, tag) = rest.split_at(sealed.len());
            let (nonce, tag) = (nonce.try_into().expect("12 bytes"), tag.try_into().expect("16 bytes"));
            let refused = key.open(nonce, aad, &mut sealed.to_vec(), tag);
            is_opened && refused == Err(CryptoError::Authentication)
        })
    }

    fn hashes_and_macs_do_not_depend_on_how_their_input_is_cut(key: Vec<u8>, front: Vec<u8>, back: Vec<u8>) -> bool {
        let whole = [&front[..], &back].concat();
        HashAlgorithm::ALL.into_iter().all(|algorithm| {
            let digest = |parts: &[&[u8]]| {
                let mut hash = PROVIDER.hash(algorithm).expect("a hash");
                parts.iter().for_each(|part| hash.update(part));
                let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
                assert_eq!(hash.fork().finish(&mut out), algorithm.output_len());
                out
            };
            let mac = |parts: &[&[u8]]| {
                let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
                let length = PROVIDER.hmac(algorithm, &key).expect("a key").sign(parts, &mut out);
                assert_eq!(length, algorithm.output_len());
                out
            };
            let other = [&whole[..], &[0]].concat();
            digest(&[&front, &back]) == digest(&[&whole])
                && digest(&[&other]) != digest(&[&whole])
                && mac(&[&front, &[], &back]) == mac(&[&whole])
                && mac(&[&other]) != mac(&[&whole])
        })
    }

    fn both_sides_of_a_key_exchange_have_one_secret_and_a_changed_key_gives_another(
        seed: u8, at: usize, change: u8
    ) -> bool {
        let mut rng = Rng::from_seed([seed; 32]);
        NamedGroup::ALL.into_iter().all(|group| {
            let ours = PROVIDER.key_exchange(group, &mut rng).expect("a key");
            assert_eq!((ours.group(), ours.public_key().len()), (group, group.public_key_len()));
            let answer = PROVIDER.answer_key_exchange(group, ours.public_key(), &mut rng).expect("an answer");
            assert_eq!(answer.public_key.len(), group.answer_len());
            let mut changed = ours.public_key().to_vec();
            let at = at % changed.len();
            changed[at] ^= change.max(1);
            let is_another = match PROVIDER.answer_key_exchange(group, &changed, &mut Rng::from_seed([seed; 32])) {
                Ok(other) => *other.secret != *answer.secret,
                Err(error) => error == CryptoError::InvalidKey,
            };
            let secret = ours.complete(&answer.public_key).expect("a secret");
            is_another && *secret == *answer.secret
        })
    }

    fn a_signature_is_right_for_its_message_alone(seed: u8, message: Vec<u8>, at: usize, change: u8) -> bool {
        let mut rng = Rng::from_seed([seed; 32]);
        let key = PROVIDER.generate_signing_key(&mut rng).expect("a key");
        let scheme = key.schemes()[0];
        let signature = key.sign(scheme, &message, &mut rng).expect("a signature");
        let verify = |message: &[u8], signature: &[u8]| {
            PROVIDER.verify(scheme, key.public_key_info(), message, signature)
        };
        let mut changed = signature.clone();
        let at = at % changed.len();
        changed[at] ^= change.max(1);
        verify(&message, &signature) == Ok(())
            && verify(&[&message[..], &[0]].concat(), &signature) == Err(CryptoError::Authentication)
            && verify(&message, &changed) == Err(CryptoError::Authentication)
    }

    fn a_keystream_taken_twice_is_nothing(counter: (u64, u64), bytes: Vec<u8>) -> bool {
        let counter: [u8; 16] = [counter.0, counter.1].map(u64::to_be_bytes).concat().try_into().expect("16 bytes");
        CtrAlgorithm::ALL.into_iter().all(|algorithm| {
            let key = PROVIDER.ctr(algorithm, &vec![7; algorithm.key_len()]).expect("a key");
            let mut twice = bytes.clone();
            key.apply_keystream(&counter, &mut twice);
            let is_masked = bytes.len() < 8 || twice != bytes;
            key.apply_keystream(&counter, &mut twice);
            is_masked && twice == bytes
        })
    }
}

#[test]
fn certificates_have_the_form_of_real_ones() {
    let mut rng = Rng::from_seed([7; 32]);
    let certificate = Certificate::generate(PROVIDER, &mut rng).expect("a certificate");
    let key = public_key_info(certificate.der()).expect("a key");
    assert_eq!(key, certificate.key().public_key_info());
    assert_eq!(NamedGroup::of_key(key), Some(NamedGroup::Secp256r1));
    assert!(SignatureScheme::EcdsaSecp256r1Sha256.is_for_key(key));
    let stored = certificate.key().to_pkcs8();
    let again = PROVIDER.signing_key_from_pkcs8(&stored).expect("what was stored");
    assert_eq!(again.public_key_info(), key);
}

#[test]
fn keys_of_another_length_and_points_off_the_curve_are_refused() {
    for algorithm in AeadAlgorithm::ALL {
        for length in (0..=64).filter(|length| *length != algorithm.key_len()) {
            let refused = PROVIDER.aead(algorithm, &vec![7; length]).err();
            assert_eq!(refused, Some(CryptoError::InvalidKey));
            let refused = PROVIDER.record_number_key(algorithm, &vec![7; length]).err();
            assert_eq!(refused, Some(CryptoError::InvalidKey));
        }
    }
    let mut rng = Rng::from_seed([7; 32]);
    for group in NamedGroup::ALL {
        let mut refused = vec![
            vec![],
            vec![0; group.public_key_len()],
            vec![4; group.public_key_len() + 1],
        ];
        if group == NamedGroup::Secp256r1 {
            let mut off_curve = PROVIDER
                .key_exchange(group, &mut rng)
                .expect("a key")
                .public_key()
                .to_vec();
            off_curve[10] ^= 1;
            refused.push(off_curve);
        }
        for public_key in refused {
            let answer = PROVIDER.answer_key_exchange(group, &public_key, &mut rng).err();
            assert_eq!(answer, Some(CryptoError::InvalidKey), "{group:?}");
        }
    }
}
