//! Descriptions and candidates: what goes over the application's signaling.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::Instant;
use pollrtc_crypto::HashAlgorithm;
use pollrtc_ice::{AddressError, Candidate, Credentials, Role};

use super::PeerConnection;
use crate::negotiation::LocalTransport;
use crate::{Event, IceCandidate, NegotiationError, SdpKind, SessionDescription, SignalingState};

/// Why a remote candidate was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// It is not a candidate attribute (RFC 8839 §5.1).
    #[error("not a candidate line: {0}")]
    Malformed(#[from] pollrtc_ice::CandidateError),
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
        self.ice.add_local_address(now, address)
    }

    /// A local address is gone, such as that of a network that was left.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        self.now = self.now.max(now);
        self.ice.remove_local_address(now, address);
    }

    /// Makes an offer and sets it: what to send to the peer. The three W3C steps exist on their own
    /// too.
    ///
    /// # Errors
    ///
    /// If another exchange is under way, or the connection is closed.
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
        if self.restart_wanted && self.next_credentials.is_none() {
            self.next_credentials = Some(Credentials::generate(&mut self.rng));
        }
        let sdp = self.negotiator.create_offer(&self.local_transport()?)?;
        Ok(self.created.insert(SessionDescription::offer(sdp)).clone())
    }

    /// The answer to the offer that was set (RFC 9429 §5.3). Set it, then send it.
    ///
    /// # Errors
    ///
    /// If there is no offer to answer.
    pub fn create_answer(&mut self) -> Result<SessionDescription, NegotiationError> {
        if self.negotiator.peer_restarts() && self.next_credentials.is_none() {
            self.next_credentials = Some(Credentials::generate(&mut self.rng));
        }
        let sdp = self.negotiator.create_answer(&self.local_transport()?)?;
        Ok(self.created.insert(SessionDescription::answer(sdp)).clone())
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
        if description.kind != SdpKind::Rollback && self.created.as_ref() != Some(description) {
            return Err(NegotiationError::Modified);
        }
        let agreed = self.negotiator.set_local(description.kind)?;
        self.created = None;
        match description.kind {
            SdpKind::Offer | SdpKind::Answer => {
                self.described.clone_from(&description.sdp);
                self.trickle_missing();
            }
            SdpKind::Rollback => self.next_credentials = None,
        }
        if agreed {
            self.apply_agreement(now, Role::Controlled);
        }
        Ok(())
    }

    /// The peer's description takes effect.
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
        let agreed = {
            let restarting = self.next_credentials.is_some();
            self.negotiator
                .set_remote(description.kind, &description.sdp, restarting)?
        };
        if description.kind == SdpKind::Rollback {
            self.next_credentials = None;
        }
        if agreed {
            self.apply_agreement(now, Role::Controlling);
        }
        Ok(())
    }

    /// Our description with all candidates that are known by now; `None` before the first. For
    /// signaling without trickle: wait for [`Event::GatheringComplete`], then send this.
    pub fn local_description(&self) -> Option<SessionDescription> {
        let local = self.local_transport().ok()?;
        self.negotiator.local_description(&local)?.ok()
    }

    /// A candidate of the peer's that came over signaling: `candidate:...` or `a=candidate:...`; an
    /// empty text means that no more will come (RFC 8838 §14).
    ///
    /// # Errors
    ///
    /// If it is not a candidate line. What can be read but not used (other components, unknown
    /// transports) is ignored and counted.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), CandidateError> {
        self.now = self.now.max(now);
        if matches!(candidate.trim(), "" | "end-of-candidates" | "a=end-of-candidates") {
            self.ice.end_of_remote_candidates(now);
            return Ok(());
        }
        self.ice.add_remote_candidate(now, candidate.parse::<Candidate>()?);
        Ok(())
    }

    /// The next offer restarts ICE (RFC 8445 §9): new credentials, a new search for a path, while
    /// data goes on using the old one.
    pub fn restart_ice(&mut self) {
        self.restart_wanted = true;
    }

    /// Where negotiation stands.
    pub fn signaling_state(&self) -> SignalingState {
        self.negotiator.state()
    }

    fn local_transport(&self) -> Result<LocalTransport<'_>, NegotiationError> {
        let certificate = self.certificate().map_err(NegotiationError::Certificate)?;
        Ok(LocalTransport {
            credentials: self.next_credentials.as_ref().unwrap_or(self.ice.local_credentials()),
            candidates: self.ice.local_candidates().collect(),
            end_of_candidates: self.ice.is_gathering_complete(),
            fingerprint: certificate.fingerprint(HashAlgorithm::Sha256),
            ice_lite: self.ice_lite,
            max_message_size: self.max_message_size,
        })
    }

    /// Offer and answer agree on new credentials: the agent works with them from now on. Until then
    /// an offer that restarts ICE can still be taken back.
    pub(super) fn begin_generation(&mut self, now: Instant) {
        if let Some(credentials) = self.next_credentials.take() {
            self.restart_wanted = false;
            self.ice.restart_with(now, credentials);
        }
    }

    /// Candidates that became known between creating and setting a description trickle.
    fn trickle_missing(&mut self) {
        if self.negotiator.data_section().is_none() {
            return;
        }
        let lines = self.ice.local_candidates().map(ToString::to_string);
        let missing = lines.filter(|line| !self.signalled_in_description(line));
        let events: Vec<Event> = missing.map(|line| Event::Candidate(self.signalled(&line))).collect();
        self.events.extend(events);
    }

    /// Our last description holds this candidate already.
    pub(super) fn signalled_in_description(&self, line: &str) -> bool {
        self.described.contains(line)
    }

    /// A local candidate in the form that signaling carries.
    pub(super) fn signalled(&self, candidate: &str) -> IceCandidate {
        let (index, mid) = self.negotiator.data_section().unwrap_or_default();
        let ufrag = &self.ice.local_credentials().ufrag;
        IceCandidate {
            // RFC 8839 §5.1: the extension tells the generation where only the line travels.
            candidate: alloc::format!("{candidate} ufrag {ufrag}"),
            sdp_mid: mid.map(String::from),
            sdp_mline_index: u16::try_from(index).unwrap_or(u16::MAX),
            username_fragment: ufrag.clone(),
        }
    }
}
