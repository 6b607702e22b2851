//! Descriptions and candidates: what goes over the application's signaling.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use pollrtc_core::Instant;
use pollrtc_ice::{AddressError, Candidate};
use pollrtc_jsep::{
    Description as SessionDescription, Deviation, LocalTransport, NegotiationError, Negotiator, RemoteCandidate,
    SdpKind, SignalingState, TransportId, TransportKey,
};
use pollrtc_sdp::Finding;

use super::connection::PeerConnection;
use super::trickle::Candidates;
use crate::event::{Event, IceCandidate};

/// Tells the negotiator what a description of ours says about a transport.
type Describe<'d> = dyn FnMut(TransportKey) -> LocalTransport + 'd;

/// Why a remote candidate was refused.
///
/// ```
/// use pollrtc::{CandidateError, Config, Instant, PeerConnection};
///
/// let mut peer = PeerConnection::new(Config::default());
/// let refused = peer.add_remote_candidate(Instant::ZERO, "candidate:nonsense");
/// assert!(matches!(refused, Err(CandidateError::Malformed(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// It is not a candidate attribute (RFC 8839 §5.1).
    #[error("not a candidate line: {0}")]
    Malformed(#[from] pollrtc_ice::CandidateError),
    /// It belongs to nothing that the peer has described.
    #[error("{0}")]
    Unexpected(#[from] NegotiationError),
}

impl PeerConnection {
    /// A local address that packets can be sent from and received on: one host candidate. Give the
    /// addresses of your sockets before you make a description, or later, if candidates trickle.
    ///
    /// # Errors
    ///
    /// If nobody could reach it there: a socket that is bound to `0.0.0.0` has the addresses of the
    /// machine's interfaces, give those.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), AddressError> {
        self.now = self.now.max(now);
        self.transports.add_address(now, address)
    }

    /// A local address is gone, such as that of a network that was left.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.now = self.now.max(now);
        self.transports.remove_address(now, address);
    }

    /// Makes an offer and sets it: what to send to the peer. The three W3C steps exist on their own
    /// too.
    ///
    /// It asks for data channels if there are any, or if you have created one: an offer of a fresh
    /// connection without a channel has no section at all.
    ///
    /// # Errors
    ///
    /// If the peer's offer waits for an answer, or the connection is closed.
    pub fn offer(&mut self, now: Instant) -> Result<String, NegotiationError> {
        let offer = self.create_offer()?;
        self.set_local_description(now, &offer)?;
        Ok(offer.sdp)
    }

    /// Takes the peer's offer and gives back the answer to send to it. Also for every later offer of
    /// the same peer: renegotiation and ICE restart.
    ///
    /// # Errors
    ///
    /// If the offer is malformed or asks for what can't be; the connection is as it was then.
    pub fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<String, NegotiationError> {
        self.set_remote_description(now, &SessionDescription::offer(offer))?;
        let answer = self.create_answer().and_then(|answer| {
            self.set_local_description(now, &answer)?;
            Ok(answer.sdp)
        });
        if answer.is_err() {
            self.set_remote_description(now, &SessionDescription::rollback())?;
        }
        answer
    }

    /// Takes the peer's answer to our offer.
    ///
    /// # Errors
    ///
    /// If there is no offer of ours, or the answer is malformed or does not fit it; the connection
    /// is as it was then.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), NegotiationError> {
        self.set_remote_description(now, &SessionDescription::answer(answer))
    }

    /// An offer with all that is known now (RFC 9429 §5.2). Set it, then send it.
    ///
    /// # Errors
    ///
    /// If the peer's offer waits for an answer, or the connection is closed.
    pub fn create_offer(&mut self) -> Result<SessionDescription, NegotiationError> {
        self.create(|negotiator, describe| negotiator.create_offer(describe))
    }

    /// The answer to the offer that was set (RFC 9429 §5.3). Set it, then send it. For a
    /// provisional one, change its kind to [`SdpKind::PrAnswer`].
    ///
    /// # Errors
    ///
    /// If there is no offer to answer.
    pub fn create_answer(&mut self) -> Result<SessionDescription, NegotiationError> {
        self.create(|negotiator, describe| negotiator.create_answer(describe))
    }

    fn create(
        &mut self,
        create: impl FnOnce(&mut Negotiator, &mut Describe<'_>) -> Result<SessionDescription, NegotiationError>,
    ) -> Result<SessionDescription, NegotiationError> {
        let Self {
            negotiator, transports, ..
        } = self;
        let now = self.now;
        let mut candidates = Candidates::default();
        let mut named = Vec::new();
        let description = create(negotiator, &mut |key| {
            let local = transports.describe(now, key);
            if let Some(transport) = transports.get(key.transport) {
                let known = transport.ice.local_candidates();
                known.for_each(|candidate| _ = candidates.insert(key, candidate));
            }
            named.push(key.transport);
            local
        })?;
        named.extend(negotiator.live_keys().map(|key| key.transport));
        transports.forget_all_but(|id| named.contains(&id));
        self.trickle.create(candidates);
        Ok(description)
    }

    /// A description of ours takes effect, as it was created.
    ///
    /// # Errors
    ///
    /// If it does not fit into the state of negotiation or was edited.
    pub fn set_local_description(
        &mut self,
        now: Instant,
        description: &SessionDescription,
    ) -> Result<(), NegotiationError> {
        self.now = self.now.max(now);
        let effects = self.negotiator.set_local(description)?;
        match description.kind {
            SdpKind::Offer => {
                self.lifecycle.note_offer(now);
                self.trickle.take_effect();
            }
            SdpKind::Rollback => self.trickle.roll_back(),
            _ => self.trickle.take_effect(),
        }
        self.carry_out(now, effects);
        self.trickle_missing();
        Ok(())
    }

    /// The peer's description takes effect.
    ///
    /// An offer has precedence over one of ours that waits for its answer, which is rolled back: the
    /// polite side of W3C's "perfect negotiation". The impolite side looks at
    /// [`signaling_state`](Self::signaling_state) and drops such an offer instead.
    ///
    /// # Errors
    ///
    /// If it is malformed, does not fit into the state of negotiation, or asks for what can't be;
    /// the connection is as it was then.
    pub fn set_remote_description(
        &mut self,
        now: Instant,
        description: &SessionDescription,
    ) -> Result<(), NegotiationError> {
        self.now = self.now.max(now);
        let ours_waits = self.negotiator.signaling_state() == SignalingState::HaveLocalOffer;
        let effects = self.negotiator.set_remote_yielding(description)?;
        let taken_back = match description.kind {
            SdpKind::Offer => {
                self.lifecycle.note_offer(now);
                ours_waits
            }
            SdpKind::Rollback => true,
            _ => false,
        };
        if taken_back {
            self.trickle.roll_back();
        }
        self.carry_out(now, effects);
        if taken_back {
            self.trickle_missing();
        }
        Ok(())
    }

    /// Our description with all candidates that are known by now; `None` before the first. For
    /// signaling without trickle: wait for [`Event::GatheringComplete`], then send this.
    pub fn local_description(&self) -> Option<SessionDescription> {
        let transports = &self.transports;
        self.negotiator
            .local_description(|key| transports.describe_again(key))
            .ok()?
    }

    /// Whether [`local_description`](Self::local_description) has all candidates that there will be,
    /// since no STUN server is asked any more.
    pub fn is_gathering_complete(&self) -> bool {
        self.transports.is_gathering_complete()
    }

    /// The peer's description as it came; `None` before the first.
    pub fn remote_description(&self) -> Option<SessionDescription> {
        self.negotiator
            .pending_remote()
            .or_else(|| self.negotiator.current_remote())
    }

    /// A candidate of the peer's that came over signaling: the [`IceCandidate`] that it was sent as,
    /// or only its text (`candidate:...` or `a=candidate:...`). An empty text means that no more will
    /// come (RFC 8838 §14). It may overtake the description that it belongs to.
    ///
    /// # Errors
    ///
    /// If it is not a candidate line, or names a section that the peer's description does not have.
    /// What can be read but not used (other components, unknown transports) is ignored and counted.
    pub fn add_remote_candidate<'c>(
        &mut self,
        now: Instant,
        candidate: impl Into<RemoteCandidate<'c>>,
    ) -> Result<(), CandidateError> {
        self.now = self.now.max(now);
        let candidate = candidate.into();
        let line = match candidate.candidate.trim() {
            "" | "end-of-candidates" | "a=end-of-candidates" => None,
            line => {
                let parsed = line.parse::<Candidate>()?;
                // The agent knows the generation by the candidate's own word (RFC 8839 §5.1).
                let told = candidate.ufrag.filter(|_| parsed.ufrag().is_none());
                Some(match told {
                    Some(ufrag) => format!("{line} ufrag {ufrag}").parse()?,
                    None => parsed,
                })
            }
        };
        if candidate.mid.is_some() || candidate.section.is_some() {
            match self.negotiator.add_remote_candidate(candidate) {
                Ok(effects) => {
                    self.add_remote_candidates(now, &effects);
                    return Ok(());
                }
                // The end of another generation's candidates is not that of this one's.
                Err(NegotiationError::UnknownUfrag { .. }) if line.is_none() => return Ok(()),
                // The agent keeps it until the description comes.
                Err(NegotiationError::NoRemoteDescription | NegotiationError::UnknownUfrag { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.transports.add_early_candidate(now, line);
        Ok(())
    }

    /// The next offer restarts ICE (RFC 8445 §9): new credentials, a new search for a path, while
    /// data goes on using the old one.
    pub fn restart_ice(&mut self) {
        self.negotiator.restart_ice();
    }

    /// What is malformed in the peer's latest description and was left out of it, each with its line
    /// and column; the first 64. A peer that is understood all the same may be one to mend.
    pub fn remote_findings(&self) -> &[Finding] {
        self.negotiator.remote_findings()
    }

    /// What is well-formed in the peer's latest description and not allowed, but was understood; the
    /// first 64.
    pub fn remote_deviations(&self) -> &[Deviation] {
        self.negotiator.remote_deviations()
    }

    /// Where negotiation stands.
    pub fn signaling_state(&self) -> SignalingState {
        self.negotiator.signaling_state()
    }

    /// Whether an offer is due: a channel waits for the first exchange, data channels are to be
    /// closed, or ICE is to restart.
    pub fn negotiation_needed(&self) -> bool {
        self.negotiator.negotiation_needed()
    }

    /// Answers [`Event::ResolveMdns`]; `None` if the name has no address.
    pub fn resolve_mdns(&mut self, now: Instant, name: &str, address: Option<IpAddr>) {
        self.now = self.now.max(now);
        self.transports.resolve_mdns(now, name, address);
    }

    /// Candidates that became known between creating and setting a description trickle.
    fn trickle_missing(&mut self) {
        let transports = self.transports.described();
        let candidates = transports.filter_map(|transport| {
            let candidates = transport.ice.local_candidates().cloned();
            Some((transport.id?, candidates.collect::<Vec<_>>()))
        });
        for (id, candidates) in candidates.collect::<Vec<_>>() {
            for candidate in candidates {
                let signalled = self.signalled(id, &candidate);
                self.events.extend(signalled.map(Event::Candidate));
            }
        }
    }

    /// A local candidate in the form that signaling carries, if it belongs to a description of ours and the peer was
    /// not told of it.
    pub(super) fn signalled(&mut self, id: TransportId, candidate: &Candidate) -> Option<IceCandidate> {
        let (index, mid) = self.negotiator.section_of(id)?;
        let keys = self.negotiator.live_keys().filter(|key| key.transport == id);
        let latest = keys.max()?;
        let ufrag = &self.transports.get(id)?.credentials_of(latest.generation)?.ufrag;
        // RFC 8839 §5.1: the extension tells the generation where only the line travels.
        let line = || format!("{candidate} ufrag {ufrag}");
        self.trickle.tell(latest, candidate).then(|| IceCandidate {
            candidate: line(),
            sdp_mid: mid,
            sdp_mline_index: u16::try_from(index).unwrap_or(u16::MAX),
            username_fragment: ufrag.clone(),
        })
    }
}
