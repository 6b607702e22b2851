//! Bad networks: datagrams are lost, doubled, late.

use std::time::Duration;

use pollrtc_dtls_interop::identity::KeyKind;
use pollrtc_dtls_interop::rig::{Role, Setup};
use pollrtc_netsim::{Link, Zone};

/// Both versions, small and large flights, in both roles.
fn setups() -> Vec<(String, Setup)> {
    let mut setups = Vec::new();
    for role in Role::BOTH {
        for (mtu, key) in [(1200, KeyKind::P256), (300, KeyKind::Rsa2048)] {
            for (version, setup) in [
                ("1.2", Setup::with_keys(role, key, key).v12()),
                ("1.3", Setup::with_keys(role, key, key).v13()),
            ] {
                let mut setup = setup;
                (setup.ours.mtu, setup.theirs.mtu) = (mtu, mtu as u32);
                setup.theirs.groups = "X25519MLKEM768:X25519:P-256";
                setups.push((format!("{version}, {role:?}, {mtu}"), setup));
            }
        }
    }
    setups
}

fn survive(link: Link, seeds: u64) {
    for (name, setup) in setups() {
        for seed in 0..seeds {
            println!("{name}, seed {seed}");
            let mut setup = setup.clone();
            (setup.link, setup.seed) = (link, seed);
            let mut rig = setup.rig().connect();
            for _ in 0..30 {
                rig.net[rig.ours].inner.send(b"ours").unwrap();
                rig.net[rig.theirs].send(b"theirs");
                rig.net.advance(Duration::from_millis(20));
            }
            rig.net.advance(Duration::from_secs(5));
            assert!(rig.received().len() >= 10);
            assert!(rig.received_by_theirs().len() >= 10);
        }
    }
}

fn link() -> Link {
    Link::new().latency(Duration::from_millis(25))
}

#[test]
fn datagrams_are_lost() {
    survive(link().loss(0.3), 15);
}

#[test]
fn datagrams_come_twice() {
    survive(link().duplication(0.5), 8);
}

#[test]
fn datagrams_overtake_each_other() {
    survive(link().jitter(Duration::from_millis(60)), 8);
}

/// Only once both are connected: damage in their plain hellos ends BoringSSL's handshake.
#[test]
fn datagrams_are_damaged() {
    for (name, setup) in setups() {
        println!("{name}");
        let mut rig = setup.rig().connect();
        rig.net.advance(Duration::from_secs(5));
        rig.net.set_link(Zone::INTERNET, link().corruption(0.3));
        for _ in 0..100 {
            rig.net[rig.ours].inner.send(b"ours").unwrap();
            rig.net[rig.theirs].send(b"theirs");
            rig.net.advance(Duration::from_millis(20));
        }
        rig.net.set_link(Zone::INTERNET, link());
        rig.net.advance(Duration::from_secs(5));
        let (received, theirs) = (rig.received(), rig.received_by_theirs());
        assert!(received.len() >= 50 && received.iter().all(|data| data == b"theirs"));
        assert!(theirs.len() >= 50 && theirs.iter().all(|data| data == b"ours"));
        rig.talk();
    }
}

#[test]
fn everything_at_once() {
    let link = link().loss(0.15).duplication(0.15).jitter(Duration::from_millis(80));
    survive(link, 15);
}
