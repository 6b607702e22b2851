//! Project Wycheproof's vectors, against both providers: the corner cases that implementations get
//! wrong.

use pollrtc_crypto::{
    AeadAlgorithm, HashAlgorithm, Hkdf, NamedGroup, Provider, Rng, SignatureScheme, aws_lc_rs, rust_crypto,
};
use wycheproof::{TestResult, aead, ecdh, ecdsa, eddsa, hkdf, mac, mlkem, rsa_pkcs1_verify, rsa_pss_verify, xdh};

fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}

/// What is acceptable may go either way.
fn check(provider: &dyn Provider, source: &str, id: usize, expected: TestResult, accepted: bool) {
    let right = match expected {
        TestResult::Valid => accepted,
        TestResult::Invalid => !accepted,
        TestResult::Acceptable => true,
    };
    assert!(right, "{provider:?}, {source} {id}: accepted is {accepted}");
}

#[test]
fn authenticated_encryption() {
    let mut count = 0;
    for (name, source) in [
        (aead::TestName::AesGcm, "AES-GCM"),
        (aead::TestName::ChaCha20Poly1305, "ChaCha20-Poly1305"),
    ] {
        for group in aead::TestSet::load(name).expect("vectors").test_groups {
            let algorithm = match (source, group.key_size) {
                ("ChaCha20-Poly1305", _) => AeadAlgorithm::ChaCha20Poly1305,
                (_, 128) => AeadAlgorithm::Aes128Gcm,
                (_, 256) => AeadAlgorithm::Aes256Gcm,
                _ => continue,
            };
            if (group.nonce_size, group.tag_size) != (96, 128) {
                continue;
            }
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let key = provider.aead(algorithm, &test.key).expect("a key of that size");
                let nonce = test.nonce[..].try_into().expect("12 bytes");
                let tag = test.tag[..].try_into().expect("16 bytes");
                let mut bytes = test.ct.to_vec();
                let opened = key.open(&nonce, &test.aad, &mut bytes, &tag).is_ok();
                check(provider, source, test.tc_id, test.result, opened);
                if test.result == TestResult::Valid {
                    assert_eq!(bytes, test.pt[..], "{source} {}", test.tc_id);
                    assert_eq!(key.seal(&nonce, &test.aad, &mut bytes), Ok(tag));
                    assert_eq!(bytes, test.ct[..], "{source} {}", test.tc_id);
                }
            }
        }
    }
    assert!(count > 500, "{count}");
}

#[test]
fn message_authentication() {
    let mut count = 0;
    for (name, hash) in [
        (mac::TestName::HmacSha1, HashAlgorithm::Sha1),
        (mac::TestName::HmacSha224, HashAlgorithm::Sha224),
        (mac::TestName::HmacSha256, HashAlgorithm::Sha256),
        (mac::TestName::HmacSha384, HashAlgorithm::Sha384),
        (mac::TestName::HmacSha512, HashAlgorithm::Sha512),
    ] {
        for group in mac::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let key = provider.hmac(hash, &test.key).expect("a key");
                let verdict = match test.tag.len() {
                    10 => key.verify::<10>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    16 => key.verify::<16>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    20 => key.verify::<20>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    24 => key.verify::<24>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    28 => key.verify::<28>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    32 => key.verify::<32>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    48 => key.verify::<48>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    64 => key.verify::<64>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    14 => key.verify::<14>(&[&test.msg], test.tag.first_chunk().unwrap()),
                    other => panic!("a tag of {other} bytes"),
                };
                check(provider, hash.name(), test.tc_id, test.result, verdict.is_ok());
            }
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn key_derivation() {
    let mut count = 0;
    for (name, hash) in [
        (hkdf::TestName::HkdfSha256, HashAlgorithm::Sha256),
        (hkdf::TestName::HkdfSha384, HashAlgorithm::Sha384),
    ] {
        for group in hkdf::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let secret = Hkdf::extract(provider, hash, &test.salt, &test.ikm).expect("a secret");
                let hkdf = Hkdf::new(provider, hash, secret.as_bytes()).expect("a key");
                let mut out = vec![0; test.size];
                let derived = hkdf.expand(&[&test.info], &mut out).is_ok();
                check(provider, "HKDF", test.tc_id, test.result, derived);
                if derived {
                    assert_eq!(out, test.okm[..], "{provider:?}, {hash:?} {}", test.tc_id);
                }
            }
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn ecdsa_signatures() {
    let mut count = 0;
    for (name, scheme) in [
        (
            ecdsa::TestName::EcdsaSecp256r1Sha256,
            SignatureScheme::EcdsaSecp256r1Sha256,
        ),
        (
            ecdsa::TestName::EcdsaSecp384r1Sha256,
            SignatureScheme::EcdsaSecp256r1Sha256,
        ),
        (
            ecdsa::TestName::EcdsaSecp384r1Sha384,
            SignatureScheme::EcdsaSecp384r1Sha384,
        ),
    ] {
        for group in ecdsa::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let verified = provider.verify(scheme, &group.der, &test.msg, &test.sig).is_ok();
                check(provider, "ECDSA", test.tc_id, test.result, verified);
            }
        }
    }
    assert!(count > 2000, "{count}");
}

#[test]
fn ed25519_signatures() {
    let mut count = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519)
        .expect("vectors")
        .test_groups
    {
        for (test, provider) in pairs(&group.tests) {
            count += 1;
            let verified = provider.verify(SignatureScheme::Ed25519, &group.der, &test.msg, &test.sig);
            check(provider, "Ed25519", test.tc_id, test.result, verified.is_ok());
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn rsa_signatures() {
    use SignatureScheme::{
        RsaPkcs1Sha256, RsaPkcs1Sha384, RsaPkcs1Sha512, RsaPssRsaeSha256, RsaPssRsaeSha384, RsaPssRsaeSha512,
    };
    let mut count = 0;
    for (name, scheme) in [
        (rsa_pkcs1_verify::TestName::Rsa2048Sha256, RsaPkcs1Sha256),
        (rsa_pkcs1_verify::TestName::Rsa2048Sha384, RsaPkcs1Sha384),
        (rsa_pkcs1_verify::TestName::Rsa2048Sha512, RsaPkcs1Sha512),
        (rsa_pkcs1_verify::TestName::Rsa3072Sha256, RsaPkcs1Sha256),
        (rsa_pkcs1_verify::TestName::Rsa4096Sha512, RsaPkcs1Sha512),
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let verified = provider.verify(scheme, &group.der, &test.msg, &test.sig);
                check(provider, "RSA PKCS #1", test.tc_id, test.result, verified.is_ok());
            }
        }
    }
    for (name, scheme) in [
        (
            rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32,
            RsaPssRsaeSha256,
        ),
        (
            rsa_pss_verify::TestName::RsaPss3072Sha256Mgf1SaltLen32,
            RsaPssRsaeSha256,
        ),
        (
            rsa_pss_verify::TestName::RsaPss2048Sha384Mgf1SaltLen48,
            RsaPssRsaeSha384,
        ),
        (
            rsa_pss_verify::TestName::RsaPss4096Sha512Mgf1SaltLen64,
            RsaPssRsaeSha512,
        ),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&group.tests) {
                count += 1;
                let verified = provider.verify(scheme, &group.der, &test.msg, &test.sig);
                check(provider, "RSA PSS", test.tc_id, test.result, verified.is_ok());
            }
        }
    }
    assert!(count > 1500, "{count}");
}

/// Our own keys are fresh, so what comes out is not known; what must be refused is.
#[test]
fn public_keys_of_x25519_and_the_nist_curves() {
    let mut rng = Rng::from_seed([7; 32]);
    let mut accepts = |provider: &dyn Provider, group, public_key: &[u8]| {
        let ours = provider.key_exchange(group, &mut rng).expect("a key");
        ours.complete(public_key).is_ok()
    };
    let mut count = 0;
    for group in xdh::TestSet::load(xdh::TestName::X25519).expect("vectors").test_groups {
        for (test, provider) in pairs(&group.tests) {
            count += 1;
            // RFC 8422 §5.11 has no choice where the secret is all zeros.
            let expected = match test.shared_secret.iter().all(|byte| *byte == 0) {
                true => TestResult::Invalid,
                false => TestResult::Valid,
            };
            let accepted = accepts(provider, NamedGroup::X25519, &test.public_key);
            check(provider, "X25519", test.tc_id, expected, accepted);
        }
    }
    for (name, group) in [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, NamedGroup::Secp256r1),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, NamedGroup::Secp384r1),
    ] {
        for tests in ecdh::TestSet::load(name).expect("vectors").test_groups {
            for (test, provider) in pairs(&tests.tests) {
                count += 1;
                let accepted = accepts(provider, group, &test.public_key);
                check(provider, "ECDH", test.tc_id, test.result, accepted);
            }
        }
    }
    assert!(count > 2000, "{count}");
}

#[test]
fn encapsulation_keys_of_ml_kem_768() {
    let mut rng = Rng::from_seed([7; 32]);
    let group = NamedGroup::X25519MlKem768;
    let x25519 = rust_crypto::PROVIDER
        .key_exchange(NamedGroup::X25519, &mut rng)
        .expect("a key");
    let mut count = 0;
    for tests in mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps)
        .expect("vectors")
        .test_groups
    {
        for (test, provider) in pairs(&tests.tests) {
            count += 1;
            let ml_kem = test.encaps_key.as_ref().expect("a key");
            let public_key = [&ml_kem[..], x25519.public_key()].concat();
            let answer = provider.answer_key_exchange(group, &public_key, &mut rng);
            check(provider, "ML-KEM-768", test.tc_id, test.result, answer.is_ok());
        }
    }
    assert!(count > 50, "{count}");
}

/// Each test with each provider.
fn pairs<T>(tests: &[T]) -> impl Iterator<Item = (&T, &'static dyn Provider)> {
    tests
        .iter()
        .flat_map(|test| providers().map(move |provider| (test, provider)))
}
