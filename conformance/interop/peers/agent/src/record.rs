//! What has happened on a connection, as `state` tells it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::Message;

/// One connection.
#[derive(Debug)]
pub struct Record {
    /// As `RTCPeerConnectionState`.
    pub connection: &'static str,
    /// By label.
    pub channels: BTreeMap<String, Channel>,
    /// What the stack said when it gave up.
    pub error: Option<String>,
    /// Datagrams of the DTLS handshake that came since the stack last sent one.
    pub unanswered: usize,
    /// Datagrams with DTLS's application data that the stack has sent since it was last told to open a channel.
    pub sent_since_open: usize,
}

/// One channel.
#[derive(Debug)]
pub struct Channel {
    /// As `RTCDataChannelState`.
    pub state: &'static str,
    /// Why it is closed, where the stack says.
    pub reason: Option<String>,
    /// Messages that wait for room in the stack.
    pub waiting: VecDeque<Message>,
    /// The digests of those that the stack has taken.
    pub sent: Vec<String>,
    /// The digests of those that came.
    pub received: Vec<String>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            connection: "new",
            channels: BTreeMap::new(),
            error: None,
            unanswered: 0,
            sent_since_open: 0,
        }
    }
}

impl Record {
    /// The channel of this label, which is connecting if nothing is known of it.
    pub fn channel(&mut self, label: &str) -> &mut Channel {
        self.channels.entry(label.to_owned()).or_insert_with(|| Channel {
            state: "connecting",
            reason: None,
            waiting: VecDeque::new(),
            sent: Vec::new(),
            received: Vec::new(),
        })
    }

    pub fn to_json(&self) -> Value {
        let channels = self.channels.iter().map(|(label, channel)| {
            let Channel {
                state,
                reason,
                sent,
                received,
                ..
            } = channel;
            (
                label.clone(),
                json!({ "state": state, "reason": reason, "sent": sent, "received": received }),
            )
        });
        let channels: serde_json::Map<_, _> = channels.collect();
        json!({
            "connection": self.connection,
            "channels": channels,
            "error": self.error,
            "unanswered": self.unanswered,
            "sentSinceOpen": self.sent_since_open,
        })
    }
}
