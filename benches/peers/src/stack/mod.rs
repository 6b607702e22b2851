//! The libraries.

mod pollrtc;
mod rtc;
mod str0m;

pub(crate) use self::pollrtc::Pollrtc;
pub(crate) use self::rtc::Rtc;
pub(crate) use self::str0m::Str0m;
