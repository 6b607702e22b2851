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
}

/// A secret, and who may derive keys for what from it.
#[derive(Clone)]
pub(super) struct Traffic {
    secret: Secret,
}

impl Traffic {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

/// The stage of the schedule that both sides' handshake keys come from.
pub(super) struct HandshakeSecret {
    secret: Secret,
    pub(super) client: Traffic,
    pub(super) server: Traffic,
}

/// The last stage.
pub(super) struct ApplicationSecrets {
    pub(super) client: Traffic,
    pub(super) server: Traffic,
    pub(super) exporter: Secret,
}

impl Schedule {
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
        let salt = self.derive(&early, "derived", &self.digest(&[])?)?;
        let secret = Hkdf::extract(self.provider, self.hash(), salt.as_bytes(), shared_secret)?;
        Ok(HandshakeSecret {
            client: self.traffic(&secret, "c hs traffic", hellos)?,
            server: self.traffic(&secret, "s hs traffic", hellos)?,
            secret,
        })
    }

    /// RFC 8446 §7.1: the last stage, from the hash up to the server's Finished.
    pub(super) fn application(
        self,
        handshake: &HandshakeSecret,
        up_to_server_finished: &Digest,
    ) -> Result<ApplicationSecrets, CryptoError> {
        let salt = self.derive(&handshake.secret, "derived", &self.digest(&[])?)?;
        let zeros = Secret::zeros(self.hash());
        let master = Hkdf::extract(self.provider, self.hash(), salt.as_bytes(), zeros.as_bytes())?;
        Ok(ApplicationSecrets {
            client: self.traffic(&master, "c ap traffic", up_to_server_finished)?,
            server: self.traffic(&master, "s ap traffic", up_to_server_finished)?,
            exporter: self.derive(&master, "exp master", up_to_server_finished)?,
        })
    }

    /// RFC 8446 §4.4.4: what whoever has this secret puts into its Finished.
    pub(super) fn verify_data(self, traffic: &Traffic, transcript: &Digest) -> Result<Secret, CryptoError> {
        let mut key = Secret::zeros(self.hash());
        self.expand(&traffic.secret, "finished", &[], key.as_bytes_mut())?;
        Hkdf::extract(self.provider, self.hash(), key.as_bytes(), transcript.as_bytes())
    }

    /// RFC 8446 §7.3, RFC 9147 §4.2.3: the keys of an epoch.
    pub(super) fn record_keys(self, traffic: &Traffic) -> Result<Keys13, CryptoError> {
        let algorithm = self.suite.aead();
        let mut key = Zeroizing::new([0; MAX_KEY_LEN]);
        let mut number_key = Zeroizing::new([0; MAX_KEY_LEN]);
        let mut iv = Zeroizing::new([0; 12]);
        let length = algorithm.key_len();
        let key = key.get_mut(..length).ok_or(CryptoError::InvalidKey)?;
        let number_key = number_key.get_mut(..length).ok_or(CryptoError::InvalidKey)?;
        let hkdf = Hkdf::new(self.provider, self.hash(), traffic.as_bytes())?;
        expand_label(&hkdf, LABEL_PREFIX, "key", &[], key)?;
        expand_label(&hkdf, LABEL_PREFIX, "iv", &[], &mut *iv)?;
        expand_label(&hkdf, LABEL_PREFIX, "sn", &[], number_key)?;
        Keys13::new(self.provider, algorithm, key, *iv, number_key)
    }

    /// RFC 8446 §7.2: the secret of the next epoch.
    pub(super) fn next(self, traffic: &Traffic) -> Result<Traffic, CryptoError> {
        let mut secret = Secret::zeros(self.hash());
        self.expand(&traffic.secret, "traffic upd", &[], secret.as_bytes_mut())?;
        Ok(Traffic { secret })
    }

    /// RFC 8446 §7.5: keys for others.
    pub(super) fn export(
        self,
        exporter: &Secret,
        label: &str,
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let secret = self.derive(exporter, label, &self.digest(&[])?)?;
        self.expand(&secret, "exporter", self.digest(&[context])?.as_bytes(), out)
    }

    fn traffic(self, secret: &Secret, label: &str, transcript: &Digest) -> Result<Traffic, CryptoError> {
        let secret = self.derive(secret, label, transcript)?;
        Ok(Traffic { secret })
    }

    /// RFC 8446 §7.1: Derive-Secret.
    fn derive(self, secret: &Secret, label: &str, transcript: &Digest) -> Result<Secret, CryptoError> {
        let mut derived = Secret::zeros(self.hash());
        self.expand(secret, label, transcript.as_bytes(), derived.as_bytes_mut())?;
        Ok(derived)
    }

    fn expand(self, secret: &Secret, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let hkdf = Hkdf::new(self.provider, self.hash(), secret.as_bytes())?;
        expand_label(&hkdf, LABEL_PREFIX, label, context, out)
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
