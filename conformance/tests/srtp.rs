//! What SRTP needs of the providers: keystreams, key derivation, tags and authenticated encryption as its
//! standards print them, and each profile of DTLS put together from these parts, against libsrtp's packets.

use pollrtc_conformance::{hex, text, vectors};
use pollrtc_crypto::{
    AeadAlgorithm, CtrAlgorithm, HashAlgorithm, Provider, SrtpKeyDerivation, SrtpKeyLabel, SrtpTransform, aws_lc_rs,
    rust_crypto,
};
use pollrtc_dtls::SrtpProfile;
use serde_json::Value;

fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}

fn list(file: &str, field: &str) -> Vec<Value> {
    vectors(file)[field].as_array().cloned().expect("a list")
}

fn of_key_len(length: usize) -> CtrAlgorithm {
    let mut all = CtrAlgorithm::ALL.into_iter();
    all.find(|algorithm| algorithm.key_len() == length)
        .expect("an algorithm")
}

#[test]
fn keystreams_are_those_of_rfc_3711_and_rfc_6188() {
    for vector in [list("rfc3711", "keystreams"), list("rfc6188", "keystreams")].concat() {
        let key = hex(text(&vector, "key"));
        let counter = hex(text(&vector, "counter")).try_into().expect("16 bytes");
        for provider in providers() {
            let mut keystream = vec![0; 0xff02 * 16];
            let key = provider.ctr(of_key_len(key.len()), &key).expect("a key");
            key.apply_keystream(&counter, &mut keystream);
            for block in vector["blocks"].as_array().expect("blocks") {
                let (number, expected) = (block[0].as_str().unwrap(), hex(block[1].as_str().unwrap()));
                let at = 16 * usize::from_str_radix(number, 16).expect("a number");
                assert_eq!(
                    keystream[at..at + 16],
                    expected,
                    "{provider:?}, {}, {number}",
                    text(&vector, "section")
                );
            }
        }
    }
}

#[test]
fn keys_are_derived_as_in_rfc_3711_and_rfc_6188() {
    for vector in [list("rfc3711", "derivations"), list("rfc6188", "derivations")].concat() {
        let key = hex(text(&vector, "master_key"));
        let salt = hex(text(&vector, "master_salt"));
        for provider in providers() {
            let derivation = SrtpKeyDerivation::new(provider, of_key_len(key.len()), &key, &salt).expect("a key");
            for (label, field) in [
                (SrtpKeyLabel::SrtpEncryption, "encryption"),
                (SrtpKeyLabel::SrtpAuthentication, "authentication"),
                (SrtpKeyLabel::SrtpSalt, "salt"),
            ] {
                let expected = hex(text(&vector, field));
                let mut derived = vec![0; expected.len()];
                derivation.derive(label, &mut derived);
                assert_eq!(derived, expected, "{provider:?}, {}, {field}", text(&vector, "section"));
            }
        }
    }
}

#[test]
fn tags_are_those_of_rfc_2202() {
    let vectors = list("rfc2202", "tags");
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let (message, tag) = (hex(text(&vector, "message")), hex(text(&vector, "tag")));
        for provider in providers() {
            let key = provider.hmac(HashAlgorithm::Sha1, &hex(text(&vector, "key")));
            let key = key.expect("a key");
            key.verify::<20>(&[&message], tag.first_chunk().unwrap())
                .expect("the whole tag");
            key.verify::<12>(&[&message], tag.first_chunk().unwrap())
                .expect("96 bits of it");
            key.verify::<10>(&[&message], tag.first_chunk().unwrap())
                .expect("80 bits of it");
            key.verify::<4>(&[&message], tag.first_chunk().unwrap())
                .expect("32 bits of it");
        }
    }
}

#[test]
fn packets_are_sealed_as_in_rfc_7714() {
    for vector in list("rfc7714", "packets") {
        let [key, iv, additional, plaintext, ciphertext, tag] =
            ["key", "iv", "additional", "plaintext", "ciphertext", "tag"].map(|field| hex(text(&vector, field)));
        let algorithm = [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm][usize::from(key.len() == 32)];
        let (iv, tag) = (iv.try_into().expect("12 bytes"), tag.try_into().expect("16 bytes"));
        for provider in providers() {
            let key = provider.aead(algorithm, &key).expect("a key");
            let mut bytes = plaintext.clone();
            assert_eq!(key.seal(&iv, &additional, &mut bytes), Ok(tag));
            assert_eq!(bytes, ciphertext, "{provider:?}, {}", text(&vector, "section"));
            key.open(&iv, &additional, &mut bytes, &tag)
                .expect("what the RFC sealed");
            assert_eq!(bytes, plaintext);
        }
    }
}

/// Whatever DTLS may agree upon can be built: with both providers it gives libsrtp's packets.
#[test]
fn every_profile_of_dtls_has_its_cipher_suite() {
    let vectors = list("srtp-libsrtp", "packets");
    for profile in SrtpProfile::ALL {
        let mut vectors = vectors.iter();
        let vector = vectors.find(|vector| text(vector, "profile") == profile.to_string());
        let vector = vector.unwrap_or_else(|| panic!("no packets of {profile}"));
        let [key, salt, rtp, srtp, rtcp, srtcp] =
            ["master_key", "master_salt", "rtp", "srtp", "rtcp", "srtcp"].map(|field| hex(text(vector, field)));
        assert_eq!((key.len(), salt.len()), (profile.key_len(), profile.salt_len()));
        for provider in providers() {
            let suite = Suite {
                provider,
                transform: profile.transform(),
                key: &key,
                salt: &salt,
            };
            assert_eq!(suite.protect_rtp(&rtp), srtp, "{provider:?}, {profile}");
            assert_eq!(suite.protect_rtcp(&rtcp, 1), srtcp, "{provider:?}, {profile}");
        }
    }
}

/// As much of SRTP as the first packets of a session need.
struct Suite<'a> {
    provider: &'static dyn Provider,
    transform: SrtpTransform,
    key: &'a [u8],
    salt: &'a [u8],
}

impl Suite<'_> {
    /// RFC 3711 §3.1, RFC 7714 §8: with rollover counter 0 and a header of 12 bytes.
    fn protect_rtp(&self, packet: &[u8]) -> Vec<u8> {
        use SrtpKeyLabel::*;
        let (header, mut payload) = (&packet[..12], packet[12..].to_vec());
        let (ssrc, sequence_number) = (&header[8..12], &header[2..4]);
        match self.transform {
            SrtpTransform::CtrHmacSha1 { cipher, tag_len } => {
                let index = [&[0; 4], sequence_number].concat();
                let counter = self.counter(SrtpSalt, ssrc, &index);
                let key = self
                    .provider
                    .ctr(cipher, &self.derive(SrtpEncryption, cipher.key_len()));
                key.expect("a key").apply_keystream(&counter, &mut payload);
                let tag = self.tag(SrtpAuthentication, &[header, &payload, &[0; 4]]);
                [header, &payload, &tag[..tag_len]].concat()
            }
            SrtpTransform::Aead(algorithm) => {
                let nonce = self.nonce(SrtpSalt, &[&[0; 2], ssrc, &[0; 4], sequence_number].concat());
                let key = self
                    .provider
                    .aead(algorithm, &self.derive(SrtpEncryption, algorithm.key_len()));
                let tag = key.expect("a key").seal(&nonce, header, &mut payload).expect("a tag");
                [header, &payload, &tag].concat()
            }
            _ => panic!("a transform that nobody has put together"),
        }
    }

    /// RFC 3711 §3.4, RFC 7714 §9.
    fn protect_rtcp(&self, packet: &[u8], index: u32) -> Vec<u8> {
        use SrtpKeyLabel::*;
        const IS_ENCRYPTED: u32 = 1 << 31;
        let (header, mut payload) = (&packet[..8], packet[8..].to_vec());
        let (ssrc, index) = (&header[4..8], index.to_be_bytes());
        let trailer = (IS_ENCRYPTED | u32::from_be_bytes(index)).to_be_bytes();
        match self.transform {
            SrtpTransform::CtrHmacSha1 { cipher, .. } => {
                let counter = self.counter(SrtcpSalt, ssrc, &[&[0; 2], &index[..]].concat());
                let key = self
                    .provider
                    .ctr(cipher, &self.derive(SrtcpEncryption, cipher.key_len()));
                key.expect("a key").apply_keystream(&counter, &mut payload);
                let tag = self.tag(SrtcpAuthentication, &[header, &payload, &trailer]);
                [header, &payload, &trailer, &tag[..10]].concat()
            }
            SrtpTransform::Aead(algorithm) => {
                let nonce = self.nonce(SrtcpSalt, &[&[0; 2], ssrc, &[0; 2], &index].concat());
                let key = self
                    .provider
                    .aead(algorithm, &self.derive(SrtcpEncryption, algorithm.key_len()));
                let additional = [header, &trailer].concat();
                let tag = key
                    .expect("a key")
                    .seal(&nonce, &additional, &mut payload)
                    .expect("a tag");
                [header, &payload, &tag, &trailer].concat()
            }
            _ => panic!("a transform that nobody has put together"),
        }
    }

    fn derive(&self, label: SrtpKeyLabel, length: usize) -> Vec<u8> {
        let algorithm = self.transform.key_derivation();
        let derivation = SrtpKeyDerivation::new(self.provider, algorithm, self.key, self.salt);
        let mut derived = vec![0; length];
        derivation.expect("a key").derive(label, &mut derived);
        derived
    }

    /// RFC 3711 §4.1.1: the salt, the source and the 48 bits of the index, each in its place.
    fn counter(&self, salt: SrtpKeyLabel, ssrc: &[u8], index: &[u8]) -> [u8; 16] {
        let salt = self.derive(salt, self.transform.salt_len());
        let parts = [&[0; 4], ssrc, index, &[0; 2]].concat();
        let salt = [&salt[..], &[0; 2]].concat();
        added(&parts, &salt)
    }

    /// RFC 7714 §8.1 and §9.1.
    fn nonce(&self, salt: SrtpKeyLabel, parts: &[u8]) -> [u8; 12] {
        added(parts, &self.derive(salt, self.transform.salt_len()))
    }

    fn tag(&self, label: SrtpKeyLabel, parts: &[&[u8]]) -> [u8; HashAlgorithm::MAX_OUTPUT_LEN] {
        let key = self.derive(label, SrtpTransform::HMAC_KEY_LEN);
        let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        let key = self.provider.hmac(HashAlgorithm::Sha1, &key).expect("a key");
        key.sign(parts, &mut mac);
        mac
    }
}

fn added<const N: usize>(parts: &[u8], salt: &[u8]) -> [u8; N] {
    let sum: Vec<u8> = parts.iter().zip(salt).map(|(part, salt)| part ^ salt).collect();
    sum.try_into().expect("as many bytes as that")
}
