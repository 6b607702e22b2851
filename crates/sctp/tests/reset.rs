//! RFC 6525: streams begin anew.

mod support;

use pollrtc_sctp::wire::{Packet, kind};
use pollrtc_sctp::{Event, ResetError, SendError, SendOptions, Streams};
use support::*;

fn reset_events(events: &[Event]) -> Vec<&Event> {
    let wanted = |event: &&Event| matches!(event, Event::IncomingReset(_) | Event::OutgoingReset { .. });
    events.iter().filter(wanted).collect()
}

#[test]
fn both_sides_hear_of_it_and_numbers_begin_at_zero() {
    let mut pair = Associations::connected();
    pair.send(4, "one");
    pair.send(4, "two");
    pair.a.machine.reset_streams(&[4]).unwrap();
    let refused = pair.a.machine.send(4, 51, "x".into(), SendOptions::default());
    assert_eq!(refused, Err(SendError::Resetting(4)));
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages(), [(4, "one".into()), (4, "two".into())]);
    assert_eq!(
        reset_events(&pair.a.events),
        [&Event::OutgoingReset {
            stream: 4,
            result: Ok(())
        }]
    );
    assert_eq!(pair.b.events.last(), Some(&Event::IncomingReset(Streams::One(4))));
    pair.send(4, "a new life");
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages().last(), Some(&(4, "a new life".into())));
}

#[test]
fn everything_that_was_sent_before_is_delivered_before_even_when_lost() {
    for lost in 0..6 {
        let mut pair = Associations::connected();
        pair.a.lose = vec![lost];
        for number in 0..4 {
            pair.send(4, numbered(number, 1100));
        }
        pair.a.machine.reset_streams(&[4]).unwrap();
        pair.run_for(ms(5000));
        assert_eq!(pair.b.messages().len(), 4, "packet {lost} lost");
        assert_eq!(pair.b.events.last(), Some(&Event::IncomingReset(Streams::One(4))));
        let done = Event::OutgoingReset {
            stream: 4,
            result: Ok(()),
        };
        assert_eq!(reset_events(&pair.a.events), [&done], "packet {lost} lost");
    }
}

#[test]
fn a_reset_is_asked_for_when_what_was_sent_before_is_acknowledged() {
    // A peer can only say "in progress" as long as data is missing, and usrsctp goes on to say so.
    for lost in [vec![], vec![0], vec![1], vec![0, 1, 2]] {
        let mut pair = Associations::connected();
        pair.a.lose = lost.clone();
        for number in 0..3 {
            pair.send(4, numbered(number, 1100));
        }
        pair.a.machine.reset_streams(&[4]).unwrap();
        pair.run_for(ms(5000));
        let resets = pair.b.wire.iter().flat_map(|packet| {
            let chunks: Vec<_> = Packet::parse(packet).unwrap().chunks().map(Result::unwrap).collect();
            let resets = chunks.into_iter().filter(|chunk| chunk.kind() == kind::RE_CONFIG);
            resets.map(|chunk| chunk.value().to_vec()).collect::<Vec<_>>()
        });
        let results: Vec<u8> = resets.map(|response| response[11]).collect();
        assert_eq!(results, [1], "performed at once, {lost:?} lost");
    }
}

#[test]
fn a_lost_answer_is_given_again() {
    let mut pair = Associations::connected();
    pair.b.lose = vec![0, 1];
    pair.a.machine.reset_streams(&[1]).unwrap();
    pair.run_for(ms(5000));
    assert_eq!(reset_events(&pair.a.events).len(), 1);
    assert_eq!(reset_events(&pair.b.events).len(), 1, "performed once");
}

#[test]
fn one_request_at_a_time_and_none_is_forgotten() {
    let mut pair = Associations::connected();
    for stream in 0..250 {
        pair.send(stream, numbered(stream.into(), 100));
        pair.a.machine.reset_streams(&[stream]).unwrap();
    }
    pair.run_for(ms(20_000));
    assert_eq!(reset_events(&pair.a.events).len(), 250);
    assert_eq!(reset_events(&pair.b.events).len(), 250);
    assert_eq!(pair.b.messages().len(), 250);
}

#[test]
fn before_there_is_an_association_nothing_can_be_reset() {
    let mut pair = Associations::new(config(), config());
    assert_eq!(pair.a.machine.reset_streams(&[0]), Err(ResetError::NotConnected));
    pair.connect();
    assert_eq!(pair.a.machine.reset_streams(&[0]), Ok(()));
}

#[test]
fn for_every_seed_resets_separate_lives_of_a_stream() {
    for seed in 0..60 {
        let faults = LinkFaults {
            loss: 150,
            duplication: 100,
            reordering: 200,
        };
        let mut pair = Associations::new(patient(), patient()).with_faults(faults, seed);
        pair.connect();
        for life in 0..5 {
            for number in 0..5 {
                pair.send(2, numbered(life * 5 + number, 900));
            }
            pair.a.machine.reset_streams(&[2]).unwrap();
            pair.run_until(ms(120_000), |pair| reset_events(&pair.a.events).len() == life + 1);
        }
        pair.run_for(ms(1000));
        let mut lives = vec![0];
        for event in &pair.b.events {
            match event {
                Event::Message { .. } => *lives.last_mut().unwrap() += 1,
                Event::IncomingReset(_) => lives.push(0),
                _ => {}
            }
        }
        assert_eq!(lives, [5, 5, 5, 5, 5, 0], "seed {seed}");
    }
}
