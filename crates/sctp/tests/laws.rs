//! Both machines keep the laws of the contract.

mod support;

use bytes::Bytes;
use pollrtc_core::laws::Laws;
use pollrtc_sctp::channel::{ChannelConfig, ChannelInit, DataChannels, Parity};
use pollrtc_sctp::{Association, Config, Reliability, SendOptions};
use support::*;

fn association(seed: u8) -> Association {
    let remote = if seed == 1 { "192.0.2.2:6000" } else { "192.0.2.1:5000" };
    let config = Config {
        receive_window: 64 * 1024,
        ..config()
    };
    Association::new(config, rng(seed), address(remote))
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

fn echo_peer() -> Association {
    let mut peer = association(2);
    peer.connect();
    for number in 0..20 {
        peer.send(number, 53, numbered(number.into(), 3000), SendOptions::default())
            .unwrap();
    }
    peer
}

fn samples() -> Vec<Vec<u8>> {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.send(0, numbered(0, 3000));
    pair.run_for(ms(1000));
    pair.a.machine.shutdown();
    pair.run_for(ms(1000));
    [pair.a.wire, pair.b.wire].concat()
}

#[test]
fn association_keeps_the_laws() {
    Laws::of(|| association(1))
        .against(echo_peer)
        .verb(|association, _, _| association.connect())
        .verb(|association, _, argument| {
            let data = numbered(1, (argument >> 8) as usize % 5000);
            let _ = association.send(argument as u16 % 8, 53, data, options(argument));
        })
        .verb(|association, _, argument| {
            let _ = association.send(0, 53, Bytes::from_static(b"small"), options(argument));
        })
        .verb(|association, _, argument| {
            let _ = association.reset_streams(&[argument as u16 % 8]);
        })
        .verb(|association, _, argument| association.set_mtu(argument as usize % 3000))
        .verb(|association, _, argument| {
            if argument.is_multiple_of(16) {
                association.shutdown();
            }
        })
        .verb(|association, _, argument| {
            if argument.is_multiple_of(64) {
                association.abort("law");
            }
        })
        .samples(samples())
        .scripts(400)
        .check();
}

fn channels(seed: u8) -> DataChannels {
    let remote = if seed == 1 { "192.0.2.2:6000" } else { "192.0.2.1:5000" };
    let config = ChannelConfig {
        association: config(),
        ..ChannelConfig::default()
    };
    DataChannels::new(config, rng(seed), address(remote))
}

fn talking_peer() -> DataChannels {
    let mut peer = channels(2);
    peer.set_role(Parity::Odd);
    peer.open("peer's").unwrap();
    peer.open(ChannelInit {
        negotiated: Some(9),
        ..ChannelInit::from("negotiated")
    })
    .unwrap();
    peer.connect();
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
        .verb(|channels, _, _| channels.connect())
        .verb(|channels, _, _| channels.set_role(Parity::Even))
        .verb(|channels, _, argument| {
            let _ = channels.open(ChannelInit {
                negotiated: argument.is_multiple_of(3).then_some((argument >> 8) as u16 % 12),
                reliability: options(argument).reliability,
                ordered: argument & 1 == 0,
                ..ChannelInit::from("ours")
            });
        })
        .verb(move |channels, _, argument| {
            if let Some(channel) = nth(channels, argument) {
                let _ = channels.send(channel, numbered(2, (argument >> 8) as usize % 3000));
            }
        })
        .verb(move |channels, _, argument| {
            if let Some(channel) = nth(channels, argument) {
                channels.close(channel);
            }
        })
        .verb(|channels, _, argument| {
            if argument.is_multiple_of(64) {
                channels.transport_closed();
            }
        })
        .samples(samples())
        .scripts(400)
        .check();
}
