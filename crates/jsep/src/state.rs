//! The negotiator's state, and what can be seen of it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::candidates::Trickled;
use super::config::Config;
use super::description::{Description, SdpKind, Secret, SignalingState};
use super::read::RemoteDescription;
use super::section::{AgreedSection, LocalForm};
use super::transceiver::{Negotiated, Transceiver, TransceiverId};
use super::transport::{LocalTransport, Transport, TransportId, TransportKey};
use super::{Deviation, NegotiationError, write};
use crate::rtp::BundleIds;
use pollrtc_sdp::Finding;

/// The offer/answer state of one connection (RFC 9429).
///
/// See the [crate](crate) for an example.
#[derive(Clone, Debug, PartialEq)]
pub struct Negotiator {
    pub(super) config: Config,
    pub(super) exchange: Exchange,
    /// What the last finished exchange agreed on.
    pub(super) agreed: Arc<Agreed>,
    /// The descriptions of the last finished exchange.
    pub(super) current: Option<Current>,
    /// In the order in which they were added.
    pub(super) transceivers: Vec<Transceiver>,
    pub(super) data: DataWish,
    /// Which generations are to be replaced, by transport (W3C `[[LocalIceCredentialsToReplace]]`).
    pub(super) restart: BTreeMap<TransportId, u32>,
    /// The last generation and tls-id that was ever set, by transport that is alive.
    pub(super) used: BTreeMap<TransportId, (u32, u32)>,
    pub(super) created_offer: Option<Created>,
    pub(super) created_answer: Option<Created>,
    /// Of the last description that was created (RFC 9429 §5.2.2).
    pub(super) version: u64,
    pub(super) next_mid: u32,
    pub(super) next_transport: u32,
    pub(super) next_transceiver: u32,
}

/// Which exchange is under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exchange {
    None,
    /// Our offer waits.
    Offered {
        offer: Arc<LocalForm>,
        provisional: Option<Provisional>,
        before: Before,
    },
    /// The peer's offer waits.
    Received {
        offer: Arc<RemoteDescription>,
        provisional: Option<Provisional>,
        trickled: Vec<Trickled>,
        before: Before,
    },
    Closed,
}

/// A provisional answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Provisional {
    pub(super) local: Arc<LocalForm>,
    pub(super) remote: Arc<RemoteDescription>,
    pub(super) agreed: Arc<Agreed>,
}

/// What a rollback restores.
pub(super) type Before = Arc<BTreeMap<TransceiverId, Negotiated>>;

/// The two descriptions of an exchange that is finished.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Current {
    pub(super) kind: SdpKind,
    pub(super) local: Arc<LocalForm>,
    pub(super) remote: Arc<RemoteDescription>,
}

/// What both sides agree on.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Agreed {
    pub(super) sections: Vec<AgreedSection>,
    /// BUNDLE groups of the answer as indices of sections, the tagged one first.
    pub(super) bundles: Vec<Vec<usize>>,
    /// LS groups of the answer.
    pub(super) lip_sync: Vec<Vec<usize>>,
    /// In boxes: mostly there is one, and a map has room for eleven from the start.
    pub(super) transports: BTreeMap<TransportId, Box<Transport>>,
    /// Payload types and extension ids that were ever described: they are bound for as long as the
    /// session lives (RFC 3264 §8.3.2, RFC 8285 §7), also where no transport is left.
    pub(super) ids: BundleIds,
    /// What makes each of the peer's candidates that one.
    pub(super) candidates: BTreeMap<TransportId, BTreeSet<String>>,
}

/// What the application wants of data channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataWish {
    /// Nothing; the peer may offer them.
    Unasked,
    Wanted,
    /// To be closed by the next exchange.
    Stopping,
}

/// What `create_offer` or `create_answer` gave last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Created {
    pub(super) form: Arc<LocalForm>,
    pub(super) text: Secret,
}

impl Negotiator {
    /// Nothing is negotiated and nothing added.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            exchange: Exchange::None,
            agreed: Arc::default(),
            current: None,
            transceivers: Vec::new(),
            data: DataWish::Unasked,
            restart: BTreeMap::new(),
            used: BTreeMap::new(),
            created_offer: None,
            created_answer: None,
            version: 0,
            next_mid: 0,
            next_transport: 0,
            next_transceiver: 0,
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where negotiation stands.
    pub fn signaling_state(&self) -> SignalingState {
        match &self.exchange {
            Exchange::None => SignalingState::Stable,
            Exchange::Offered { provisional: None, .. } => SignalingState::HaveLocalOffer,
            Exchange::Offered { .. } => SignalingState::HaveRemotePrAnswer,
            Exchange::Received { provisional: None, .. } => SignalingState::HaveRemoteOffer,
            Exchange::Received { .. } => SignalingState::HaveLocalPrAnswer,
            Exchange::Closed => SignalingState::Closed,
        }
    }

    /// The local description of the last finished exchange, with the candidates that are known now
    /// (RFC 9429 §4.1.13).
    ///
    /// # Errors
    ///
    /// If what `transport` gives can't be written; see [`create_offer`](Self::create_offer).
    pub fn current_local(
        &self,
        transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Option<Description>, NegotiationError> {
        let Some(current) = &self.current else { return Ok(None) };
        self.written(current.kind, &current.local, transport).map(Some)
    }

    /// Our description in the exchange that is under way, if we have set one (RFC 9429 §4.1.14).
    ///
    /// # Errors
    ///
    /// If what `transport` gives can't be written; see [`create_offer`](Self::create_offer).
    pub fn pending_local(
        &self,
        transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Option<Description>, NegotiationError> {
        match &self.exchange {
            Exchange::Offered { offer, .. } => self.written(SdpKind::Offer, offer, transport).map(Some),
            Exchange::Received {
                provisional: Some(provisional),
                ..
            } => self.written(SdpKind::PrAnswer, &provisional.local, transport).map(Some),
            _ => Ok(None),
        }
    }

    /// The pending local description, else the current one: for signaling without trickle, wait
    /// until all candidates are known, then send this.
    ///
    /// # Errors
    ///
    /// If what `transport` gives can't be written; see [`create_offer`](Self::create_offer).
    pub fn local_description(
        &self,
        mut transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Option<Description>, NegotiationError> {
        match self.pending_local(&mut transport)? {
            None => self.current_local(transport),
            pending => Ok(pending),
        }
    }

    /// The peer's description in the last finished exchange, as it came (RFC 9429 §4.1.15).
    pub fn current_remote(&self) -> Option<Description> {
        self.current.as_ref().map(|current| current.remote.to_description())
    }

    /// The peer's description in the exchange that is under way, as it came (RFC 9429 §4.1.16).
    pub fn pending_remote(&self) -> Option<Description> {
        match &self.exchange {
            Exchange::Received { offer, .. } => Some(offer.to_description()),
            Exchange::Offered {
                provisional: Some(provisional),
                ..
            } => Some(provisional.remote.to_description()),
            _ => None,
        }
    }

    /// What is malformed in the peer's latest description and was left out of it, each with its line
    /// and column, in order; the first 64. [`Config::profile`](super::Config::profile) says what is
    /// left out.
    ///
    /// ```
    /// use pollrtc_jsep::{Config, Description, Negotiator};
    ///
    /// let mut negotiator = Negotiator::new(Config::new(1));
    /// let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nb=AS:-1\r\nt=0 0\r\n";
    /// negotiator.set_remote(&Description::offer(offer))?;
    /// let findings: Vec<_> = negotiator.remote_findings().iter().map(ToString::to_string).collect();
    /// assert_eq!(findings, ["line 4, column 6: write digits as the bandwidth"]);
    /// # Ok::<(), pollrtc_jsep::NegotiationError>(())
    /// ```
    pub fn remote_findings(&self) -> &[Finding] {
        self.remote().map_or(&[], |remote| &remote.findings)
    }

    /// What is well-formed in the peer's latest description and not allowed, but was understood; the
    /// first 64.
    pub fn remote_deviations(&self) -> &[Deviation] {
        self.remote().map_or(&[], |remote| &remote.deviations)
    }

    /// Whether the peer can take candidates after its description; `None` before it has told
    /// (RFC 9429 §4.1.17).
    pub fn can_trickle(&self) -> Option<bool> {
        self.remote().map(|remote| remote.trickle)
    }

    /// The transports of the last finished exchange.
    pub fn transports(&self) -> impl Iterator<Item = &Transport> {
        self.agreed.transports.values().map(Box::as_ref)
    }

    /// Which credentials our descriptions name: those of the exchange that is under way, and those
    /// that were agreed on.
    pub fn live_keys(&self) -> impl Iterator<Item = TransportKey> + use<> {
        self.keys().into_iter()
    }

    /// The transport that carries a transceiver's section, once that is agreed on.
    pub fn transport_of(&self, transceiver: &Transceiver) -> Option<TransportId> {
        self.in_force().sections.get(transceiver.section()?)?.transport
    }

    /// Index and mid of the section that candidates of ours for a transport are signalled with;
    /// without a mid if the peer has none.
    pub fn section_of(&self, transport: TransportId) -> Option<(usize, Option<String>)> {
        let form = self
            .pending_form()
            .or(self.current.as_ref().map(|current| &current.local))?;
        let describes = |section: &&super::section::LocalSection| {
            section.key().is_some_and(|key| key.transport == transport) && section.describes_transport()
        };
        form.sections
            .iter()
            .enumerate()
            .find(|(_, section)| describes(section))
            .map(|(index, section)| (index, section.has_mid.then(|| section.mid.clone())))
    }

    /// The peer's latest description.
    pub(super) fn remote(&self) -> Option<&Arc<RemoteDescription>> {
        match &self.exchange {
            Exchange::Received { offer, .. } => Some(offer),
            Exchange::Offered {
                provisional: Some(provisional),
                ..
            } => Some(&provisional.remote),
            _ => self.current.as_ref().map(|current| &current.remote),
        }
    }

    /// Our description in the exchange that is under way.
    pub(super) fn pending_form(&self) -> Option<&Arc<LocalForm>> {
        match &self.exchange {
            Exchange::Offered { offer, .. } => Some(offer),
            Exchange::Received { provisional, .. } => provisional.as_ref().map(|provisional| &provisional.local),
            _ => None,
        }
    }

    pub(super) fn provisional(&self) -> Option<&Provisional> {
        match &self.exchange {
            Exchange::Offered { provisional, .. } | Exchange::Received { provisional, .. } => provisional.as_ref(),
            _ => None,
        }
    }

    /// What holds now: what a provisional answer says, else what was agreed before.
    pub(super) fn in_force(&self) -> &Arc<Agreed> {
        self.provisional()
            .map_or(&self.agreed, |provisional| &provisional.agreed)
    }

    pub(super) fn wrong_state(&self, action: &'static str) -> NegotiationError {
        NegotiationError::WrongState {
            action,
            state: self.signaling_state(),
        }
    }

    pub(super) fn written(
        &self,
        kind: SdpKind,
        form: &LocalForm,
        mut transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Description, NegotiationError> {
        let mut is_certified = true;
        let sdp = write::write(&self.config, form, |key| {
            let local = transport(key);
            is_certified &= !local.fingerprints.is_empty();
            local
        })?;
        match is_certified {
            true => Ok(Description { kind, sdp }),
            false => Err(NegotiationError::NoCertificate),
        }
    }
}

impl RemoteDescription {
    fn to_description(&self) -> Description {
        Description {
            kind: self.kind,
            sdp: self.text.0.clone(),
        }
    }
}
