//! A record as a line of text.

use core::fmt;

use super::protocol::Protocol;
use super::record::{Carried, TraceEvent, TraceRecord};

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.event {
            TraceEvent::Sent => "sent",
            TraceEvent::Received => "received",
            TraceEvent::Translated { .. } => "translated",
            TraceEvent::Dropped(_) => "dropped",
        };
        write!(f, "{} {} {what} ", self.at, self.place)?;
        let (source, destination, len) = (self.source, self.destination, self.payload.len());
        match self.carried {
            Carried::Udp => {
                let guess = Protocol::guess(&self.payload);
                write!(f, "{source} > {destination} len {len} {guess}")?;
            }
            Carried::Tcp {
                syn,
                ack,
                fin,
                rst,
                sequence,
                acknowledgement,
            } => {
                write!(f, "{source} > {destination} len {len} TCP")?;
                let bits = [(syn, " SYN"), (fin, " FIN"), (rst, " RST")];
                for (_, name) in bits.into_iter().filter(|(set, _)| *set) {
                    f.write_str(name)?;
                }
                write!(f, " seq {sequence}")?;
                if ack {
                    write!(f, " ack {acknowledgement}")?;
                }
            }
            Carried::Icmp {
                error,
                source: of,
                destination: to,
                ..
            } => {
                let (from, for_whom) = (source.ip(), destination.ip());
                write!(f, "{from} > {for_whom} ICMP {error}, about {of} > {to}")?;
            }
        }
        match self.event {
            TraceEvent::Sent | TraceEvent::Received => Ok(()),
            TraceEvent::Translated { source, destination } => write!(f, " (was {source} > {destination})"),
            TraceEvent::Dropped(reason) => write!(f, " ({reason})"),
        }
    }
}
