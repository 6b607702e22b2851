//! What is played between two stacks: messages of every kind, a reset of a stream, the end.

use std::time::Duration;

use bytes::Bytes;

use crate::link::{Link, Side};
use crate::stack::{Delivery, End, Name};

/// The parts of a play, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Connect,
    /// Reliable messages on four streams, both ways at once.
    Ordered,
    Unordered,
    /// Messages that are not sent again, ordered and not, beside reliable ones.
    Partial,
    /// A stream is reset in both directions, behind data, and used again.
    Reset,
    /// The end is asked for while messages wait to be sent.
    Shutdown,
    /// The end is asked for once all has arrived.
    ShutdownAtRest,
}

impl Part {
    pub(crate) const ALL: [Self; 7] = [
        Self::Connect,
        Self::Ordered,
        Self::Unordered,
        Self::Partial,
        Self::Reset,
        Self::Shutdown,
        Self::ShutdownAtRest,
    ];

    fn play(self, link: &mut Link, seed: u64) -> Result<(), String> {
        match self {
            Self::Connect => connect(link),
            Self::Ordered => ordered(link),
            Self::Unordered => unordered(link),
            Self::Partial => partial(link),
            Self::Reset => reset(link, seed),
            Self::Shutdown => shutdown(link, seed),
            Self::ShutdownAtRest => shutdown_at_rest(link, seed),
        }
    }
}

/// Plays these parts; the one that failed, and why.
pub(crate) fn play(link: &mut Link, seed: u64, parts: &[Part]) -> Result<(), (Part, String)> {
    for part in parts.iter().copied() {
        part.play(link, seed).map_err(|why| (part, why))?;
        link.sides.iter_mut().for_each(|side| side.messages.clear());
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(120);
const UNRELIABLE: Option<u16> = Some(0);

/// A message that tells which one it is, and where it was cut if it was.
fn message(number: usize, len: usize) -> Bytes {
    let head = (number as u32).to_be_bytes();
    let body = (head.len()..len).map(|at| (at * 7 + number * 13) as u8);
    head.into_iter().chain(body).collect()
}

/// Lengths from a byte (with its number, four) to forty packets.
fn len(number: usize) -> usize {
    match number % 12 {
        0 => 40_000,
        1 => 5000,
        2 => 4,
        3 => 1156,
        _ => 20 + number * 29,
    }
}

fn told(sides: &mut [Side; 2]) -> String {
    let [client, server] = sides.each_mut().map(|side| side.stack.told());
    format!("{client:?}, {server:?}")
}

fn connect(link: &mut Link) -> Result<(), String> {
    link.sides[0].stack.connect();
    if link.sides.iter().any(|side| side.name.begins_always()) {
        link.sides[1].stack.connect();
    }
    let both = |sides: &mut [Side; 2]| sides.iter_mut().all(|side| side.stack.is_connected());
    match link.run_until(PATIENCE, both) {
        true => Ok(()),
        false => Err(told(&mut link.sides)),
    }
}

/// What each of the two is to get.
type Expected = [Vec<(u16, Bytes)>; 2];

fn send(
    link: &mut Link,
    from: usize,
    stream: u16,
    message: Bytes,
    delivery: Delivery,
    expected: &mut Expected,
) -> Result<(), String> {
    match link.sides[from].stack.send(stream, &message, delivery) {
        true => expected[1 - from].push((stream, message)),
        false => return Err(format!("{} does not send on {stream}", link.sides[from].name.text())),
    }
    Ok(())
}

/// By stream; order holds within one.
fn by_stream(messages: &[(u16, Bytes)]) -> Vec<(u16, Bytes)> {
    let mut sorted = messages.to_vec();
    sorted.sort_by_key(|(stream, _)| *stream);
    sorted
}

/// Waits until both have got what was sent to them, in order if `same` compares it.
fn arrives(
    link: &mut Link,
    expected: &Expected,
    same: fn(&[(u16, Bytes)], &[(u16, Bytes)]) -> bool,
) -> Result<(), String> {
    let complete = |sides: &mut [Side; 2]| (0..2).all(|side| sides[side].messages.len() >= expected[side].len());
    let complete = link.run_until(PATIENCE, complete);
    // What comes twice comes late.
    link.run_for(Duration::from_secs(1));
    for (side, expected) in link.sides.iter().zip(expected) {
        if !complete || !same(&side.messages, expected) {
            let (got, all) = (side.messages.len(), expected.len());
            let name = side.name.text();
            return Err(format!("{name} got {got} of {all}; {}", told(&mut link.sides)));
        }
    }
    Ok(())
}

fn ordered(link: &mut Link) -> Result<(), String> {
    let mut expected = Expected::default();
    for number in 0..60 {
        for from in 0..2 {
            let message = message(number, len(number));
            send(
                link,
                from,
                (number % 4) as u16,
                message,
                Delivery::RELIABLE,
                &mut expected,
            )?;
        }
        link.run_for(Duration::from_millis(5));
    }
    arrives(link, &expected, |got, expected| by_stream(got) == by_stream(expected))
}

fn unordered(link: &mut Link) -> Result<(), String> {
    let mut expected = Expected::default();
    let delivery = Delivery {
        ordered: false,
        ..Delivery::RELIABLE
    };
    for number in 0..40 {
        for from in 0..2 {
            let message = message(number, len(number));
            send(link, from, 5, message, delivery, &mut expected)?;
        }
        link.run_for(Duration::from_millis(5));
    }
    arrives(link, &expected, |got, expected| {
        let [mut got, mut expected] = [got.to_vec(), expected.to_vec()];
        got.sort();
        expected.sort();
        got == expected
    })
}

fn partial(link: &mut Link) -> Result<(), String> {
    const ORDERED: u16 = 9;
    const UNORDERED: u16 = 10;
    const RELIABLE: u16 = 3;
    let (mut unreliable, mut reliable) = (Expected::default(), Expected::default());
    for number in 0..60 {
        for from in 0..2 {
            for stream in [ORDERED, UNORDERED] {
                let delivery = Delivery {
                    ordered: stream == ORDERED,
                    retransmissions: UNRELIABLE,
                };
                let message = message(number, 100 + (number % 5) * 1500);
                send(link, from, stream, message, delivery, &mut unreliable)?;
            }
            if number % 4 == 0 {
                let message = message(number, 1500);
                send(link, from, RELIABLE, message, Delivery::RELIABLE, &mut reliable)?;
            }
        }
        link.run_for(Duration::from_millis(10));
    }
    let counted = |sides: &[Side; 2], side: usize| {
        let reliable = sides[side].messages.iter().filter(|(stream, _)| *stream == RELIABLE);
        reliable.count()
    };
    let complete = |sides: &mut [Side; 2]| (0..2).all(|side| counted(sides, side) >= reliable[side].len());
    let complete = link.run_until(PATIENCE, complete);
    // What is unreliable may still wait for a narrow congestion window.
    let mut before = None;
    while before.replace(received(link)) != Some(received(link)) {
        link.run_for(Duration::from_secs(10));
    }
    for side in 0..2 {
        let got = &link.sides[side].messages;
        let on = |stream: u16| got.iter().filter(move |(on, _)| *on == stream);
        let name = link.sides[side].name.text();
        if !complete || !on(RELIABLE).eq(&reliable[side]) {
            let (got, all) = (on(RELIABLE).count(), reliable[side].len());
            return Err(format!("{name} got {got} of {all} reliable; {}", told(&mut link.sides)));
        }
        for stream in [ORDERED, UNORDERED] {
            let sent: Vec<&(u16, Bytes)> = unreliable[side].iter().filter(|(on, _)| *on == stream).collect();
            let (got, all) = (on(stream).count(), sent.len());
            let right = match stream {
                ORDERED => is_subsequence(on(stream), &sent),
                _ => is_subset(on(stream), &sent),
            };
            if !right || got < all / 4 {
                return Err(format!("{name} got {got} of {all} on {stream}, in order: {right}"));
            }
        }
    }
    Ok(())
}

fn received(link: &Link) -> [usize; 2] {
    link.sides.each_ref().map(|side| side.messages.len())
}

fn is_subsequence<'m>(mut got: impl Iterator<Item = &'m (u16, Bytes)>, sent: &[&(u16, Bytes)]) -> bool {
    let mut sent = sent.iter();
    got.all(|message| sent.any(|other| *other == message))
}

fn is_subset<'m>(got: impl Iterator<Item = &'m (u16, Bytes)>, sent: &[&(u16, Bytes)]) -> bool {
    let mut got: Vec<_> = got.collect();
    let mut sent = sent.to_vec();
    got.sort();
    sent.sort();
    is_subsequence(got.into_iter(), &sent)
}

fn reset(link: &mut Link, seed: u64) -> Result<(), String> {
    const STREAM: u16 = 1;
    let mut expected = Expected::default();
    for from in 0..2 {
        send(
            link,
            from,
            STREAM,
            message(500, 8000),
            Delivery::RELIABLE,
            &mut expected,
        )?;
    }
    if seed % 2 == 0 {
        // Some of it is out when the reset is asked for.
        link.run_for(Duration::from_millis(3));
    }
    for side in &mut link.sides {
        if !side.stack.reset(STREAM) {
            return Err(format!("{} does not reset", side.name.text()));
        }
    }
    let done = |sides: &mut [Side; 2]| {
        sides.iter_mut().all(|side| {
            let told = side.stack.told();
            !side.name.tells_resets() || (told.resets_done > 0 && told.resets_of_peer > 0)
        })
    };
    if !link.run_until(PATIENCE, done) {
        return Err(format!("resets are not done: {}", told(&mut link.sides)));
    }
    // Where nothing tells that it is done, it is by now.
    link.run_for(Duration::from_secs(8));
    for number in 0..5 {
        for from in 0..2 {
            send(
                link,
                from,
                STREAM,
                message(600 + number, 700),
                Delivery::RELIABLE,
                &mut expected,
            )?;
        }
    }
    arrives(link, &expected, |got, expected| got == expected)
}

/// Who asks for the end.
fn ends(seed: u64) -> usize {
    (seed % 2) as usize
}

fn shutdown(link: &mut Link, seed: u64) -> Result<(), String> {
    let who = ends(seed);
    let mut expected = Expected::default();
    for from in 0..2 {
        send(link, from, 2, message(900, 20_000), Delivery::RELIABLE, &mut expected)?;
    }
    end(link, who, &expected)
}

fn shutdown_at_rest(link: &mut Link, seed: u64) -> Result<(), String> {
    let mut expected = Expected::default();
    for from in 0..2 {
        send(link, from, 2, message(900, 20_000), Delivery::RELIABLE, &mut expected)?;
    }
    arrives(link, &expected, |got, expected| got == expected)?;
    end(link, ends(seed), &expected)
}

/// One asks for the end, and both come to it.
fn end(link: &mut Link, who: usize, expected: &Expected) -> Result<(), String> {
    link.sides[who].stack.shutdown();
    let loses = link.weather.loss > 0;
    let is_told = |side: usize, name: Name| match side == who {
        true => name.tells_end_of_its_own(),
        false => name.takes_reflected_tags() || !loses,
    };
    let ended = |sides: &mut [Side; 2]| {
        (0..2).all(|side| !is_told(side, sides[side].name) || sides[side].stack.told().end.is_some())
    };
    let ended = link.run_until(PATIENCE, ended);
    let in_order = (0..2).all(|side| match link.sides[side].stack.told().end {
        Some(end) => end == End::InOrder,
        None => !is_told(side, link.sides[side].name),
    });
    // What was sent by the one that asks for the end is there before it.
    let complete = link.sides[1 - who].messages == expected[1 - who];
    match ended && in_order && complete {
        true => Ok(()),
        false => Err(format!(
            "{} shuts down, all that it sent is there: {complete}; {}",
            link.sides[who].name.text(),
            told(&mut link.sides)
        )),
    }
}
