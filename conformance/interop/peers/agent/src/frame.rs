//! Frames of audio and video, as all agents make them: real ones, which any decoder takes, each with its number in it.

/// A packet of Opus that is silent for 20 ms (RFC 6716 §3.2.5): one frame of two bytes, before it how much padding follows.
const SILENCE: [u8; 5] = [0xfb, 0x41, 8, 0xff, 0xfe];
/// A key frame of VP8, 16 by 16 and grey. Decoders don't look at what follows it.
const GREY: [u8; 27] = [
    0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 0x00, 0x47, 0x08, 0x85, 0x85, 0x88, 0x99, 0x84, 0x88,
    0x02, 0x02, 0x00, 0x06, 0x19, 0x68, 0x00, 0x00,
];
/// Of VP8's payload descriptor (RFC 7741 §4.2): the frame begins, and a number of 15 bits follows.
const DESCRIPTOR: [u8; 2] = [0x90, 0x80];

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Audio,
    Video,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Audio, Self::Video];

    /// `audio` or `video`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    /// Ticks of the RTP clock from one frame to the next: 20 ms.
    pub fn ticks(self) -> u32 {
        match self {
            Self::Audio => 960,
            Self::Video => 1800,
        }
    }

    /// The payload that carries the frame with this number.
    pub fn payload(self, number: u32) -> Vec<u8> {
        let mut payload = Vec::new();
        if self == Self::Video {
            payload.extend(DESCRIPTOR);
            payload.extend((0x8000 | number as u16).to_be_bytes());
        }
        payload.extend(self.frame(number));
        payload
    }

    fn frame(self, number: u32) -> Vec<u8> {
        match self {
            Self::Audio => [&SILENCE[..], &number.to_be_bytes(), &(!number).to_be_bytes()].concat(),
            Self::Video => {
                let filler = (0..number.wrapping_mul(37) % 900).map(|place| number.wrapping_add(place) as u8);
                GREY.into_iter().chain(number.to_be_bytes()).chain(filler).collect()
            }
        }
    }

    /// Which frame a payload carries; `None` if it is none of ours, or has changed.
    pub fn number_in(self, payload: &[u8]) -> Option<u32> {
        let (frame, begins) = match self {
            Self::Audio => (payload, SILENCE.len()),
            Self::Video => (without_descriptor(payload)?, GREY.len()),
        };
        let number = u32::from_be_bytes(frame.get(begins..begins + 4)?.try_into().ok()?);
        (frame == self.frame(number)).then_some(number)
    }
}

/// RFC 7741 §4.2.
fn without_descriptor(payload: &[u8]) -> Option<&[u8]> {
    let first = *payload.first()?;
    let mut len = 1;
    if first & 0x80 != 0 {
        let extended = *payload.get(1)?;
        len += 1;
        if extended & 0x80 != 0 {
            len += if payload.get(2)? & 0x80 != 0 { 2 } else { 1 };
        }
        len += usize::from(extended & 0x40 != 0) + usize::from(extended & 0x30 != 0);
    }
    payload.get(len..)
}

/// What happened to the streams of one kind.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Frames that the stack has taken.
    pub sent: u32,
    /// Numbers of frames that came, as ranges with both ends in them.
    received: Vec<(u32, u32)>,
    /// Frames that came more than once.
    pub repeated: u32,
    /// Packets that carried something else.
    pub wrong: u32,
    /// Packets that were sent again.
    pub resent: u32,
    /// Requests for a key frame that came.
    pub keyframes_wanted: u32,
    /// Sender reports that came.
    pub sender_reports: u32,
}

impl Stream {
    /// A packet came.
    pub fn receive(&mut self, kind: Kind, payload: &[u8]) {
        let Some(number) = kind.number_in(payload) else {
            self.wrong += 1;
            return;
        };
        let place = self.received.partition_point(|(first, _)| *first <= number);
        let before = place.checked_sub(1).map(|place| self.received[place].1);
        if before.is_some_and(|last| number <= last) {
            self.repeated += 1;
            return;
        }
        let follows = before.is_some_and(|last| last + 1 == number);
        let precedes = self.received.get(place).is_some_and(|(first, _)| *first == number + 1);
        match (follows, precedes) {
            (true, true) => self.received[place - 1].1 = self.received.remove(place).1,
            (true, false) => self.received[place - 1].1 = number,
            (false, true) => self.received[place].0 = number,
            (false, false) => self.received.insert(place, (number, number)),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "sent": self.sent,
            "received": self.received,
            "repeated": self.repeated,
            "wrong": self.wrong,
            "resent": self.resent,
            "keyframesWanted": self.keyframes_wanted,
            "senderReports": self.sender_reports,
        })
    }
}
