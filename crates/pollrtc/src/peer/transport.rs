//! What carries packets: an ICE agent, and DTLS on the path that it finds.
//!
//! A connection has one transport at a time, since data channels are all that it takes, and what is
//! kept beside them shares theirs. When both sides have agreed to let go of that section, the transport goes with it, and
//! the next section has another one.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Instant, StateMachine, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_dtls::{self as dtls, Connection};
use pollrtc_ice::{self as ice, AddressError, Agent, Candidate, Credentials, Path};
use pollrtc_sdp::negotiation::{
    CertificateHash, DtlsRole, IceRole, LocalTransport, RemoteTransport, TransportId, TransportKey,
};

use crate::DtlsParameters;

/// How many closed transports wait to say so, at most.
const FAREWELLS: usize = 4;

/// Room for an alert, in any version of DTLS.
const FAREWELL: usize = 512;

/// The transport in use, and what another one is made from.
#[derive(Debug)]
pub(super) struct Transports {
    /// Carries the packets, or will.
    pub(super) current: Transport,
    /// What a description under way asks for while `current` is still agreed on.
    successor: Option<Box<Transport>>,
    /// What DTLS still has to say on paths of transports that are closed.
    farewells: VecDeque<(Path, Vec<u8>)>,
    ice: ice::Config,
    rng: Rng,
    /// Given to each agent.
    addresses: Vec<SocketAddr>,
    /// Of our certificate; none if there is no certificate.
    fingerprints: Vec<CertificateHash>,
}

/// One ICE agent and what it carries.
#[derive(Debug)]
pub(super) struct Transport {
    /// What the negotiator calls it; `None` before a description names it.
    pub(super) id: Option<TransportId>,
    pub(super) ice: Agent,
    pub(super) security: Security,
    /// What takes its place if the peer's end is replaced.
    pub(super) replacement: Option<Replacement>,
    /// Index and mid of the section that describes it, once that is agreed on.
    pub(super) section: Option<(usize, Option<String>)>,
    /// Which DTLS association of this transport that is, and which side of it we are.
    pub(super) association: u32,
    pub(super) dtls_role: DtlsRole,
    /// Whether the agent has our addresses.
    gathers: bool,
    /// The generation of the agent's credentials.
    generation: u32,
    /// Those of other generations that descriptions name.
    credentials: Vec<(u32, Credentials)>,
    /// The `tls-id`s that descriptions name, by their numbers.
    tls_ids: Vec<(u32, String)>,
    /// The path and its round-trip time that DTLS and SCTP were told of.
    pub(super) known_path: Option<Path>,
    pub(super) known_rtt: Option<Duration>,
    /// Whether DTLS was told until when the peer has to begin.
    pub(super) expects_hello: bool,
    /// Whether the peer's first check has come, and DTLS was told of it.
    pub(super) peer_checked: bool,
}

/// The DTLS connection, which can't exist before the peer's fingerprint is known.
#[derive(Debug)]
pub(super) enum Security {
    /// Waiting for the peer's description. A peer that has ours already may be quicker than its
    /// answer on our signaling: its first flight is kept, within bounds.
    Waiting { early: VecDeque<EarlyDatagram> },
    /// Shaking hands, connected or closed.
    Running(Box<Connection>),
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

/// A datagram that came before the peer's description.
#[derive(Debug)]
pub(super) struct EarlyDatagram {
    /// What its sender calls itself in ICE; empty if it does not say.
    pub(super) ufrag: Box<str>,
    pub(super) payload: Vec<u8>,
}

impl Transports {
    pub(super) fn new(ice: ice::Config, mut rng: Rng, fingerprint: Option<CertificateHash>) -> Self {
        let mut current = Transport::new(ice.clone(), rng.fork());
        // The first one gathers from the start, so that the first description has candidates.
        current.gathers = true;
        Self {
            current,
            successor: None,
            farewells: VecDeque::new(),
            ice,
            rng,
            addresses: Vec::new(),
            fingerprints: fingerprint.into_iter().collect(),
        }
    }

    pub(super) fn add_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), AddressError> {
        self.gather(now);
        self.current.ice.add_local_address(now, address)?;
        if let Some(successor) = &mut self.successor {
            successor.ice.add_local_address(now, address)?;
        }
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
        Ok(())
    }

    pub(super) fn remove_address(&mut self, now: Instant, address: SocketAddr) {
        self.addresses.retain(|known| *known != address);
        let successor = self.successor.as_deref_mut();
        for transport in [&mut self.current].into_iter().chain(successor) {
            transport.ice.remove_local_address(now, address);
        }
    }

    /// The transport in use is wanted: its candidates are needed soon.
    pub(super) fn gather(&mut self, now: Instant) {
        self.current.gather(now, &self.addresses);
    }

    /// What a new description says about a transport. One that is not known yet comes to be, as do
    /// the credentials of another generation.
    pub(super) fn describe(&mut self, now: Instant, key: TransportKey) -> LocalTransport {
        let Self { ice, rng, .. } = self;
        let transport = match &mut self.current {
            current if current.id.is_none_or(|id| id == key.transport) => current,
            _ => {
                let made = || Box::new(Transport::new(ice.clone(), rng.fork()));
                self.successor.get_or_insert_with(made)
            }
        };
        transport.id = Some(key.transport);
        transport.gather(now, &self.addresses);
        transport.prepare(key, &mut self.rng);
        transport.local(key, &self.fingerprints)
    }

    /// The same for a description that was made before, with the candidates that are known now.
    pub(super) fn described(&self, key: TransportKey) -> LocalTransport {
        let known = [Some(&self.current), self.successor.as_deref()];
        let transport = known.into_iter().flatten().find(|each| each.id == Some(key.transport));
        transport.map_or_else(LocalTransport::default, |transport| {
            transport.local(key, &self.fingerprints)
        })
    }

    pub(super) fn add_remote_candidates(&mut self, now: Instant, id: TransportId, candidates: &[String], end: bool) {
        if self.current.id == Some(id) {
            self.current.add_remote_candidates(now, candidates, end);
        }
    }

    /// A transport is closed. True if it was the one in use, whose place another one has taken.
    pub(super) fn close(&mut self, now: Instant, id: TransportId) -> bool {
        if self.current.id != Some(id) {
            self.successor.take_if(|successor| successor.id == Some(id));
            return false;
        }
        let farewell = self.current.close(now);
        if self.farewells.len() < FAREWELLS {
            self.farewells.extend(farewell);
        }
        self.current = match self.successor.take() {
            Some(successor) => *successor,
            None => Transport::new(self.ice.clone(), self.rng.fork()),
        };
        true
    }

    /// The last words of a transport that is closed.
    pub(super) fn transmit_farewell(&mut self, buf: &mut [u8]) -> Option<Transmit> {
        let (path, datagram) = self.farewells.front()?;
        buf.get_mut(..datagram.len())?.copy_from_slice(datagram);
        let transmit = Transmit::udp(path.remote, datagram.len()).from_local(path.local);
        self.farewells.pop_front();
        Some(transmit)
    }

    /// Nothing but these is named by descriptions any more.
    pub(super) fn retain(&mut self, keys: impl Iterator<Item = TransportKey> + Clone) {
        let id = self.current.id;
        let named = keys.filter(|key| Some(key.transport) == id);
        let Transport {
            credentials, tls_ids, ..
        } = &mut self.current;
        credentials.retain(|(generation, _)| named.clone().any(|key| key.generation == *generation));
        tls_ids.retain(|(number, _)| named.clone().any(|key| key.tls_id == *number));
    }
}

impl Transport {
    fn new(config: ice::Config, rng: Rng) -> Self {
        Self {
            id: None,
            ice: Agent::new(config, ice::Role::Controlling, rng),
            security: Security::default(),
            replacement: None,
            section: None,
            association: 0,
            dtls_role: DtlsRole::Client,
            gathers: false,
            generation: 0,
            credentials: Vec::new(),
            tls_ids: Vec::new(),
            known_path: None,
            known_rtt: None,
            expects_hello: false,
            peer_checked: false,
        }
    }

    /// Gives the agent the local addresses, once.
    fn gather(&mut self, now: Instant, addresses: &[SocketAddr]) {
        if core::mem::replace(&mut self.gathers, true) {
            return;
        }
        for address in addresses {
            // Another agent with the same configuration has taken them all.
            let _ = self.ice.add_local_address(now, *address);
        }
    }

    /// Makes credentials and a `tls-id`, unless there are some.
    fn prepare(&mut self, key: TransportKey, rng: &mut Rng) {
        if self.credentials_of(key.generation).is_none() {
            self.credentials.push((key.generation, Credentials::generate(rng)));
        }
        if self.tls_id_of(key.tls_id).is_none() {
            self.tls_ids.push((key.tls_id, fresh_tls_id(rng)));
        }
    }

    /// Our credentials of a generation.
    pub(super) fn credentials_of(&self, generation: u32) -> Option<&Credentials> {
        if generation == self.generation {
            return Some(self.ice.local_credentials());
        }
        let known = self.credentials.iter().find(|(known, _)| *known == generation);
        known.map(|(_, credentials)| credentials)
    }

    fn tls_id_of(&self, number: u32) -> Option<&String> {
        let known = self.tls_ids.iter().find(|(known, _)| *known == number);
        known.map(|(_, tls_id)| tls_id)
    }

    fn local(&self, key: TransportKey, fingerprints: &[CertificateHash]) -> LocalTransport {
        let Some(credentials) = self.credentials_of(key.generation) else {
            return LocalTransport::default();
        };
        LocalTransport {
            ufrag: credentials.ufrag.clone(),
            pwd: credentials.pwd.clone(),
            fingerprints: fingerprints.to_vec(),
            tls_id: self.tls_id_of(key.tls_id).cloned(),
            candidates: self.ice.local_candidates().map(line_of).collect(),
            end_of_candidates: self.ice.is_gathering_complete(),
        }
    }

    /// Both sides agree on credentials: the agent works with them from now on. Until then, an offer
    /// that restarts ICE can still be taken back.
    pub(super) fn agree(&mut self, now: Instant, generation: u32, role: IceRole, remote: &RemoteTransport) {
        let theirs = Credentials::new(remote.ufrag.as_str(), remote.pwd.as_str());
        let known = self.ice.remote_credentials();
        if generation != self.generation {
            let old = self.ice.local_credentials().clone();
            match self.credentials.iter().position(|(known, _)| *known == generation) {
                Some(at) => {
                    let (_, new) = self.credentials.swap_remove(at);
                    self.ice.restart_with(now, new);
                }
                None => self.ice.restart(now),
            }
            // A provisional answer may still be taken back.
            self.credentials.push((self.generation, old));
            self.generation = generation;
        } else if known.is_some_and(|known| *known != theirs) {
            // Somebody else than in the provisional answer before; our own credentials stay.
            let ours = self.ice.local_credentials().clone();
            self.ice.restart_with(now, ours);
        }
        self.ice.set_role(match role {
            IceRole::Controlling => ice::Role::Controlling,
            IceRole::Controlled => ice::Role::Controlled,
        });
        self.ice.set_remote_lite(remote.ice_lite);
        // The parser has checked their lengths, which is all that can be wrong with them.
        let _ = self.ice.set_remote_credentials(now, theirs);
        self.add_remote_candidates(now, &remote.candidates, remote.end_of_candidates);
    }

    pub(super) fn add_remote_candidates(&mut self, now: Instant, candidates: &[String], end: bool) {
        // A candidate that we can't use is no reason to refuse the others (RFC 8839 §5.1).
        for candidate in candidates.iter().filter_map(|line| line.parse::<Candidate>().ok()) {
            self.ice.add_remote_candidate(now, candidate);
        }
        if end {
            self.ice.end_of_remote_candidates(now);
        }
    }

    /// RFC 8446 §6.1, RFC 5246 §7.2.1: who closes a DTLS association says so, and what it carries
    /// ends with it.
    fn close(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        let path = self.ice.path()?;
        let Security::Running(connection) = &mut self.security else {
            return None;
        };
        connection.close(now);
        let mut farewell = vec![0; FAREWELL];
        let transmit = connection.poll_transmit(now, &mut farewell)?;
        farewell.truncate(transmit.len);
        Some((path, farewell))
    }

    /// The handshake that is to replace the connection, if there is one.
    pub(super) fn replacing(&mut self) -> Option<&mut Connection> {
        self.replacement.as_mut()?.connection.as_deref_mut()
    }

    /// What DTLS agreed on, once its handshake is done.
    pub(super) fn parameters(&self) -> Option<DtlsParameters> {
        let connection = self.security.connection()?;
        Some(DtlsParameters {
            role: self.dtls_role,
            version: connection.version()?,
            cipher_suite: connection.cipher_suite()?,
            group: connection.group()?,
            hello_was_retried: connection.hello_was_retried(),
            srtp_profile: connection.srtp_profile(),
        })
    }

    /// The DTLS connection begins, in the place of another one if there is one; what came early from the peer
    /// whose description it is.
    pub(super) fn secure(&mut self, connection: Connection) -> VecDeque<EarlyDatagram> {
        self.known_rtt = None;
        self.expects_hello = false;
        self.replacement = None;
        let before = core::mem::replace(&mut self.security, Security::Running(Box::new(connection)));
        let Security::Waiting { mut early } = before else {
            return VecDeque::new();
        };
        let remote = self.ice.remote_credentials();
        early.retain(|datagram| {
            datagram.ufrag.is_empty() || remote.is_none_or(|remote| *remote.ufrag == *datagram.ufrag)
        });
        early
    }
}

/// RFC 8842 §4: 120 random bits, 6 in each character.
fn fresh_tls_id(rng: &mut Rng) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let symbol = |byte: u8| char::from(ALPHABET[usize::from(byte & 63)]);
    rng.array::<20>().into_iter().map(symbol).collect()
}

/// A candidate as text, in one piece of memory: most are not longer.
pub(super) fn line_of(candidate: &Candidate) -> String {
    let mut line = String::with_capacity(128);
    // Writing to a string can't fail.
    let _ = write!(line, "{candidate}");
    line
}

impl Default for Security {
    fn default() -> Self {
        Self::Waiting { early: VecDeque::new() }
    }
}

impl Security {
    pub(super) fn is_connected(&self) -> bool {
        self.connection().is_some_and(Connection::is_connected)
    }

    pub(super) fn stats(&self) -> dtls::Stats {
        self.connection().map(Connection::stats).unwrap_or_default()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Self::Running(connection) = self {
            connection.handle_timeout(now);
        }
    }

    pub(super) fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        match self {
            Self::Waiting { .. } => None,
            Self::Running(connection) => connection.poll_transmit(now, buf),
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        if let Self::Running(connection) = self {
            connection.close(now);
        }
    }

    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Waiting { .. } => None,
            Self::Running(connection) => Some(connection),
        }
    }
}
