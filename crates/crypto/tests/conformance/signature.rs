//! Signatures: ECDSA both ways, RSA of others.

use std::fs;
use std::path::Path;

use pollrtc_crypto::{CryptoError, Provider, Rng, SignatureScheme, SigningKey};

use crate::hex::hex;
use crate::providers::providers;

#[test]
fn the_signatures_of_rfc_6979_are_right() {
    for provider in providers() {
        for (key, scheme, message, r, s) in RFC_6979 {
            let (key, signature) = (key_info(key), signature(r, s));
            let verdict = provider.verify(*scheme, &key, message.as_bytes(), &signature);
            assert_eq!(verdict, Ok(()), "{provider:?}, {scheme:?}, {message}");
        }
    }
}

#[test]
fn a_signature_is_right_for_one_message_and_one_hash_only() {
    for provider in providers() {
        for (key, scheme, message, r, s) in RFC_6979 {
            let (key, signature) = (key_info(key), signature(r, s));
            let another_hash = match scheme {
                SignatureScheme::EcdsaSecp256r1Sha256 => SignatureScheme::EcdsaSecp384r1Sha384,
                _ => SignatureScheme::EcdsaSecp256r1Sha256,
            };
            for (scheme, message) in [(*scheme, "another"), (*scheme, ""), (another_hash, *message)] {
                let refused = provider.verify(scheme, &key, message.as_bytes(), &signature);
                assert_eq!(refused, Err(CryptoError::Authentication), "{provider:?}");
            }
        }
    }
}

#[test]
fn numbers_out_of_range_and_forms_that_are_not_distinguished_are_refused() {
    let (key, scheme, message, r, s) = RFC_6979[0];
    let right = signature(r, s);
    let zero = "00".repeat(32);
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let wrong = [
        signature(&zero, s),
        signature(r, &zero),
        signature(&zero, &zero),
        signature(order, s),
        signature(r, order),
        [&right[..], &[0]].concat(),
        [&[0x30, 0x81, right[1]], &right[2..]].concat(), // a length longer than it has to be
        right[..right.len() - 1].to_vec(),
        hex(&format!("{r}{s}")), // the form without DER
        Vec::new(),
    ];
    for provider in providers() {
        let verify = |signature: &[u8]| provider.verify(scheme, &key_info(key), message.as_bytes(), signature);
        assert_eq!(verify(&right), Ok(()));
        for wrong in &wrong {
            let refused = verify(wrong);
            assert_eq!(refused, Err(CryptoError::Authentication), "{provider:?}, {wrong:02x?}");
        }
    }
}

#[test]
fn what_one_provider_signs_every_provider_accepts() {
    let mut rng = Rng::from_os();
    for signer in providers() {
        let keys = [
            signer.generate_signing_key(&mut rng).expect("a key"),
            stored_key(signer, "p256.pkcs8.der"),
            stored_key(signer, "p384.pkcs8.der"),
        ];
        for key in keys {
            let scheme = key.schemes()[0];
            let signature = key.sign(scheme, b"message", &mut rng).expect("a signature");
            for verifier in providers() {
                let info = key.public_key_info();
                let verdict = verifier.verify(scheme, info, b"message", &signature);
                assert_eq!(verdict, Ok(()), "{verifier:?} of {signer:?}, {scheme:?}");
                let verdict = verifier.verify(scheme, info, b"Message", &signature);
                assert_eq!(verdict, Err(CryptoError::Authentication));
            }
        }
    }
}

#[test]
fn a_key_signs_with_its_own_schemes_only() {
    let mut rng = Rng::from_os();
    for provider in providers() {
        let p256 = provider.generate_signing_key(&mut rng).expect("a key");
        assert_eq!(p256.schemes(), [SignatureScheme::EcdsaSecp256r1Sha256]);
        let p384 = stored_key(provider, "p384.pkcs8.der");
        assert_eq!(p384.schemes(), [SignatureScheme::EcdsaSecp384r1Sha384]);
        for key in [p256, p384] {
            for (scheme, ..) in ALL_SCHEMES {
                let signed = key.sign(scheme, b"message", &mut rng);
                assert_eq!(signed.is_ok(), key.schemes().contains(&scheme), "{scheme:?}");
                assert!(matches!(signed, Ok(_) | Err(CryptoError::Unsupported)));
            }
        }
    }
}

#[test]
fn stored_keys_come_back_in_every_provider() {
    for provider in providers() {
        for curve in ["p256", "p384"] {
            let key = stored_key(provider, &format!("{curve}.pkcs8.der"));
            assert_eq!(key.public_key_info(), data(&format!("{curve}.spki.der")));
            for another in providers() {
                let again = another.signing_key_from_pkcs8(&key.to_pkcs8()).expect("its key");
                assert_eq!(again.public_key_info(), key.public_key_info());
            }
        }
    }
}

#[test]
fn what_is_no_key_is_not_loaded() {
    let key = data("p256.pkcs8.der");
    for provider in providers() {
        let mut wrong: Vec<Vec<u8>> = (0..key.len()).map(|n| key[..n].to_vec()).collect();
        wrong.push(data("p256.spki.der"));
        for wrong in wrong {
            let refused = provider.signing_key_from_pkcs8(&wrong).err();
            assert_eq!(refused, Some(CryptoError::InvalidKey), "{provider:?}");
        }
    }
}

/// Each scheme, with a key that it is for and a signature of OpenSSL's over `sample`.
const ALL_SCHEMES: [(SignatureScheme, &str, &str); 8] = [
    (SignatureScheme::EcdsaSecp256r1Sha256, "p256", ""),
    (SignatureScheme::EcdsaSecp384r1Sha384, "p384", ""),
    (SignatureScheme::RsaPssRsaeSha256, "rsa-2048", "pss-sha256"),
    (SignatureScheme::RsaPssRsaeSha384, "rsa-2048", "pss-sha384"),
    (SignatureScheme::RsaPssRsaeSha512, "rsa-2048", "pss-sha512"),
    (SignatureScheme::RsaPkcs1Sha256, "rsa-2048", "pkcs1-sha256"),
    (SignatureScheme::RsaPkcs1Sha384, "rsa-2048", "pkcs1-sha384"),
    (SignatureScheme::RsaPkcs1Sha512, "rsa-2048", "pkcs1-sha512"),
];

#[test]
fn rsa_signatures_are_checked() {
    for provider in providers() {
        for (scheme, key, signature) in &ALL_SCHEMES[2..] {
            let info = data(&format!("{key}.spki.der"));
            let signature = data(&format!("{key}.{signature}.sig"));
            let verify = |message, signature: &[u8]| provider.verify(*scheme, &info, message, signature);
            assert!(provider.signature_schemes().contains(scheme));
            assert_eq!(verify(b"sample", &signature), Ok(()), "{provider:?}, {scheme:?}");
            let mut wrong = signature.clone();
            wrong[100] ^= 1;
            for (message, signature) in [
                (&b"Sample"[..], &signature[..]),
                (b"sample", &wrong),
                (b"sample", &signature[1..]),
                (b"sample", &[]),
            ] {
                let refused = verify(message, signature);
                assert_eq!(refused, Err(CryptoError::Authentication), "{scheme:?}");
            }
        }
    }
}

#[test]
fn the_padding_and_the_hash_of_an_rsa_signature_are_those_of_the_scheme() {
    let info = data("rsa-2048.spki.der");
    for provider in providers() {
        for (scheme, ..) in &ALL_SCHEMES[2..] {
            for (another, key, signature) in &ALL_SCHEMES[2..] {
                let signature = data(&format!("{key}.{signature}.sig"));
                let verdict = provider.verify(*scheme, &info, b"sample", &signature);
                assert_eq!(verdict.is_ok(), scheme == another, "{scheme:?}, {another:?}");
            }
        }
    }
}

#[test]
fn short_rsa_keys_are_refused() {
    for provider in providers() {
        let refused = provider.verify(
            SignatureScheme::RsaPkcs1Sha256,
            &data("rsa-1024.spki.der"),
            b"sample",
            &data("rsa-1024.pkcs1-sha256.sig"),
        );
        assert!(refused.is_err(), "{provider:?}");
    }
}

#[test]
fn a_scheme_is_not_used_with_a_key_of_another_kind() {
    for provider in providers() {
        for scheme in provider.signature_schemes() {
            let ecdsa = matches!(
                scheme,
                SignatureScheme::EcdsaSecp256r1Sha256 | SignatureScheme::EcdsaSecp384r1Sha384
            );
            let key = data(if ecdsa { "rsa-2048.spki.der" } else { "p256.spki.der" });
            let refused = provider.verify(*scheme, &key, b"sample", &[7; 64]);
            assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {scheme:?}");
        }
    }
}

#[test]
fn what_is_no_public_key_is_refused() {
    let scheme = SignatureScheme::EcdsaSecp256r1Sha256;
    let key = data("p256.spki.der");
    for provider in providers() {
        let refused = |info: &[u8]| provider.verify(scheme, info, b"", b"").err();
        for length in 0..key.len() {
            assert_eq!(refused(&key[..length]), Some(CryptoError::InvalidKey));
        }
        assert_eq!(refused(&[&key[..], &[0]].concat()), Some(CryptoError::InvalidKey));

        let mut off_the_curve = key.clone();
        off_the_curve[90] ^= 1;
        assert_eq!(refused(&off_the_curve), Some(CryptoError::InvalidKey), "{provider:?}");
        let mut unused_bits = key.clone();
        unused_bits[25] = 1;
        assert_eq!(refused(&unused_bits), Some(CryptoError::InvalidKey), "{provider:?}");

        // RFC 8410 §4: a key for Ed448.
        let ed448 = hex(&format!("3043300506032b6571033a00{}", "07".repeat(57)));
        assert_eq!(refused(&ed448), Some(CryptoError::Unsupported), "{provider:?}");
    }
}

#[test]
fn the_signatures_of_rfc_8032_are_right_for_one_message_only() {
    for provider in providers() {
        let verify = |key: &[u8], message: &[u8], signature: &[u8]| {
            provider.verify(SignatureScheme::Ed25519, key, message, signature)
        };
        for (key, message, signature) in RFC_8032 {
            let (key, message, signature) = (ed25519_key_info(key), hex(message), hex(signature));
            assert_eq!(verify(&key, &message, &signature), Ok(()), "{provider:?}");
            for bit in 0..signature.len() * 8 {
                let mut wrong = signature.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verify(&key, &message, &wrong), Err(CryptoError::Authentication));
            }
            for (message, signature) in [
                (&b"another"[..], &signature[..]),
                (&message, &signature[1..]),
                (&message, &[]),
            ] {
                assert_eq!(verify(&key, message, signature), Err(CryptoError::Authentication));
            }
            // RFC 8410 §3: a key that says more than that is another one.
            let with_parameters = [&hex("302c300706032b65700500"), &key[9..]].concat();
            let refused = verify(&with_parameters, &message, &signature);
            assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}");
        }
    }
}

#[test]
fn rsa_keys_sign_what_every_scheme_of_theirs_accepts() {
    let mut rng = Rng::from_os();
    let provider = pollrtc_crypto::aws_lc_rs::PROVIDER;
    let key = stored_key(provider, "rsa-2048-signer.pkcs8.der");
    assert_eq!(key.public_key_info(), data("rsa-2048-signer.spki.der"));
    let again = provider.signing_key_from_pkcs8(&key.to_pkcs8()).expect("its key");
    assert_eq!(again.public_key_info(), key.public_key_info());
    assert_eq!(format!("{key:?}"), "SigningKey(Rsa)");

    assert_eq!(key.schemes().len(), 6);
    for (scheme, ..) in ALL_SCHEMES {
        let Ok(signature) = key.sign(scheme, b"message", &mut rng) else {
            assert!(!key.schemes().contains(&scheme));
            continue;
        };
        assert!(key.schemes().contains(&scheme));
        for (another, ..) in &ALL_SCHEMES[2..] {
            let verdict = provider.verify(*another, key.public_key_info(), b"message", &signature);
            assert_eq!(verdict.is_ok(), scheme == *another, "{scheme:?}, {another:?}");
        }
    }
}

#[test]
fn rust_crypto_does_not_load_rsa_keys() {
    let provider = pollrtc_crypto::rust_crypto::PROVIDER;
    let refused = provider.signing_key_from_pkcs8(&data("rsa-2048-signer.pkcs8.der"));
    assert_eq!(refused.err(), Some(CryptoError::InvalidKey));
}

// RFC 8446 §4.2.3: from version 1.3 on, a scheme names the curve too.
#[test]
fn a_scheme_knows_the_keys_it_is_for() {
    let keys = ["p256", "p384", "rsa-2048"];
    for (scheme, its_key, _) in ALL_SCHEMES {
        for key in keys {
            let info = data(&format!("{key}.spki.der"));
            assert_eq!(scheme.is_for_key(&info), key == its_key, "{scheme:?}, {key}");
        }
        assert!(!scheme.is_for_key(b""));
        assert!(!scheme.is_for_key(&ed25519_key_info(RFC_8032[0].0)));
    }
    assert!(SignatureScheme::Ed25519.is_for_key(&ed25519_key_info(RFC_8032[0].0)));
}

// RFC 8410 §10.3: the second form of a private key holds the public one too.
#[test]
fn ed25519_keys_sign_what_rfc_8032_has() {
    let mut rng = Rng::from_os();
    for provider in providers() {
        for ((public, message, signature), secret) in RFC_8032.iter().zip(RFC_8032_SECRETS) {
            let short = hex(&format!("302e020100300506032b657004220420{secret}"));
            let long = hex(&format!("3051020101300506032b657004220420{secret}812100{public}"));
            for pkcs8 in [short, long] {
                let key = provider.signing_key_from_pkcs8(&pkcs8).expect("a key");
                assert_eq!(key.public_key_info(), ed25519_key_info(public), "{provider:?}");
                let signed = key.sign(SignatureScheme::Ed25519, &hex(message), &mut rng);
                assert_eq!(signed, Ok(hex(signature)), "{provider:?}");
                assert_eq!(format!("{key:?}"), "SigningKey(Ed25519)");
                for (scheme, ..) in ALL_SCHEMES {
                    assert_eq!(key.sign(scheme, b"", &mut rng), Err(CryptoError::Unsupported));
                }
                for another in providers() {
                    let again = another.signing_key_from_pkcs8(&key.to_pkcs8()).expect("its key");
                    assert_eq!(again.public_key_info(), key.public_key_info());
                }
            }
        }
    }
}

fn ed25519_key_info(key: &str) -> Vec<u8> {
    hex(&format!("302a300506032b6570032100{key}"))
}

fn stored_key(provider: &dyn Provider, name: &str) -> std::sync::Arc<dyn SigningKey> {
    provider
        .signing_key_from_pkcs8(&data(name))
        .expect("a key of OpenSSL's")
}

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The SubjectPublicKeyInfo of a point.
fn key_info(point: &str) -> Vec<u8> {
    let curve = match point.len() {
        130 => "3059301306072a8648ce3d020106082a8648ce3d030107034200",
        _ => "3076301006072a8648ce3d020106052b81040022036200",
    };
    hex(&format!("{curve}{point}"))
}

/// The DER of a signature (RFC 3279 §2.2.3).
fn signature(r: &str, s: &str) -> Vec<u8> {
    let integer = |digits| {
        let mut bytes = hex(digits);
        while bytes.len() > 1 && bytes[0] == 0 && bytes[1] < 0x80 {
            bytes.remove(0);
        }
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        [&[2, bytes.len() as u8], &bytes[..]].concat()
    };
    let numbers = [integer(r), integer(s)].concat();
    [&[0x30, numbers.len() as u8], &numbers[..]].concat()
}

/// The public key of RFC 6979 §A.2.5.
const P256_KEY: &str = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29f\
                         b67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d44622\
                         99";

/// The public key of RFC 6979 §A.2.6.
const P384_KEY: &str = "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c\
                         64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621\
                         896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332647\
                         20";

/// RFC 6979 §A.2.5 and §A.2.6: key, scheme, message, r, s.
const RFC_6979: &[(&str, SignatureScheme, &str, &str, &str)] = &[
    (
        P256_KEY,
        SignatureScheme::EcdsaSecp256r1Sha256,
        "sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        P256_KEY,
        SignatureScheme::EcdsaSecp384r1Sha384,
        "sample",
        "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
        "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
    ),
    (
        P256_KEY,
        SignatureScheme::EcdsaSecp256r1Sha256,
        "test",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
    (
        P256_KEY,
        SignatureScheme::EcdsaSecp384r1Sha384,
        "test",
        "83910e8b48bb0c74244ebdf7f07a1c5413d61472bd941ef3920e623fbccebeb6",
        "8ddbec54cf8cd5874883841d712142a56a8d0f218f5003cb0296b6b509619f2c",
    ),
    (
        P384_KEY,
        SignatureScheme::EcdsaSecp256r1Sha256,
        "sample",
        "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33\
         bde1e888e63355d92fa2b3c36d8fb2cd",
        "f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feeb\
         efdc63eccd1ac42ec0cb8668a4fa0ab0",
    ),
    (
        P384_KEY,
        SignatureScheme::EcdsaSecp384r1Sha384,
        "sample",
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c\
         81a648152e44acf96e36dd1e80fabe46",
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f\
         a329c145786e679e7b82c71a38628ac8",
    ),
    (
        P384_KEY,
        SignatureScheme::EcdsaSecp256r1Sha256,
        "test",
        "6d6defac9ab64dabafe36c6bf510352a4cc27001263638e5b16d9bb51d451559\
         f918eedaf2293be5b475cc8f0188636b",
        "2d46f3becbcc523d5f1a1256bf0c9b024d879ba9e838144c8ba6baeb4b53b47d\
         51ab373f9845c0514eefb14024787265",
    ),
    (
        P384_KEY,
        SignatureScheme::EcdsaSecp384r1Sha384,
        "test",
        "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb\
         0542a7f0812998da8f1dd3ca3cf023db",
        "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e0\
         6a739f040649a667bf3b828246baa5a5",
    ),
];

/// RFC 8032 §7.1: public key, message, signature.
const RFC_8032: &[(&str, &str, &str)] = &[
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
         d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
         387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
         4a7c15e9716ed28dc027beceea1ec40a",
    ),
];

/// RFC 8032 §7.1: the secret keys of the same.
const RFC_8032_SECRETS: [&str; 3] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
];
