//! ClientHellos at a server: anyone can send them.

use crate::connection::{Connection, Event, Phase};
use crate::error::HandshakeError;
use crate::handshake::Welcome;
use crate::reassembly::Message;
use crate::wire::handshake::Fragment;
use crate::wire::{AlertLevel, HandshakeType};

impl Connection {
    /// Anyone can send a ClientHello, so a bad one is refused and the next one may be better.
    pub(super) fn handle_client_hello(&mut self, welcome: Welcome, message: &Message) {
        match welcome.handle_client_hello(&mut self.context(), message) {
            Ok(Some(server)) => {
                self.phase = Phase::Server(server, welcome);
                self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
                return;
            }
            Ok(None) => {
                self.stats.cookies_asked += 1;
                if self.flight.is_pending() {
                    self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
                }
            }
            Err(error) => self.refuse_client_hello(error),
        }
        self.phase = Phase::Listening(welcome);
        self.reassembler.restart(0);
    }

    /// Says why, and goes on waiting for another one.
    pub(super) fn refuse_client_hello(&mut self, error: HandshakeError) {
        self.stats.refused_client_hellos += 1;
        self.alert(AlertLevel::Fatal, error.alert());
        if !matches!(self.events.back(), Some(Event::ClientHelloRefused(_))) {
            self.events.push_back(Event::ClientHelloRefused(error));
        }
    }

    /// A ClientHello while another one is being answered: the same once more, or another. Whoever
    /// sent the first may have been a stranger who was faster than the peer, so the newer one wins,
    /// until the client shows that it has seen our answer.
    pub(super) fn handle_rival(&mut self, fragment: &Fragment<'_>) {
        let Phase::Server(server, welcome) = &self.phase else {
            return;
        };
        let Some(answered) = server.unanswered_client_hello() else {
            return;
        };
        self.rivals.insert(0, fragment);
        let Some(hello) = self.rivals.pop_any(HandshakeType::CLIENT_HELLO) else {
            return;
        };
        self.rivals.restart(0);
        if answered == hello.bytes {
            if self.flight.handle_unauthenticated_repeat(self.now) {
                self.stats.flights_resent += 1;
            }
            return;
        }
        let welcome = welcome.clone();
        match welcome.handle_client_hello(&mut self.context(), &hello) {
            Ok(Some(server)) => {
                self.stats.replaced_client_hellos += 1;
                self.phase = Phase::Server(server, welcome);
                self.reassembler.restart(u32::from(hello.message_seq) + 1);
            }
            Ok(None) => self.stats.cookies_asked += 1,
            Err(_) => self.stats.refused_client_hellos += 1,
        }
    }
}
