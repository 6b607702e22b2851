//! Whole packets of SRTP and SRTCP, byte for byte and in both directions, with both providers.

use pollrtc_conformance::{hex, text, vectors};
use pollrtc_crypto::{Provider, Rng, aws_lc_rs, rust_crypto};
use pollrtc_srtp::{Config, Cryptex, Dropped, Inbound, MasterKey, Outbound, Profile};
use serde_json::Value;

fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}

/// One packet, what protects it, and where in its stream it stands.
struct Vector {
    name: String,
    key: MasterKey,
    plain: Vec<u8>,
    protected: Vec<u8>,
    rollovers: u64,
}

impl Vector {
    fn of(value: &Value) -> Self {
        let name = text(value, "profile");
        let mut profiles = Profile::ALL.into_iter();
        let profile = profiles.find(|profile| profile.to_string() == name).expect("a profile");
        let [key, salt, plain, protected] =
            ["master_key", "master_salt", "plain", "protected"].map(|field| hex(text(value, field)));
        Self {
            name: format!("{name}: {}", text(value, "name")),
            key: MasterKey::new(profile, &key, &salt).expect("a key"),
            plain,
            protected,
            rollovers: value["roc"].as_u64().unwrap_or_default(),
        }
    }

    fn ssrc(&self) -> u32 {
        u32::from_be_bytes(self.plain[8..12].try_into().unwrap())
    }

    fn index(&self) -> u64 {
        self.rollovers << 16 | u64::from(u16::from_be_bytes([self.plain[2], self.plain[3]]))
    }

    fn inbound(&self, provider: &dyn Provider, config: &Config) -> Inbound {
        Inbound::new(provider, &self.key, config, &mut Rng::from_seed([7; 32])).expect("a context")
    }

    fn outbound(&self, provider: &dyn Provider, config: &Config) -> Outbound {
        Outbound::new(provider, &self.key, config).expect("a context")
    }

    /// Both directions, with the stream where the packet's index is its next one.
    fn check_rtp(&self, config: &Config) {
        for provider in providers() {
            let context = format!("{provider:?}, {}", self.name);
            let mut outbound = self.outbound(provider, config);
            outbound.resume(self.ssrc(), self.index()).expect("room for a stream");
            let mut buf = self.plain.clone();
            buf.resize(self.plain.len() + outbound.rtp_headroom().suffix, 0);
            let len = outbound.protect_rtp(self.index(), &mut buf, self.plain.len());
            let len = len.unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(buf[..len], self.protected, "{context}");

            let mut inbound = self.inbound(provider, config);
            inbound.resume(self.ssrc(), self.index());
            let unprotected = inbound.unprotect_rtp(&mut buf[..len]);
            let unprotected = unprotected.unwrap_or_else(|dropped| panic!("{context}: {dropped}"));
            assert_eq!(*unprotected.packet, self.plain, "{context}");
            assert_eq!((unprotected.ssrc, unprotected.index), (self.ssrc(), self.index()));
        }
    }
}

fn packets(file: &str) -> Vec<Value> {
    vectors(file)["packets"].as_array().cloned().expect("packets")
}

#[test]
fn rtp_is_protected_and_unprotected_as_computed() {
    let all = packets("srtp/packets");
    let rtp: Vec<_> = all.iter().filter(|value| text(value, "kind") == "srtp").collect();
    assert_eq!(rtp.len(), 4 * 16);
    for value in rtp {
        Vector::of(value).check_rtp(&Config::default());
    }
}

#[test]
fn rtcp_is_protected_and_unprotected_as_computed() {
    let all = packets("srtp/packets");
    let rtcp = all.iter().filter(|value| text(value, "kind") == "srtcp");
    for value in rtcp.filter(|value| value["e"] == 1) {
        let vector = Vector::of(value);
        let index = value["index"].as_u64().expect("an index");
        for provider in providers() {
            let context = format!("{provider:?}, {}", vector.name);
            let mut outbound = vector.outbound(provider, &Config::default());
            outbound.resume_rtcp(index as u32);
            let mut buf = vector.plain.clone();
            buf.resize(vector.plain.len() + outbound.rtcp_headroom().suffix, 0);
            assert_eq!(
                outbound.protect_rtcp(&mut buf, vector.plain.len()),
                Ok(buf.len()),
                "{context}"
            );
            assert_eq!(buf, vector.protected, "{context}");

            let mut inbound = vector.inbound(provider, &Config::default());
            let unprotected = inbound.unprotect_rtcp(&mut buf);
            let unprotected = unprotected.unwrap_or_else(|dropped| panic!("{context}: {dropped}"));
            assert_eq!(*unprotected.packet, vector.plain, "{context}");
            assert_eq!(unprotected.index, index, "{context}");
        }
    }
}

// RFC 3711 §3.4, RFC 7714 §9.3. Peers were seen that take such packets without looking at the tag.
#[test]
fn rtcp_in_plain_is_authenticated_all_the_same() {
    let all = packets("srtp/packets");
    let plain: Vec<_> = all.iter().filter(|value| value["e"] == 0).map(Vector::of).collect();
    assert_eq!(plain.len(), 4 * 5);
    for vector in plain {
        for provider in providers() {
            let context = format!("{provider:?}, {}", vector.name);
            let unprotect = |config: &Config, bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                let mut inbound = vector.inbound(provider, config);
                inbound
                    .unprotect_rtcp(&mut bytes)
                    .map(|unprotected| unprotected.packet.to_vec())
            };
            let refusing = Config::default();
            let accepting = Config {
                accept_unencrypted_rtcp: true,
                ..Config::default()
            };
            assert_eq!(
                unprotect(&accepting, &vector.protected),
                Ok(vector.plain.clone()),
                "{context}"
            );
            assert_eq!(
                unprotect(&refusing, &vector.protected),
                Err(Dropped::Unencrypted),
                "{context}"
            );
            // Whether they are taken or not: the tag comes first.
            for at in 0..vector.protected.len() {
                let mut forged = vector.protected.clone();
                forged[at] ^= 1;
                let dropped = unprotect(&accepting, &forged).unwrap_err();
                assert_eq!(dropped, Dropped::Unauthentic, "{context}, byte {at}");
                assert_eq!(
                    unprotect(&refusing, &forged),
                    Err(Dropped::Unauthentic),
                    "{context}, byte {at}"
                );
            }
        }
    }
}

#[test]
fn whole_headers_are_encrypted_as_in_rfc_9335() {
    let packets = packets("srtp/rfc9335");
    assert_eq!(packets.len(), 12);
    for cryptex in [Cryptex::Offered, Cryptex::Required] {
        let config = Config {
            cryptex,
            ..Config::default()
        };
        for value in &packets {
            Vector::of(value).check_rtp(&config);
        }
    }
}

/// All profiles, also those that are in no RFC's examples, and header extensions with the shorter salt of AES-GCM.
#[test]
fn every_profile_gives_the_packets_of_libsrtp() {
    let packets = packets("srtp/libsrtp");
    assert_eq!(packets.len(), 2 * Profile::ALL.len());
    for value in packets {
        let ids = value["encrypted_ids"].as_array().expect("numbers");
        let config = Config {
            encrypted_extensions: ids.iter().map(|id| id.as_u64().expect("a number") as u8).collect(),
            ..Config::default()
        };
        Vector::of(&value).check_rtp(&config);
    }
}

#[test]
fn header_extensions_are_encrypted_as_in_rfc_6904() {
    let vector = vectors("srtp/rfc6904");
    let [key, salt, plain, encrypted] = ["master_key", "master_salt", "plaintext_ext_body", "ciphertext_ext_body"]
        .map(|field| hex(text(&vector, field)));
    let ids = vector["encrypted_ids"].as_array().expect("numbers");
    let config = Config {
        encrypted_extensions: ids.iter().map(|id| id.as_u64().expect("a number") as u8).collect(),
        ..Config::default()
    };
    let key = MasterKey::new(Profile::Aes128CmHmacSha1_80, &key, &salt).expect("a key");
    let header = hex("900f1234 decafbad cafebabe bede0006");
    for provider in providers() {
        let mut outbound = Outbound::new(provider, &key, &config).expect("a context");
        let mut inbound = Inbound::new(provider, &key, &config, &mut Rng::from_seed([7; 32])).expect("a context");
        let packet = [&header[..], &plain, b"payload"].concat();
        let mut buf = [&packet[..], &[0; 10]].concat();
        outbound.protect_rtp(0x1234, &mut buf, packet.len()).expect("protected");
        assert_eq!(buf[..16], header);
        assert_eq!(buf[16..16 + plain.len()], encrypted, "{provider:?}");
        assert_eq!(*inbound.unprotect_rtp(&mut buf).expect("authentic").packet, packet);
    }
}
