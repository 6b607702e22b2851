//! A record as a line of text.

use core::fmt;

use super::protocol::Protocol;
use super::{TraceEvent, TraceRecord};

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.event {
            TraceEvent::Sent => "sent",
            TraceEvent::Received => "received",
            TraceEvent::Translated { .. } => "translated",
            TraceEvent::Dropped(_) => "dropped",
        };
        write!(
            f,
            "{} {} {what} {} > {} len {} {}",
            self.at,
            self.place,
            self.source,
            self.destination,
            self.payload.len(),
            Protocol::guess(&self.payload),
        )?;
        match self.event {
            TraceEvent::Sent | TraceEvent::Received => Ok(()),
            TraceEvent::Translated { source, destination } => write!(f, " (was {source} > {destination})"),
            TraceEvent::Dropped(reason) => write!(f, " ({reason})"),
        }
    }
}
