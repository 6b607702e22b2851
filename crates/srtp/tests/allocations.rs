//! What costs no memory.

use allocation_counter::measure;
use pollrtc_srtp::{Config, Cryptex, Mki, Profile, Receiver, fan_out};

use crate::support::{SSRC, Session, providers, rtcp, rtp};

/// As much as there is to do for a packet.
fn everything() -> Config {
    Config {
        cryptex: Cryptex::Offered,
        encrypted_extensions: (1..=14).collect(),
        mki: Some(Mki::new(b"key").unwrap()),
        ..Config::default()
    }
}

fn sessions() -> impl Iterator<Item = Session> {
    let configs = [Config::default(), everything()];
    let all = providers().into_iter().flat_map(move |provider| {
        configs
            .clone()
            .into_iter()
            .flat_map(move |config| Profile::ALL.map(|profile| (provider, profile, config.clone())))
    });
    all.map(|(provider, profile, config)| Session::between(provider, profile, &config, &config))
}

#[test]
fn good_packets_allocate_nothing() {
    for mut session in sessions() {
        // The streams are there.
        let (first, report) = (session.sent(0), session.protect_rtcp(&rtcp(SSRC)));
        assert_eq!(session.receives(&first), Ok(0));
        assert_eq!(session.receives_rtcp(&report), Ok(0));
        let mut buf = [0; 1500];
        let mut packet = rtp(SSRC, 0, &[0xbe, 0xde, 0, 1, 0x10, b'a', 0x20, b'b']);
        packet[0] |= 0x10;
        packet.extend([7; 1200]);
        let report = rtcp(SSRC);
        let allocations = measure(|| {
            for index in 1..100u16 {
                packet[2..4].copy_from_slice(&index.to_be_bytes());
                buf[..packet.len()].copy_from_slice(&packet);
                let len = session
                    .outbound
                    .protect_rtp(index.into(), &mut buf, packet.len())
                    .unwrap();
                let unprotected = session.inbound.unprotect_rtp(&mut buf[..len]).unwrap();
                assert_eq!(*unprotected.packet, packet);
                buf[..report.len()].copy_from_slice(&report);
                let len = session.outbound.protect_rtcp(&mut buf, report.len()).unwrap();
                let unprotected = session.inbound.unprotect_rtcp(&mut buf[..len]).unwrap();
                assert_eq!(*unprotected.packet, report);
            }
        });
        assert_eq!(allocations.count_total, 0);
    }
}

#[test]
fn bad_packets_allocate_nothing() {
    for mut session in sessions() {
        let good = session.sent(1);
        let report = session.protect_rtcp(&rtcp(SSRC));
        session.receives(&good).unwrap();
        session.receives_rtcp(&report).unwrap();
        // Replayed; forged; forged of streams that nobody knows, which are tried twice; cut.
        let mut bad = [good.clone(), good.clone(), good.clone(), good[..13].to_vec()];
        bad[1][3] = 9;
        bad[2][11] ^= 1;
        let mut bad_reports = [report.clone(), report.clone(), report[..9].to_vec()];
        bad_reports[1][7] ^= 1;
        let mut buf = [0; 200];
        let plain = rtp(SSRC, 1, b"");
        let allocations = measure(|| {
            for packet in &bad {
                buf[..packet.len()].copy_from_slice(packet);
                assert!(session.inbound.unprotect_rtp(&mut buf[..packet.len()]).is_err());
            }
            for packet in &bad_reports {
                buf[..packet.len()].copy_from_slice(packet);
                assert!(session.inbound.unprotect_rtcp(&mut buf[..packet.len()]).is_err());
            }
            // And what the caller gets wrong.
            buf[..12].copy_from_slice(&plain);
            assert!(session.outbound.protect_rtp(1, &mut buf, 12).is_err());
            assert!(session.outbound.protect_rtp(7, &mut buf, 12).is_err());
            assert!(session.outbound.protect_rtp(1, &mut buf[..12], 12).is_err());
        });
        assert_eq!(allocations.count_total, 0);
    }
}

#[test]
fn fan_out_allocates_nothing() {
    for profile in Profile::ALL {
        let mut room: Vec<_> = (0..10).map(|_| Session::new(profile).outbound).collect();
        let mut bufs = vec![[0; 1500]; 10];
        for outbound in &mut room {
            crate::support::protect(outbound, 0, &rtp(SSRC, 0, b"x"));
        }
        let own = rtp(SSRC, 1, b"");
        let mut receivers: Vec<_> = room
            .iter_mut()
            .zip(&mut bufs)
            .map(|(outbound, buf)| {
                buf[..12].copy_from_slice(&own);
                Receiver::new(outbound, 1, buf, 12)
            })
            .collect();
        let allocations = measure(|| fan_out(&[7; 1200], &mut receivers));
        assert_eq!(allocations.count_total, 0);
        assert!(receivers.iter().all(|receiver| receiver.result.is_ok()));
    }
}
