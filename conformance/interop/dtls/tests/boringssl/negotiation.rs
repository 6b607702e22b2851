//! What else both agree upon: cipher suites, SRTP, the protocol of the application.

use pollrtc_dtls::{CipherSuite, SrtpProfile, Version};
use pollrtc_dtls_interop::identity::KeyKind;
use pollrtc_dtls_interop::rig::{Role, Setup};

#[test]
fn each_cipher_suite() {
    for role in Role::BOTH {
        for suite in CipherSuite::ALL {
            let theirs = match suite.name().contains("RSA_WITH") {
                true => KeyKind::Rsa2048,
                false => KeyKind::P256,
            };
            // The suite is for the certificate of the server.
            let ours = if role == Role::Server { theirs } else { KeyKind::P256 };
            let setup = Setup::with_keys(role, ours, theirs);
            let mut setup = match suite.version() {
                Version::DTLS_1_2 => setup.v12(),
                _ => setup.v13(),
            };
            setup.ours.cipher_suites = vec![suite];
            let mut rig = setup.rig().connect();
            assert_eq!(rig.net[rig.ours].inner.cipher_suite(), Some(suite));
            let theirs = rig.net[rig.theirs].ssl().unwrap().current_cipher().unwrap();
            assert_eq!(theirs.standard_name(), Some(suite.name()));
            rig.talk();
        }
    }
}

#[test]
fn each_srtp_profile() {
    let profiles = [
        (SrtpProfile::Aes128CmHmacSha1_80, "SRTP_AES128_CM_SHA1_80"),
        (SrtpProfile::Aes128CmHmacSha1_32, "SRTP_AES128_CM_SHA1_32"),
        (SrtpProfile::AeadAes128Gcm, "SRTP_AEAD_AES_128_GCM"),
        (SrtpProfile::AeadAes256Gcm, "SRTP_AEAD_AES_256_GCM"),
    ];
    for role in Role::BOTH {
        for (profile, name) in profiles {
            for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
                let mut setup = setup;
                setup.ours.srtp_profiles = vec![profile];
                setup.theirs.srtp_profiles = Some(name);
                let mut rig = setup.rig().connect();
                assert_eq!(rig.net[rig.ours].inner.srtp_profile(), Some(profile));
                let ssl = rig.net[rig.theirs].ssl().unwrap();
                assert_eq!(ssl.selected_srtp_profile().map(|profile| profile.name()), Some(name));
                rig.talk();
            }
        }
    }
}

#[test]
fn the_server_chooses_the_srtp_profile() {
    let offered = [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];
    for (role, chosen) in [
        (Role::Server, SrtpProfile::AeadAes128Gcm),
        (Role::Client, SrtpProfile::Aes128CmHmacSha1_80),
    ] {
        let mut setup = Setup::new(role);
        setup.ours.srtp_profiles = offered.to_vec();
        setup.theirs.srtp_profiles = Some("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM");
        let rig = setup.rig().connect();
        assert_eq!(rig.net[rig.ours].inner.srtp_profile(), Some(chosen));
    }
}

#[test]
fn no_srtp_profile_in_common() {
    for role in Role::BOTH {
        for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
            let mut setup = setup;
            setup.ours.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
            setup.theirs.srtp_profiles = Some("SRTP_AES128_CM_SHA1_80");
            let mut rig = setup.rig().connect();
            assert_eq!(rig.net[rig.ours].inner.srtp_profile(), None);
            rig.talk();
        }
    }
}

#[test]
fn the_protocol_of_the_application() {
    for role in Role::BOTH {
        for setup in [Setup::new(role).v12(), Setup::new(role).v13()] {
            let mut setup = setup;
            setup.ours.application_protocols = vec![b"c-webrtc".to_vec(), b"webrtc".to_vec()];
            setup.theirs.application_protocol = Some(b"webrtc");
            let mut rig = setup.rig().connect();
            assert_eq!(rig.net[rig.ours].inner.application_protocol(), Some(&b"webrtc"[..]));
            let ssl = rig.net[rig.theirs].ssl().unwrap();
            assert_eq!(ssl.selected_alpn_protocol(), Some(&b"webrtc"[..]));
            rig.talk();
        }
    }
}
