//! Writes what is sent of a description when candidates are trickled.

use alloc::vec::Vec;
use core::fmt;

use crate::attribute::{Attribute, Candidate};
use crate::error::ParseError;
use crate::fields::MediaLine;
use crate::fragment::Fragment;
use crate::grammar::write_lossy;
use crate::parser::Parser;
use crate::writer::{LineWriter, WriteError};

/// Writes an `application/trickle-ice-sdpfrag` body (RFC 8840 §9).
///
/// ```
/// use pollrtc_sdp::FragmentWriter;
/// use pollrtc_sdp::attribute::Candidate;
///
/// let mut writer = FragmentWriter::new();
/// writer
///     .credentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
///     .section("0")
///     .candidate(Candidate::host("1", 2_130_706_431, "192.0.2.1", 5_000))
///     .end_of_candidates();
/// assert_eq!(
///     writer.finish()?.to_string(),
///     "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
///      a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n"
/// );
/// # Ok::<(), pollrtc_sdp::WriteError>(())
/// ```
///
/// What is added before the first section is for all of them. The credentials have to be at the
/// level where the description had them (RFC 8840 §4.4). Errors wait for
/// [`finish`](Self::finish), which checks the whole again as the parser does.
#[derive(Debug, Clone, Default)]
pub struct FragmentWriter {
    text: Vec<u8>,
    error: Option<WriteError>,
}

impl FragmentWriter {
    /// Starts with nothing, which is a fragment too.
    pub fn new() -> Self {
        Self::default()
    }

    /// The user name fragment and password, for all sections or for the one that was started last.
    pub fn credentials(&mut self, ufrag: &str, pwd: &str) -> &mut Self {
        self.attribute(Attribute::IceUfrag(ufrag))
            .attribute(Attribute::IcePwd(pwd))
    }

    /// The bundle's mids, the tagged one first; before the first section.
    pub fn bundle<'m>(&mut self, mids: impl IntoIterator<Item = &'m str>) -> &mut Self {
        self.line(b'a', |line| {
            line.push(b"group:BUNDLE");
            for mid in mids {
                line.push(b" ");
                line.push(mid.as_bytes());
            }
        })
    }

    /// Starts the section of this mid, with the `m=` line of one who knows no more than that
    /// ([`MediaLine::PSEUDO`]).
    pub fn section(&mut self, mid: &str) -> &mut Self {
        self.section_of(&MediaLine::PSEUDO, mid)
    }

    /// Starts the section of this mid, with the `m=` line that the description has.
    pub fn section_of(&mut self, media: &MediaLine<'_>, mid: &str) -> &mut Self {
        self.line(b'm', |line| line.display(media))
            .attribute(Attribute::Mid(mid))
    }

    /// A candidate of the section that was started last. All candidates of a generation are sent
    /// each time, in one order, where the signalling repeats fragments (RFC 8840 §4.4).
    pub fn candidate(&mut self, candidate: Candidate<'_>) -> &mut Self {
        self.attribute(Attribute::Candidate(candidate))
    }

    /// No candidates are left to tell, in all sections or in the one that was started last.
    pub fn end_of_candidates(&mut self) -> &mut Self {
        self.attribute(Attribute::EndOfCandidates)
    }

    /// Any attribute.
    pub fn attribute(&mut self, attribute: Attribute<'_>) -> &mut Self {
        self.line(b'a', |line| line.attribute(&attribute))
    }

    /// The fragment, if all of it was well-formed.
    pub fn finish(self) -> Result<OwnedFragment, WriteError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        Parser::new().parse_fragment(&self.text)?;
        Ok(OwnedFragment { text: self.text })
    }

    fn line(&mut self, letter: u8, fill: impl FnOnce(&mut LineWriter<'_>)) -> &mut Self {
        let mut line = LineWriter::start(&mut self.text, letter);
        fill(&mut line);
        if let Err(error) = line.end(b"\r\n") {
            self.error.get_or_insert(error);
        }
        self
    }
}

/// A fragment that owns its text. `Display` is the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedFragment {
    text: Vec<u8>,
}

impl OwnedFragment {
    /// Reads a text as [`Fragment::parse`] does and keeps a copy of it.
    pub fn parse<T: AsRef<[u8]> + ?Sized>(text: &T) -> Result<Self, ParseError> {
        let text = Fragment::parse(text)?.as_bytes().to_vec();
        Ok(Self { text })
    }

    /// The typed view.
    pub fn as_fragment(&self) -> Fragment<'_> {
        Fragment::of_checked(&self.text)
    }

    /// The text, byte for byte.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text, byte for byte.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text
    }
}

impl fmt::Display for OwnedFragment {
    /// The text; bytes that are not UTF-8 are shown as U+FFFD, and
    /// [`as_bytes`](OwnedFragment::as_bytes) has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lossy(f, &self.text)
    }
}
