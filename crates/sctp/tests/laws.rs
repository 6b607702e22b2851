//! Both machines keep the laws of the contract.

mod support;

use bytes::Bytes;
use pollrtc_core::laws::Laws;
use pollrtc_core::{Flow, Standalone};
use pollrtc_sctp::channel::{ChannelConfig, ChannelInit, DataChannels, Parity};
use pollrtc_sctp::{Association, Reliability, SendOptions};
use support::*;

/// A machine over the flow to the other one of the law test: 1 is the one that is tested, 2 its peer.
fn standalone<P>(protocol: P, seed: u8) -> Standalone<P> {
    let remote = match seed {
        1 => ([192, 0, 2, 2], 6000),
        _ => ([192, 0, 2, 1], 5000),
    };
    Standalone::new(protocol, Flow::udp(remote.into()))
}

fn association(seed: u8) -> Standalone<Association> {
    let config = config().with_receive_window(64 * 1024);
    standalone(Association::new(config, rng(seed)), seed)
}

fn options(argument: u64) -> SendOptions {
    SendOptions {
        ordered: argument & 1 == 0,
        reliability: match argument & 6 {
            0 => Reliability::MaxRetransmits((argument >> 3) as u16 % 3),
            2 => Reliability::MaxLifetime(ms(argument >> 3 & 0xFF)),
            _ => Reliability::Reliable,
        },
        priority: argument as u16,
    }
}

fn echo_peer() -> Standalone<Association> {
    let mut peer = association(2);
    peer.inner.connect();
    for number in 0..20 {
        peer.inner
            .send(number, 53, numbered(number.into(), 3000), SendOptions::default())
            .unwrap();
    }
    peer
}

fn samples() -> Vec<Vec<u8>> {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.send(0, numbered(0, 3000));
    pair.run_for(ms(1000));
    pair.a.machine.close();
    pair.run_for(ms(1000));
    [pair.a.wire, pair.b.wire].concat()
}

#[test]
fn association_keeps_the_laws() {
    Laws::of(|| association(1))
        .against(echo_peer)
        .verb(|association, _, _| association.inner.connect())
        .verb(|association, _, argument| {
            let data = numbered(1, (argument >> 8) as usize % 5000);
            let _ = association.inner.send(argument as u16 % 8, 53, data, options(argument));
        })
        .verb(|association, _, argument| {
            let _ = association
                .inner
                .send(0, 53, Bytes::from_static(b"small"), options(argument));
        })
        .verb(|association, _, argument| {
            let _ = association.inner.reset_streams(&[argument as u16 % 8]);
        })
        .verb(|association, _, argument| {
            if argument.is_multiple_of(16) {
                association.inner.close();
            }
        })
        .verb(|association, _, argument| {
            if argument.is_multiple_of(64) {
                association.inner.abort("law");
            }
        })
        .samples(samples())
        .scripts(400)
        .check();
}

fn channels(seed: u8) -> Standalone<DataChannels> {
    let config = ChannelConfig::new().with_association(config());
    standalone(DataChannels::new(config, rng(seed)), seed)
}

fn talking_peer() -> Standalone<DataChannels> {
    let mut peer = channels(2);
    peer.inner.set_role(Parity::Odd);
    peer.inner.open("peer's").unwrap();
    peer.inner
        .open(ChannelInit::new("negotiated").with_negotiated_id(9))
        .unwrap();
    peer.inner.connect();
    peer
}

#[test]
fn data_channels_keep_the_laws() {
    let nth = |channels: &DataChannels, argument: u64| {
        let count = channels.channels().count().max(1);
        channels.channels().nth(argument as usize % count)
    };
    Laws::of(|| channels(1))
        .against(talking_peer)
        .verb(|channels, _, _| channels.inner.connect())
        .verb(|channels, _, _| channels.inner.set_role(Parity::Even))
        .verb(|channels, _, argument| {
            let mut init = ChannelInit::new("ours").with_reliability(options(argument).reliability);
            init.negotiated = argument.is_multiple_of(3).then_some((argument >> 8) as u16 % 12);
            init.ordered = argument & 1 == 0;
            let _ = channels.inner.open(init);
        })
        .verb(move |channels, _, argument| {
            if let Some(channel) = nth(&channels.inner, argument) {
                let _ = channels
                    .inner
                    .send(channel, numbered(2, (argument >> 8) as usize % 3000));
            }
        })
        .verb(move |channels, _, argument| {
            if let Some(channel) = nth(&channels.inner, argument) {
                channels.inner.close_channel(channel);
            }
        })
        .verb(|channels, _, argument| {
            if argument.is_multiple_of(64) {
                channels.inner.handle_transport_closed();
            }
        })
        .samples(samples())
        .scripts(400)
        .check();
}
