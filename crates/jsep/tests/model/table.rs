//! Which description may be set when: RFC 9429 §3.2 (the figure), §5.5, §5.6 and §5.7, written down
//! a second time.

use pollrtc_jsep::{SdpKind, SignalingState};

use SdpKind::{Answer, Offer, PrAnswer, Rollback};
use SignalingState::{HaveLocalOffer, HaveLocalPrAnswer, HaveRemoteOffer, HaveRemotePrAnswer, Stable};

/// Who sets a description: we set ours as local, the peer's as remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Local,
    Remote,
}

pub(crate) const ORIGINS: [Origin; 2] = [Origin::Local, Origin::Remote];
pub(crate) const KINDS: [SdpKind; 4] = [Offer, PrAnswer, Answer, Rollback];

/// Where a description leads to; `None` if it does not fit.
pub(crate) fn next(state: SignalingState, origin: Origin, kind: SdpKind) -> Option<SignalingState> {
    Some(match (state, origin, kind) {
        (Stable | HaveLocalOffer, Origin::Local, Offer) => HaveLocalOffer,
        (Stable | HaveRemoteOffer, Origin::Remote, Offer) => HaveRemoteOffer,
        (HaveRemoteOffer | HaveLocalPrAnswer, Origin::Local, PrAnswer) => HaveLocalPrAnswer,
        (HaveLocalOffer | HaveRemotePrAnswer, Origin::Remote, PrAnswer) => HaveRemotePrAnswer,
        (HaveRemoteOffer | HaveLocalPrAnswer, Origin::Local, Answer) => Stable,
        (HaveLocalOffer | HaveRemotePrAnswer, Origin::Remote, Answer) => Stable,
        (HaveLocalOffer | HaveRemoteOffer | HaveLocalPrAnswer | HaveRemotePrAnswer, _, Rollback) => Stable,
        _ => return None,
    })
}
