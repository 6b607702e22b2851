//! RFC 9260 §5.2.1: both sides open at once, as data channels always do.

mod support;

use pollrtc_sctp::Event;
use support::*;

#[test]
fn both_are_connected_after_one_and_a_half_round_trips() {
    let mut pair = Associations::new(config(), config());
    let start = pair.now;
    pair.a.machine.connect();
    pair.b.machine.connect();
    pair.send(0, "from a");
    let options = Default::default();
    pair.b.machine.send(1, 51, "from b".into(), options).unwrap();
    pair.run_until(ms(1000), |pair| {
        !pair.a.messages().is_empty() && !pair.b.messages().is_empty()
    });
    assert_eq!(pair.now - start, ms(30));
    pair.run_for(ms(3000));
    let connected = |events: &[Event]| events.iter().filter(|e| **e == Event::Connected).count();
    assert_eq!(connected(&pair.a.events), 1);
    assert_eq!(connected(&pair.b.events), 1);
    assert_eq!(pair.b.messages(), [(0, "from a".into())]);
    assert_eq!(pair.a.messages(), [(1, "from b".into())]);
}

#[test]
fn whoever_begins_first_it_takes_no_longer() {
    for (head_start, expected) in [
        (1, 30),
        (5, 35),
        (9, 39),
        (10, 40),
        (11, 40),
        (15, 40),
        (25, 40),
        (35, 40),
    ] {
        let mut pair = Associations::new(config(), config());
        let start = pair.now;
        pair.a.machine.connect();
        pair.run_for(ms(head_start));
        pair.b.machine.connect();
        pair.run_until(ms(1000), |pair| {
            pair.a.events.contains(&Event::Connected) && pair.b.events.contains(&Event::Connected)
        });
        assert!(
            pair.now - start <= ms(expected.max(40)),
            "head start {head_start}: {:?}",
            pair.now - start
        );
        pair.run_for(ms(3000));
        assert_eq!(pair.a.events, [Event::Connected], "head start {head_start}");
        assert_eq!(pair.b.events, [Event::Connected], "head start {head_start}");
    }
}

#[test]
fn for_every_pattern_of_loss_there_is_one_association_and_nothing_is_lost() {
    for pattern in 0u32..256 {
        let mut pair = Associations::new(config(), config());
        pair.a.lose = (0..4).filter(|n| pattern & 1 << n != 0).collect();
        pair.b.lose = (0..4).filter(|n| pattern & 16 << n != 0).collect();
        pair.a.machine.connect();
        pair.b.machine.connect();
        for n in 0..3 {
            pair.send(0, numbered(n, 2000));
            let options = Default::default();
            pair.b.machine.send(0, 51, numbered(n, 500), options).unwrap();
        }
        pair.run_until(ms(60_000), |pair| {
            pair.a.messages().len() == 3 && pair.b.messages().len() == 3
        });
        let to_b: Vec<_> = (0..3).map(|n| (0, numbered(n, 2000))).collect();
        let to_a: Vec<_> = (0..3).map(|n| (0, numbered(n, 500))).collect();
        assert_eq!(pair.b.messages(), to_b, "pattern {pattern:08b}");
        assert_eq!(pair.a.messages(), to_a, "pattern {pattern:08b}");
    }
}
