//! Fingerprints: the text of RFC 8122, what is refused, and that all comes back as it went.

use pollrtc_crypto::{Fingerprint, FingerprintError, HashAlgorithm};
use quickcheck::quickcheck;

// FIPS 180-4's digest of "abc".
const SHA256_OF_ABC: &str = "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
                             B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

#[test]
fn is_written_as_rfc_8122_writes_it() {
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, b"abc");
    assert_eq!(fingerprint.to_string(), SHA256_OF_ABC);
    assert_eq!(fingerprint.digest().len(), 32);
    assert_eq!(fingerprint.digest()[..4], [0xba, 0x78, 0x16, 0xbf]);
}

// The example of RFC 8122 §5.
#[test]
fn the_example_of_rfc_8122_is_read() {
    let text = "SHA-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
    let fingerprint: Fingerprint = text.parse().expect("a fingerprint");
    assert_eq!(fingerprint.algorithm(), HashAlgorithm::Sha1);
    assert_eq!(fingerprint.digest().first(), Some(&0x4a));
    assert_eq!(fingerprint.to_string(), text.replace("SHA", "sha"));
}

#[test]
fn case_does_not_matter() {
    let lower = SHA256_OF_ABC.to_ascii_lowercase();
    let upper = SHA256_OF_ABC.to_ascii_uppercase();
    assert_eq!(lower.parse::<Fingerprint>(), upper.parse());
    assert_eq!(lower.parse(), Ok(Fingerprint::of(HashAlgorithm::Sha256, b"abc")));
}

#[test]
fn what_is_wrong_is_named() {
    use FingerprintError::*;
    let value = SHA256_OF_ABC.strip_prefix("sha-256 ").expect("a value");
    let cases = [
        ("", MissingValue),
        ("sha-256", MissingValue),
        ("md5 4A:AD", UnknownAlgorithm),
        (" AB:CD", UnknownAlgorithm),
        ("sha-256 ", InvalidDigit),
        ("sha-256  AB", InvalidDigit),
        ("sha-1 4A:AD", WrongLength),
        ("sha-1 4AAD", InvalidDigit),
        ("sha-1 4A:A:D", InvalidDigit),
        ("sha-1 4A:AG", InvalidDigit),
        ("sha-1 4A:+1", InvalidDigit),
        ("sha-1 4A:é", InvalidDigit),
        (&format!("sha-384 {value}"), WrongLength),
        (&format!("sha-1 {value}"), WrongLength),
        (&format!("sha-256 {value}:00"), WrongLength),
        (&format!("sha-256 {value}:"), InvalidDigit),
        (&format!("sha-256 {value} "), InvalidDigit),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Fingerprint>(), Err(error), "{text:?}");
    }
}

#[test]
fn a_single_wrong_byte_does_not_match() {
    for algorithm in HashAlgorithm::ALL {
        let fingerprint = Fingerprint::of(algorithm, b"certificate");
        assert!(fingerprint.matches(b"certificate"));
        assert!(!fingerprint.matches(b"certificatE"));
        assert!(!fingerprint.matches(b""));

        let text = fingerprint.to_string();
        let last = if text.ends_with('0') { "1" } else { "0" };
        let wrong = format!("{}{last}", &text[..text.len() - 1]);
        let wrong: Fingerprint = wrong.parse().expect("still a fingerprint");
        assert!(!wrong.matches(b"certificate"), "{algorithm:?}");
    }
}

quickcheck! {
    fn reading_gives_back_what_was_written(certificate: Vec<u8>) -> bool {
        HashAlgorithm::ALL.into_iter().all(|algorithm| {
            let fingerprint = Fingerprint::of(algorithm, &certificate);
            fingerprint.to_string().parse() == Ok(fingerprint)
        })
    }

    fn any_text_is_refused_or_a_fingerprint(text: String) -> bool {
        match text.parse::<Fingerprint>() {
            Ok(fingerprint) => fingerprint.to_string().eq_ignore_ascii_case(&text),
            Err(_) => true,
        }
    }
}
