//! What tells routers apart that share one address.

use pollrtc_ice::UfragTag;

/// The number of a [`Router`](crate::Router), from 0 to 4095, where several share one address. The ufrags of its peers
/// begin with it.
///
/// ```
/// use pollrtc::{Config, PeerConnection, Router, RouterId};
///
/// let id = RouterId::new(3).ok_or("a number up to 4095")?;
/// let mut router = Router::with_id(id);
/// router.insert(PeerConnection::new(Config::default().with_router_id(id)));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(UfragTag);

impl RouterId {
    /// `None` above 4095.
    pub const fn new(number: u16) -> Option<Self> {
        match UfragTag::new(number) {
            Some(tag) => Some(Self(tag)),
            None => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0.number()
    }

    /// What the ufrags of its peers begin with.
    pub(crate) const fn tag(self) -> UfragTag {
        self.0
    }

    /// Whose ufrag this is, if it has been made by one of these routers.
    pub(crate) fn of(ufrag: &str) -> Option<Self> {
        UfragTag::of(ufrag).map(Self)
    }
}
