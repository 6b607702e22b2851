//! The address that the world reaches a machine on which does not have it itself: a NAT gives each of its
//! addresses and ports to one address of the machine, and keeps the ports (1:1 NAT, as clouds have it).
//!
//! Such a NAT changes nothing but the address, so that the ICE agent need not know of it: what comes is for the
//! candidate behind the NAT. Only descriptions have to tell it.

use std::fmt::Write;
use std::net::IpAddr;

use pollrtc_sdp::attribute::{Candidate, CandidateKind};

/// RFC 8445 §5.1.2.2: the type preference of server-reflexive candidates, at its place in a priority.
const SERVER_REFLEXIVE: u32 = 100 << 24;
/// What a priority has beside its type preference.
const PREFERENCE_IN_TYPE: u32 = 0x00ff_ffff;

/// Our description with a server-reflexive candidate of the public address behind each host candidate of its family.
/// A lite agent has host candidates alone (RFC 8445 §5.2), so there the public address takes the place of the one that
/// nobody could reach.
pub(crate) fn announce(sdp: &str, public: &[IpAddr], is_lite: bool) -> String {
    let mut announced = String::with_capacity(sdp.len());
    for line in sdp.split_inclusive('\n') {
        let mapped = mapped(line.trim_end(), public, is_lite);
        if !is_lite || mapped.is_none() {
            announced.push_str(line);
        }
        if let Some(candidate) = mapped {
            // A string takes all that is written to it.
            let _ = write!(announced, "a=candidate:{candidate}\r\n");
        }
    }
    announced
}

fn mapped(line: &str, public: &[IpAddr], is_lite: bool) -> Option<String> {
    let line = line.strip_prefix("a=").filter(|line| line.starts_with("candidate:"))?;
    let host = Candidate::parse(line).ok()?;
    let ip: IpAddr = host.address.parse().ok()?;
    let public = public.iter().find(|public| public.is_ipv4() == ip.is_ipv4())?;
    if host.kind != CandidateKind::Host || !host.is_udp() || ip.is_loopback() || ip == *public {
        return None;
    }
    let (address, foundation) = (public.to_string(), format!("{}p", host.foundation));
    let mut mapped = host;
    mapped.address = &address;
    if !is_lite {
        mapped.foundation = &foundation;
        mapped.priority = SERVER_REFLEXIVE | (host.priority & PREFERENCE_IN_TYPE);
        mapped.kind = CandidateKind::ServerReflexive;
        mapped.related = Some((host.address, host.port));
    }
    Some(mapped.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
                       a=candidate:1 1 udp 2130706431 10.0.0.5 5000 typ host\r\n\
                       a=candidate:2 1 udp 2130706175 127.0.0.1 5000 typ host\r\n\
                       a=candidate:3 1 udp 2130705919 2001:db8::5 5001 typ host\r\n\
                       a=end-of-candidates\r\n";

    #[test]
    fn the_public_address_is_told_beside_the_own_one() {
        let announced = announce(SDP, &["198.51.100.7".parse().unwrap()], false);
        let mapped = "a=candidate:1p 1 udp 1694498815 198.51.100.7 5000 typ srflx raddr 10.0.0.5 rport 5000\r\n";
        assert_eq!(
            announced.replace(mapped, ""),
            SDP,
            "nothing else is changed: {announced}"
        );
        assert_eq!(announced.lines().nth(2).unwrap(), mapped.trim_end());
    }

    #[test]
    fn a_lite_agent_tells_the_public_address_alone() {
        let announced = announce(SDP, &["198.51.100.7".parse().unwrap()], true);
        assert_eq!(announced, SDP.replace("10.0.0.5", "198.51.100.7"));
    }

    #[test]
    fn both_families_have_one() {
        let public = ["198.51.100.7".parse().unwrap(), "2001:db8:1::7".parse().unwrap()];
        let announced = announce(SDP, &public, false);
        assert!(
            announced.contains("2001:db8:1::7 5001 typ srflx raddr 2001:db8::5 rport 5001"),
            "{announced}"
        );
        assert_eq!(announce(SDP, &[], false), SDP);
    }
}
