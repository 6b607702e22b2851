//! Targets of `pollrtc-crypto`.

use pollrtc_crypto::{
    Fingerprint, NamedGroup, Provider, Rng, SignatureScheme, aws_lc_rs, public_key_info, rust_crypto,
};

/// Bytes as the text of a fingerprint, which comes back as it was written but for its case.
pub fn crypto_fingerprint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(fingerprint) = text.parse::<Fingerprint>() {
        let written = fingerprint.to_string();
        assert!(written.eq_ignore_ascii_case(text));
        assert_eq!(written.parse(), Ok(fingerprint));
    }
}

/// Bytes as a certificate, and as a public key with a signature behind it, on which the providers
/// must agree.
pub fn crypto_certificate(data: &[u8]) {
    if let Ok(key) = public_key_info(data) {
        assert!(data.len() > key.len());
        verdict(key, b"");
    }
    // The keys of P-256 are 91 bytes long, those of P-384 are 120.
    for length in [91, 120] {
        if let Some((key, signature)) = data.split_at_checked(length) {
            verdict(key, signature);
        }
    }
}

/// A byte that chooses the group, and a peer's public key, on which the providers must agree.
pub fn crypto_key_exchange(data: &[u8]) {
    let Some((choice, peer)) = data.split_first() else {
        return;
    };
    let group = match choice % 4 {
        0 => NamedGroup::X25519,
        1 => NamedGroup::Secp256r1,
        2 => NamedGroup::Secp384r1,
        _ => NamedGroup::X25519MlKem768,
    };
    let [aws_lc_rs, rust_crypto] = providers().map(|provider| {
        let mut rng = Rng::from_seed([7; 32]);
        let key = provider.key_exchange(group, &mut rng);
        let secret = key.expect("a group that it has").complete(peer);
        let answer = provider.answer_key_exchange(group, peer, &mut rng);
        let lengths = |answer: pollrtc_crypto::KeyExchangeAnswer| (answer.public_key.len(), answer.secret.len());
        (secret.map(|secret| secret.len()), answer.map(lengths))
    });
    assert_eq!(aws_lc_rs, rust_crypto);
}

fn verdict(key: &[u8], signature: &[u8]) {
    for scheme in [
        SignatureScheme::EcdsaSecp256r1Sha256,
        SignatureScheme::EcdsaSecp384r1Sha384,
    ] {
        let [aws_lc_rs, rust_crypto] = providers().map(|provider| provider.verify(scheme, key, b"sample", signature));
        assert_eq!(aws_lc_rs, rust_crypto);
    }
}

fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}
