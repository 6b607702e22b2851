//! Descriptions that several tests start from.

use std::fmt::Write;

/// An offer of `sections` data channel sections in one bundle, each with all that it needs.
pub(crate) fn offer(sections: usize) -> String {
    let mut offer = String::from("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    (0..sections).for_each(|mid| write!(offer, " {mid}").unwrap());
    offer.push_str("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n");
    for mid in 0..sections {
        write!(
            offer,
            "m=application 43774 UDP/DTLS/SCTP webrtc-datachannel\r\n\
             c=IN IP4 192.0.2.2\r\n\
             a=candidate:4086830444 1 udp 2122194687 192.0.2.2 43774 typ host generation 0 network-id 1\r\n\
             a=candidate:221430264 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0\r\n\
             a=candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.0.2.2 rport 43774\r\n\
             a=ice-ufrag:EsAw\r\n\
             a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
             a=ice-options:trickle\r\n\
             a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38\r\n\
             a=setup:actpass\r\n\
             a=mid:{mid}\r\n\
             a=sctp-port:5000\r\n\
             a=max-message-size:262144\r\n"
        )
        .unwrap();
    }
    offer
}
