//! ClientHellos at a server: anyone can send them.
//!
//! Who comes first is answered, and as long as that one may go on, others are ignored: an answer to
//! another hello would reach the client, which can make nothing of it. Another one takes over with a
//! cookie of ours, which shows that it receives what we send, or when the first has been silent for longer
//! than a client waits that hears nothing.

use super::{Connection, Event, Phase};
use crate::client_hellos::is_piece_of;
use crate::error::HandshakeError;
use crate::handshake::{CookieKeys, Digest, HelloResponse};
use crate::negotiation::{self, has_valid_cookie};
use crate::reassembly::{Inserted, Message};
use crate::wire::handshake::Fragment;
use crate::wire::{AlertLevel, ContentType};

impl Connection {
    /// A piece of a ClientHello, at a server that is not connected yet.
    pub(super) fn handle_client_hello_fragment(&mut self, fragment: &Fragment<'_>) -> Inserted {
        let Phase::Server(server, _) = &self.phase else {
            return self.assemble_client_hello(fragment);
        };
        match server.unanswered_client_hello() {
            Some(answered) if is_piece_of(fragment, answered) => {
                self.stats.repeated_fragments += 1;
                self.hellos.hear(self.now);
                self.failure.postpone(self.now, self.flight.rto());
                if fragment.is_last() && self.flight.handle_unauthenticated_repeat(self.now) {
                    self.stats.flights_resent += 1;
                }
            }
            Some(_) => self.handle_other_hello(fragment),
            // The client has answered: there is nobody else any more.
            None => self.stats.repeated_fragments += 1,
        }
        Inserted::Repeated { last: false }
    }

    /// One hello at a time is put together.
    fn assemble_client_hello(&mut self, fragment: &Fragment<'_>) -> Inserted {
        let is_other = self.reassembler.contradicts(0, fragment);
        if is_other && self.hellos.may_complete(self.now, self.flight.initial_rto()) {
            self.handle_other_hello(fragment);
            return Inserted::Repeated { last: false };
        }
        if is_other {
            self.reassembler.restart(0);
        }
        if self.reassembler.is_empty() {
            self.hellos.begin(self.now);
        }
        match self.reassembler.insert(0, fragment) {
            Inserted::Kept if is_other => Inserted::Replaced,
            inserted => inserted,
        }
    }

    /// A piece of a hello that is not the one that is being put together or answered.
    fn handle_other_hello(&mut self, fragment: &Fragment<'_>) {
        let (Phase::Listening(keys) | Phase::Server(_, keys)) = &self.phase else {
            return;
        };
        let Some(hello) = self.hellos.add_other(fragment) else {
            return;
        };
        let keys = keys.clone();
        let is_answering = matches!(self.phase, Phase::Server(..));
        let may_take_over = is_answering && self.hellos.is_silent(self.now, self.flight.initial_rto());
        match may_take_over || has_valid_cookie(&keys, &self.context(), &hello) {
            true => self.answer_client_hello(keys, &hello),
            false => self.stats.ignored_client_hellos += 1,
        }
    }

    /// A whole ClientHello, while none is answered but with a request to say hello again.
    pub(crate) fn handle_client_hello(&mut self, keys: CookieKeys, hello: &Message) {
        self.reassembler.restart(0);
        let digest = Digest::of_hello(self.config.provider, hello);
        let has_cookie = has_valid_cookie(&keys, &self.context(), hello);
        let is_silent = self.hellos.is_silent(self.now, self.flight.initial_rto());
        self.phase = Phase::Listening(keys.clone());
        match self.hellos.requested() {
            Some(requested) if !has_cookie && digest.as_ref().is_some_and(|digest| digest.is(requested)) => {
                self.hellos.hear(self.now);
                // A request that has no timer is made anew.
                match self.flight.is_pending() {
                    true if self.flight.handle_unauthenticated_repeat(self.now) => self.stats.flights_resent += 1,
                    true => {}
                    false => self.answer_client_hello(keys, hello),
                }
            }
            Some(_) if !has_cookie && !is_silent => self.stats.ignored_client_hellos += 1,
            _ => self.answer_client_hello(keys, hello),
        }
    }

    /// Answers a ClientHello, or says why not. Anyone can send one, so the next one may be better.
    fn answer_client_hello(&mut self, keys: CookieKeys, hello: &Message) {
        let is_answering = matches!(self.phase, Phase::Server(..));
        match negotiation::handle_client_hello(&keys, &mut self.context(), hello) {
            Ok(HelloResponse::Accepted(server)) => {
                if is_answering {
                    self.stats.replaced_client_hellos += 1;
                } else {
                    self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
                }
                self.hellos.clear_refusal();
                self.failure.clear();
                self.phase = Phase::Server(server, keys);
                self.reassembler.restart(u32::from(hello.message_seq) + 1);
                self.hellos.forget_other();
                self.hellos.set_requested(self.now, None);
            }
            Ok(HelloResponse::Cookie(request)) => {
                self.stats.cookies_asked += 1;
                if let Ok(record) = self.records.write_alone(0, ContentType::Handshake, &request) {
                    self.outbox.reply(record);
                }
                // Who is to prove its address first takes nobody's place before that.
                if !is_answering {
                    let digest = Digest::of_hello(self.config.provider, hello);
                    self.hellos.set_requested(self.now, digest);
                }
            }
            Ok(HelloResponse::Retry) => {
                self.stats.cookies_asked += 1;
                let digest = Digest::of_hello(self.config.provider, hello);
                self.hellos.set_requested(self.now, digest);
                self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
                if is_answering {
                    self.stats.replaced_client_hellos += 1;
                    self.records.forget_keys();
                    self.reassembler.restart(0);
                    self.phase = Phase::Listening(keys);
                }
            }
            Err(_) if is_answering => self.stats.refused_client_hellos += 1,
            Err(error) => self.refuse_client_hello(error),
        }
    }

    /// Says why, and goes on waiting for another one.
    pub(super) fn refuse_client_hello(&mut self, error: HandshakeError) {
        self.stats.refused_client_hellos += 1;
        self.hellos.set_refusal(error);
        self.alert(AlertLevel::Fatal, error.alert());
        if !matches!(self.events.back(), Some(Event::ClientHelloRefused(_))) {
            self.events.push_back(Event::ClientHelloRefused(error));
        }
    }
}
