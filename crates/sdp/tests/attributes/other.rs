//! Attributes that WebRTC does without: read where they occur, and never a reason to refuse.

use pollrtc_sdp::attribute::{Attribute, OwnedAttribute};
use pollrtc_sdp::{Profile, Session};

use crate::support::{description, read, verdict, written_back};

const WELL_FORMED: [&str; 30] = [
    "imageattr:* send * recv *",
    "imageattr:97 send [x=800,y=640,sar=1.1,q=0.6] [x=480,y=320] recv [x=330,y=250]",
    "imageattr:100 recv [x=[320:16:640],y=[240:16:480],par=[1.2-1.3]]",
    "imageattr:100 recv [x=[1200,800],y=480,x-new=1]",
    "key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO==",
    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32",
    "crypto:999999999 F8_128_HMAC_SHA1_80 inline:x;inline:y FEC_ORDER=FEC_SRTP KDR=3",
    "source-filter: incl IN IP4 232.3.4.5 192.0.2.10",
    "source-filter: excl IN IP6 ff0e::11a 2001:db8:1:2:240:96ff:fe25:8ec9 2001:db8:1:2:240:96ff:fe25:8eca",
    "source-filter: incl IN * dst-1.example.com src-1.example.com src-2.example.com",
    "label:1",
    "content:slides",
    "content:main,alt",
    "ts-refclk:ntp=/traceable/",
    "ts-refclk:ptp=IEEE802.1AS-2011:39-A7-94-FF-FE-07-CB-D0",
    "ts-refclk:private:traceable",
    "ts-refclk:local",
    "mediaclk:direct=963214424",
    "mediaclk:id=src:MDA6NjA= IEEE1722=38-D6-6D-8E-D2-78-13-2F",
    "mediaclk:sender",
    "depend:96 lay L1:98,99; 97 mdc",
    "framerate:25",
    "quality:10",
    "orient:portrait",
    "lang:de-CH",
    "sdplang:en",
    "charset:ISO-8859-1",
    "type:H332",
    "cat:foo.bar",
    "tool:some tool 1.0",
];

#[test]
fn they_are_written_as_they_were_read() {
    written_back(&WELL_FORMED);
    written_back(&["keywds:some words"]);
}

#[test]
fn malformed_ones_are_ignored_even_by_the_letter() {
    for malformed in [
        "imageattr:97",
        "imageattr:97 send [x=1",
        "imageattr:x send *",
        "key-mgmt:mikey",
        "crypto:x",
        "crypto:1 AES_CM_128_HMAC_SHA1_80",
        "source-filter: maybe IN IP4 * 192.0.2.1",
        "source-filter: incl IN IP4 192.0.2.1",
        "label",
        "content:",
        "ts-refclk:",
        "mediaclk:=1",
        "depend:96",
        "dcmap:70000",
        "dcsa:x",
    ] {
        assert!(read(malformed).is_err(), "{malformed}");
        for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
            let findings = verdict(profile, &[malformed]).unwrap_or_else(|kind| panic!("{malformed}: {kind}"));
            assert_eq!(findings.len(), 1, "{malformed}");
        }
        let text = description(&[malformed, "mid:a"]);
        assert_eq!(Session::parse(&text).unwrap().media().next().unwrap().mid(), Some("a"));
    }
}

#[test]
fn values_that_only_cameras_write_are_ignored_but_not_by_the_letter() {
    for malformed in ["framerate:fast", "quality:good", "orient:", "lang:a b"] {
        assert!(verdict(Profile::Rfc8866, &[malformed]).is_err(), "{malformed}");
        for profile in [Profile::Jsep, Profile::Lenient] {
            assert_eq!(verdict(profile, &[malformed]).unwrap().len(), 1, "{malformed}");
        }
    }
}

#[test]
fn image_sizes_are_taken_apart() {
    let text = description(&["imageattr:97 recv [x=[320:16:640],y=[240:16:480],par=[1.2-1.3]] [x=1,y=2] send *"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let image = media.image_attributes().next().unwrap();
    assert!(image.send.unwrap().is_any());
    let sets: Vec<Vec<_>> = image.recv.unwrap().sets().map(|set| set.entries().collect()).collect();
    assert_eq!(
        sets,
        [
            vec![("x", "[320:16:640]"), ("y", "[240:16:480]"), ("par", "[1.2-1.3]")],
            vec![("x", "1"), ("y", "2")]
        ]
    );
}

#[test]
fn keys_are_not_shown_by_accident() {
    for text in [WELL_FORMED[4], WELL_FORMED[5]] {
        let attribute = read(text).unwrap();
        let shown = format!("{attribute:?}");
        assert!(!shown.contains("AQAF") && !shown.contains("PS1u"), "{shown}");
        let shown = format!("{:?}", OwnedAttribute::from(attribute));
        assert!(!shown.contains("AQAF") && !shown.contains("PS1u"), "{shown}");
    }
    let text = description(&[WELL_FORMED[5]]);
    let session = Session::parse(&text).unwrap();
    let crypto = session.media().next().unwrap().cryptos().next().unwrap();
    assert_eq!(crypto.keys, "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32");
}

#[test]
fn rare_ones_are_found_wherever_they_stand() {
    let text = description(&["mid:a", "content:main", "label:7", "label:8"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!((media.label(), media.content()), (Some("7"), Some("main")));
    let Ok(Attribute::SourceFilter(filter)) = read("source-filter:excl IN IP4 * 192.0.2.1") else {
        panic!("the space behind the colon may be missing")
    };
    assert!(!filter.includes && filter.destination == "*");
}
