//! The key schedule of DTLS 1.3 (RFC 8446 §7, with the labels of RFC 9147 §5.9).

use pollrtc_crypto::{CryptoError, HashAlgorithm, Hkdf, Provider, Secret};
use zeroize::Zeroizing;

use crate::handshake::Digest;
use crate::records::Keys13;
use crate::wire::CipherSuite;

/// What every label begins with (RFC 9147 §5.9).
const LABEL_PREFIX: &str = "dtls13";

/// The longest key of a cipher.
const MAX_KEY_LEN: usize = 32;

/// Whose hash, AEAD and code it is.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    pub(super) provider: &'static dyn Provider,
    pub(super) suite: CipherSuite,
    label_prefix: &'static str,
}

/// The secret of one direction and epoch, which its keys come from.
#[derive(Clone)]
pub(super) struct TrafficSecret {
    secret: Secret,
}

impl TrafficSecret {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

/// The stage of the schedule that both sides' handshake keys come from.
pub(super) struct HandshakeSecret {
    /// What the last stage is extracted with.
    salt: Secret,
    pub(super) client: TrafficSecret,
    pub(super) server: TrafficSecret,
}

/// The last stage.
pub(super) struct ApplicationSecrets {
    pub(super) client: TrafficSecret,
    pub(super) server: TrafficSecret,
    pub(super) exporter: Secret,
}

impl Schedule {
    pub(super) fn new(provider: &'static dyn Provider, suite: CipherSuite) -> Self {
        Self {
            provider,
            suite,
            label_prefix: LABEL_PREFIX,
        }
    }

    fn hash(self) -> HashAlgorithm {
        self.suite.hash()
    }

    /// An empty running hash.
    pub(super) fn digest(self, bytes: &[&[u8]]) -> Result<Digest, CryptoError> {
        let mut context = self.provider.hash(self.hash())?;
        bytes.iter().for_each(|bytes| context.update(bytes));
        Ok(Digest::of(&*context))
    }

    /// RFC 8446 §7.1: from the shared secret and the hash of both hellos.
    pub(super) fn handshake(self, shared_secret: &[u8], hellos: &Digest) -> Result<HandshakeSecret, CryptoError> {
        let zeros = Secret::zeros(self.hash());
        let early = Hkdf::extract(self.provider, self.hash(), &[], zeros.as_bytes())?;
        let nothing = self.digest(&[])?;
        let salt = self.derive(&self.keyed(&early)?, "derived", &nothing)?;
        let secret = Hkdf::extract(self.provider, self.hash(), salt.as_bytes(), shared_secret)?;
        let secret = self.keyed(&secret)?;
        Ok(HandshakeSecret {
            client: self.traffic(&secret, "c hs traffic", hellos)?,
            server: self.traffic(&secret, "s hs traffic", hellos)?,
            salt: self.derive(&secret, "derived", &nothing)?,
        })
    }

    /// RFC 8446 §7.1: the last stage, from the hash up to the server's Finished.
    pub(super) fn application(
        self,
        handshake: &HandshakeSecret,
        up_to_server_finished: &Digest,
    ) -> Result<ApplicationSecrets, CryptoError> {
        let zeros = Secret::zeros(self.hash());
        let salt = handshake.salt.as_bytes();
        let master = Hkdf::extract(self.provider, self.hash(), salt, zeros.as_bytes())?;
        let master = self.keyed(&master)?;
        Ok(ApplicationSecrets {
            client: self.traffic(&master, "c ap traffic", up_to_server_finished)?,
            server: self.traffic(&master, "s ap traffic", up_to_server_finished)?,
            exporter: self.derive(&master, "exp master", up_to_server_finished)?,
        })
    }

    /// RFC 8446 §4.4.4: what whoever has this secret puts into its Finished.
    pub(super) fn verify_data(self, traffic: &TrafficSecret, transcript: &Digest) -> Result<Secret, CryptoError> {
        let mut key = Secret::zeros(self.hash());
        self.expand(&traffic.secret, "finished", &[], key.as_bytes_mut())?;
        Hkdf::extract(self.provider, self.hash(), key.as_bytes(), transcript.as_bytes())
    }

    /// RFC 8446 §7.3, RFC 9147 §4.2.3: the keys of an epoch.
    pub(super) fn record_keys(self, traffic: &TrafficSecret) -> Result<Keys13, CryptoError> {
        let algorithm = self.suite.aead();
        let mut key = Zeroizing::new([0; MAX_KEY_LEN]);
        let mut number_key = Zeroizing::new([0; MAX_KEY_LEN]);
        let mut iv = Zeroizing::new([0; 12]);
        let length = algorithm.key_len();
        let key = key.get_mut(..length).ok_or(CryptoError::InvalidKey)?;
        let number_key = number_key.get_mut(..length).ok_or(CryptoError::InvalidKey)?;
        let hkdf = self.keyed(&traffic.secret)?;
        expand_label(&hkdf, self.label_prefix, "key", &[], key)?;
        expand_label(&hkdf, self.label_prefix, "iv", &[], &mut *iv)?;
        expand_label(&hkdf, self.label_prefix, "sn", &[], number_key)?;
        Keys13::new(self.provider, algorithm, key, *iv, number_key)
    }

    /// RFC 8446 §7.2: the secret of the next epoch.
    pub(super) fn next(self, traffic: &TrafficSecret) -> Result<TrafficSecret, CryptoError> {
        let mut secret = Secret::zeros(self.hash());
        self.expand(&traffic.secret, "traffic upd", &[], secret.as_bytes_mut())?;
        Ok(TrafficSecret { secret })
    }

    /// RFC 8446 §7.5: keys for others.
    pub(super) fn export(
        self,
        exporter: &Secret,
        label: &str,
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let secret = self.derive(&self.keyed(exporter)?, label, &self.digest(&[])?)?;
        self.expand(&secret, "exporter", self.digest(&[context])?.as_bytes(), out)
    }

    /// A secret to derive from, scheduled once.
    fn keyed(self, secret: &Secret) -> Result<Hkdf, CryptoError> {
        Hkdf::new(self.provider, self.hash(), secret.as_bytes())
    }

    fn traffic(self, secret: &Hkdf, label: &str, transcript: &Digest) -> Result<TrafficSecret, CryptoError> {
        let secret = self.derive(secret, label, transcript)?;
        Ok(TrafficSecret { secret })
    }

    /// RFC 8446 §7.1: Derive-Secret.
    fn derive(self, secret: &Hkdf, label: &str, transcript: &Digest) -> Result<Secret, CryptoError> {
        let mut derived = Secret::zeros(self.hash());
        expand_label(
            secret,
            self.label_prefix,
            label,
            transcript.as_bytes(),
            derived.as_bytes_mut(),
        )?;
        Ok(derived)
    }

    fn expand(self, secret: &Secret, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        expand_label(&self.keyed(secret)?, self.label_prefix, label, context, out)
    }
}

/// RFC 8446 §7.1: HKDF-Expand-Label.
fn expand_label(hkdf: &Hkdf, prefix: &str, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
    let length = u16::try_from(out.len()).map_err(|_| CryptoError::Unsupported)?;
    let label_len = u8::try_from(prefix.len() + label.len()).map_err(|_| CryptoError::Unsupported)?;
    let context_len = u8::try_from(context.len()).map_err(|_| CryptoError::Unsupported)?;
    hkdf.expand(
        &[
            &length.to_be_bytes(),
            &[label_len],
            prefix.as_bytes(),
            label.as_bytes(),
            &[context_len],
            context,
        ],
        out,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// RFC 8448 §3, whose labels are those of TLS.
    #[test]
    fn the_schedule_gives_the_published_secrets() {
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        let schedule = Schedule {
            label_prefix: "tls13 ",
            ..Schedule::new(provider, CipherSuite::Aes128GcmSha256)
        };
        let hellos = Digest::from_bytes(&bytes(
            "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8",
        ));
        let shared_secret = bytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
        let handshake = schedule.handshake(&shared_secret, &hellos).unwrap();
        assert_eq!(
            handshake.salt.as_bytes(),
            bytes("43de77e0c77713859a944db9db2590b53190a65b3ee2e4f12dd7a0bb7ce254b4")
        );
        assert_eq!(
            handshake.client.as_bytes(),
            bytes("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")
        );
        assert_eq!(
            handshake.server.as_bytes(),
            bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
        );
        let finished = Digest::from_bytes(&bytes(
            "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13",
        ));
        let application = schedule.application(&handshake, &finished).unwrap();
        assert_eq!(
            application.client.as_bytes(),
            bytes("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")
        );
        assert_eq!(
            application.server.as_bytes(),
            bytes("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
        );
        assert_eq!(
            application.exporter.as_bytes(),
            bytes("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50")
        );
        let verify_data = schedule.verify_data(&handshake.client, &finished).unwrap();
        assert_eq!(
            verify_data.as_bytes(),
            bytes("a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61")
        );
        let mut key = [0; 16];
        schedule.expand(&handshake.server.secret, "key", &[], &mut key).unwrap();
        assert_eq!(key, *bytes("3fce516009c21727d0f2e4e86ee403bc"));
        // With the labels of DTLS everything is different.
        let dtls = Schedule::new(provider, CipherSuite::Aes128GcmSha256);
        let other = dtls.handshake(&shared_secret, &hellos).unwrap();
        assert_ne!(other.client.as_bytes(), handshake.client.as_bytes());
    }
}
