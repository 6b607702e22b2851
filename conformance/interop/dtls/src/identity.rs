//! Certificates that either side can show.

use boring::asn1::Asn1Time;
use boring::bn::BigNum;
use boring::ec::{EcGroup, EcKey};
use boring::hash::MessageDigest;
use boring::nid::Nid;
use boring::pkey::{PKey, Private};
use boring::rsa::Rsa;
use boring::x509::X509;
use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, default_provider};
use pollrtc_dtls::PeerVerification;

/// The kinds of keys in the certificates of WebRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    P256,
    P384,
    Rsa2048,
}

/// A key and a certificate for it that signs itself.
#[derive(Clone)]
pub struct Identity {
    pub key: PKey<Private>,
    pub certificate: X509,
}

impl Identity {
    pub fn new(kind: KeyKind) -> Self {
        let elliptic = |curve| {
            let group = EcGroup::from_curve_name(curve).unwrap();
            PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
        };
        let key = match kind {
            KeyKind::P256 => elliptic(Nid::X9_62_PRIME256V1),
            KeyKind::P384 => elliptic(Nid::SECP384R1),
            KeyKind::Rsa2048 => PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
        };
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        Self { key, certificate }
    }

    /// The same in our own type.
    pub fn ours(&self) -> Certificate {
        let pkcs8 = self.key.private_key_to_der_pkcs8().unwrap();
        let key = default_provider().signing_key_from_pkcs8(&pkcs8).unwrap();
        Certificate::from_der(&self.certificate.to_der().unwrap(), key).unwrap()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(HashAlgorithm::Sha256, &self.certificate.to_der().unwrap())
    }

    /// This one and nobody else.
    pub fn only(&self) -> PeerVerification {
        PeerVerification::Fingerprints(vec![self.fingerprint()])
    }
}
