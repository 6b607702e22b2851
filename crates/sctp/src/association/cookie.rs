//! The state cookie: what we would have to remember of a peer that may not exist (RFC 9260 §5.1.3).

use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::HmacSha256;

const CONTENT_LEN: usize = 48;
const MAC_LEN: usize = 32;

/// Bytes of a cookie on the wire.
pub(super) const COOKIE_LEN: usize = CONTENT_LEN + MAC_LEN;

/// Both sides' parameters, as an association begins with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) created: Instant,
    pub(super) local_tag: u32,
    pub(super) peer_tag: u32,
    pub(super) local_tsn: u32,
    pub(super) peer_tsn: u32,
    pub(super) peer_window: u32,
    pub(super) outbound_streams: u16,
    pub(super) inbound_streams: u16,
    pub(super) capabilities: Capabilities,
    /// The tags of the association that exists already, if one does (§5.2.2).
    pub(super) tie_tags: (u32, u32),
}

/// What the peer knows besides RFC 9260.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) forward_tsn: bool,
    pub(super) reconfig: bool,
}

impl Cookie {
    /// The cookie for the wire, sealed.
    pub(super) fn seal(&self, key: &HmacSha256) -> [u8; COOKIE_LEN] {
        let content = self.content();
        let mac = key.sign(&[&content]);
        let mut sealed = [0; COOKIE_LEN];
        let bytes = content.into_iter().chain(mac);
        sealed.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        sealed
    }

    fn content(&self) -> [u8; CONTENT_LEN] {
        let capabilities = u8::from(self.capabilities.forward_tsn) | u8::from(self.capabilities.reconfig) << 1;
        let mut content = [0; CONTENT_LEN];
        let bytes = self
            .created
            .as_nanos()
            .to_be_bytes()
            .into_iter()
            .chain(self.local_tag.to_be_bytes())
            .chain(self.peer_tag.to_be_bytes())
            .chain(self.local_tsn.to_be_bytes())
            .chain(self.peer_tsn.to_be_bytes())
            .chain(self.peer_window.to_be_bytes())
            .chain(self.outbound_streams.to_be_bytes())
            .chain(self.inbound_streams.to_be_bytes())
            .chain(self.tie_tags.0.to_be_bytes())
            .chain(self.tie_tags.1.to_be_bytes())
            .chain([capabilities]);
        content.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        content
    }

    /// Reads a cookie that we sealed; `None` if we did not.
    pub(super) fn open(key: &HmacSha256, sealed: &[u8]) -> Option<Self> {
        let (content, mac) = sealed.split_first_chunk::<CONTENT_LEN>()?;
        if mac.len() != MAC_LEN || !key.verify(&[content], mac) {
            return None;
        }
        let mut fields = Fields(content);
        Some(Self {
            created: Instant::from_nanos(u64::from_be_bytes(fields.take()?)),
            local_tag: u32::from_be_bytes(fields.take()?),
            peer_tag: u32::from_be_bytes(fields.take()?),
            local_tsn: u32::from_be_bytes(fields.take()?),
            peer_tsn: u32::from_be_bytes(fields.take()?),
            peer_window: u32::from_be_bytes(fields.take()?),
            outbound_streams: u16::from_be_bytes(fields.take()?),
            inbound_streams: u16::from_be_bytes(fields.take()?),
            tie_tags: (u32::from_be_bytes(fields.take()?), u32::from_be_bytes(fields.take()?)),
            capabilities: {
                let [bits] = fields.take()?;
                Capabilities {
                    forward_tsn: bits & 1 != 0,
                    reconfig: bits & 2 != 0,
                }
            },
        })
    }

    /// By how much it is too old, if it is.
    pub(super) fn staleness(&self, now: Instant, lifetime: Duration) -> Option<Duration> {
        (now - self.created)
            .checked_sub(lifetime)
            .filter(|staleness| !staleness.is_zero())
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_cookies_open_and_forged_ones_do_not() {
        let key = HmacSha256::new(b"key");
        let cookie = Cookie {
            created: Instant::from_millis(7),
            local_tag: 1,
            peer_tag: 2,
            local_tsn: 3,
            peer_tsn: 4,
            peer_window: 5,
            outbound_streams: 6,
            inbound_streams: 7,
            capabilities: Capabilities {
                forward_tsn: true,
                reconfig: false,
            },
            tie_tags: (8, 9),
        };
        let sealed = cookie.seal(&key);
        assert_eq!(Cookie::open(&key, &sealed), Some(cookie));
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Cookie::open(&key, &forged), None);
        }
        assert_eq!(Cookie::open(&HmacSha256::new(b"other"), &sealed), None);
    }
}
