//! The CRC32c examples of RFC 3720 appendix B.4, which SCTP shares.

use pollrtc_conformance::{hex, text, vectors};
use pollrtc_sctp::wire::checksum;

#[test]
fn checksums_are_those_of_the_examples() {
    let vectors = vectors("rfc3720")["checksums"].as_array().cloned().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let sum = checksum(&hex(text(&vector, "bytes")));
        assert_eq!(sum[..], hex(text(&vector, "checksum")), "{}", text(&vector, "name"));
    }
}
