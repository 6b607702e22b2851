//! New keys on the way.

use pollrtc_dtls::KeyUpdateRequest;
use pollrtc_dtls_interop::rig::{Rig, Role, Setup};

/// Time passes in which acknowledgements arrive.
fn settle(rig: &mut Rig) {
    rig.net.advance(std::time::Duration::from_secs(2));
}

#[test]
fn we_change_our_keys_again_and_again() {
    for role in Role::BOTH {
        for request in [KeyUpdateRequest::NotRequested, KeyUpdateRequest::Requested] {
            let mut rig = Setup::new(role).rig().connect();
            settle(&mut rig);
            for _ in 0..6 {
                rig.net[rig.ours].inner.update_keys(request).unwrap();
                rig.exchange(b"under way");
                settle(&mut rig);
                rig.talk();
            }
        }
    }
}

#[test]
fn they_change_their_keys_again_and_again() {
    for role in Role::BOTH {
        for request in [false, true] {
            let mut rig = Setup::new(role).rig().connect();
            settle(&mut rig);
            for _ in 0..6 {
                rig.net[rig.theirs].update_keys(request);
                rig.exchange(b"under way");
                settle(&mut rig);
                rig.talk();
            }
        }
    }
}

#[test]
fn both_change_their_keys_at_once_while_datagrams_are_lost() {
    for role in Role::BOTH {
        for seed in 0..20 {
            let mut setup = Setup::new(role);
            setup.seed = seed;
            setup.link = setup.link.loss(0.2);
            let mut rig = setup.rig().connect();
            for _ in 0..5 {
                rig.net[rig.theirs].update_keys(true);
                rig.net[rig.ours]
                    .inner
                    .update_keys(KeyUpdateRequest::Requested)
                    .unwrap();
                settle(&mut rig);
                for _ in 0..20 {
                    rig.net[rig.ours].inner.send(b"ours").unwrap();
                    rig.net[rig.theirs].send(b"theirs");
                }
                settle(&mut rig);
                assert!(rig.received().iter().filter(|data| *data == b"theirs").count() >= 5);
                assert!(rig.received_by_theirs().iter().filter(|data| *data == b"ours").count() >= 5);
            }
            rig.assert_nothing_forged();
        }
    }
}
