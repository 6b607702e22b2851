//! One transport: an ICE agent, and DTLS on the path that it finds.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Flow, Headroom, InnerProtocol, Instant, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_dtls::Connection;
use pollrtc_ice::{self as ice, Agent, Credentials, Path};
use pollrtc_jsep::{
    self as jsep, CertificateHash, IceRole, LocalTransport, RemoteTransport, TransportId, TransportKey,
};
use pollrtc_sdp::attribute::OwnedCandidate;

use super::dtls::DtlsTransport;
use super::flows::AgentId;
use super::media::Keys;
use super::rest::{Rested, earliest};
use crate::stats::{DtlsState, TransportStats};

/// Room for an alert, in any version of DTLS.
const ALERT: usize = 512;

/// One ICE agent and the DTLS association on its path.
#[derive(Debug)]
pub(super) struct Transport {
    /// What descriptions know it by; `None` as long as it waits in the pool for one to name it.
    pub(super) id: Option<TransportId>,
    pub(super) ice: Rested<Agent>,
    /// The agent's number.
    pub(super) agent: AgentId,
    pub(super) dtls: DtlsTransport,
    /// What protects media, where there is some and DTLS stands.
    pub(super) keys: Option<Box<Keys>>,
    /// What takes the place of DTLS if the peer's end is replaced.
    pub(super) replacement: Option<Replacement>,
    /// Whether a description that was set names it.
    pub(super) is_described: bool,
    /// Index and mid of the section that describes it, once that is agreed on.
    pub(super) section: Option<(usize, Option<String>)>,
    /// Whether the agent has our addresses.
    gathers: bool,
    local: LocalParameters,
    /// The path that the layers above were told of.
    path: Option<Path>,
    /// Whether the peer was silent when that was asked last.
    was_silent: bool,
    /// Whether the peer's first check has come, and DTLS was told of it.
    peer_has_checked: bool,
}

/// What our descriptions say of this side, beyond candidates and certificates.
#[derive(Debug, Default)]
struct LocalParameters {
    /// The generation of the agent's credentials.
    generation: u32,
    /// Those of other generations that descriptions name.
    credentials: Vec<(u32, Credentials)>,
    /// The `tls-id`s that descriptions name, by their numbers.
    tls_ids: Vec<(u32, String)>,
}

/// The peer's end of the transport may be replaced by a new one under the same credentials, with the same
/// certificate, as browsers do where the section that describes the transport is stopped.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Until when a replacement may begin.
    pub(super) until: Instant,
    /// The handshake with the new end. The connection with the old one is kept until this has proven to be with
    /// the same peer, since anybody can begin a handshake.
    pub(super) connection: Option<Box<Connection>>,
}

impl Transport {
    pub(super) fn new(agent: AgentId, config: ice::Config, rng: Rng) -> Self {
        Self {
            id: None,
            ice: Rested::new(Agent::new(config, ice::Role::Controlling, rng)),
            agent,
            dtls: DtlsTransport::new(),
            keys: None,
            replacement: None,
            is_described: false,
            section: None,
            gathers: false,
            local: LocalParameters::default(),
            path: None,
            was_silent: false,
            peer_has_checked: false,
        }
    }

    /// Gives the agent the local addresses, once.
    pub(super) fn gather(&mut self, now: Instant, addresses: &[SocketAddr]) {
        if core::mem::replace(&mut self.gathers, true) {
            return;
        }
        for address in addresses {
            // Another agent with the same configuration has taken them all.
            let _ = self.ice.add_local_address(now, *address);
        }
    }

    /// Makes credentials and a `tls-id`, unless there are some.
    pub(super) fn prepare(&mut self, key: TransportKey, rng: &mut Rng, tag: Option<ice::UfragTag>) {
        if self.credentials_of(key.generation).is_none() {
            let credentials = Credentials::generate_tagged(rng, tag);
            self.local.credentials.push((key.generation, credentials));
        }
        if self.local.tls_id(key.tls_id).is_none() {
            self.local.tls_ids.push((key.tls_id, fresh_tls_id(rng)));
        }
    }

    /// Our credentials of a generation.
    pub(super) fn credentials_of(&self, generation: u32) -> Option<&Credentials> {
        if generation == self.local.generation {
            return Some(self.ice.local_credentials());
        }
        let known = self.local.credentials.iter();
        let known = known.clone().find(|(known, _)| *known == generation);
        known.map(|(_, credentials)| credentials)
    }

    /// What a description of ours says of it.
    pub(super) fn describe(&self, key: TransportKey, fingerprints: &[CertificateHash]) -> LocalTransport {
        let Some(credentials) = self.credentials_of(key.generation) else {
            return LocalTransport::default();
        };
        LocalTransport {
            ufrag: credentials.ufrag.clone(),
            pwd: credentials.pwd.clone(),
            fingerprints: fingerprints.to_vec(),
            tls_id: self.local.tls_id(key.tls_id).cloned(),
            candidates: self.ice.local_candidates().map(OwnedCandidate::from).collect(),
            end_of_candidates: self.ice.is_gathering_complete(),
        }
    }

    /// Descriptions name nothing but these any more.
    pub(super) fn retain(&mut self, keys: impl Iterator<Item = TransportKey> + Clone) {
        let id = self.id;
        let mut named = keys.filter(|key| Some(key.transport) == id);
        let LocalParameters {
            credentials, tls_ids, ..
        } = &mut self.local;
        credentials.retain(|(generation, _)| named.clone().any(|key| key.generation == *generation));
        tls_ids.retain(|(number, _)| named.clone().any(|key| key.tls_id == *number));
        self.is_described = named.next().is_some();
    }

    /// Both sides agree on credentials: the agent works with them from now on. Until then, an offer
    /// that restarts ICE can still be taken back. True if another section describes the transport than before.
    pub(super) fn agree(&mut self, now: Instant, agreed: &jsep::Transport) -> bool {
        let remote = &agreed.remote;
        let theirs = Credentials::new(remote.ufrag.as_str(), remote.pwd.as_str());
        let is_other = self.ice.remote_credentials().is_some_and(|known| *known != theirs);
        self.take_credentials(now, agreed.key.generation, is_other);
        self.ice.set_role(match agreed.ice_role {
            IceRole::Controlling => ice::Role::Controlling,
            IceRole::Controlled => ice::Role::Controlled,
        });
        self.ice.set_remote_lite(remote.ice_lite);
        // The parser has checked their lengths, which is all that can be wrong with them.
        let _ = self.ice.set_remote_credentials(now, theirs);
        self.add_remote_candidates(now, remote);
        let section = (agreed.section, agreed.mid.clone());
        let before = self.section.replace(section.clone());
        before.is_some_and(|before| before != section)
    }

    /// The agent takes our credentials of this generation. `is_other`: the peer has other ones than before.
    fn take_credentials(&mut self, now: Instant, generation: u32, is_other: bool) {
        let local = &mut self.local;
        let old = self.ice.local_credentials().clone();
        if generation == local.generation {
            if is_other {
                // Somebody else than in the provisional answer before; our own credentials stay.
                self.ice.restart_with(now, old);
            }
            return;
        }
        match local.credentials.iter().position(|(known, _)| *known == generation) {
            Some(at) => {
                let (_, new) = local.credentials.swap_remove(at);
                self.ice.restart_with(now, new);
            }
            None => self.ice.restart(now),
        }
        // A provisional answer may still be taken back.
        local.credentials.push((local.generation, old));
        local.generation = generation;
    }

    fn add_remote_candidates(&mut self, now: Instant, remote: &RemoteTransport) {
        self.add_candidates(now, &remote.candidates, remote.end_of_candidates);
    }

    /// The peer has told these candidates, and whether there will be more.
    pub(super) fn add_candidates(&mut self, now: Instant, candidates: &[OwnedCandidate], end: bool) {
        // A candidate that we can't use is no reason to refuse the others (RFC 8839 §5.1).
        for candidate in candidates.iter().filter_map(|each| each.as_candidate().try_into().ok()) {
            self.ice.add_remote_candidate(now, candidate);
        }
        if end {
            self.ice.end_of_remote_candidates(now);
        }
    }

    /// Whether the path is another one than the layers above know of. True once for each change.
    pub(super) fn has_moved(&mut self) -> bool {
        let Some(path) = self.ice.path().filter(|path| self.path != Some(*path)) else {
            return false;
        };
        let has_moved = self.path.replace(path).is_some();
        if has_moved {
            self.dtls.forget_round_trip_time();
        }
        has_moved
    }

    /// Whether the peer is heard again after it was silent. True once each time.
    pub(super) fn is_heard_again(&mut self) -> bool {
        let is_silent = self.ice.state() == ice::State::Disconnected;
        core::mem::replace(&mut self.was_silent, is_silent) && !is_silent && self.ice.path().is_some()
    }

    /// What the agent found out moves DTLS. `hello_timeout`: how long a peer that is to begin may take. The
    /// round-trip time, if it is news.
    pub(super) fn follow_path(&mut self, now: Instant, hello_timeout: Duration) -> Option<Duration> {
        let round_trip_time = self.ice.round_trip_time();
        let round_trip_time = round_trip_time.filter(|rtt| self.dtls.handle_round_trip_time(*rtt));
        if self.ice.path().is_some() {
            self.dtls.handle_path(now + hello_timeout);
        }
        if !self.peer_has_checked && self.ice.peer_checks() {
            self.peer_has_checked = true;
            // The peer has applied our description just now. Until then Firefox drops DTLS.
            if let Some(connection) = self.dtls.connection_mut() {
                connection.repeat_flight(now);
            }
        }
        round_trip_time
    }

    /// The handshake that is to replace the connection, if there is one.
    pub(super) fn replacing(&mut self) -> Option<&mut Connection> {
        self.replacement.as_mut()?.connection.as_deref_mut()
    }

    /// RFC 8446 §6.1, RFC 5246 §7.2.1: who closes a DTLS association says so, and what it carries
    /// ends with it. The alert, and where it goes.
    pub(super) fn close(&mut self, now: Instant) -> Option<(Flow, Vec<u8>)> {
        let flow = self.flow()?;
        self.dtls.close(now);
        let mut alert = vec![0; ALERT];
        let len = self.dtls.write(now, &mut alert, ALERT)?;
        alert.truncate(len);
        Some((flow, alert))
    }

    /// Where what is not ICE's travels now; `None` if nothing may be sent.
    pub(super) fn flow(&self) -> Option<Flow> {
        Some(self.ice.path()?.flow)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        self.dtls.handle_timeout(now);
        if let Some(replacing) = self.replacing() {
            replacing.handle_timeout(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let replacement = self.replacement.as_ref();
        let replacement = replacement.and_then(|replacement| replacement.connection.as_ref()?.poll_timeout());
        earliest([self.ice.poll_timeout(), self.dtls.poll_timeout(), replacement])
    }

    /// Whether ICE or DTLS was touched since this was asked last.
    pub(super) fn take_touched(&mut self) -> bool {
        let is_touched = self.ice.take_touched();
        self.dtls.take_touched() || is_touched || self.replacement.is_some()
    }

    /// Before this, it has nothing to send and nothing to do; zero if that is not known.
    pub(super) fn quiet_until(&self) -> Instant {
        match &self.replacement {
            None => self.ice.quiet_until().min(self.dtls.quiet_until()),
            Some(_) => Instant::ZERO,
        }
    }

    /// Flights and alerts of DTLS, for its path; also those of a handshake that is to replace it. None is longer than
    /// `longest`.
    pub(super) fn poll_dtls(&mut self, now: Instant, buf: &mut [u8], longest: usize) -> Option<Transmit> {
        if now < self.dtls.quiet_until() && self.replacement.is_none() {
            return None;
        }
        let flow = self.flow()?;
        let len = match self.dtls.write(now, buf, longest) {
            None => self.replacing()?.write_body(now, buf, Headroom::NONE)?,
            Some(len) => len,
        };
        Some(Transmit::new(flow, len))
    }

    /// `None` as long as no description knows it.
    pub(super) fn stats(&self) -> Option<TransportStats> {
        Some(TransportStats {
            id: self.id?,
            section: self.section.as_ref().map(|(index, _)| *index),
            path: self.ice.path(),
            round_trip_time: self.ice.round_trip_time(),
            ice_state: self.ice.state(),
            ice: self.ice.stats(),
            dtls_state: self.dtls_state(),
            security: self.dtls.parameters(),
            dtls: self.dtls.stats(),
            media: None,
        })
    }

    /// Whether DTLS stands or may come to stand.
    pub(super) fn dtls_goes_on(&self) -> bool {
        !matches!(self.dtls_state(), DtlsState::Closed | DtlsState::Failed)
    }

    pub(super) fn dtls_state(&self) -> DtlsState {
        let is_replaced = self.replacement.as_ref().is_some_and(|each| each.connection.is_some());
        match self.dtls.state() {
            // What ended goes on with the peer's new end.
            DtlsState::Closed if is_replaced => DtlsState::Connecting,
            state => state,
        }
    }
}

impl LocalParameters {
    fn tls_id(&self, number: u32) -> Option<&String> {
        let known = self.tls_ids.iter().find(|(known, _)| *known == number);
        known.map(|(_, tls_id)| tls_id)
    }
}

/// RFC 8842 §4: 120 random bits, 6 in each character.
fn fresh_tls_id(rng: &mut Rng) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let symbol = |byte: u8| char::from(ALPHABET[usize::from(byte & 63)]);
    rng.array::<20>().into_iter().map(symbol).collect()
}
