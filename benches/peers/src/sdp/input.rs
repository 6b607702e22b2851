//! What is read: an offer in the form that Chrome writes, and a large server's made of its sections.

use std::fmt::Write;

/// Two sections, eight audio and 23 video formats, six candidates each.
pub(crate) const CHROME_AUDIO_VIDEO: &str = include_str!("../../inputs/chrome-audio-video.sdp");

/// An offer of `sections` audio and video sections in turn, all sent, without candidates.
pub(crate) fn sfu(sections: usize) -> String {
    let mut parts = CHROME_AUDIO_VIDEO.split("\r\nm=");
    let _session = parts.next();
    let media: Vec<&str> = parts.map(|part| part.trim_end()).collect();
    let mut text = String::from("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    (0..sections).for_each(|mid| write!(text, " {mid}").expect("a string takes all"));
    text.push_str("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS 03c7c0ac-e395-d801-82db-07ae2c30f034\r\n");
    for (mid, section) in media.iter().cycle().take(sections).enumerate() {
        for (number, line) in section.split("\r\n").enumerate() {
            match line {
                line if number == 0 => writeln!(text, "m={line}\r"),
                line if line.starts_with("a=candidate:") => Ok(()),
                line if line.starts_with("a=mid:") => writeln!(text, "a=mid:{mid}\r"),
                "a=sendrecv" => writeln!(text, "a=sendonly\r"),
                line => writeln!(text, "{line}\r"),
            }
            .expect("a string takes all");
        }
    }
    text
}
