//! Attributes (`a=`): the raw form of all of them, the typed form of those that we know.

mod candidate;
mod clock;
mod data_channel;
mod depend;
mod direction;
mod extmap;
mod format;
mod group;
mod ice;
mod invalid;
mod key;
mod name;
#[cfg(feature = "alloc")]
mod owned;
#[cfg(feature = "alloc")]
mod owned_candidate;
mod presentation;
mod raw;
mod rid;
mod sctp;
mod security;
mod simulcast;
mod source;
mod source_filter;
mod table;
mod typed;

pub use candidate::{Candidate, CandidateKind, TcpType};
pub use clock::{MediaClk, TsRefClk};
pub use data_channel::{DcMap, DcSa, unescape};
pub use depend::Depend;
pub use direction::Direction;
pub use extmap::ExtMap;
pub use format::{Fmtp, RtcpFb, RtpMap};
pub use group::Group;
pub use ice::{IceOptions, RemoteCandidates};
pub use invalid::InvalidAttribute;
pub use key::{Crypto, KeyMgmt};
#[cfg(feature = "alloc")]
pub use owned::OwnedAttribute;
#[cfg(feature = "alloc")]
pub use owned_candidate::OwnedCandidate;
pub use presentation::{Decimal, ImageAttr, ImageSet, ImageSets};
pub use raw::RawAttribute;
pub use rid::{Rid, RidDirection};
pub use sctp::{DEFAULT_MAX_MESSAGE_SIZE, DEFAULT_SCTP_PORT, SctpMap};
pub use security::{Fingerprint, Setup};
pub use simulcast::{Simulcast, SimulcastList, SimulcastRid, SimulcastStream};
pub use source::{Msid, MsidSemantic, Ssrc, SsrcGroup};
pub use source_filter::SourceFilter;
pub use typed::{Attribute, Rtcp};

pub(crate) use format::payload_type_of;
pub(crate) use name::{Name, Repeat, Usage};
pub(crate) use raw::{split as split_attribute, value_of};
