//! Targets of the facade, `pollrtc`.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::cell::RefCell;
use std::rc::Rc;

use arbitrary::{Arbitrary, Unstructured};
use pollrtc::{Instant, PeerConnection, Router, SignalingState};
use pollrtc_core::laws::Laws;
use pollrtc_fuzzing_provider::PROVIDER;

#[path = "../../../crates/pollrtc/tests/peer/script.rs"]
mod script;

#[path = "../../../crates/pollrtc/tests/peer/hostile_script.rs"]
mod hostile_script;

use script::{act, act_on_duplicates, answered_thrice, negotiated, seeded};

const NOW: Instant = Instant::from_millis(1_000);

/// Bytes as an offer, and as the answer to one.
pub fn negotiation(data: &[u8]) {
    negotiate(&String::from_utf8_lossy(data));
}

/// Descriptions that are well formed or nearly so, so that what lies behind the parser is reached.
pub fn negotiation_structured(data: &[u8]) {
    if let Ok(plan) = Plan::arbitrary(&mut Unstructured::new(data)) {
        negotiate(&plan.to_sdp());
    }
}

/// What is refused changes nothing; what is accepted has an answer that is well formed.
fn negotiate(text: &str) {
    let mut answerer = peer(1);
    answerer
        .add_local_address(NOW, ([192, 0, 2, 1], 5000).into())
        .expect("a usable address");
    match answerer.accept_offer(NOW, text) {
        Ok(answer) => {
            let sections = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
            assert_eq!(
                sections(&answer),
                sections(text),
                "RFC 3264 §6: a section for each section"
            );
            assert_eq!(answerer.signaling_state(), SignalingState::Stable);
            pollrtc_sdp::Session::parse(&answer).expect("our own descriptions are well formed");
        }
        Err(_) => {
            assert_eq!(answerer.signaling_state(), SignalingState::Stable);
            assert_eq!(answerer.local_description(), None);
        }
    }
    let mut offerer = peer(2);
    offerer.create_data_channel("fuzz").expect("room for a channel");
    offerer.offer(NOW).expect("a fresh peer can offer");
    let before = offerer.local_description();
    if offerer.accept_answer(NOW, text).is_err() {
        assert_eq!(offerer.signaling_state(), SignalingState::HaveLocalOffer);
        assert_eq!(offerer.local_description(), before);
    }
}

/// A description to write.
#[derive(Debug, Arbitrary)]
struct Plan {
    lite: bool,
    bundled: Vec<u8>,
    /// Credentials and fingerprint for the session instead of each section.
    transport_in_session: bool,
    sections: Vec<SectionPlan>,
}

#[derive(Debug, Arbitrary)]
struct SectionPlan {
    kind: u8,
    port: u16,
    mid: Option<u8>,
    bundle_only: bool,
    ufrag: Option<u8>,
    setup: u8,
    hash: u8,
    sctp_port: Option<u16>,
    max_message_size: Option<u64>,
    candidates: Vec<CandidatePlan>,
    end_of_candidates: bool,
}

#[derive(Debug, Arbitrary)]
struct CandidatePlan {
    component: u8,
    tcp: bool,
    priority: u32,
    address: std::net::IpAddr,
    port: u16,
    kind: u8,
}

impl Plan {
    fn to_sdp(&self) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
        if !self.bundled.is_empty() {
            let mids: String = self.bundled.iter().take(8).map(|mid| format!(" {mid}")).collect();
            sdp += &format!("a=group:BUNDLE{mids}\r\n");
        }
        if self.lite {
            sdp += "a=ice-lite\r\n";
        }
        if self.transport_in_session {
            sdp += &transport(1, 0);
        }
        self.sections.iter().take(8).for_each(|section| section.write(&mut sdp));
        sdp
    }
}

impl SectionPlan {
    fn write(&self, sdp: &mut String) {
        let line = match self.kind % 4 {
            0 => "application PORT UDP/DTLS/SCTP webrtc-datachannel",
            1 => "application PORT DTLS/SCTP 5000",
            2 => "audio PORT UDP/TLS/RTP/SAVPF 111",
            _ => "video PORT UDP/TLS/RTP/SAVPF 96 97",
        };
        *sdp += &format!(
            "m={}\r\nc=IN IP4 0.0.0.0\r\n",
            line.replace("PORT", &self.port.to_string())
        );
        for candidate in self.candidates.iter().take(8) {
            *sdp += &candidate.to_line();
        }
        if let Some(ufrag) = self.ufrag {
            *sdp += &transport(ufrag, self.hash);
        }
        let setup = ["actpass", "active", "passive", "holdconn"][usize::from(self.setup % 4)];
        *sdp += &format!("a=setup:{setup}\r\n");
        let optional = [
            self.mid.map(|mid| format!("a=mid:{mid}\r\n")),
            self.bundle_only.then(|| String::from("a=bundle-only\r\n")),
            (self.kind % 4 == 1).then(|| String::from("a=sctpmap:5000 webrtc-datachannel 1024\r\n")),
            self.sctp_port.map(|port| format!("a=sctp-port:{port}\r\n")),
            self.max_message_size
                .map(|size| format!("a=max-message-size:{size}\r\n")),
            self.end_of_candidates.then(|| String::from("a=end-of-candidates\r\n")),
        ];
        optional.into_iter().flatten().for_each(|line| *sdp += &line);
    }
}

impl CandidatePlan {
    fn to_line(&self) -> String {
        let Self {
            component,
            priority,
            address,
            port,
            ..
        } = self;
        let transport = if self.tcp { "tcp" } else { "udp" };
        let kind = ["host", "srflx raddr 192.0.2.8 rport 9", "prflx", "relay"][usize::from(self.kind % 4)];
        format!("a=candidate:1 {component} {transport} {priority} {address} {port} typ {kind}\r\n")
    }
}

fn transport(ufrag: u8, hash: u8) -> String {
    let (name, digest) = match hash % 3 {
        0 => ("sha-256", ["AB"; 32].join(":")),
        1 => ("sha-1", ["AB"; 20].join(":")),
        _ => ("md2", ["AB"; 16].join(":")),
    };
    format!("a=ice-ufrag:uuu{ufrag}\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=fingerprint:{name} {digest}\r\n")
}

/// All addresses that a script may give: those of the two sides, and one more.
const LOCAL_ADDRESSES: [SocketAddr; 3] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5000),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5001),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 6000),
];

/// A script for a peer connection that talks to another.
pub fn peer_connection(script: &[u8]) {
    let (alice, bob) = halves(negotiated);
    let laws = Laws::of(alice).local_addresses(LOCAL_ADDRESSES).against(bob).verb(act);
    crate::run(&laws, script);
}

/// A script for a call whose peer has the keys, and seals whatever comes to its mind.
pub fn peer_media(script: &[u8]) {
    let (alice, bob) = halves(hostile_script::calling);
    let laws = Laws::of(alice)
        .local_addresses(LOCAL_ADDRESSES)
        .against(bob)
        .verb(hostile_script::act);
    crate::run(&laws, script);
}

/// Both ends of what is made at once, for a harness that asks for the first and then for the second: to negotiate
/// for each of them would be most of an execution.
fn halves<A: 'static, B: 'static>(make: fn() -> (A, B)) -> (impl Fn() -> A, impl Fn() -> B) {
    let waiting = Rc::new(RefCell::new(None));
    let second = Rc::clone(&waiting);
    let first = move || {
        let (a, b) = make();
        waiting.replace(Some(b));
        a
    };
    (first, move || second.take().unwrap_or_else(|| make().1))
}

/// A script for a router with a few peers, one of which talks.
pub fn router(script: &[u8]) {
    let (router, peer_of_one) = halves(|| {
        let mut router = Router::new();
        let (alice, bob) = negotiated();
        router.insert(peer(9));
        router.insert(alice);
        (router, bob)
    });
    let laws = Laws::of(router)
        .local_addresses(LOCAL_ADDRESSES)
        .against(peer_of_one)
        .verb(|router, now, argument| {
            let ids: Vec<_> = router.peers().map(|(id, _)| id).collect();
            let Some(id) = ids.get(argument as usize % ids.len().max(1)) else {
                return;
            };
            if let Some(mut peer) = router.peer_mut(*id) {
                act(&mut peer, now, argument >> 4);
            }
            match argument % 97 {
                5 => drop(router.remove(*id)),
                6 if router.len() < 8 => drop(router.insert(peer(argument as u8))),
                _ => {}
            }
        });
    crate::run(&laws, script);
}

/// A script for a router whose peers have answered one offer, of which the offerer took one.
pub fn router_duplicates(script: &[u8]) {
    let (router, offerer) = halves(|| {
        let mut router = Router::new();
        let (offerer, answerers) = answered_thrice();
        for peer in answerers {
            router.insert(peer);
        }
        (router, offerer)
    });
    let laws = Laws::of(router)
        .local_addresses(LOCAL_ADDRESSES)
        .against(offerer)
        .addresses(([192, 0, 2, 2], 6000).into(), ([192, 0, 2, 1], 5000).into())
        .verb(act_on_duplicates);
    crate::run(&laws, script);
}

fn peer(seed: u8) -> PeerConnection {
    PeerConnection::new(seeded(seed))
}
