//! Ufrags that say whose they are.

use alloc::string::String;

/// A number from 0 to 4095 that the username fragments of an agent begin with, in two characters: where several servers
/// share one address, whoever receives a check knows which of them it is for.
///
/// ```
/// use pollrtc_ice::UfragTag;
/// let tag = UfragTag::new(77).ok_or("too large")?;
/// assert_eq!(UfragTag::of("BNx7Tq0a"), Some(tag));
/// assert_eq!(UfragTag::new(4096), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UfragTag(u16);

impl UfragTag {
    /// Two characters of 6 bits each (RFC 8839 §5.4).
    const COUNT: u16 = 1 << 12;

    /// `None` above 4095.
    pub const fn new(number: u16) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What a ufrag begins with; `None` if it has characters that are none of ICE's.
    pub fn of(ufrag: &str) -> Option<Self> {
        let mut values = ufrag
            .bytes()
            .map(|byte| ALPHABET.iter().position(|known| *known == byte));
        let (high, low) = (values.next()??, values.next()??);
        u16::try_from(high << 6 | low).ok().map(Self)
    }

    /// Makes a ufrag begin with it.
    pub(crate) fn put(self, ufrag: &mut String) {
        let symbol = |value: u16| {
            ALPHABET
                .get(usize::from(value & 63))
                .map_or('A', |byte| char::from(*byte))
        };
        let rest: String = ufrag.chars().skip(2).collect();
        *ufrag = [symbol(self.0 >> 6), symbol(self.0)]
            .into_iter()
            .chain(rest.chars())
            .collect();
    }
}

/// RFC 8839 §5.4: `ice-char`.
pub(crate) const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
