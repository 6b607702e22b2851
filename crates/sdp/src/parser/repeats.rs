//! Ids of header extensions and rids that stand twice in a section, and rids that nothing describes.

use super::Pass;
use crate::attribute::{Attribute, Name, split_attribute};
use crate::error::{ErrorKind, ParseError};
use crate::line::RawLines;
use crate::mids::Mids;

impl<'a> Pass<'a, '_> {
    /// Looks for ids that stand twice, once there is reason to, in the section that ends at `end`.
    pub(super) fn check_streams(&mut self, end: usize) -> Result<(), ParseError> {
        if self.streams.look_again {
            self.look_again(end)
        } else {
            Ok(())
        }
    }

    #[cold]
    #[inline(never)]
    fn look_again(&mut self, end: usize) -> Result<(), ParseError> {
        let here = (self.line, self.line_start);
        let mut extensions = [""; 256];
        let mut rids = Mids::<RIDS>::new(self.text);
        let mut simulcast = None;
        let section = self.text.get(self.section_start..end).unwrap_or_default();
        self.line = self.section_line;
        for line in RawLines::new(section) {
            self.line_start = line.start.saturating_add(self.section_start);
            let value = line.bytes.strip_prefix(b"a=").map(split_attribute);
            if let Some((name, Some(value))) = value {
                let at = self
                    .line_start
                    .saturating_add(line.bytes.len())
                    .saturating_sub(value.len());
                let known = Name::of(name).or_else(|| Name::of_any_case(name).filter(|_| self.parser.folds_names()));
                let value = Some(value.trim_ascii_end());
                match known.and_then(|name| Attribute::parse_known(name, value).ok()) {
                    Some(Attribute::ExtMap(extension)) => match extensions.get_mut(usize::from(extension.id)) {
                        None => {}
                        Some(uri @ &mut "") => *uri = extension.uri,
                        Some(uri) if *uri == extension.uri => self.report(ErrorKind::RepeatedAttribute, at)?,
                        Some(_) => self.report(ErrorKind::DuplicateExtension, at)?,
                    },
                    Some(Attribute::Rid(rid)) if !rids.insert(rid.id.as_bytes(), at) => {
                        self.report(ErrorKind::DuplicateRid, at)?;
                    }
                    Some(Attribute::Simulcast(streams)) if simulcast.is_none() => {
                        simulcast = Some((streams, self.line, self.line_start, at));
                    }
                    _ => {}
                }
            }
            self.line = self.line.saturating_add(1);
        }
        if let Some((streams, line, line_start, at)) = simulcast
            && !rids.is_full()
        {
            (self.line, self.line_start) = (line, line_start);
            let mut named = [streams.send, streams.recv]
                .into_iter()
                .flatten()
                .flat_map(|list| list.rids());
            if named.any(|rid| !rids.contains(rid.id.as_bytes())) {
                self.report(ErrorKind::UndefinedRid, at)?;
            }
        }
        (self.line, self.line_start) = here;
        Ok(())
    }
}

/// Slots for rids, of which half may be taken; those beyond go unchecked.
const RIDS: usize = 128;
