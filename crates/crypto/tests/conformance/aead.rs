//! Authenticated encryption: AES-GCM and ChaCha20-Poly1305.

use pollrtc_crypto::{AeadAlgorithm, AeadKey, CryptoError, Provider};
use quickcheck::quickcheck;

use crate::hex::hex;
use crate::providers::providers;

#[test]
fn sealing_gives_what_the_standards_print() {
    for provider in providers() {
        for vector in VECTORS {
            let (key, nonce, mut bytes) = vector.set_up(provider, vector.plaintext);
            let tag = key.seal(&nonce, &hex(vector.aad), &mut bytes);
            assert_eq!(bytes, hex(vector.ciphertext), "{provider:?}, {}", vector.source);
            assert_eq!(tag, Ok(array(vector.tag)), "{provider:?}, {}", vector.source);
        }
    }
}

#[test]
fn opening_gives_back_what_the_standards_sealed() {
    for provider in providers() {
        for vector in VECTORS {
            let (key, nonce, mut bytes) = vector.set_up(provider, vector.ciphertext);
            let opened = key.open(&nonce, &hex(vector.aad), &mut bytes, &array(vector.tag));
            assert_eq!(opened, Ok(()), "{provider:?}, {}", vector.source);
            assert_eq!(bytes, hex(vector.plaintext), "{provider:?}, {}", vector.source);
        }
    }
}

#[test]
fn whatever_was_changed_is_noticed() {
    for provider in providers() {
        for vector in VECTORS {
            let (key, nonce, bytes) = vector.set_up(provider, vector.ciphertext);
            let (aad, tag) = (hex(vector.aad), array::<16>(vector.tag));
            let open = |nonce: &_, aad: &[u8], bytes: &[u8], tag: &_| key.open(nonce, aad, &mut bytes.to_vec(), tag);
            assert_eq!(open(&nonce, &aad, &bytes, &tag), Ok(()));

            let mut refused = Vec::new();
            for bit in 0..nonce.len() * 8 {
                refused.push(open(&array_flipped(nonce, bit), &aad, &bytes, &tag));
            }
            for bit in 0..aad.len() * 8 {
                refused.push(open(&nonce, &flipped(&aad, bit), &bytes, &tag));
            }
            for bit in 0..bytes.len() * 8 {
                refused.push(open(&nonce, &aad, &flipped(&bytes, bit), &tag));
            }
            for bit in 0..tag.len() * 8 {
                refused.push(open(&nonce, &aad, &bytes, &array_flipped(tag, bit)));
            }
            refused.push(open(&nonce, &[&aad[..], &[0]].concat(), &bytes, &tag));
            refused.push(open(&nonce, &aad, &[&bytes[..], &[0]].concat(), &tag));
            let all = refused
                .iter()
                .all(|verdict| *verdict == Err(CryptoError::Authentication));
            assert!(all, "{provider:?}, {}", vector.source);
        }
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for provider in providers() {
        for algorithm in AeadAlgorithm::ALL {
            for length in (0..=64).filter(|length| *length != algorithm.key_len()) {
                let refused = provider.aead(algorithm, &vec![7; length]).err();
                assert_eq!(refused, Some(CryptoError::InvalidKey), "{algorithm:?} {length}");
            }
        }
    }
}

quickcheck! {
    fn what_one_provider_seals_every_provider_opens(
        key: (u64, u64, u64, u64), nonce: (u64, u32), aad: Vec<u8>, plaintext: Vec<u8>
    ) -> bool {
        let key = [key.0, key.1, key.2, key.3].map(u64::to_be_bytes).concat();
        let nonce = [&nonce.0.to_be_bytes()[..], &nonce.1.to_be_bytes()].concat();
        let nonce = nonce.try_into().expect("12 bytes");
        AeadAlgorithm::ALL.into_iter().all(|algorithm| {
            let key = &key[..algorithm.key_len()];
            providers().iter().all(|sealer| {
                let mut sealed = plaintext.clone();
                let sealer = sealer.aead(algorithm, key).expect("a key");
                let tag = sealer.seal(&nonce, &aad, &mut sealed).expect("a short message");
                providers().iter().all(|opener| {
                    let mut opened = sealed.clone();
                    let opener = opener.aead(algorithm, key).expect("a key");
                    opener.open(&nonce, &aad, &mut opened, &tag).is_ok() && opened == plaintext
                })
            })
        })
    }
}

struct Vector {
    source: &'static str,
    algorithm: AeadAlgorithm,
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

impl Vector {
    fn set_up(&self, provider: &dyn Provider, bytes: &str) -> (Box<dyn AeadKey>, [u8; 12], Vec<u8>) {
        let key = provider.aead(self.algorithm, &hex(self.key)).expect("a key");
        (key, array(self.nonce), hex(bytes))
    }
}

fn array<const N: usize>(digits: &str) -> [u8; N] {
    hex(digits).try_into().expect("as many bytes as asked for")
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn array_flipped<const N: usize>(mut bytes: [u8; N], bit: usize) -> [u8; N] {
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Those of AES-GCM come from "The Galois/Counter Mode of Operation" (McGrew and Viega, 2005), the
/// specification that NIST SP 800-38D refers to.
const VECTORS: &[Vector] = &[
    Vector {
        source: "GCM specification, test case 1",
        algorithm: AeadAlgorithm::Aes128Gcm,
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "58e2fccefa7e3061367f1d57a4e7455a",
    },
    Vector {
        source: "GCM specification, test case 2",
        algorithm: AeadAlgorithm::Aes128Gcm,
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        ciphertext: "0388dace60b6a392f328c2b971b2fe78",
        tag: "ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        source: "GCM specification, test case 4",
        algorithm: AeadAlgorithm::Aes128Gcm,
        key: "feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ciphertext: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                     21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        source: "GCM specification, test case 13",
        algorithm: AeadAlgorithm::Aes256Gcm,
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    Vector {
        source: "GCM specification, test case 14",
        algorithm: AeadAlgorithm::Aes256Gcm,
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        source: "GCM specification, test case 16",
        algorithm: AeadAlgorithm::Aes256Gcm,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        source: "RFC 8439 §2.8.2",
        algorithm: AeadAlgorithm::ChaCha20Poly1305,
        key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        nonce: "070000004041424344454647",
        aad: "50515253c0c1c2c3c4c5c6c7",
        plaintext: "4c616469657320616e642047656e746c656d656e206f662074686520636c6173\
                    73206f66202739393a204966204920636f756c64206f6666657220796f75206f\
                    6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73\
                    637265656e20776f756c642062652069742e",
        ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
                     3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
                     92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                     3ff4def08e4b7a9de576d26586cec64b6116",
        tag: "1ae10b594f09e26a7e902ecbd0600691",
    },
    Vector {
        source: "RFC 8439 §A.5",
        algorithm: AeadAlgorithm::ChaCha20Poly1305,
        key: "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
        nonce: "000000000102030405060708",
        aad: "f33388860000000000004e91",
        plaintext: "496e7465726e65742d4472616674732061726520647261667420646f63756d65\
                    6e74732076616c696420666f722061206d6178696d756d206f6620736978206d\
                    6f6e74687320616e64206d617920626520757064617465642c207265706c6163\
                    65642c206f72206f62736f6c65746564206279206f7468657220646f63756d65\
                    6e747320617420616e792074696d652e20497420697320696e617070726f7072\
                    6961746520746f2075736520496e7465726e65742d4472616674732061732072\
                    65666572656e6365206d6174657269616c206f7220746f206369746520746865\
                    6d206f74686572207468616e206173202fe2809c776f726b20696e2070726f67\
                    726573732e2fe2809d",
        ciphertext: "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2\
                     4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf\
                     332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855\
                     9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4\
                     b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e\
                     af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a\
                     0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10\
                     49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29\
                     a6ad5cb4022b02709b",
        tag: "eead9d67890cbb22392336fea1851f38",
    },
];
