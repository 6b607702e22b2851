//! Random changes of SDP documents, on stable.

use pollrtc_fuzzing::document::sdp_document;
use quickcheck::quickcheck;

const TEXT: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=x:1\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n\
    b=AS:1\r\na=X:2\r\na=y\r\n\r\nm=video 9 RTP/AVP 96\na=x\na=y:z";

quickcheck! {
    /// The body panics if a change does anything but what it says.
    fn a_document_changes_as_a_list_of_lines_does(script: Vec<u8>, more: Vec<u8>) -> bool {
        sdp_document(&[TEXT, b"\0", &script, &more].concat());
        true
    }
}
