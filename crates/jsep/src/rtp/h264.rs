//! What H.264's `profile-level-id` says (RFC 6184 §8.1).

use alloc::format;
use alloc::string::String;

/// `profile_idc`, the constraint flags with their place in the byte, and `level_idc`, as they stand
/// in the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProfileLevelId {
    profile_idc: u8,
    constraints: u8,
    level_idc: u8,
}

/// What a decoder has to support. Several pairs of `profile_idc` and constraints mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    /// High and above: the constraint flags are part of the profile, and other pairs are only equal
    /// to themselves.
    Other(u8, u8),
}

/// In the order of the levels, with room for 1b between 1 and 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u16);

impl Level {
    const L1B: Level = Level(21);
}

/// RFC 6184 §8.1: this flag and level 1.1 mean level 1b in the older profiles.
const CONSTRAINT_SET3: u8 = 0b0001_0000;

impl ProfileLevelId {
    /// RFC 6184 §8.1: baseline without constraints at level 1, where nothing is said.
    pub(super) const DEFAULT: Self = Self {
        profile_idc: 66,
        constraints: 0,
        level_idc: 10,
    };

    /// Six hexadecimal digits of either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, profile_idc, constraints, level_idc] = u32::from_str_radix(text, 16).ok()?.to_be_bytes();
        Some(Self {
            profile_idc,
            constraints,
            level_idc,
        })
    }

    pub(super) fn to_text(self) -> String {
        format!("{:02x}{:02x}{:02x}", self.profile_idc, self.constraints, self.level_idc)
    }

    /// RFC 6184 §8.1, table 5.
    pub(super) fn profile(self) -> Profile {
        match (self.profile_idc, self.constraints) {
            // The flag for level 1b says nothing about the profile.
            (66, flags) if flags & 0b0100_1111 == 0b0100_0000 => Profile::ConstrainedBaseline,
            (77, flags) if flags & 0b1000_1111 == 0b1000_0000 => Profile::ConstrainedBaseline,
            (88, flags) if flags & 0b1100_1111 == 0b1100_0000 => Profile::ConstrainedBaseline,
            (66, flags) if flags & 0b0100_1111 == 0 => Profile::Baseline,
            (88, flags) if flags & 0b1100_1111 == 0b1000_0000 => Profile::Baseline,
            (77, flags) if flags & 0b1010_1111 == 0 => Profile::Main,
            (88, flags) if flags & 0b1100_1111 == 0 => Profile::Extended,
            (idc, flags) => Profile::Other(idc, flags),
        }
    }

    /// Level 1b is 1.1 with a flag in the older profiles, and 9 in the others (RFC 6184 §8.2.2).
    pub(super) fn level(self) -> Level {
        match (self.level_idc, self.has_1b_flag()) {
            (11, true) | (9, _) => Level::L1B,
            (level, _) => Level(u16::from(level).saturating_mul(2)),
        }
    }

    /// The same profile at the level that `other` has.
    pub(super) fn with_level_of(self, other: Self) -> Self {
        let (level_idc, flag) = match (other.level(), self.is_old_profile()) {
            (Level::L1B, true) => (11, CONSTRAINT_SET3),
            (Level::L1B, false) => (9, self.constraints & CONSTRAINT_SET3),
            (_, true) => (other.level_idc, 0),
            (_, false) => (other.level_idc, self.constraints & CONSTRAINT_SET3),
        };
        Self {
            constraints: self.constraints & !CONSTRAINT_SET3 | flag,
            level_idc,
            ..self
        }
    }

    fn is_old_profile(self) -> bool {
        matches!(self.profile_idc, 66 | 77 | 88)
    }

    fn has_1b_flag(self) -> bool {
        self.is_old_profile() && self.constraints & CONSTRAINT_SET3 != 0
    }
}
