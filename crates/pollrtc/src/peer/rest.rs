//! Layers at rest: who has nothing to say is not asked again.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

use pollrtc_core::{FlowRequest, InnerProtocol, Instant, StateMachine, Transmit};
use pollrtc_dtls as dtls;
use pollrtc_ice as ice;
use pollrtc_sctp::channel::{ChannelEvent, DataChannels};

/// A layer, and what it said when it was asked last. One that had nothing to say and was not touched since has nothing
/// to say before its deadline: that is the third law of machines. So a visit of a connection at rest looks at nothing
/// that its layers hold, which is in no cache of the processor where there are thousands of them.
///
/// Who borrows it mutably has touched it.
#[derive(Debug)]
pub(super) struct Rested<L> {
    layer: L,
    /// Before this, there is nothing to send and nothing to do; zero if that is not known.
    quiet_until: Instant,
    /// Whether there may be events.
    has_news: bool,
    /// Whether there may be something to ask of streams.
    may_ask: bool,
    /// Whether it was touched since others took note of how it is.
    is_touched: bool,
}

/// What every layer is asked, whatever it carries.
pub(super) trait Layer {
    type Event;

    fn handle_timeout(&mut self, now: Instant);
    fn poll_event(&mut self) -> Option<Self::Event>;
    fn poll_timeout(&self) -> Option<Instant>;
}

impl<L: Layer> Rested<L> {
    /// A layer that was never asked.
    pub(super) fn new(layer: L) -> Self {
        Self {
            layer,
            quiet_until: Instant::ZERO,
            has_news: true,
            may_ask: true,
            is_touched: true,
        }
    }

    /// Before this, it has nothing to send and nothing to do; zero if that is not known.
    pub(super) fn quiet_until(&self) -> Instant {
        self.quiet_until
    }

    /// Whether it has nothing to send.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        now < self.quiet_until
    }

    /// It was asked now what it has to send, in a buffer with room for all that it could be, and gave nothing.
    pub(super) fn note_quiet(&mut self) {
        self.quiet_until = self.layer.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
    }

    /// Whether there may be events.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Whether it was touched since this was asked last.
    pub(super) fn take_touched(&mut self) -> bool {
        core::mem::replace(&mut self.is_touched, false)
    }

    /// Whether it is as it was when that was asked last.
    pub(super) fn is_untouched(&self) -> bool {
        !self.is_touched
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if !self.is_quiet(now) {
            self.deref_mut().handle_timeout(now);
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<L::Event> {
        if !self.has_news {
            return None;
        }
        let event = self.layer.poll_event();
        match &event {
            // There may be room now for something to send.
            Some(_) => self.touch(),
            None => self.has_news = false,
        }
        event
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        if self.quiet_until == Instant::ZERO {
            return self.layer.poll_timeout();
        }
        let deadline = Some(self.quiet_until).filter(|deadline| *deadline < Instant::FAR_FUTURE);
        debug_assert_eq!(deadline, self.layer.poll_timeout());
        deadline
    }

    fn touch(&mut self) {
        self.quiet_until = Instant::ZERO;
        self.has_news = true;
        self.may_ask = true;
        self.is_touched = true;
    }
}

/// The earliest of these deadlines, of which one at the end of time never comes.
pub(super) fn earliest<const N: usize>(deadlines: [Option<Instant>; N]) -> Option<Instant> {
    let deadlines = deadlines.map(|deadline| deadline.unwrap_or(Instant::FAR_FUTURE));
    deadlines
        .into_iter()
        .min()
        .filter(|deadline| *deadline < Instant::FAR_FUTURE)
}

impl<L> Deref for Rested<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.layer
    }
}

impl<L: Layer> DerefMut for Rested<L> {
    fn deref_mut(&mut self) -> &mut L {
        self.touch();
        &mut self.layer
    }
}

impl Rested<ice::Agent> {
    pub(super) fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.is_quiet(now) {
            return None;
        }
        let transmit = self.deref_mut().poll_transmit(now, buf);
        if transmit.is_none() && buf.len() >= self.longest_datagram() {
            self.note_quiet();
        }
        transmit
    }

    pub(super) fn poll_flow(&mut self) -> Option<FlowRequest> {
        if !self.may_ask {
            return None;
        }
        let request = self.layer.poll_flow();
        self.may_ask = request.is_some();
        request
    }
}

impl Layer for ice::Agent {
    type Event = ice::Event;

    fn handle_timeout(&mut self, now: Instant) {
        StateMachine::handle_timeout(self, now);
    }

    fn poll_event(&mut self) -> Option<ice::Event> {
        StateMachine::poll_event(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        StateMachine::poll_timeout(self)
    }
}

impl Layer for Box<dtls::Connection> {
    type Event = dtls::Event;

    fn handle_timeout(&mut self, now: Instant) {
        InnerProtocol::handle_timeout(&mut **self, now);
    }

    fn poll_event(&mut self) -> Option<dtls::Event> {
        InnerProtocol::poll_event(&mut **self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        InnerProtocol::poll_timeout(&**self)
    }
}

impl Layer for DataChannels {
    type Event = ChannelEvent;

    fn handle_timeout(&mut self, now: Instant) {
        InnerProtocol::handle_timeout(self, now);
    }

    fn poll_event(&mut self) -> Option<ChannelEvent> {
        InnerProtocol::poll_event(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        InnerProtocol::poll_timeout(self)
    }
}
