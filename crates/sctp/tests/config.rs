//! Whatever the configuration says, associations come about and deliver what it lets them.

mod support;

use std::time::Duration;

use pollrtc_sctp::{AssociationState, Config, Event, SendError, SendOptions};
use quickcheck::{Arbitrary, Gen, quickcheck};
use support::*;

/// A configuration of extremes.
#[derive(Clone, Debug)]
struct Extreme(Config);

impl Arbitrary for Extreme {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut size = |usual: usize| *g.choose(&[0, 1, 100, usual, usual, usize::MAX]).unwrap();
        let config = Config::new()
            .with_max_packet(size(1152))
            .with_receive_window(u32::try_from(size(100_000)).unwrap_or(u32::MAX))
            .with_max_message_size(size(10_000))
            .with_send_buffer(size(10_000))
            .with_max_outstanding(size(10_000))
            .with_outbound_streams(size(10) as u16)
            .with_inbound_streams(size(10) as u16)
            .with_initial_window(size(4));
        let mut time = || {
            *g.choose(&[Duration::ZERO, ms(1), ms(400), ms(400), Duration::MAX])
                .unwrap()
        };
        let config = config
            .with_rto_initial(time())
            .with_rto_min(time())
            .with_rto_max(time())
            .with_cookie_lifetime(time())
            .with_sack_delay(time())
            .with_heartbeat_interval(Some(time()));
        Self(config.with_max_retransmits(None).with_max_init_retransmits(None))
    }
}

quickcheck! {
    fn every_configuration_connects_and_delivers(ours: Extreme, theirs: Extreme) -> bool {
        let mut pair = Associations::new(ours.0.clone(), theirs.0.clone());
        pair.a.machine.connect();
        pair.run_until(ms(10_000), |pair| pair.b.events.contains(&Event::Connected));
        let allowed = ours.0.send_buffer.min(theirs.0.max_message_size.max(1));
        let message = numbered(1, allowed.min(9000));
        for _ in 0..3 {
            let sent = pair.a.machine.send(0, 51, message.clone(), SendOptions::default());
            if message.is_empty() {
                return sent == Err(SendError::Empty);
            }
            match sent {
                Ok(()) => {}
                // Short ones cost what they cost.
                Err(SendError::BufferFull { limit, .. }) if limit < 3 * message.len().max(192) => {}
                Err(error) => panic!("{error}"),
            }
            pair.run_for(ms(2000));
        }
        let messages = pair.b.messages();
        pair.a.machine.state() == AssociationState::Connected
            && messages.len() == 3
            && messages.iter().all(|(stream, data)| *stream == 0 && *data == message)
    }

    fn limits_are_within_limits(config: Extreme) -> bool {
        let once = config.0.within_limits();
        let fields = format!("{once:?}");
        format!("{:?}", once.within_limits()) == fields
    }
}

#[test]
fn what_the_defaults_say_holds() {
    let defaults = Config::new();
    assert_eq!(
        format!("{:?}", defaults.clone().within_limits()),
        format!("{defaults:?}")
    );
}

#[test]
fn each_limit_that_no_association_can_work_with_is_the_nearest_that_one_can() {
    let none = Duration::ZERO;
    let config = Config::new()
        .with_max_packet(0)
        .with_receive_window(0)
        .with_max_message_size(0)
        .with_outbound_streams(0)
        .with_inbound_streams(0)
        .with_rto_initial(none)
        .with_rto_min(ms(5000))
        .with_rto_max(ms(2000))
        .with_heartbeat_interval(Some(none))
        .with_cookie_lifetime(none)
        .with_sack_delay(ms(9000))
        .with_initial_window(0)
        .within_limits();
    assert_eq!(
        (config.max_packet, config.receive_window, config.max_message_size),
        (512, 1500, 1)
    );
    assert_eq!(
        (config.outbound_streams, config.inbound_streams, config.initial_window),
        (1, 1, 1)
    );
    assert_eq!(
        (config.rto_initial, config.rto_min, config.rto_max),
        (ms(2000), ms(2000), ms(2000))
    );
    assert_eq!(
        (config.heartbeat_interval, config.cookie_lifetime),
        (Some(ms(1)), ms(5000))
    );
    assert_eq!(config.sack_delay, ms(500));
}

/// A window of the least size is refilled packet by packet, also where packets are lost.
#[test]
fn the_least_window_and_one_message_outstanding_deliver_in_bad_weather() {
    let narrow = || {
        patient()
            .with_receive_window(0)
            .with_max_outstanding(0)
            .with_initial_window(0)
    };
    let mut pair = Associations::new(narrow(), narrow());
    pair.connect();
    let faults = LinkFaults {
        loss: 50,
        duplication: 20,
        reordering: 200,
    };
    let mut pair = pair.with_faults(faults, 1);
    let sent: Vec<_> = (0..30).map(|number| (0, numbered(number, 4 + number * 300))).collect();
    for (stream, message) in &sent {
        pair.send(*stream, message.clone());
    }
    pair.run_until(ms(300_000), |pair| pair.b.messages().len() == sent.len());
    assert_eq!(pair.b.messages(), sent);
}
