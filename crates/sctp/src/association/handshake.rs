//! The four-way handshake (RFC 9260 §5): INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, in either
//! direction or both at once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use pollrtc_core::Instant;

use super::cookie::{Capabilities, Cookie};
use super::tcb::{Reply, Tcb};
use super::timers::Timer;
use super::{Association, State};
use crate::wire::{Body, Chunk, Init, Packet, PacketWriter, Parameters, cause, kind, parameter};
use crate::{CloseReason, Event};

/// The least window that a peer may have (RFC 9260 §3.3.2).
const MIN_PEER_WINDOW: u32 = 1500;
/// The longest cookie to echo. It must fit into one packet; usrsctp's hold a copy of both INITs.
const MAX_COOKIE: usize = 1200;
/// How many bytes of parameters that we don't know are told back.
const MAX_UNRECOGNIZED: usize = 128;

/// What the parameters of an INIT or INIT ACK say.
#[derive(Debug, Default)]
struct Offer<'a> {
    capabilities: Capabilities,
    cookie: Option<&'a [u8]>,
    unrecognized: Vec<u8>,
    host_name: Option<&'a [u8]>,
}

impl<'a> Offer<'a> {
    fn read(parameters: Parameters<'a>) -> Self {
        let mut offer = Self::default();
        for parameter in parameters {
            match parameter.kind {
                parameter::STATE_COOKIE => offer.cookie = Some(parameter.value),
                parameter::FORWARD_TSN_SUPPORTED => offer.capabilities.forward_tsn = true,
                // RFC 5061 §4.2.7. Pion and what descends from it names FORWARD TSN here only.
                parameter::SUPPORTED_EXTENSIONS => {
                    offer.capabilities.reconfig |= parameter.value.contains(&kind::RE_CONFIG);
                    offer.capabilities.forward_tsn |= parameter.value.contains(&kind::FORWARD_TSN);
                }
                parameter::HOST_NAME => offer.host_name = Some(parameter.raw),
                // Under DTLS there are no addresses (RFC 8261 §6.1), and of ECN we do nothing.
                parameter::IPV4_ADDRESS
                | parameter::IPV6_ADDRESS
                | parameter::SUPPORTED_ADDRESS_TYPES
                | parameter::COOKIE_PRESERVATIVE
                | parameter::UNRECOGNIZED
                | parameter::ECN_CAPABLE => {}
                _ => {
                    let action = parameter.unknown_action();
                    let room = MAX_UNRECOGNIZED.saturating_sub(offer.unrecognized.len());
                    if action.report && parameter.raw.len() + 4 <= room {
                        offer.unrecognized.extend_from_slice(parameter.raw);
                        let len = crate::wire::padded(offer.unrecognized.len());
                        offer.unrecognized.resize(len, 0);
                    }
                    if action.stop {
                        break;
                    }
                }
            }
        }
        offer
    }
}

impl Association {
    // The passive side.

    /// INIT: answered with all that there is to know in a cookie, and forgotten (§5.1 B).
    pub(super) fn on_init(&mut self, packet: &Packet<'_>, chunk: &Chunk<'_>) {
        let alone = packet.chunks().count() == 1;
        let init = Init::parse(chunk).filter(|_| alone && packet.verification_tag() == 0);
        let Some(init) = init.filter(|init| init.initiate_tag != 0) else {
            self.stats.dropped_handshake += 1;
            return;
        };
        if self.state == State::Closed {
            self.stats.dropped_out_of_the_blue += 1;
            return;
        }
        if init.outbound_streams == 0 || init.inbound_streams == 0 || init.a_rwnd < MIN_PEER_WINDOW {
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::INVALID_MANDATORY_PARAMETER, &[]);
            return;
        }
        // §9.2: who has everything shall say so again.
        if self.state == State::ShutdownAckSent {
            self.outbox.shutdown_ack = true;
            return;
        }
        let offer = Offer::read(init.parameters.clone());
        if let Some(host_name) = offer.host_name {
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::UNRESOLVABLE_ADDRESS, host_name);
            return;
        }
        let (local_tag, local_tsn, tie_tags) = match &self.tcb {
            // §5.2.2: a peer that begins anew gets a new tag; the tie tags tell us so later.
            Some(tcb) if !matches!(self.state, State::CookieEchoed { .. }) => {
                let tag = self.rng.u32().max(1);
                let tsn = self.config.initial_tsn.unwrap_or_else(|| self.rng.u32());
                (tag, tsn, (tcb.local_tag, tcb.peer_tag))
            }
            // §5.2.1: both sides open at once, so this is the same offer as in our own INIT.
            _ => (self.local_tag, self.local_tsn, (0, 0)),
        };
        let cookie = Cookie {
            created: self.now,
            local_tag,
            local_tsn,
            tie_tags,
            ..self.agreement(&init, offer.capabilities)
        };
        self.outbox.reply(Reply::InitAck {
            cookie,
            unrecognized: offer.unrecognized,
        });
    }

    fn refuse(&mut self, tag: u32, code: u16, information: &[u8]) {
        let information = information.iter().copied().take(MAX_UNRECOGNIZED).collect();
        self.outbox.reply(Reply::Abort { tag, code, information });
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
    pub(super) fn on_cookie_echo(&mut self, tag: u32, sealed: &[u8]) -> bool {
        let Some(cookie) = Cookie::open(&self.cookie_key, sealed) else {
            self.stats.dropped_cookie += 1;
            return false;
        };
        if tag != cookie.local_tag || self.state == State::Closed {
            self.stats.dropped_cookie += 1;
            return false;
        }
        let known = self.tcb.as_ref().map(|tcb| (tcb.local_tag, tcb.peer_tag));
        let tags_match = known == Some((cookie.local_tag, cookie.peer_tag));
        if !tags_match && let Some(staleness) = cookie.staleness(self.now, self.config.cookie_lifetime) {
            self.stats.dropped_cookie += 1;
            self.outbox.reply(Reply::StaleCookie {
                tag: cookie.peer_tag,
                microseconds: u32::try_from(staleness.as_micros()).unwrap_or(u32::MAX),
            });
            return false;
        }
        match known {
            // §5.1 D, and table 12 D with an INIT of ours on the way.
            None => self.establish(&cookie),
            // Table 12 D: both sides opened at once, or our COOKIE ACK was lost.
            Some(_) if tags_match => {
                if matches!(self.state, State::CookieEchoed { .. }) {
                    self.established();
                }
            }
            // Table 12 A: the peer lost its state and began anew.
            Some(known) if known == cookie.tie_tags && cookie.local_tag != known.0 => {
                if self.state == State::ShutdownAckSent {
                    self.outbox.shutdown_ack = true;
                    self.outbox.cause(cause::COOKIE_RECEIVED_WHILE_SHUTTING_DOWN, &[]);
                    return false;
                }
                self.restart(&cookie);
            }
            // Table 12 B: the peer began anew before anything was agreed on.
            Some((local, _)) if local == cookie.local_tag && matches!(self.state, State::CookieEchoed { .. }) => {
                self.establish(&cookie);
            }
            // Table 12 C and all else: a late cookie.
            Some(_) => {
                self.stats.dropped_cookie += 1;
                return false;
            }
        }
        self.outbox.cookie_ack = true;
        true
    }

    fn establish(&mut self, cookie: &Cookie) {
        self.put_back_outstanding();
        self.tcb = Some(Box::new(Tcb::new(&self.config, self.max_packet, cookie)));
        self.established();
    }

    /// An association that is replaced may have sent DATA behind its COOKIE ECHO. There is no way
    /// to send it under new numbers but to send it whole, and that only happens when the peer threw
    /// away its state, which is what `Restarted` is about.
    fn put_back_outstanding(&mut self) {
        if self.tcb.take().is_some_and(|tcb| !tcb.outstanding.is_empty()) {
            self.queue.restart();
        }
    }

    /// The peer has thrown its end away and will begin anew, or take our INIT: what had not been begun
    /// is sent then.
    pub(super) fn begin_anew(&mut self) {
        self.local_tag = self.rng.u32().max(1);
        let random_tsn = self.rng.u32();
        self.local_tsn = self.config.initial_tsn.unwrap_or(random_tsn);
        self.queue.restart();
        self.resetting.clear();
        self.timers.stop_all();
        self.outbox.clear_association();
        self.tcb = None;
        self.state = State::Idle;
        self.unanswered = 0;
        self.handshake_sent = None;
        self.heartbeat = None;
        self.events.push_back(Event::Restarted);
    }

    fn restart(&mut self, cookie: &Cookie) {
        self.local_tag = cookie.local_tag;
        self.local_tsn = cookie.local_tsn;
        self.queue.restart();
        self.resetting.clear();
        self.timers.stop_all();
        self.outbox.clear_association();
        let before = self.tcb.take();
        let mut tcb = Box::new(Tcb::new(&self.config, self.max_packet, cookie));
        if let Some(before) = before {
            tcb.reassembly.inherit(&before.reassembly);
            tcb.acknowledgement.advertised = tcb.reassembly.window_left();
        }
        self.tcb = Some(tcb);
        self.state = State::Established;
        self.unanswered = 0;
        self.rearm_heartbeat();
        self.events.push_back(Event::Restarted);
    }

    // The active side.

    /// INIT ACK: the peer answers (§5.1 C).
    pub(super) fn on_init_ack(&mut self, packet: &Packet<'_>, chunk: &Chunk<'_>) {
        let alone = packet.chunks().count() == 1;
        let Some(init) = Init::parse(chunk).filter(|_| alone) else {
            self.stats.dropped_handshake += 1;
            return;
        };
        let offer = Offer::read(init.parameters.clone());
        // §3.3.3: no tag, no association.
        if init.initiate_tag == 0
            || init.outbound_streams == 0
            || init.inbound_streams == 0
            || init.a_rwnd < MIN_PEER_WINDOW
        {
            self.stats.dropped_handshake += 1;
            if init.initiate_tag != 0 {
                self.refuse(init.initiate_tag, cause::INVALID_MANDATORY_PARAMETER, &[]);
            }
            self.close_with(CloseReason::ProtocolViolation("an INIT ACK has impossible values"));
            return;
        }
        let Some(cookie) = offer.cookie.filter(|cookie| cookie.len() <= MAX_COOKIE) else {
            // §3.3.10.2: one parameter is missing, the cookie.
            let missing = [0, 0, 0, 1, 0, parameter::STATE_COOKIE as u8];
            self.stats.dropped_handshake += 1;
            self.refuse(init.initiate_tag, cause::MISSING_MANDATORY_PARAMETER, &missing);
            self.close_with(CloseReason::ProtocolViolation("an INIT ACK has no cookie"));
            return;
        };
        if let Some(sent) = self.handshake_sent.take() {
            self.rtt.measure(self.now, self.now - sent);
        }
        if !offer.unrecognized.is_empty() {
            self.outbox.cause(cause::UNRECOGNIZED_PARAMETERS, &offer.unrecognized);
        }
        let agreement = self.agreement(&init, offer.capabilities);
        self.tcb = Some(Box::new(Tcb::new(&self.config, self.max_packet, &agreement)));
        self.state = State::CookieEchoed {
            cookie: Bytes::copy_from_slice(cookie),
        };
        self.outbox.init = false;
        self.outbox.cookie_echo = true;
        self.unanswered = 0;
        self.timers.stop(Timer::Connect);
    }

    /// COOKIE ACK: both know (§5.1 E).
    pub(super) fn on_cookie_ack(&mut self) {
        if matches!(self.state, State::CookieEchoed { .. }) {
            if let Some(sent) = self.handshake_sent.take() {
                self.rtt.measure(self.now, self.now - sent);
            }
            self.established();
        }
    }

    pub(super) fn established(&mut self) {
        self.state = State::Established;
        self.handshake_sent = None;
        self.unanswered = 0;
        self.timers.stop(Timer::Connect);
        self.outbox.init = false;
        self.outbox.cookie_echo = false;
        if let Some(tcb) = &self.tcb {
            let streams = tcb.outbound_streams;
            let beyond: Vec<u16> = self.queue.streams_from(streams).collect();
            beyond.into_iter().for_each(|stream| self.queue.forget(stream));
            // What left with the COOKIE ECHO is watched over from now on.
            if tcb.outstanding.has_chunks() {
                self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
            }
        }
        self.rearm_heartbeat();
        self.events.push_back(Event::Connected);
    }

    /// The peer found our cookie too old (§5.2.6): begin again.
    pub(super) fn on_stale_cookie(&mut self) {
        self.put_back_outstanding();
        self.state = State::CookieWait;
        self.outbox.cookie_echo = false;
        self.outbox.init = true;
        self.timers.stop(Timer::Connect);
        self.timers.stop(Timer::Retransmit);
    }

    // What goes on the wire.

    pub(super) fn write_init(&self, packet: &mut PacketWriter<'_>) {
        packet.chunk(kind::INIT, 0, |body| {
            self.put_offer(body, self.local_tag, self.local_tsn);
        });
    }

    pub(super) fn write_init_ack(&self, packet: &mut PacketWriter<'_>, cookie: &Cookie, unrecognized: &[u8]) {
        packet.chunk(kind::INIT_ACK, 0, |body| {
            self.put_offer(body, cookie.local_tag, cookie.local_tsn);
            body.put_parameter(parameter::STATE_COOKIE, &[&cookie.seal(&self.cookie_key)]);
            for unknown in Parameters::new(unrecognized) {
                body.put_parameter(parameter::UNRECOGNIZED, &[unknown.raw]);
            }
        });
    }

    fn put_offer(&self, body: &mut Body<'_>, tag: u32, tsn: u32) {
        body.put_u32(tag);
        body.put_u32(self.config.receive_window.max(MIN_PEER_WINDOW));
        body.put_u16(self.config.outbound_streams.max(1));
        body.put_u16(self.config.inbound_streams.max(1));
        body.put_u32(tsn);
        // webrtc-rs does not understand a packet whose last parameter has no value.
        body.put_parameter(parameter::FORWARD_TSN_SUPPORTED, &[]);
        body.put_parameter(
            parameter::SUPPORTED_EXTENSIONS,
            &[&[kind::RE_CONFIG, kind::FORWARD_TSN]],
        );
    }
}
