//! Mids and the groups that name them, once all lines are known.

use nom::Offset;

use super::Pass;
use crate::attribute::{self, Attribute, Group, Name};
use crate::error::{ErrorKind, ParseError};
use crate::line::{RawLine, RawLines};
use crate::mids::{Bundling, FEW, Mids, SortedMids};
use crate::profile::Limits;
use crate::section::Section;

/// Lengths of the lists for descriptions with more sections.
const SOME: usize = 512;
const MANY: usize = Limits::MEDIA_SECTIONS_MAXIMUM as usize;

impl<'a> Pass<'a, '_> {
    /// RFC 5888 §5 and RFC 9143 §7: groups name mids that exist, and each is in one bundle at most.
    pub(super) fn check_mids(&mut self, session: &Section<'a>, media: &'a [u8]) -> Result<(), ParseError> {
        if self.mids.is_full() {
            return match self.mids.len() {
                ..=SOME => self.check_many_mids::<SOME>(session, media),
                _ => self.check_many_mids::<MANY>(session, media),
            };
        }
        let mut mids = self.mids;
        self.check_groups(session, |mid, group| match group.is_bundle() {
            true => mids.bundle(mid),
            false if mids.contains(mid) => Bundling::First,
            false => Bundling::Unknown,
        })
    }

    /// The same for more sections than the small table holds; never inlined, so that only
    /// descriptions that large need the stack for it.
    #[inline(never)]
    fn check_many_mids<const N: usize>(&mut self, session: &Section<'a>, media: &'a [u8]) -> Result<(), ParseError> {
        let media_start = self.text.len().saturating_sub(media.len());
        let any_case = session.reading().folds_names();
        let mids_of = || FirstMids {
            lines: RawLines::new(media),
            line: 0,
            any_case,
            found: false,
        };
        let offset_of = |mid: &[u8]| self.text.offset(mid);
        let mut mids = SortedMids::<N>::new(self.text, mids_of().map(|(_, _, mid)| (mid, offset_of(mid))));
        // Which lines they stand on is worth another walk only if there are some. The small table has
        // told of those that it held.
        let repeated = mids.repeat().then(|| mids_of().skip(Mids::<FEW>::CAPACITY));
        for (line, start, mid) in repeated.into_iter().flatten() {
            let offset = self.text.offset(mid);
            if mids
                .first_offset(mid)
                .is_some_and(|first| usize::try_from(first) != Ok(offset))
            {
                self.line = self.session_lines.saturating_add(line).saturating_sub(1);
                self.line_start = start.saturating_add(media_start);
                self.report(ErrorKind::DuplicateMid, offset)?;
            }
        }
        self.check_groups(session, |mid, group| match group.is_bundle() {
            true => mids.bundle(mid),
            false if mids.first_offset(mid).is_some() => Bundling::First,
            false => Bundling::Unknown,
        })
    }

    /// Holds the groups against the mids; `take` says what is known of a mid, and puts it into a
    /// bundle if the group is one.
    fn check_groups(
        &mut self,
        session: &Section<'a>,
        mut take: impl FnMut(&[u8], &Group<'a>) -> Bundling,
    ) -> Result<(), ParseError> {
        if !session.has(Name::Group) {
            return Ok(());
        }
        self.line = 0;
        for line in RawLines::new(session.text()) {
            self.line = self.line.saturating_add(1);
            self.line_start = line.start;
            let Some(value) = value_of(&line, Name::Group, session.reading().folds_names()) else {
                continue;
            };
            let Ok(Attribute::Group(group)) = Attribute::parse_known(Name::Group, value) else {
                continue;
            };
            for mid in group.mids() {
                let offset = line.start.saturating_add(line.bytes.offset(mid.as_bytes()));
                match take(mid.as_bytes(), &group) {
                    Bundling::Unknown => self.report(ErrorKind::UnknownMid, offset)?,
                    Bundling::Again => self.report(ErrorKind::MidInTwoBundles, offset)?,
                    Bundling::First => {}
                }
            }
        }
        Ok(())
    }
}

/// The mids of media sections, the first of each section if it is well-formed, with the number and
/// start of their lines.
struct FirstMids<'a> {
    lines: RawLines<'a>,
    line: u32,
    any_case: bool,
    /// Whether the section has had one.
    found: bool,
}

impl<'a> Iterator for FirstMids<'a> {
    type Item = (u32, usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            self.line = self.line.saturating_add(1);
            if line.bytes.starts_with(b"m=") {
                self.found = false;
            }
            if self.found {
                continue;
            }
            let Some(value) = value_of(&line, Name::Mid, self.any_case) else {
                continue;
            };
            self.found = true;
            if let Ok(Attribute::Mid(mid)) = Attribute::parse_known(Name::Mid, value) {
                return Some((self.line, line.start, mid.as_bytes()));
            }
        }
    }
}

/// What stands behind the attribute's name, if the line is that attribute.
fn value_of<'a>(line: &RawLine<'a>, name: Name, any_case: bool) -> Option<Option<&'a [u8]>> {
    attribute::value_of(name, line.bytes.strip_prefix(b"a=")?, any_case)
}
