//! A part of a description (what stands before the first `m=`, or one media section), with an index
//! of the attributes that we know.

use crate::attribute::{Attribute, Direction, Name, RawAttribute, split_attribute, value_of};
use crate::attribute::{
    Candidate, Crypto, DcMap, Decimal, ExtMap, Fingerprint, Fmtp, Group, IceOptions, ImageAttr, Msid, MsidSemantic,
    Rid, RtcpFb, RtpMap, SctpMap, Setup, Simulcast, Ssrc, SsrcGroup,
};
use crate::fields::{Bandwidth, Connection};
use crate::line::{Lines, RawLine, RawLines, first_line};
use crate::profile::Reading;

/// The section's text and where in it each known attribute first stands. Accessors of single
/// attributes then cost no search, however long the section is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    text: &'a [u8],
    /// By [`Name`]: the offset of the attribute's name in `text`; zero if it does not occur, since
    /// no section starts with an attribute.
    first: [u32; Name::INDEXED],
    /// How far what is malformed is understood.
    reading: Reading,
}

impl<'a> Section<'a> {
    pub(crate) fn new(reading: Reading) -> Self {
        Self {
            text: &[],
            first: [0; Name::INDEXED],
            reading,
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        self.reading
    }

    pub(crate) fn with_text(self, text: &'a [u8]) -> Self {
        Self { text, ..self }
    }

    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Takes up one of the section's lines.
    #[inline]
    pub(crate) fn note_line(&mut self, line: &RawLine<'_>) {
        let [b'a', b'=', attribute @ ..] = line.bytes else {
            return;
        };
        let known = Name::split(attribute).map(|(name, _)| name);
        if let Some(name) = known.or_else(|| odd_name(split_attribute(attribute).0, self.reading)) {
            self.note(name, line);
        }
    }

    /// Takes up one of the section's attributes, whose name is known.
    #[inline]
    pub(crate) fn note(&mut self, name: Name, line: &RawLine<'_>) {
        if let Some(first @ 0) = self.first.get_mut(name as usize) {
            *first = u32::try_from(line.start.wrapping_add(2)).unwrap_or(0);
        }
    }

    pub(crate) fn lines(&self) -> Lines<'a> {
        Lines::new(self.text)
    }

    pub(crate) fn values(&self, letter: char) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.lines()
            .filter(move |line| line.letter == letter)
            .map(|line| line.value)
    }

    pub(crate) fn attributes(&self) -> Attributes<'a> {
        Attributes(RawLines::new(self.text))
    }

    pub(crate) fn typed_attributes(&self) -> TypedAttributes<'a> {
        TypedAttributes {
            lines: RawLines::new(self.text),
            utf8: core::str::from_utf8(self.text).ok(),
            reading: self.reading,
        }
    }

    /// The text that starts with the first attribute of this name.
    fn starting_with(&self, name: Name) -> Option<&'a [u8]> {
        match self.first.get(name as usize) {
            Some(0) => None,
            Some(offset) => self.text.get(usize::try_from(*offset).ok()?..),
            // Rare ones are not in the index.
            None => self.first_of(name),
        }
    }

    fn first_of(&self, name: Name) -> Option<&'a [u8]> {
        let line = RawLines::new(self.text).find(|line| match line.bytes {
            [b'a', b'=', attribute @ ..] => value_of(name, attribute, self.reading.folds_names()).is_some(),
            _ => false,
        })?;
        self.text.get(line.start.saturating_add(2)..)
    }

    /// The first attribute of this name that can be read.
    pub(crate) fn get(&self, name: Name) -> Option<Attribute<'a>> {
        let text = self.starting_with(name)?;
        self.read_first(name, text)
            .or_else(|| self.read_others(name, text).next())
    }

    /// All attributes of this name that can be read.
    pub(crate) fn all(&self, name: Name) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        let text = self.starting_with(name);
        let first = text.and_then(|text| self.read_first(name, text));
        let others = self.read_others(name, text.unwrap_or_default());
        first.into_iter().chain(others)
    }

    fn read_first(&self, name: Name, text: &'a [u8]) -> Option<Attribute<'a>> {
        let (_, value) = split_attribute(first_line(text));
        read(name, value, self.reading)
    }

    fn read_others(&self, name: Name, text: &'a [u8]) -> impl Iterator<Item = Attribute<'a>> + Clone + use<'a> {
        let reading = self.reading;
        Lines::new(text)
            // The text starts behind the first one's `a=`, so that what looks like a line there is
            // the first one itself.
            .filter(|line| line.letter == 'a')
            .filter_map(move |line| read(name, value_of(name, line.value, reading.folds_names())?, reading))
    }

    pub(crate) fn has(&self, name: Name) -> bool {
        self.get(name).is_some()
    }
}

/// The name of an attribute that is not written as it should be.
#[inline(never)]
fn odd_name(written: &[u8], reading: Reading) -> Option<Name> {
    let folded = || Name::of_any_case(written).filter(|_| reading.folds_names());
    Name::of(written).or_else(folded)
}

fn read(name: Name, value: Option<&[u8]>, reading: Reading) -> Option<Attribute<'_>> {
    match Attribute::parse_known(name, value) {
        Ok(attribute) => Some(attribute),
        Err(_) => Attribute::salvage(name, value, reading),
    }
}

macro_rules! accessors {
    ($($method:ident -> $type:ty = $name:ident;)*) => {
        impl<'a> Section<'a> {
            $(pub(crate) fn $method(&self) -> Option<$type> {
                match self.get(Name::$name) {
                    Some(Attribute::$name(value)) => Some(value),
                    _ => None,
                }
            })*
        }
    };
}

accessors! {
    mid -> &'a str = Mid;
    ice_ufrag -> &'a str = IceUfrag;
    ice_pwd -> &'a str = IcePwd;
    ice_options -> IceOptions<'a> = IceOptions;
    ice_pacing -> u32 = IcePacing;
    setup -> Setup = Setup;
    tls_id -> &'a str = TlsId;
    sctp_port -> u16 = SctpPort;
    max_message_size -> u64 = MaxMessageSize;
    sctp_map -> SctpMap<'a> = SctpMap;
    msid_semantic -> MsidSemantic<'a> = MsidSemantic;
    simulcast -> Simulcast<'a> = Simulcast;
    ptime -> Decimal<'a> = Ptime;
    max_ptime -> Decimal<'a> = MaxPtime;
    frame_rate -> Decimal<'a> = FrameRate;
    label -> &'a str = Label;
    content -> &'a str = Content;
    rtcp -> crate::attribute::Rtcp<'a> = Rtcp;
}

macro_rules! lists {
    ($($method:ident -> $type:ident = $name:ident;)*) => {
        impl<'a> Section<'a> {
            $(pub(crate) fn $method(&self) -> impl Iterator<Item = $type<'a>> + Clone + use<'a> {
                self.all(Name::$name).filter_map(|attribute| match attribute {
                    Attribute::$name(value) => Some(value),
                    _ => None,
                })
            })*
        }
    };
}

lists! {
    candidates -> Candidate = Candidate;
    fingerprints -> Fingerprint = Fingerprint;
    groups -> Group = Group;
    rtp_maps -> RtpMap = RtpMap;
    fmtps -> Fmtp = Fmtp;
    feedback -> RtcpFb = RtcpFb;
    extmaps -> ExtMap = ExtMap;
    msids -> Msid = Msid;
    rids -> Rid = Rid;
    ssrcs -> Ssrc = Ssrc;
    ssrc_groups -> SsrcGroup = SsrcGroup;
    image_attrs -> ImageAttr = ImageAttr;
    dc_maps -> DcMap = DcMap;
    cryptos -> Crypto = Crypto;
}

impl<'a> Section<'a> {
    /// The direction that stands first, if any does.
    pub(crate) fn direction(&self) -> Option<Direction> {
        [Name::SendRecv, Name::SendOnly, Name::RecvOnly, Name::Inactive]
            .into_iter()
            .filter_map(|name| match self.get(name) {
                Some(Attribute::Direction(direction)) => Some((self.first.get(name as usize)?, direction)),
                _ => None,
            })
            .min_by_key(|(offset, _)| *offset)
            .map(|(_, direction)| direction)
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = Connection<'a>> + Clone + use<'a> {
        self.values('c').filter_map(|value| Connection::parse(value).ok())
    }

    pub(crate) fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + Clone + use<'a> {
        self.values('b').filter_map(|value| Bandwidth::parse(value).ok())
    }
}

/// The attributes of a section in order, as they came; from
/// [`Session::attributes`](crate::Session::attributes) and
/// [`Media::attributes`](crate::Media::attributes).
#[derive(Debug, Clone)]
pub struct Attributes<'a>(RawLines<'a>);

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawAttribute<'a>> {
        loop {
            if let [b'a', b'=', attribute @ ..] = self.0.next()?.bytes
                && let Some(attribute) = RawAttribute::split(attribute)
            {
                return Some(attribute);
            }
        }
    }
}

/// The attributes of a section in order, each in its type; from
/// [`Session::typed_attributes`](crate::Session::typed_attributes) and
/// [`Media::typed_attributes`](crate::Media::typed_attributes).
#[derive(Debug, Clone)]
pub struct TypedAttributes<'a> {
    lines: RawLines<'a>,
    /// The section, if all of it is UTF-8: then no value has to be looked at for it.
    utf8: Option<&'a str>,
    reading: Reading,
}

impl<'a> TypedAttributes<'a> {
    /// The attribute of this name whose value, if it has one, ends the line.
    #[inline]
    fn typed(&self, name: Name, value: Option<&'a [u8]>, line: &RawLine<'a>) -> Option<Attribute<'a>> {
        let text = value.zip(self.utf8).and_then(|(value, utf8)| {
            let end = line.start.checked_add(line.bytes.len())?;
            utf8.get(end.checked_sub(value.len())?..end)
        });
        match text {
            Some(text) => Attribute::parse_known_text(name, text).ok(),
            None => Attribute::parse_known(name, value).ok(),
        }
    }

    /// One that is not known by how it is written, or malformed.
    #[inline(never)]
    fn other(&self, attribute: &'a [u8]) -> Option<Attribute<'a>> {
        let raw = RawAttribute::split(attribute)?;
        let name = odd_name(raw.name.as_bytes(), self.reading);
        let typed = name.and_then(|name| read(name, raw.value, self.reading));
        Some(typed.unwrap_or(Attribute::Other(raw)))
    }
}

impl<'a> Iterator for TypedAttributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            let line = self.lines.next()?;
            let [b'a', b'=', attribute @ ..] = line.bytes else {
                continue;
            };
            if let Some((name, value)) = Name::split(attribute)
                && let Some(typed) = self.typed(name, value, &line)
            {
                return Some(typed);
            }
            if let Some(other) = self.other(attribute) {
                return Some(other);
            }
        }
    }
}
