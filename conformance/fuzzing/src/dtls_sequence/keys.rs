//! The keys of a connection, out of its key log: who has them can read its records and make others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pollrtc_crypto::{AeadAlgorithm, AeadKey, HashAlgorithm, Hkdf, RecordNumberKey};
use pollrtc_dtls::{Config, KeyLog};

use pollrtc_fuzzing_provider::PROVIDER;

/// The secrets that a connection has told, by label.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Tap {
    pub(super) fn on(config: &mut Config) -> Self {
        let tap = Self::default();
        let secrets = tap.0.clone();
        config.key_log = Some(KeyLog(Arc::new(move |line| {
            let mut words = line.split(' ');
            let (Some(label), Some(_), Some(secret)) = (words.next(), words.next(), words.next()) else {
                panic!("a line of the key log has three words: {line}");
            };
            let digits = secret.as_bytes().chunks(2);
            let bytes = digits.map(|pair| {
                let pair = std::str::from_utf8(pair).expect("digits");
                u8::from_str_radix(pair, 16).expect("hexadecimal digits")
            });
            let mut secrets = secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.insert(label.to_owned(), bytes.collect());
        })));
        tap
    }

    pub(super) fn secret(&self, label: &str) -> Option<Vec<u8>> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.get(label).cloned()
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

impl Role {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The keys of one direction and epoch, with AES-128-GCM and SHA-256.
pub(super) struct Cipher {
    key: Box<dyn AeadKey>,
    form: Form,
    next_sequence: u64,
}

enum Form {
    V12 {
        salt: [u8; 4],
    },
    V13 {
        epoch: u16,
        iv: [u8; 12],
        number_key: Box<dyn RecordNumberKey>,
    },
}

impl Cipher {
    /// RFC 5246 §6.3.
    pub(super) fn v12(master_secret: &[u8], client_random: &[u8], server_random: &[u8], writer: Role) -> Self {
        let seed = [server_random, client_random].concat();
        let block = prf(master_secret, "key expansion", &seed, 2 * (16 + 4));
        let (key, salt) = match writer {
            Role::Client => (&block[..16], &block[32..36]),
            Role::Server => (&block[16..32], &block[36..]),
        };
        Self {
            key: PROVIDER.aead(AeadAlgorithm::Aes128Gcm, key).expect("a key"),
            form: Form::V12 {
                salt: salt.try_into().expect("four bytes"),
            },
            // Beyond what anybody else has used.
            next_sequence: 100,
        }
    }

    /// RFC 8446 §7.3.
    pub(super) fn v13(secret: &[u8], epoch: u16) -> Self {
        let iv = expand_label(secret, "iv", 12);
        let number_key = expand_label(secret, "sn", 16);
        let algorithm = AeadAlgorithm::Aes128Gcm;
        Self {
            key: PROVIDER
                .aead(algorithm, &expand_label(secret, "key", 16))
                .expect("a key"),
            form: Form::V13 {
                epoch,
                iv: iv.try_into().expect("twelve bytes"),
                number_key: PROVIDER.record_number_key(algorithm, &number_key).expect("a key"),
            },
            next_sequence: 100,
        }
    }

    /// A record that only the owner of the keys can make.
    pub(super) fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        match &self.form {
            Form::V12 { salt } => {
                let number = (1 << 48 | sequence).to_be_bytes();
                let mut sealed = content.to_vec();
                let length = u16::try_from(content.len()).expect("a short record").to_be_bytes();
                let additional = [&number[..], &[content_type, 0xfe, 0xfd], &length].concat();
                let nonce = [&salt[..], &number].concat().try_into().expect("twelve bytes");
                let tag = self.key.seal(&nonce, &additional, &mut sealed).expect("sealed");
                let record_len = u16::try_from(8 + content.len() + 16).expect("a short record");
                let header = [&[content_type, 0xfe, 0xfd], &number[..], &record_len.to_be_bytes()].concat();
                [&header, &number[..], &sealed, &tag].concat()
            }
            Form::V13 { epoch, iv, number_key } => {
                let mut inner = [content, &[content_type]].concat();
                let [.., s0, s1] = sequence.to_be_bytes();
                let [l0, l1] = u16::try_from(inner.len() + 16).expect("a short record").to_be_bytes();
                let mut header = [0b0010_1100 | (epoch & 3) as u8, s0, s1, l0, l1];
                let tag = self
                    .key
                    .seal(&nonce_13(iv, sequence), &header, &mut inner)
                    .expect("sealed");
                inner.extend(tag);
                let mask = number_key.mask(inner.first_chunk().expect("a tag at least"));
                header[1] ^= mask[0];
                header[2] ^= mask[1];
                [&header[..], &inner].concat()
            }
        }
    }

    /// The type and content of a record with a number below 2^16, in the form that our own
    /// connections write.
    pub(super) fn open(&self, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        match &self.form {
            Form::V12 { salt } => {
                let (header, rest) = record.split_first_chunk::<13>()?;
                let (explicit, rest) = rest.split_first_chunk::<8>()?;
                let (sealed, tag) = rest.split_last_chunk::<16>()?;
                let mut content = sealed.to_vec();
                let length = u16::try_from(content.len()).ok()?.to_be_bytes();
                let additional = [&header[3..11], &header[..3], &length].concat();
                let nonce = [&salt[..], explicit].concat().try_into().ok()?;
                self.key.open(&nonce, &additional, &mut content, tag).ok()?;
                Some((header[0], content))
            }
            Form::V13 { iv, number_key, .. } => {
                let (header, rest) = record.split_first_chunk::<5>()?;
                let mut header = *header;
                let mask = number_key.mask(rest.first_chunk()?);
                header[1] ^= mask[0];
                header[2] ^= mask[1];
                let sequence = u64::from(u16::from_be_bytes([header[1], header[2]]));
                let (sealed, tag) = rest.split_last_chunk::<16>()?;
                let mut inner = sealed.to_vec();
                self.key.open(&nonce_13(iv, sequence), &header, &mut inner, tag).ok()?;
                let content_type = inner.pop()?;
                Some((content_type, inner))
            }
        }
    }
}

fn nonce_13(iv: &[u8; 12], sequence: u64) -> [u8; 12] {
    let mut nonce = *iv;
    for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    nonce
}

/// RFC 8446 §7.1 with the labels of RFC 9147 §5.9 and no context.
pub(super) fn expand_label(secret: &[u8], label: &str, length: u8) -> Vec<u8> {
    let label = format!("dtls13{label}");
    let lengths = [0, length, u8::try_from(label.len()).expect("a short label")];
    let mut out = vec![0; usize::from(length)];
    let hkdf = Hkdf::new(PROVIDER, HashAlgorithm::Sha256, secret).expect("a secret");
    let expanded = hkdf.expand(&[&lengths, label.as_bytes(), &[0]], &mut out);
    expanded.expect("not longer than may be");
    out
}

/// RFC 5246 §5, with SHA-256.
pub(super) fn prf(secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
    let seed = [label.as_bytes(), seed].concat();
    let mut out = Vec::new();
    let mut a = seed.clone();
    while out.len() < length {
        a = hmac(secret, &[&a]);
        out.extend(hmac(secret, &[&a, &seed]));
    }
    out.truncate(length);
    out
}

pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    let key = PROVIDER.hmac(HashAlgorithm::Sha256, key).expect("a key");
    let length = key.sign(parts, &mut out);
    out[..length].to_vec()
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    let mut out = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    let mut context = PROVIDER.hash(HashAlgorithm::Sha256).expect("a hash");
    context.update(bytes);
    let length = context.finish(&mut out);
    out[..length].to_vec()
}
