//! Certificates: what we make, and how much of a peer's is read.

#[path = "support/hex.rs"]
mod hex;
#[path = "support/providers.rs"]
mod providers;

use hex::hex;
use pollrtc_crypto::{Certificate, CryptoError, HashAlgorithm, Rng, SignatureScheme, public_key_info};
use providers::providers;
use quickcheck::quickcheck;

#[test]
fn a_generated_certificate_holds_its_own_key() {
    for provider in providers() {
        let certificate = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
        assert_eq!(
            public_key_info(certificate.der()),
            Ok(certificate.key().public_key_info())
        );
    }
}

#[test]
fn a_generated_certificate_is_signed_with_its_own_key_as_every_provider_sees() {
    for provider in providers() {
        let certificate = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
        let (to_be_signed, signature) = signed_parts(certificate.der());
        for verifier in providers() {
            let verdict = verifier.verify(
                SignatureScheme::EcdsaSecp256r1Sha256,
                certificate.key().public_key_info(),
                to_be_signed,
                signature,
            );
            assert_eq!(verdict, Ok(()), "{verifier:?} on one of {provider:?}");
        }
    }
}

#[test]
fn no_two_certificates_are_the_same() {
    for provider in providers() {
        let mut rng = Rng::from_seed([7; 32]);
        let key = provider.generate_signing_key(&mut rng).expect("a key");
        let one = Certificate::self_signed(key.clone(), &mut rng).expect("a certificate");
        let two = Certificate::self_signed(key, &mut rng).expect("a certificate");
        let (one, two) = (signed_parts(one.der()).0, signed_parts(two.der()).0);
        assert_ne!(one, two, "the serial numbers and names of one key differ");
    }
}

#[test]
fn a_certificate_comes_back_from_what_was_stored() {
    for provider in providers() {
        let original = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
        for restorer in providers() {
            let pkcs8 = original.key().to_pkcs8();
            let key = restorer.signing_key_from_pkcs8(&pkcs8).expect("its key");
            let restored = Certificate::from_der(original.der(), key).expect("its certificate");
            let fingerprint = original.fingerprint(HashAlgorithm::Sha256);
            assert_eq!(restored.fingerprint(HashAlgorithm::Sha256), fingerprint);
        }
    }
}

#[test]
fn a_certificate_is_not_taken_with_another_key() {
    for provider in providers() {
        let mut rng = Rng::from_os();
        let certificate = Certificate::generate(provider, &mut rng).expect("a key");
        let another = provider.generate_signing_key(&mut rng).expect("a key");
        let refused = Certificate::from_der(certificate.der(), another);
        assert_eq!(refused.err(), Some(CryptoError::InvalidKey));
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    for provider in providers() {
        let certificate = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
        let shown = format!("{certificate:?}");
        assert!(shown.starts_with("Certificate(sha-256 "), "{shown}");
        let shown = format!("{:?}", certificate.key());
        assert_eq!(shown, "SigningKey(EcdsaSecp256r1Sha256)");
    }
}

#[test]
fn a_certificate_cut_short_or_prolonged_is_refused() {
    let provider = providers()[0];
    let certificate = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
    let der = certificate.der();
    for length in 0..der.len() {
        assert_eq!(public_key_info(&der[..length]), Err(CryptoError::InvalidKey));
    }
    let prolonged = [der, &[0]].concat();
    assert_eq!(public_key_info(&prolonged), Err(CryptoError::InvalidKey));
}

// X.690 §10.1: one way only to write a length.
#[test]
fn lengths_that_are_not_distinguished_are_refused() {
    for der in [
        "30 80 00 00",          // indefinite
        "30 81 02 05 00",       // could be shorter
        "30 82 00 02 05 00",    // zeros in front
        "30 84 00 00 00 00",    // 4 bytes of length
        "30 ff",                // a reserved form
        "3f 82 02 05 00 00 00", // a long tag
    ] {
        let refused = public_key_info(&hex(der)).err();
        assert_eq!(refused, Some(CryptoError::InvalidKey), "{der}");
    }
}

// Certificates made by OpenSSL: with and without extensions, and of version 1, which is not written.
#[test]
fn the_keys_of_others_certificates_are_found() {
    let cases: [(&[u8], &[u8]); 3] = [
        (
            include_bytes!("data/rsa-2048.cert.der"),
            include_bytes!("data/rsa-2048.spki.der"),
        ),
        (
            include_bytes!("data/p384.cert.der"),
            include_bytes!("data/p384.spki.der"),
        ),
        (
            include_bytes!("data/p256-version1.cert.der"),
            include_bytes!("data/p256.spki.der"),
        ),
    ];
    for (certificate, key) in cases {
        assert_eq!(public_key_info(certificate), Ok(key));
    }
}

#[test]
fn a_certificate_and_key_made_elsewhere_can_be_shown() {
    let der = include_bytes!("data/p384.cert.der");
    for provider in providers() {
        let key = provider
            .signing_key_from_pkcs8(include_bytes!("data/p384.pkcs8.der"))
            .expect("a key of OpenSSL's");
        let certificate = Certificate::from_der(der, key.clone()).expect("its certificate");
        assert_eq!(certificate.der(), der);

        let ours = Certificate::self_signed(key, &mut Rng::from_os()).expect("another one for it");
        assert_eq!(public_key_info(ours.der()), public_key_info(der));
    }
}

#[test]
fn rust_crypto_makes_the_same_certificate_from_the_same_seed() {
    let provider = pollrtc_crypto::rust_crypto::PROVIDER;
    let [one, two] =
        [(); 2].map(|()| Certificate::generate(provider, &mut Rng::from_seed([7; 32])).expect("a certificate"));
    assert_eq!(one.der(), two.der());
}

quickcheck! {
    fn a_damaged_certificate_gives_a_part_of_itself_or_nothing(at: usize, bits: u8) -> bool {
        let provider = providers()[0];
        let certificate = Certificate::generate(provider, &mut Rng::from_os()).expect("a key");
        let mut der = certificate.der().to_vec();
        let at = at % der.len();
        der[at] ^= bits;
        match public_key_info(&der) {
            Ok(key) => der.windows(key.len()).any(|window| window == key),
            Err(error) => error == CryptoError::InvalidKey,
        }
    }
}

/// What a certificate of ours signs, and the signature.
fn signed_parts(der: &[u8]) -> (&[u8], &[u8]) {
    // The outer sequence is between 256 and 65535 bytes long, the inner between 128 and 255.
    assert_eq!((der[0], der[1], der[4], der[5]), (0x30, 0x82, 0x30, 0x81));
    let length = 3 + usize::from(der[6]);
    let (to_be_signed, rest) = der[4..].split_at(length);
    // The algorithm is a sequence of 10 bytes, the signature a bit string below 128 bytes.
    let bit_string = &rest[12..];
    assert_eq!((bit_string[0], bit_string[2]), (0x03, 0));
    (to_be_signed, &bit_string[3..])
}
