//! Data of every length, and datagrams of every size.

use pollrtc_dtls_interop::identity::KeyKind;
use pollrtc_dtls_interop::rig::{Role, Setup};

#[test]
fn data_of_every_length() {
    for role in Role::BOTH {
        for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
            let mut rig = setup.rig().connect();
            for length in [1, 2, 15, 16, 17, 255, 256, 1200, 1201, 4096, 16383, 16384] {
                let payload: Vec<u8> = (0..length).map(|index| (index * 31 + length) as u8).collect();
                rig.exchange(&payload);
            }
        }
    }
}

#[test]
fn handshakes_in_small_datagrams() {
    for role in Role::BOTH {
        for mtu in [256, 300, 576, 1400] {
            for setup in [
                Setup::with_keys(role, KeyKind::Rsa2048, KeyKind::Rsa2048).v12(),
                Setup::with_keys(role, KeyKind::Rsa2048, KeyKind::Rsa2048).v13(),
            ] {
                let mut setup = setup;
                // What is longer gets lost; IP and UDP have headers of their own.
                setup.link = setup.link.mtu(mtu + 28);
                setup.ours.mtu = mtu;
                setup.theirs.mtu = mtu as u32;
                setup.theirs.groups = "X25519MLKEM768:X25519:P-256";
                let mut rig = setup.rig().connect();
                rig.exchange(&[1; 100]);
            }
        }
    }
}

#[test]
fn many_records_one_after_the_other() {
    for setup in [Setup::new(Role::Client).v12(), Setup::new(Role::Client).v13()] {
        let mut rig = setup.rig().connect();
        // Numbers of records are written with 16 bits.
        for round in 0..700u32 {
            let batch: Vec<Vec<u8>> = (0..100u32)
                .map(|index| (round * 100 + index).to_be_bytes().to_vec())
                .collect();
            for payload in &batch {
                rig.net[rig.ours].inner.send(payload).unwrap();
                rig.net[rig.theirs].send(payload);
            }
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            rig.run_until("all data", |rig| {
                ours.append(&mut rig.received());
                theirs.append(&mut rig.received_by_theirs());
                ours.len() == batch.len() && theirs.len() == batch.len()
            });
            assert_eq!((&ours, &theirs), (&batch, &batch));
        }
    }
}
