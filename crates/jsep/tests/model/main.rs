//! The negotiator's model: two of them, an ordered way for messages between them, and every order
//! in which their applications can act, to a depth at which each pair of exchanges has collided in
//! each way. In every state the rules of JSEP are checked anew (RFC 9429, RFC 3264, RFC 9143,
//! RFC 8842, W3C WebRTC), and from every state both sides must be able to come to an agreement.

mod explore;
mod mirror;
mod pair;
mod side;
mod table;
mod text;

use explore::{Act, Explorer};
use pollrtc_jsep::rtp::{Codec, MediaKind, RtpCapabilities};
use pollrtc_jsep::{BundlePolicy, Config};
use pollrtc_sdp::attribute::Direction;
use side::Event::{
    self, AddData, AddTrack, AddTransceiver, Answer, Direct, Offer, PrAnswer, Receive, Restart, Rollback, Stop,
    StopData,
};

use MediaKind::{Audio, Video};

/// An `Err` that says what does not hold.
#[macro_export]
macro_rules! check {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}

#[test]
fn from_nothing_with_media_and_data() {
    let alphabet = [ALL, &[AddTrack(Audio), AddData]].concat();
    let seen = explore(&[], BundlePolicy::Balanced, &alphabet);
    assert!(seen > 120_000, "only {seen} worlds");
}

#[test]
fn from_nothing_with_what_is_stopped_again() {
    let alphabet = [ALL, &[AddTrack(Audio), Stop(0), Restart]].concat();
    let seen = explore(&[], BundlePolicy::Balanced, &alphabet);
    assert!(seen > 100_000, "only {seen} worlds");
}

#[test]
fn from_nothing_with_data_that_is_stopped() {
    let alphabet = [ALL, &[AddData, StopData, Restart]].concat();
    let seen = explore(&[], BundlePolicy::MaxBundle, &alphabet);
    assert!(seen > 49_000, "only {seen} worlds");
}

#[test]
fn from_nothing_in_every_direction() {
    let add = AddTransceiver(Audio, Direction::SendRecv);
    let alphabet = [
        ALL,
        &[add, Direct(0, Direction::RecvOnly), Direct(0, Direction::Inactive)],
    ]
    .concat();
    let seen = explore(&[], BundlePolicy::Balanced, &alphabet);
    assert!(seen > 110_000, "only {seen} worlds");
}

#[test]
fn after_an_exchange_with_all_that_can_happen() {
    let alphabet = [ALL, &[AddTrack(Video), Stop(0), Restart]].concat();
    let seen = explore(&connected(), BundlePolicy::Balanced, &alphabet);
    assert!(seen > 100_000, "only {seen} worlds");
}

#[test]
fn after_an_exchange_with_restarts() {
    let alphabet = [ALL, &[Restart]].concat();
    let seen = explore(&connected(), BundlePolicy::Balanced, &alphabet);
    assert!(seen > 31_000, "only {seen} worlds");
}

#[test]
fn after_an_exchange_with_media_that_is_stopped() {
    let alphabet = [ALL, &[Stop(0), AddTrack(Video)]].concat();
    let seen = explore(&connected(), BundlePolicy::Balanced, &alphabet);
    assert!(seen > 115_000, "only {seen} worlds");
}

#[test]
fn after_an_exchange_with_data_that_is_stopped() {
    let alphabet = [ALL, &[StopData, AddData, Restart]].concat();
    let seen = explore(&connected(), BundlePolicy::Balanced, &alphabet);
    assert!(seen > 118_000, "only {seen} worlds");
}

#[test]
fn after_an_exchange_without_bundles_in_mind() {
    let alphabet = [FINAL, &[Stop(0), StopData, Restart]].concat();
    let seen = explore(&connected(), BundlePolicy::MaxCompat, &alphabet);
    assert!(seen > 75_000, "only {seen} worlds");
}

#[test]
fn after_a_section_was_rejected() {
    let script = [&connected()[..], &[(0, Stop(0))], &exchange(0)].concat();
    let alphabet = [FINAL, &[AddTrack(Video), Stop(0), Rollback]].concat();
    let seen = explore(&script, BundlePolicy::Balanced, &alphabet);
    assert!(seen > 57_000, "only {seen} worlds");
}

/// Exchanges as they should be, and with all else.
const FINAL: &[Event] = &[Receive, Offer, Answer];
const ALL: &[Event] = &[Receive, Offer, Answer, PrAnswer, Rollback];

/// Audio and data channels.
fn connected() -> Vec<Act> {
    let wanted = [(0, AddTrack(Audio)), (0, AddData), (1, AddTrack(Audio))];
    wanted.into_iter().chain(exchange(0)).collect()
}

fn exchange(offerer: usize) -> [Act; 4] {
    [
        (offerer, Offer),
        (1 - offerer, Receive),
        (1 - offerer, Answer),
        (offerer, Receive),
    ]
}

#[test]
fn on_long_ways_with_all_there_is() {
    let all = [
        AddTrack(Audio),
        AddTransceiver(Video, Direction::RecvOnly),
        Direct(0, Direction::SendRecv),
        Direct(1, Direction::Inactive),
        Stop(0),
        Stop(1),
        AddData,
        StopData,
        Restart,
    ];
    // Signaling happens more often than wishes.
    let alphabet = [
        &[Receive; 8],
        &[Answer; 8][..],
        &[Offer; 4],
        &[PrAnswer, Rollback],
        &all,
    ]
    .concat();
    let mut acts = 0;
    for (seed, policy) in (0..).zip([BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle]) {
        for walk in 0..60 {
            let mut explorer = Explorer::new(&alphabet);
            let start = explorer.start([config(1_000, policy), config(2_000, policy)], &[]);
            acts += explorer.walk(start, 400, seed * 1_000 + walk);
        }
    }
    assert!(acts > 25_000, "only {acts} acts");
}

/// How many worlds there are within [`DEPTH`] acts; all of them are as they must be.
fn explore(script: &[Act], policy: BundlePolicy, alphabet: &[Event]) -> usize {
    let mut explorer = Explorer::new(alphabet);
    let start = explorer.start([config(1_000, policy), config(2_000, policy)], script);
    explorer.explore(start, DEPTH)
}

const DEPTH: usize = 8;

/// One codec of each kind: how codecs are chosen is told elsewhere.
fn config(session_id: u64, bundle_policy: BundlePolicy) -> Config {
    let one = |kind, codec| RtpCapabilities {
        codecs: vec![codec],
        ..RtpCapabilities::none(kind)
    };
    Config {
        bundle_policy,
        audio: one(Audio, Codec::new("opus", 48_000).with_channels(2)),
        video: one(Video, Codec::new("VP8", 90_000)),
        // One bit is not used.
        ..Config::new(session_id * 2)
    }
}
