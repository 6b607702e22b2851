//! The way of a packet: ICE below, DTLS on its path, SCTP inside DTLS.
//!
//! In: a datagram goes to the ICE agent of the transport that it is for, which keeps what is STUN and refuses
//! strangers; what is DTLS goes to the DTLS connection, which decrypts it in place; what comes out is an SCTP packet.
//! Out: the other way round, each layer writing into the caller's own buffer.

use pollrtc_core::{Datagram, InnerProtocol, Instant, StateMachine, Transmit};
use pollrtc_dtls as dtls;
use pollrtc_ice as ice;
use pollrtc_jsep::TransportId;
use pollrtc_sctp as sctp;
use pollrtc_sctp::channel::ChannelEvent;

use super::connection::PeerConnection;
use super::transport::Transport;
use crate::event::{CloseReason, Event};
use crate::stream::Received;

/// The cause with which a peer closes its connection (RFC 9260 §3.3.10.12).
const USER_INITIATED_ABORT: u16 = 12;

impl PeerConnection {
    /// A datagram goes up through the layers.
    pub(super) fn receive<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Received<'d> {
        let arrived = datagram.arrived.unwrap_or(now);
        let index = self.transports.receiver_of(&datagram);
        let Some(transport) = self.transports.at(index) else {
            return Received::Nothing;
        };
        let ice::Received::Data { path, payload } = transport.ice.handle_datagram(now, datagram) else {
            return Received::Nothing;
        };
        // RFC 9443 §3: the first byte tells the protocol.
        match payload.first() {
            Some(20..=63) if transport.dtls.connection().is_none() => {
                let ufrag = transport.ice.early_ufrag(path.flow.remote()).unwrap_or_default();
                if !transport.dtls.keep_early(ufrag, payload, self.dtls.mtu.max(1500)) {
                    self.dropped.early += 1;
                }
            }
            Some(20..=63) => {
                if self.receive_dtls(now, index, payload)
                    && let Some(transport) = self.transports.at(index)
                {
                    transport.ice.handle_authenticated(now, path);
                }
            }
            Some(128..=191) => return self.receive_media(now, arrived, index, path, payload),
            _ => self.dropped.unknown += 1,
        }
        Received::Nothing
    }

    /// A datagram of DTLS, on the transport in this place. Whether there was something in it that nobody but the peer
    /// can have sealed.
    pub(super) fn receive_dtls(&mut self, now: Instant, index: usize, payload: &mut [u8]) -> bool {
        self.receive_replacement(now, index, payload);
        let Some(transport) = self.transports.at(index) else {
            return false;
        };
        let carries_data = self.sctp.is_on(transport.id);
        let Some(connection) = transport.dtls.connection_mut() else {
            return false;
        };
        let received = connection.handle_body(now, payload);
        let is_authenticated = received.is_authenticated();
        for packet in received {
            match carries_data {
                true => self.sctp.handle_packet(now, packet),
                false => self.dropped.unknown += 1,
            }
        }
        is_authenticated
    }

    /// What one layer found out moves the others.
    pub(super) fn advance(&mut self) {
        for index in 0..self.transports.len() {
            if !self.transports.at(index).is_some_and(Transport::take_touched) {
                continue;
            }
            self.lifecycle.note_progress();
            self.advance_path(index);
            self.advance_dtls(index);
            self.advance_replacement(index);
        }
        let is_due = self.lifecycle.poll_timeout().is_some_and(|at| at <= self.now);
        if is_due || !self.lifecycle.is_told() {
            self.advance_failure();
        }
    }

    /// A connection whose way to the peer is lost ends in time, unless ICE is restarted.
    fn advance_failure(&mut self) {
        let failure = self.failure();
        if self.lifecycle.note_failure(self.now, failure.is_some())
            && let Some(reason) = failure
        {
            self.end(CloseReason::Ice(reason));
        }
    }

    /// Why nothing reaches the peer any more: ICE has failed where the data channels are, or wherever there are none.
    fn failure(&self) -> Option<ice::FailureReason> {
        let failure = |transport: &Transport| match transport.ice.state() {
            ice::State::Failed(reason) => Some(reason),
            _ => None,
        };
        match self.sctp.transport().and_then(|id| self.transports.get(id)) {
            Some(transport) => failure(transport),
            None => {
                let mut failures = self.transports.described().map(failure);
                let first = failures.next()??;
                failures.all(|failure| failure.is_some()).then_some(first)
            }
        }
    }

    fn advance_path(&mut self, index: usize) {
        let (now, hello_timeout) = (self.now, self.dtls.hello_timeout);
        let Some(transport) = self.transports.at(index) else {
            return;
        };
        let carries_data = self.sctp.is_on(transport.id);
        if transport.has_moved() {
            if carries_data {
                self.sctp.channels.handle_path_change(now);
            }
            self.follow_peer(index);
        }
        let Some(transport) = self.transports.at(index) else {
            return;
        };
        if transport.is_heard_again() && carries_data {
            self.sctp.channels.handle_path_alive(now);
        }
        let Some(transport) = self.transports.at(index) else {
            return;
        };
        let round_trip_time = transport.follow_path(now, hello_timeout);
        if let Some(round_trip_time) = round_trip_time.filter(|_| carries_data) {
            self.sctp.channels.set_round_trip_time(round_trip_time);
        }
    }

    fn advance_dtls(&mut self, index: usize) {
        while let Some(transport) = self.transports.at(index) {
            let Some(event) = transport.dtls.poll_event() else {
                return;
            };
            let id = transport.id;
            match event {
                dtls::Event::Connected {
                    version, cipher_suite, ..
                } => self.handle_connected(id, version, cipher_suite),
                // It overtook the end of the handshake.
                dtls::Event::ApplicationData(mut packet) if self.sctp.is_on(id) => {
                    self.sctp.handle_packet(self.now, &mut packet);
                }
                // The old end of a peer that goes on with a new one.
                dtls::Event::Closed(dtls::CloseReason::Remote) if self.replace(index) => {
                    if let Some(transport) = self.transports.at(index) {
                        transport.ice.expect_migration(self.now);
                    }
                }
                dtls::Event::Closed(reason) => {
                    let reason = match reason {
                        dtls::CloseReason::Remote => CloseReason::Remote,
                        other => CloseReason::Dtls(other),
                    };
                    self.handle_dtls_closed(id, reason);
                }
                _ => {}
            }
        }
    }

    /// DTLS stands on a transport.
    pub(super) fn handle_connected(
        &mut self,
        id: Option<TransportId>,
        version: dtls::Version,
        cipher_suite: dtls::CipherSuite,
    ) {
        let Some(transport) = id.and_then(|id| self.transports.get(id)) else {
            return;
        };
        if self.sctp.is_on(id) {
            self.sctp.connect(&transport.dtls);
        }
        self.key_media();
        self.events.extend(id.map(|transport| Event::Secured {
            transport,
            version,
            cipher_suite,
        }));
    }

    /// DTLS is no more on a transport. Channels end with the one that carries them (RFC 8261 §6).
    pub(super) fn handle_dtls_closed(&mut self, id: Option<TransportId>, reason: CloseReason) {
        if self.sctp.is_on(id) {
            self.sctp.channels.handle_transport_closed();
        }
        if let Some(id) = id {
            self.lose(id, reason);
        }
    }

    /// How long the longest datagram is.
    pub(super) fn longest(&self) -> usize {
        self.longest_of_ice_and_dtls().max(self.sctp.longest_datagram())
    }

    fn longest_of_ice_and_dtls(&self) -> usize {
        let agents = self.transports.iter().map(|transport| transport.ice.longest_datagram());
        agents.max().unwrap_or(0).max(self.dtls.mtu)
    }

    /// Before this, there is nothing to send and nothing to do; zero if that is not known.
    pub(super) fn quiet_until(&self) -> Instant {
        if self.lifecycle.has_ended() {
            return Instant::ZERO;
        }
        let close_at = self.lifecycle.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
        let quiet_until = self.transports.quiet_until().min(self.sctp.channels.quiet_until());
        quiet_until.min(close_at).min(self.media.quiet_until(&self.transports))
    }

    /// Whether there is nothing to be asked before the deadline.
    pub(super) fn is_quiet_and_told(&self) -> bool {
        let has_news = !self.events.is_empty() || self.transports.has_news() || self.sctp.channels.has_news();
        self.quiet_until() > Instant::ZERO && self.lifecycle.is_told() && !has_news
    }

    pub(super) fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let ice = self.transports.poll_ice(now, buf);
        if let Some(transmit) = ice.or_else(|| self.transports.poll_alert(buf)) {
            return Some(transmit);
        }
        let transmit = self.transmit_on_paths(now, buf);
        if transmit.is_none() && self.lifecycle.has_ended() && buf.len() >= self.longest_of_ice_and_dtls() {
            // All that tells the peers is out.
            self.transports.close_ice();
        }
        transmit
    }

    fn transmit_on_paths(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if !self.is_dtls_allowed {
            return None;
        }
        let longest = self.dtls.mtu;
        if let Some(transmit) = self.transports.poll_dtls(now, buf, longest) {
            return Some(transmit);
        }
        if !self.lifecycle.has_ended() {
            let longest = self.longest();
            if let Some(transmit) = self.media.poll_transmit(&mut self.transports, now, buf, longest) {
                return Some(transmit);
            }
        }
        if let Some(transmit) = self.transmit_data(now, buf) {
            return Some(transmit);
        }
        if !self.lifecycle.has_ended() {
            return None;
        }
        // The association's end is told; now DTLS may tell its own.
        self.transports.close_dtls(now);
        self.transports.poll_dtls(now, buf, longest)
    }

    fn transmit_data(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.sctp.channels.is_quiet(now) {
            return None;
        }
        let Some(id) = self.sctp.transport() else {
            // Nothing carries it.
            self.sctp.channels.note_quiet();
            return None;
        };
        let transport = self.transports.get_mut(id)?;
        let flow = transport.flow()?;
        self.sctp.poll_transmit(now, flow, &mut transport.dtls, buf)
    }

    pub(super) fn next_ice_event(&mut self) -> Option<Event> {
        loop {
            let (transport, event) = self.transports.poll_ice_event()?;
            let event = match (event, transport) {
                (ice::Event::Candidate(candidate), Some(id)) => {
                    // Before there is a description, the first one will hold it; a description that
                    // holds it needs no trickling.
                    self.signalled(id, &candidate).map(Event::Candidate)
                }
                (ice::Event::GatheringComplete, _) => Some(Event::GatheringComplete),
                (ice::Event::PathChanged(path), Some(transport)) => Some(Event::PathChanged { transport, path }),
                (ice::Event::ResolveMdns { name }, _) => Some(Event::ResolveMdns { name }),
                // Told as the connection's state.
                _ => None,
            };
            if event.is_some() {
                return event;
            }
        }
    }

    pub(super) fn next_channel_event(&mut self) -> Option<Event> {
        loop {
            return Some(match self.sctp.channels.poll_event()? {
                ChannelEvent::Opened { channel, incoming } => Event::ChannelOpen { channel, incoming },
                ChannelEvent::Message { channel, data } => Event::Message { channel, data },
                ChannelEvent::BufferedAmountLow { channel } => Event::BufferedAmountLow { channel },
                ChannelEvent::Writable { channel } => Event::ChannelWritable { channel },
                ChannelEvent::Closing { channel } => Event::ChannelClosing { channel },
                ChannelEvent::Closed { channel, reason } => Event::ChannelClosed { channel, reason },
                ChannelEvent::Disconnected(reason) => {
                    self.handle_association_closed(match reason {
                        sctp::CloseReason::Shutdown => CloseReason::Remote,
                        sctp::CloseReason::PeerAborted {
                            code: USER_INITIATED_ABORT,
                            ..
                        } => CloseReason::Remote,
                        other => CloseReason::Sctp(other),
                    });
                    continue;
                }
                _ => continue,
            });
        }
    }

    fn handle_association_closed(&mut self, reason: CloseReason) {
        match self.sctp.transport() {
            Some(id) => self.lose(id, reason),
            None => self.finish(reason),
        }
    }
}
