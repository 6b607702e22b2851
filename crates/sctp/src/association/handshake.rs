//! The four-way handshake (RFC 9260 §5): INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, in either
//! direction or both at once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use pollrtc_core::Instant;

use super::cookie::{Capabilities, Cookie};
use super::replies::Reply;
use super::state::{Phase, State, Tcb};
use super::timer::Repeated;
use super::{Association, MAX_COOKIE};
use crate::config::MIN_RECEIVE_WINDOW;
use crate::wire::{Body, Chunk, Init, Packet, PacketWriter, Parameters, cause, kind, padded, parameter};
use crate::{CloseReason, Event};

/// How many bytes of parameters that we don't know are told back.
const MAX_UNRECOGNIZED: usize = 128;

/// What the parameters of an INIT or INIT ACK say.
#[derive(Debug, Default)]
struct PeerParameters<'a> {
    capabilities: Capabilities,
    cookie: Option<&'a [u8]>,
    unrecognized: Vec<u8>,
    host_name: Option<&'a [u8]>,
}

impl<'a> PeerParameters<'a> {
    fn read(parameters: Parameters<'a>) -> Self {
        let mut known = Self::default();
        for parameter in parameters {
            match parameter.kind {
                parameter::STATE_COOKIE => known.cookie = Some(parameter.value),
                parameter::FORWARD_TSN_SUPPORTED => known.capabilities.forward_tsn = true,
                // RFC 5061 §4.2.7. Pion and what descends from it names FORWARD TSN here only.
                parameter::SUPPORTED_EXTENSIONS => {
                    known.capabilities.reconfig |= parameter.value.contains(&kind::RE_CONFIG);
                    known.capabilities.forward_tsn |= parameter.value.contains(&kind::FORWARD_TSN);
                }
                parameter::HOST_NAME => known.host_name = Some(parameter.raw),
                // Under DTLS there are no addresses (RFC 8261 §6.1), and of ECN we do nothing.
                parameter::IPV4_ADDRESS
                | parameter::IPV6_ADDRESS
                | parameter::SUPPORTED_ADDRESS_TYPES
                | parameter::COOKIE_PRESERVATIVE
                | parameter::UNRECOGNIZED
                | parameter::ECN_CAPABLE => {}
                _ => {
                    let action = parameter.unknown_action();
                    let room = MAX_UNRECOGNIZED.saturating_sub(known.unrecognized.len());
                    if action.report && parameter.raw.len() + 4 <= room {
                        known.unrecognized.extend_from_slice(parameter.raw);
                        let len = padded(known.unrecognized.len());
                        known.unrecognized.resize(len, 0);
                    }
                    if action.stop {
                        break;
                    }
                }
            }
        }
        known
    }
}

/// Whether an INIT or INIT ACK has values with which no association can be (§3.3.2, §3.3.3).
fn is_impossible(init: &Init<'_>) -> bool {
    init.outbound_streams == 0 || init.inbound_streams == 0 || init.a_rwnd < MIN_RECEIVE_WINDOW
}

impl Association {
    // The passive side.

    /// INIT: answered with all that there is to know in a cookie, and forgotten (§5.1 B).
    pub(super) fn handle_init(&mut self, packet: &Packet<'_>, chunk: &Chunk<'_>) {
        let alone = packet.chunks().count() == 1;
        let init = Init::parse(chunk).filter(|_| alone && packet.verification_tag() == 0);
        let Some(init) = init.filter(|init| init.initiate_tag != 0) else {
            self.stats.dropped_handshake += 1;
            return;
        };
        if matches!(self.state, State::Closed) {
            self.stats.dropped_out_of_the_blue += 1;
            return;
        }
        if is_impossible(&init) {
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::INVALID_MANDATORY_PARAMETER, &[]);
            return;
        }
        // §9.2: who has everything shall say so again.
        if let Some(Phase::ShutdownAckSent(shutdown_ack)) = self.state.tcb_mut().map(|tcb| &mut tcb.phase) {
            shutdown_ack.send_now();
            return;
        }
        let known = PeerParameters::read(init.parameters.clone());
        if let Some(host_name) = known.host_name {
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::UNRESOLVABLE_ADDRESS, host_name);
            return;
        }
        let (local_tag, local_tsn, tie_tags) = match self.state.tcb() {
            // §5.2.2: a peer that begins anew gets a new tag; the tie tags tell us so later.
            Some(tcb) if !tcb.is_cookie_echoed() => {
                let tag = self.rng.u32().max(1);
                let tsn = self.config.initial_tsn.unwrap_or_else(|| self.rng.u32());
                (tag, tsn, tcb.tags())
            }
            // §5.2.1: both sides open at once, so this is the same offer as in our own INIT.
            _ => (self.local_tag, self.local_tsn, (0, 0)),
        };
        let cookie = Cookie {
            created: self.now,
            local_tag,
            local_tsn,
            tie_tags,
            ..self.agreement(&init, known.capabilities)
        };
        self.replies.push(Reply::InitAck {
            cookie,
            unrecognized: known.unrecognized,
        });
    }

    fn refuse(&mut self, tag: u32, code: u16, information: &[u8]) {
        let information = information.iter().copied().take(MAX_UNRECOGNIZED).collect();
        self.replies.push(Reply::Abort { tag, code, information });
    }

    /// What follows from our offer and the peer's.
    fn agreement(&self, peer: &Init<'_>, capabilities: Capabilities) -> Cookie {
        Cookie {
            created: Instant::ZERO,
            local_tag: self.local_tag,
            peer_tag: peer.initiate_tag,
            local_tsn: self.local_tsn,
            peer_tsn: peer.initial_tsn,
            peer_window: peer.a_rwnd,
            outbound_streams: self.config.outbound_streams.min(peer.inbound_streams),
            inbound_streams: self.config.inbound_streams.min(peer.outbound_streams),
            capabilities,
            tie_tags: (0, 0),
        }
    }

    /// COOKIE ECHO: our own words come back, so the peer is there (§5.1 D, §5.2.4). True if the
    /// chunks behind it may be taken.
    pub(super) fn handle_cookie_echo(&mut self, tag: u32, sealed: &[u8]) -> bool {
        let cookie = Cookie::open(&self.cookie_key, sealed).filter(|cookie| tag == cookie.local_tag);
        let Some(cookie) = cookie.filter(|_| !matches!(self.state, State::Closed)) else {
            self.stats.dropped_cookie += 1;
            return false;
        };
        let known = self.state.tcb().map(Tcb::tags);
        let tags_match = known == Some((cookie.local_tag, cookie.peer_tag));
        if !tags_match && let Some(staleness) = cookie.staleness(self.now, self.config.cookie_lifetime) {
            self.stats.dropped_cookie += 1;
            self.replies.push(Reply::StaleCookie {
                tag: cookie.peer_tag,
                microseconds: u32::try_from(staleness.as_micros()).unwrap_or(u32::MAX),
            });
            return false;
        }
        let echoing = self.state.tcb().is_some_and(Tcb::is_cookie_echoed);
        match known {
            // §5.1 D, and table 12 D with an INIT of ours on the way.
            None => self.establish(&cookie),
            // Table 12 D: both sides opened at once, or our COOKIE ACK was lost.
            Some(_) if tags_match => {
                if echoing {
                    self.handle_established();
                }
            }
            // Table 12 A: the peer lost its state and began anew.
            Some(known) if known == cookie.tie_tags && cookie.local_tag != known.0 => {
                if let Some(tcb) = self.state.tcb_mut()
                    && let Phase::ShutdownAckSent(shutdown_ack) = &mut tcb.phase
                {
                    shutdown_ack.send_now();
                    tcb.answers.add_cause(cause::COOKIE_RECEIVED_WHILE_SHUTTING_DOWN, &[]);
                    return false;
                }
                self.restart(&cookie);
            }
            // Table 12 B: the peer began anew before anything was agreed on.
            Some((local, _)) if local == cookie.local_tag && echoing => self.establish(&cookie),
            // Table 12 C and all else: a late cookie.
            Some(_) => {
                self.stats.dropped_cookie += 1;
                return false;
            }
        }
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.answers.cookie_ack = true;
        }
        true
    }

    fn establish(&mut self, cookie: &Cookie) {
        self.put_back_outstanding();
        self.associate(cookie, Phase::Established);
        self.handle_established();
    }

    fn associate(&mut self, cookie: &Cookie, phase: Phase) {
        let tcb = Tcb::new(&self.config, self.max_packet, cookie, phase);
        self.state = State::Associated(Box::new(tcb));
    }

    /// An attempt to connect that comes to nothing may have sent DATA behind its COOKIE ECHO. The peer has taken none of
    /// it, since it did not take the cookie: it is sent under new numbers when the next attempt succeeds.
    fn put_back_outstanding(&mut self) {
        let Some(tcb) = self.state.tcb_mut().filter(|tcb| !tcb.sender.is_empty()) else {
            return;
        };
        for (stream, message) in tcb.sender.take_messages().rev() {
            self.queue.put_back(stream, message);
        }
        self.queue.restart();
    }

    /// The peer has thrown its end away and will begin anew, or take our INIT: what had not been begun
    /// is sent then.
    pub(super) fn handle_expected_restart(&mut self) {
        self.local_tag = self.rng.u32().max(1);
        let random_tsn = self.rng.u32();
        self.local_tsn = self.config.initial_tsn.unwrap_or(random_tsn);
        self.queue.restart();
        self.state = State::Idle;
        self.path.clear_errors();
        self.events.push_back(Event::Restarted);
    }

    fn restart(&mut self, cookie: &Cookie) {
        self.local_tag = cookie.local_tag;
        self.local_tsn = cookie.local_tsn;
        self.queue.restart();
        let mut tcb = Tcb::new(&self.config, self.max_packet, cookie, Phase::Established);
        if let Some(before) = self.state.tcb() {
            tcb.receiver.inherit(&before.receiver);
        }
        self.path.clear_errors();
        tcb.heartbeat.rearm(self.now, self.path.rto());
        self.state = State::Associated(Box::new(tcb));
        self.events.push_back(Event::Restarted);
    }

    // The active side.

    /// INIT ACK: the peer answers (§5.1 C).
    pub(super) fn handle_init_ack(&mut self, packet: &Packet<'_>, chunk: &Chunk<'_>) {
        let alone = packet.chunks().count() == 1;
        let Some(init) = Init::parse(chunk).filter(|_| alone) else {
            self.stats.dropped_handshake += 1;
            return;
        };
        let known = PeerParameters::read(init.parameters.clone());
        // §3.3.3: no tag, no association.
        if init.initiate_tag == 0 || is_impossible(&init) {
            self.stats.dropped_handshake += 1;
            if init.initiate_tag != 0 {
                self.refuse(init.initiate_tag, cause::INVALID_MANDATORY_PARAMETER, &[]);
            }
            self.close_with(CloseReason::ProtocolViolation("an INIT ACK has impossible values"));
            return;
        }
        let Some(cookie) = known.cookie.filter(|cookie| cookie.len() <= MAX_COOKIE) else {
            // §3.3.10.2: one parameter is missing, the cookie.
            let missing = [0, 0, 0, 1, 0, parameter::STATE_COOKIE as u8];
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::MISSING_MANDATORY_PARAMETER, &missing);
            self.close_with(CloseReason::ProtocolViolation("an INIT ACK has no cookie"));
            return;
        };
        if let State::CookieWait(sent) = &self.state
            && let Some(round_trip) = sent.round_trip(self.now)
        {
            self.path.measure(self.now, round_trip);
        }
        let agreement = self.agreement(&init, known.capabilities);
        self.associate(
            &agreement,
            Phase::CookieEchoed {
                cookie: Bytes::copy_from_slice(cookie),
                echo: Repeated::new(),
            },
        );
        if let Some(tcb) = self.state.tcb_mut()
            && !known.unrecognized.is_empty()
        {
            tcb.answers
                .add_cause(cause::UNRECOGNIZED_PARAMETERS, &known.unrecognized);
        }
        self.path.clear_errors();
    }

    /// COOKIE ACK: both know (§5.1 E).
    pub(super) fn handle_cookie_ack(&mut self) {
        let Some(Phase::CookieEchoed { echo, .. }) = self.state.tcb().map(|tcb| &tcb.phase) else {
            return;
        };
        if let Some(round_trip) = echo.round_trip(self.now) {
            self.path.measure(self.now, round_trip);
        }
        self.handle_established();
    }

    /// Who sends DATA or SACK under the right tag has taken our cookie, and the COOKIE ACK that
    /// said so was lost or overtaken.
    pub(super) fn imply_cookie_ack(&mut self) {
        if self.state.tcb().is_some_and(Tcb::is_cookie_echoed) {
            self.handle_established();
        }
    }

    fn handle_established(&mut self) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        tcb.phase = Phase::Established;
        self.path.clear_errors();
        self.queue.forget_from(tcb.outbound_streams);
        tcb.sender.handle_established(self.now, &self.path);
        tcb.heartbeat.rearm(self.now, self.path.rto());
        self.events.push_back(Event::Connected);
    }

    /// The peer found our cookie too old (§5.2.6): begin again.
    pub(super) fn handle_stale_cookie(&mut self) {
        self.put_back_outstanding();
        self.state = State::CookieWait(Repeated::new());
    }

    // What goes on the wire.

    pub(super) fn write_init(&self, packet: &mut PacketWriter<'_>) -> bool {
        packet.chunk(kind::INIT, 0, |body| {
            self.put_offer(body, self.local_tag, self.local_tsn);
        })
    }

    pub(super) fn write_init_ack(&self, packet: &mut PacketWriter<'_>, cookie: &Cookie, unrecognized: &[u8]) -> bool {
        packet.chunk(kind::INIT_ACK, 0, |body| {
            self.put_offer(body, cookie.local_tag, cookie.local_tsn);
            body.put_parameter(parameter::STATE_COOKIE, &[&cookie.seal(&self.cookie_key)]);
            for unknown in Parameters::new(unrecognized) {
                body.put_parameter(parameter::UNRECOGNIZED, &[unknown.raw]);
            }
        })
    }

    fn put_offer(&self, body: &mut Body<'_>, tag: u32, tsn: u32) {
        let init = Init {
            initiate_tag: tag,
            a_rwnd: self.config.receive_window,
            outbound_streams: self.config.outbound_streams,
            inbound_streams: self.config.inbound_streams,
            initial_tsn: tsn,
            parameters: Parameters::new(&[]),
        };
        init.write_fields(body);
        // webrtc-rs does not understand a packet whose last parameter has no value.
        body.put_parameter(parameter::FORWARD_TSN_SUPPORTED, &[]);
        body.put_parameter(
            parameter::SUPPORTED_EXTENSIONS,
            &[&[kind::RE_CONFIG, kind::FORWARD_TSN]],
        );
    }

    /// INIT or COOKIE ECHO was not answered (§5.1): the same again, later and later.
    pub(super) fn handle_connect_timeout(&mut self) {
        match &mut self.state {
            State::CookieWait(init) => {
                if !init.handle_timeout(self.now) {
                    return;
                }
            }
            State::Associated(tcb) => match &mut tcb.phase {
                Phase::CookieEchoed { echo, .. } => {
                    if !echo.handle_timeout(self.now) {
                        return;
                    }
                    tcb.sender.resend_all();
                }
                _ => return,
            },
            State::Idle | State::Closed => return,
        }
        self.path.back_off();
        if self.path.count_error(self.config.max_init_retransmits) {
            self.close_with(CloseReason::ConnectTimeout);
        }
    }

    /// The INIT of ours that is to leave, if one is.
    pub(super) fn write_due_init(&mut self, packet: &mut PacketWriter<'_>) -> bool {
        let due = matches!(&self.state, State::CookieWait(init) if init.is_due());
        if !due || !self.write_init(packet) {
            return false;
        }
        if let State::CookieWait(init) = &mut self.state {
            init.note_written(self.now, self.path.rto());
        }
        true
    }
}
