//! SRTCP.

use pollrtc_srtp::{Dropped, Outbound, Profile, ProtectError};

use crate::support::{SSRC, Session, key, providers, rtcp};

/// The word behind an SRTCP packet: where AES-CM has it, and where AES-GCM has it.
fn word(profile: Profile, packet: &[u8]) -> u32 {
    let behind = match profile {
        Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => 0,
        _ => profile.rtcp_tag_len(),
    };
    let at = packet.len() - behind - 4;
    u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
}

#[test]
fn the_index_begins_at_zero_and_says_that_the_packet_is_encrypted() {
    // RFC 3711 §3.4. Peers were seen that begin at 1, which is accepted as well.
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        for index in 0..3 {
            let packet = session.protect_rtcp(&rtcp(SSRC));
            assert_eq!(word(profile, &packet), 1 << 31 | index, "{profile}");
            assert_ne!(packet[8..rtcp(SSRC).len()], rtcp(SSRC)[8..], "{profile}");
        }
        let packet = session.protect_rtcp(&rtcp(SSRC));
        assert_eq!(session.receives_rtcp(&packet), Ok(3), "{profile}");
    }
}

#[test]
fn short_tags_are_for_rtp_alone() {
    // RFC 5764 §4.1.2.
    for profile in [Profile::Aes128CmHmacSha1_32, Profile::Aes256CmHmacSha1_32] {
        let mut session = Session::new(profile);
        let (plain, packet) = (rtcp(SSRC), session.protect_rtcp(&rtcp(SSRC)));
        assert_eq!(packet.len(), plain.len() + 4 + 10);
        assert_eq!(session.sent(1).len(), 12 + 7 + 4);
        // One that is cut to a tag of 4 bytes is not taken.
        let mut cut = packet.clone();
        cut.truncate(plain.len() + 4 + 4);
        assert!(session.receives_rtcp(&cut).is_err());
        assert_eq!(session.receives_rtcp(&packet), Ok(0));
    }
}

#[test]
fn the_key_is_worn_out_with_the_last_index() {
    // RFC 3711 §9.2: 2^31 packets.
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        session.outbound.resume_rtcp(u32::MAX >> 1);
        let last = session.protect_rtcp(&rtcp(SSRC));
        assert_eq!(session.receives_rtcp(&last), Ok((1 << 31) - 1));
        let mut buf = [rtcp(SSRC), vec![0; 40]].concat();
        let before = buf.clone();
        let len = rtcp(SSRC).len();
        assert_eq!(
            session.outbound.protect_rtcp(&mut buf, len),
            Err(ProtectError::Exhausted)
        );
        assert_eq!(buf, before);
        // It does not begin anew when it is told to.
        session.outbound.resume_rtcp(0);
        assert_eq!(
            session.outbound.protect_rtcp(&mut buf, len),
            Err(ProtectError::Exhausted)
        );
    }
}

#[test]
fn what_is_no_rtcp_packet_and_what_has_no_room_is_refused() {
    for profile in Profile::ALL {
        let mut outbound = Outbound::new(providers()[0], &key(profile, 0), &Default::default()).unwrap();
        for plain in [&[][..], &[0x80; 7], &[0x40; 8]] {
            let mut buf = [plain, &[0; 40]].concat();
            assert_eq!(
                outbound.protect_rtcp(&mut buf, plain.len()),
                Err(ProtectError::Malformed)
            );
        }
        let plain = rtcp(SSRC);
        let suffix = outbound.rtcp_headroom().suffix;
        for room in 0..suffix {
            let mut buf = [&plain[..], &vec![7; room]].concat();
            let before = buf.clone();
            let needed = plain.len() + suffix;
            let refused = Err(ProtectError::BufferTooShort { needed, len: buf.len() });
            assert_eq!(outbound.protect_rtcp(&mut buf, plain.len()), refused, "{profile}");
            assert_eq!(buf, before);
        }
        assert_eq!(outbound.stats().rtcp, 0);
    }
}

#[test]
fn the_indices_of_rtcp_and_rtp_have_nothing_to_do_with_each_other() {
    let mut session = Session::new(Profile::AeadAes128Gcm);
    let (rtp, rtcp) = (session.sent(0), session.protect_rtcp(&rtcp(SSRC)));
    assert_eq!(session.receives(&rtp), Ok(0));
    assert_eq!(session.receives_rtcp(&rtcp), Ok(0));
    // Nor is one taken for the other: their keys differ.
    assert_eq!(
        session.receives_rtcp(&[&rtp[..], &[0; 8]].concat()),
        Err(Dropped::Unauthentic)
    );
}
