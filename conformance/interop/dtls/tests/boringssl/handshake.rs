//! Each kind of handshake, in both roles.

use boring::ssl::SslVersion;
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::{Cookies, State, Version, Versions};
use pollrtc_dtls_interop::identity::{Identity, KeyKind};
use pollrtc_dtls_interop::rig::{Role, Setup};

/// All of it: handshake, data, exporters, and goodbyes from either side.
fn whole_life(setup: &Setup) {
    for we_close in [true, false] {
        let mut rig = setup.clone().rig().connect();
        rig.talk();
        rig.assert_nothing_forged();
        match we_close {
            true => rig.close(),
            false => rig.be_closed(),
        }
    }
}

#[test]
fn dtls_12() {
    for role in Role::BOTH {
        whole_life(&Setup::new(role).v12());
    }
}

#[test]
fn dtls_13() {
    for role in Role::BOTH {
        whole_life(&Setup::new(role).v13());
    }
}

#[test]
fn dtls_13_with_ml_kem() {
    for role in Role::BOTH {
        let mut setup = Setup::new(role).v13();
        setup.theirs.groups = "X25519MLKEM768:X25519";
        let rig = setup.clone().rig().connect();
        let ssl = rig.net[rig.theirs].ssl().unwrap();
        assert_eq!(ssl.curve_name(), Some("X25519MLKEM768"));
        whole_life(&setup);
    }
}

#[test]
fn each_group_of_each_version() {
    let groups = [
        (NamedGroup::X25519, "X25519:P-256"),
        (NamedGroup::Secp256r1, "P-256"),
        (NamedGroup::Secp384r1, "P-384:P-256"),
    ];
    for role in Role::BOTH {
        for (group, name) in groups {
            for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
                let mut setup = setup;
                // It wants the curve of our certificate to be among the groups (RFC 8422 §5.1).
                setup.ours.groups = vec![group, NamedGroup::Secp256r1];
                setup.ours.groups.dedup();
                setup.theirs.groups = name;
                setup.rig().connect().talk();
            }
        }
    }
}

#[test]
fn the_newest_version_of_both_is_spoken() {
    let all = [SslVersion::DTLS1_2, SslVersion::DTLS1_3];
    for role in Role::BOTH {
        for (ours, theirs, spoken) in [
            (Versions::Both, all, SslVersion::DTLS1_3),
            (Versions::Both, [SslVersion::DTLS1_2; 2], SslVersion::DTLS1_2),
            (Versions::Both, [SslVersion::DTLS1_3; 2], SslVersion::DTLS1_3),
            (Versions::Dtls12, all, SslVersion::DTLS1_2),
            (Versions::Dtls13, all, SslVersion::DTLS1_3),
        ] {
            let mut setup = Setup::new(role);
            (setup.ours.versions, setup.theirs.versions) = (ours, theirs);
            let mut rig = setup.rig().connect();
            assert_eq!(rig.net[rig.theirs].ssl().unwrap().version2(), Some(spoken));
            let is_13 = spoken == SslVersion::DTLS1_3;
            let expected = if is_13 { Version::DTLS_1_3 } else { Version::DTLS_1_2 };
            assert_eq!(rig.net[rig.ours].inner.cipher_suite().unwrap().version(), expected);
            rig.talk();
        }
    }
}

#[test]
fn their_server_asks_for_another_public_key() {
    // Our first public keys are for X25519MLKEM768 and X25519.
    for groups in ["P-256", "P-384"] {
        let mut setup = Setup::new(Role::Client);
        setup.theirs.groups = groups;
        whole_life(&setup);
    }
}

#[test]
fn our_server_asks_for_another_public_key() {
    for (groups, wanted) in [
        ("X25519:P-256", NamedGroup::Secp256r1),
        ("X25519:P-384", NamedGroup::Secp384r1),
        // They could, but send no public key for it.
        ("X25519:X25519MLKEM768", NamedGroup::X25519MlKem768),
    ] {
        let mut setup = Setup::new(Role::Server);
        setup.theirs.groups = groups;
        setup.ours.groups = vec![wanted];
        whole_life(&setup);
    }
}

#[test]
fn their_client_gives_our_cookie_back() {
    for setup in [Setup::new(Role::Server).v12(), Setup::new(Role::Server).v13()] {
        let mut setup = setup;
        setup.ours.cookies = Cookies::Required;
        whole_life(&setup);
        // And another public key at the same time.
        setup.ours.groups = vec![NamedGroup::Secp384r1];
        whole_life(&setup);
    }
}

#[test]
fn certificates_of_every_kind() {
    use KeyKind::{P256, P384, Rsa2048};
    for role in Role::BOTH {
        for (ours, theirs) in [
            (P256, Rsa2048),
            (Rsa2048, P256),
            (Rsa2048, Rsa2048),
            (P256, P384),
            (P384, P256),
        ] {
            for setup in [
                Setup::with_keys(role, ours, theirs).v12(),
                Setup::with_keys(role, ours, theirs).v13(),
            ] {
                setup.rig().connect().talk();
            }
        }
    }
}

#[test]
fn a_certificate_that_we_do_not_expect_is_refused() {
    for role in Role::BOTH {
        for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
            let mut setup = setup;
            setup.ours.peer = Identity::new(KeyKind::P256).only();
            let mut rig = setup.rig();
            rig.run_until("both give up", |rig| {
                rig.net[rig.ours].inner.state() == State::Closed && rig.net[rig.theirs].failure().is_some()
            });
            let failure = rig.net[rig.theirs].failure().unwrap();
            assert!(failure.contains("BAD_CERTIFICATE"), "{failure}");
        }
    }
}

#[test]
fn a_certificate_that_they_do_not_expect_is_refused() {
    for role in Role::BOTH {
        for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
            let mut setup = setup;
            setup.theirs.peer = Identity::new(KeyKind::P256);
            let mut rig = setup.rig();
            rig.run_until("both give up", |rig| {
                rig.net[rig.ours].inner.state() == State::Closed && rig.net[rig.theirs].failure().is_some()
            });
        }
    }
}
