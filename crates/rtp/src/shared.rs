//! The one copy of a packet that somebody keeps.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::layout::Layout;
use crate::{Origin, RtpPacket};

/// A packet that outlives its datagram: made once, held by everybody who wants it, on any thread. It comes from a
/// [`Pool`], and goes back when the last holder lets go.
///
/// ```
/// # use pollrtc_rtp::{ExtensionMap, Origin, Pool, RtpPacket};
/// # let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b'x'];
/// # let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
/// let shared = Pool::new(1).share(&packet).ok_or("all are held by somebody")?;
/// let elsewhere = std::thread::spawn(move || shared.view().payload().len());
/// assert_eq!(elsewhere.join().unwrap(), 1);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedPacket(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    layout: Layout,
    origin: Origin,
}

impl SharedPacket {
    /// The packet.
    pub fn view(&self) -> RtpPacket<'_> {
        RtpPacket::from_parts(&self.0.bytes, self.0.layout, self.0.origin)
    }
}

/// A bounded supply of shared packets. Once it is warm, keeping a packet asks no allocator.
///
/// ```
/// use pollrtc_rtp::{ExtensionMap, Origin, Pool, RtpPacket};
/// # let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 7];
/// let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
/// let mut pool = Pool::new(1);
/// let shared = pool.share(&packet).unwrap();
/// assert_eq!(shared.view().payload(), [7]);
/// assert!(pool.share(&packet).is_none()); // somebody holds the only one
/// drop(shared);
/// assert!(pool.share(&packet).is_some());
/// ```
#[derive(Debug)]
pub struct Pool {
    /// The one that was given out longest ago comes first: it is the likeliest to be back.
    packets: VecDeque<Arc<Kept>>,
    limit: usize,
    refused: u64,
}

impl Pool {
    /// A pool that never has more than `limit` packets out at a time.
    pub const fn new(limit: usize) -> Self {
        Self {
            packets: VecDeque::new(),
            limit,
            refused: 0,
        }
    }

    /// Copies a packet. `None` if all are held by somebody: this is counted.
    ///
    /// Packets mostly come back in the order in which they went out, and then this takes constant time; where holders
    /// keep some for long, it looks at each of them at most once.
    pub fn share(&mut self, packet: &RtpPacket<'_>) -> Option<SharedPacket> {
        let mut kept = self.take_free()?;
        match Arc::get_mut(&mut kept) {
            Some(free) => {
                free.bytes.clear();
                free.bytes.extend_from_slice(packet.as_bytes());
                free.layout = packet.layout();
                free.origin = packet.origin;
            }
            None => return None, // it was seen to be free, and nobody else can take it
        }
        self.packets.push_back(Arc::clone(&kept));
        Some(SharedPacket(kept))
    }

    /// How many times [`share`](Self::share) had nothing to give.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many packets the pool has made so far, free ones included.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// True if no packet was ever shared.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn take_free(&mut self) -> Option<Arc<Kept>> {
        let is_free = |kept: &Arc<Kept>| Arc::strong_count(kept) == 1;
        if self.packets.front().is_some_and(is_free) {
            return self.packets.pop_front();
        }
        if self.packets.len() < self.limit {
            return Some(Arc::default());
        }
        let free = self.packets.iter().position(is_free);
        self.refused += u64::from(free.is_none());
        self.packets.remove(free?)
    }
}
