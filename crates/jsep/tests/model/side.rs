//! One of the two: a negotiator, its application, and what the rules say about both.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{
    CertificateHash, Config, Description, Effect, HashFunction, LocalTransport, NegotiationError, Negotiator, SdpKind,
    SignalingState, TransceiverId, TransceiverInit, TransportKey,
};
use pollrtc_sdp::attribute::Direction;

use crate::check;
use crate::mirror::Mirror;
use crate::table::{self, KINDS, ORIGINS, Origin};
use crate::text::{self, Known};

/// What can happen to one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    AddTrack(MediaKind),
    AddTransceiver(MediaKind, Direction),
    /// By place among those that are not stopped.
    Stop(usize),
    Direct(usize, Direction),
    AddData,
    StopData,
    Restart,
    /// Creates, sets and sends.
    Offer,
    Answer,
    PrAnswer,
    /// Takes the exchange back and tells the peer.
    Rollback,
    /// The next message arrives.
    Receive,
}

/// No application has more transceivers that are not stopped.
const LIVE_MAXIMUM: usize = 2;

/// What travels from one side to the other, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) kind: SdpKind,
    pub(crate) text: Rc<str>,
    /// The offer that it is about.
    offer: Rc<str>,
    /// See [`Side::tainted`].
    tainted: bool,
}

/// An exchange that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    origin: Origin,
    offer: Rc<str>,
    provisional: Option<Rc<str>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) negotiator: Negotiator,
    /// The second gives way where two offers collide.
    number: u8,
    mirror: Mirror,
    pending: Option<Pending>,
    /// The descriptions of the last finished exchange: ours and the peer's, and whether we offered.
    current: Option<(Rc<str>, Rc<str>, bool)>,
    /// All finished exchanges.
    pub(crate) completed: u64,
    /// Version and text of what was created last.
    last: Option<(u64, Rc<str>)>,
    /// W3C `[[LocalIceCredentialsToReplace]]`.
    replaced: BTreeSet<String>,
    /// Whether either application has broken the rules of signaling: an offer that was sent was
    /// taken back or replaced, while its answer may already be on the way. The two need not fit
    /// after that, but neither may fail by itself.
    pub(crate) tainted: bool,
}

/// What an event has led to.
pub(crate) enum Step {
    /// It had no effect, or was refused.
    Same,
    Next(Box<Side>, Option<Message>),
}

impl Side {
    pub(crate) fn new(number: u8, config: Config) -> Self {
        Self {
            negotiator: Negotiator::new(config),
            number,
            mirror: Mirror::default(),
            pending: None,
            current: None,
            completed: 0,
            last: None,
            replaced: BTreeSet::new(),
            tainted: false,
        }
    }

    /// What makes it this one: two sides with equal keys go on equally.
    pub(crate) fn key(&self) -> (u64, u64) {
        let text = format!("{:?}", self.negotiator);
        let rest = (
            &self.pending,
            &self.current,
            self.completed,
            &self.last,
            &self.replaced,
            self.tainted,
        );
        let hash = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(seed);
            hasher.write(text.as_bytes());
            rest.hash(&mut hasher);
            hasher.finish()
        };
        (hash(0), hash(1))
    }

    pub(crate) fn state(&self) -> SignalingState {
        let Some(pending) = &self.pending else {
            return SignalingState::Stable;
        };
        match (pending.origin, &pending.provisional) {
            (Origin::Local, None) => SignalingState::HaveLocalOffer,
            (Origin::Local, Some(_)) => SignalingState::HaveRemotePrAnswer,
            (Origin::Remote, None) => SignalingState::HaveRemoteOffer,
            (Origin::Remote, Some(_)) => SignalingState::HaveLocalPrAnswer,
        }
    }

    pub(crate) fn current(&self) -> Option<(&str, &str)> {
        self.current.as_ref().map(|(ours, theirs, _)| (&**ours, &**theirs))
    }

    /// What ICE and DTLS of this side have for a key.
    pub(crate) fn transport(&self, key: TransportKey) -> LocalTransport {
        transport(self.number, key)
    }

    /// What an event leads to, with `message` if it receives one; `Err` says which rule is broken.
    pub(crate) fn step(&self, event: Event, message: Option<&Message>) -> Result<Step, String> {
        let mut next = self.clone();
        let sent = match event {
            Event::AddTrack(_) | Event::AddTransceiver(..) if next.transceiver(LIVE_MAXIMUM - 1).is_some() => {
                return Ok(Step::Same);
            }
            Event::AddTrack(kind) => {
                next.negotiator.add_track(kind, vec!["s".to_owned()]);
                None
            }
            Event::AddTransceiver(kind, direction) => {
                let init = TransceiverInit {
                    direction,
                    ..TransceiverInit::default()
                };
                next.negotiator.add_transceiver(kind, init);
                None
            }
            Event::Stop(place) => match next.transceiver(place) {
                Some(id) => next
                    .negotiator
                    .stop(id)
                    .map(|()| None)
                    .map_err(|error| error.to_string())?,
                None => return Ok(Step::Same),
            },
            Event::Direct(place, direction) => match next.transceiver(place) {
                Some(id) => next.direct(id, direction)?,
                None => return Ok(Step::Same),
            },
            Event::AddData => {
                next.negotiator.add_data_channels();
                None
            }
            Event::StopData => {
                next.negotiator.stop_data_channels();
                None
            }
            Event::Restart => {
                next.restart();
                None
            }
            Event::Offer => return next.offer(),
            Event::Answer => return next.answer(SdpKind::Answer),
            Event::PrAnswer => return next.answer(SdpKind::PrAnswer),
            Event::Rollback => return next.roll_back(),
            Event::Receive => {
                let Some(message) = message else { return Ok(Step::Same) };
                next.tainted |= message.tainted;
                return next.receive(message);
            }
        };
        next.mirror.catch_up(&next.negotiator);
        next.checked(sent)
    }

    fn transceiver(&self, place: usize) -> Option<TransceiverId> {
        let live = self.negotiator.transceivers().iter().filter(|each| !each.is_stopped());
        live.map(|each| each.id()).nth(place)
    }

    fn direct(&mut self, id: TransceiverId, direction: Direction) -> Result<Option<Message>, String> {
        let done = self.negotiator.set_direction(id, direction);
        done.map(|()| None).map_err(|error| error.to_string())
    }

    fn restart(&mut self) {
        self.negotiator.restart_ice();
        let number = self.number;
        let live = self.negotiator.live_keys().map(|key| transport(number, key).ufrag);
        self.replaced.extend(live);
    }

    fn offer(mut self) -> Result<Step, String> {
        let before = self.negotiator.clone();
        let number = self.number;
        let created = self.negotiator.create_offer(|key| transport(number, key));
        if table::next(self.state(), Origin::Local, SdpKind::Offer).is_none() {
            return refused(created.map(drop), &before, &self.negotiator);
        }
        let offer = created.map_err(|error| format!("no offer: {error}"))?;
        let again = self.negotiator.create_offer(|key| transport(number, key));
        check!(
            again.as_ref() == Ok(&offer),
            "the same offer is created differently: {again:?}\n{}",
            offer.sdp
        );
        text::check_offer(&offer.sdp, &self.known())?;
        self.created(&offer);
        // An offer that the peer may be answering is replaced.
        self.tainted |= self.pending.is_some();
        self.set(Origin::Local, &offer)?;
        let text: Rc<str> = offer.sdp.into();
        let message = self.message(SdpKind::Offer, text.clone(), text);
        self.checked(Some(message))
    }

    fn answer(mut self, kind: SdpKind) -> Result<Step, String> {
        let before = self.negotiator.clone();
        let number = self.number;
        let created = self.negotiator.create_answer(|key| transport(number, key));
        if table::next(self.state(), Origin::Local, kind).is_none() {
            return refused(created.map(drop), &before, &self.negotiator);
        }
        let answer = created.map_err(|error| format!("no answer: {error}"))?;
        let again = self.negotiator.create_answer(|key| transport(number, key));
        check!(again.as_ref() == Ok(&answer), "the same answer is created differently");
        let offer = self.pending.as_ref().ok_or("no offer")?.offer.clone();
        text::check_answer(&answer.sdp, &offer, &self.known())?;
        self.created(&answer);
        self.set(
            Origin::Local,
            &Description {
                kind,
                sdp: answer.sdp.clone(),
            },
        )?;
        let message = self.message(kind, answer.sdp.into(), offer);
        self.checked(Some(message))
    }

    fn roll_back(mut self) -> Result<Step, String> {
        let Some(pending) = self.pending.clone() else {
            let before = self.negotiator.clone();
            let done = self.negotiator.set_local(&Description::rollback());
            return refused(done.map(drop), &before, &self.negotiator);
        };
        // The peer may be answering.
        self.tainted |= pending.origin == Origin::Local;
        self.set(Origin::Local, &Description::rollback())?;
        let message = self.message(SdpKind::Rollback, "".into(), pending.offer);
        self.checked(Some(message))
    }

    fn receive(mut self, message: &Message) -> Result<Step, String> {
        let description = Description {
            kind: message.kind,
            sdp: message.text.to_string(),
        };
        let about = self.pending.as_ref().filter(|pending| pending.offer == message.offer);
        let state = self.state();
        match message.kind {
            SdpKind::Offer => match state {
                SignalingState::Stable | SignalingState::HaveRemoteOffer => {}
                SignalingState::HaveLocalPrAnswer => {
                    self.set(Origin::Remote, &Description::rollback())?;
                }
                _ => {
                    // Glare.
                    let before = self.negotiator.clone();
                    let done = self.negotiator.set_remote(&description).map(drop);
                    refused(done, &before, &self.negotiator)?;
                    if self.number == 0 {
                        return Ok(Step::Same);
                    }
                    return self.yields(&description);
                }
            },
            // Stale: its offer was taken back or replaced.
            _ if about.is_none() => return Ok(Step::Same),
            _ => {}
        }
        match self.clone_set(Origin::Remote, &description) {
            Ok(next) => next.checked(None),
            Err(error) if self.tainted => {
                let _ = error;
                Ok(Step::Same)
            }
            Err(error) => Err(format!(
                "the peer's {} is refused: {error}\n{}",
                message.kind, message.text
            )),
        }
    }

    fn yields(mut self, offer: &Description) -> Result<Step, String> {
        let before = self.negotiator.clone();
        match self.negotiator.set_remote_yielding(offer) {
            Ok(effects) => {
                self.pending = None;
                self.took(Origin::Remote, offer, &effects)?;
                self.checked(None)
            }
            Err(_) if self.tainted => {
                check!(before == self.negotiator, "a refused offer has changed something");
                Ok(Step::Same)
            }
            Err(error) => Err(format!("the colliding offer is refused: {error}")),
        }
    }

    fn clone_set(&self, origin: Origin, description: &Description) -> Result<Self, String> {
        let mut next = self.clone();
        next.set(origin, description)?;
        Ok(next)
    }

    /// Sets what fits; an error must have changed nothing.
    fn set(&mut self, origin: Origin, description: &Description) -> Result<(), String> {
        let before = self.negotiator.clone();
        let done = match origin {
            Origin::Local => self.negotiator.set_local(description),
            Origin::Remote => self.negotiator.set_remote(description),
        };
        match done {
            Ok(effects) => self.took(origin, description, &effects),
            Err(error) => {
                check!(before == self.negotiator, "an error has changed something: {error}");
                Err(format!("{origin:?} {} is refused: {error}", description.kind))
            }
        }
    }

    fn took(&mut self, origin: Origin, description: &Description, effects: &[Effect]) -> Result<(), String> {
        let text: Rc<str> = description.sdp.as_str().into();
        match description.kind {
            SdpKind::Offer => {
                self.pending = Some(Pending {
                    origin,
                    offer: text,
                    provisional: None,
                })
            }
            SdpKind::PrAnswer => self.pending.as_mut().ok_or("no exchange")?.provisional = Some(text),
            SdpKind::Rollback => self.pending = None,
            _ => {
                let pending = self.pending.take().ok_or("no exchange")?;
                let mut hasher = DefaultHasher::new();
                (self.completed, &pending.offer, &text).hash(&mut hasher);
                self.completed = hasher.finish();
                self.current = Some(match pending.origin {
                    Origin::Local => (pending.offer, text, true),
                    Origin::Remote => (text, pending.offer, false),
                });
                self.forget_replaced()?;
            }
        }
        self.mirror.follow(effects, &self.negotiator)
    }

    /// W3C WebRTC §4.4.1.5: what was to be replaced has been.
    fn forget_replaced(&mut self) -> Result<(), String> {
        let (ours, ..) = self.current.as_ref().ok_or("no exchange")?;
        if text::ufrags(ours)?.values().all(|ufrag| !self.replaced.contains(ufrag)) {
            self.replaced.clear();
        }
        Ok(())
    }

    fn created(&mut self, description: &Description) {
        let version = text::parse(&description.sdp)
            .ok()
            .and_then(|session| session.origin().session_version_number());
        self.last = version.map(|version| (version, description.sdp.as_str().into()));
    }

    fn known(&self) -> Known<'_> {
        Known {
            session_id: if self.number == 0 { "1000" } else { "2000" },
            last: self.last.as_ref().map(|(version, text)| (*version, &**text)),
            current: self
                .current
                .as_ref()
                .map(|(ours, theirs, offered)| (&**ours, &**theirs, *offered)),
            replaced: &self.replaced,
        }
    }

    fn message(&self, kind: SdpKind, text: Rc<str>, offer: Rc<str>) -> Message {
        Message {
            kind,
            text,
            offer,
            tainted: self.tainted,
        }
    }

    /// What must hold in every state.
    fn checked(self, sent: Option<Message>) -> Result<Step, String> {
        check!(
            self.negotiator.signaling_state() == self.state(),
            "the signaling state is another"
        );
        if self.state() != SignalingState::Stable {
            check!(
                !self.negotiator.negotiation_needed(),
                "negotiation is needed during an exchange"
            );
        }
        self.check_descriptions()?;
        Ok(Step::Next(Box::new(self), sent))
    }

    /// W3C WebRTC §4.4.1: current and pending descriptions are what was set.
    fn check_descriptions(&self) -> Result<(), String> {
        let describe = |kind, text: &Rc<str>| Description {
            kind,
            sdp: text.to_string(),
        };
        let provisional = |pending: &Pending| {
            let answer = pending.provisional.as_ref()?;
            Some(describe(SdpKind::PrAnswer, answer))
        };
        let offer = |pending: &Pending| Some(describe(SdpKind::Offer, &pending.offer));
        let (local, remote) = match &self.pending {
            None => (None, None),
            Some(pending) if pending.origin == Origin::Local => (offer(pending), provisional(pending)),
            Some(pending) => (provisional(pending), offer(pending)),
        };
        let pending_local = self.negotiator.pending_local(|key| self.transport(key));
        check!(
            pending_local == Ok(local),
            "the pending local description is {pending_local:?}"
        );
        check!(
            self.negotiator.pending_remote() == remote,
            "the pending remote description is another"
        );
        let (local, remote) = match &self.current {
            None => (None, None),
            Some((ours, theirs, true)) => (
                Some(describe(SdpKind::Offer, ours)),
                Some(describe(SdpKind::Answer, theirs)),
            ),
            Some((ours, theirs, _)) => (
                Some(describe(SdpKind::Answer, ours)),
                Some(describe(SdpKind::Offer, theirs)),
            ),
        };
        let current_local = self.negotiator.current_local(|key| self.transport(key));
        check!(
            current_local == Ok(local),
            "the current local description is {current_local:?}"
        );
        check!(
            self.negotiator.current_remote() == remote,
            "the current remote description is another"
        );
        Ok(())
    }

    /// Descriptions that don't fit are refused and change nothing, whatever they say; so are those
    /// that fit and can't be read.
    pub(crate) fn probe(&self) -> Result<(), String> {
        let mut next = self.negotiator.clone();
        for (origin, kind) in ORIGINS.into_iter().flat_map(|origin| KINDS.map(|kind| (origin, kind))) {
            let fits = table::next(self.state(), origin, kind);
            if kind == SdpKind::Rollback && fits.is_some() {
                continue;
            }
            let sdp = if kind == SdpKind::Rollback { "" } else { "no SDP" };
            let description = Description {
                kind,
                sdp: sdp.to_owned(),
            };
            let done = match origin {
                Origin::Local => next.set_local(&description),
                Origin::Remote => next.set_remote(&description),
            };
            let state = matches!(done, Err(NegotiationError::WrongState { .. }));
            check!(
                state == fits.is_none(),
                "{origin:?} {kind} in {}: {done:?}",
                self.state()
            );
        }
        check!(
            next == self.negotiator,
            "a description that was refused has changed something"
        );
        Ok(())
    }
}

fn refused(done: Result<(), NegotiationError>, before: &Negotiator, after: &Negotiator) -> Result<Step, String> {
    check!(
        matches!(done, Err(NegotiationError::WrongState { .. })),
        "this does not fit and is not refused: {done:?}"
    );
    check!(before == after, "a refused call has changed something");
    Ok(Step::Same)
}

fn transport(number: u8, key: TransportKey) -> LocalTransport {
    let TransportKey {
        transport,
        generation,
        tls_id,
    } = key;
    LocalTransport {
        ufrag: format!("{number}t{transport}g{generation}"),
        pwd: format!("password/of/{number}t{transport}g{generation}/aaaaaaaaaa"),
        fingerprints: CertificateHash::new(HashFunction::Sha256, &[[0xaa, 0xbb][usize::from(number)]; 32])
            .into_iter()
            .collect(),
        tls_id: Some(format!("{number}t{transport}d{tls_id}-0123456789abcdef")),
        candidates: vec![
            format!("1 1 udp 2130706431 192.0.2.{number} {} typ host", 5_000 + generation)
                .parse()
                .expect("a candidate"),
        ],
        end_of_candidates: true,
    }
}
