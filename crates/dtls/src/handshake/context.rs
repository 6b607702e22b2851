//! What a handshake works with. It has the flight, and nothing that is sent only once.

use pollrtc_crypto::{Provider, Rng};

use crate::acks::Acks;
use crate::config::Config;
use crate::flight::Flight;
use crate::records::RecordLayer;

/// What a handshake works with.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) rng: &'a mut Rng,
    pub(crate) records: &'a mut RecordLayer,
    pub(crate) flight: &'a mut Flight,
    pub(crate) acks: &'a mut Acks,
}

impl Context<'_> {
    pub(crate) fn provider(&self) -> &'static dyn Provider {
        self.config.provider
    }
}
