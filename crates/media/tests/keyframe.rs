//! Key frames are asked for once for all (RFC 5104 §4.3.1.2).

use pollrtc_core::Instant;
use pollrtc_media::{KeyframeConfig, KeyframeRequests, ReceivedFirs};

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn requests() -> KeyframeRequests {
    KeyframeRequests::new(KeyframeConfig::default())
}

#[test]
fn three_hundred_joiners_make_few_requests() {
    // One joins each 200 ms, for a minute; the publisher answers after 100 ms.
    let mut requests = requests();
    let mut answer = None;
    let mut sent = Vec::new();
    for now in (0..60_000).step_by(10) {
        if now % 200 == 0 {
            requests.request();
        }
        if let Some(request) = requests.poll_request(ms(now)) {
            assert_eq!(request.repeated, 0, "each was answered");
            sent.push(request.sequence);
            answer = Some(now + 100);
        }
        if answer.take_if(|at| *at <= now).is_some() {
            requests.handle_key_frame();
        }
    }
    assert!(
        (60..=120).contains(&sent.len()),
        "{} requests: one each half second at most",
        sent.len()
    );
    let in_order: Vec<u8> = (1..=sent.len() as u8).collect();
    assert_eq!(sent, in_order);
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_again_and_then_no_more() {
    let mut requests = requests();
    requests.request();
    let mut sent = Vec::new();
    for now in (1_000..60_000).step_by(10) {
        sent.extend(
            requests
                .poll_request(ms(now))
                .map(|request| (now, request.sequence, request.repeated)),
        );
    }
    let expected = [1_000, 1_250, 2_250, 3_250, 4_250, 5_250, 6_250];
    assert!(sent.iter().map(|request| request.0).eq(expected), "{sent:?}");
    assert!(
        sent.iter().all(|request| request.1 == 1),
        "a FIR that is repeated has the same number"
    );
    assert!(sent.iter().map(|request| request.2).eq(0..7));
    assert_eq!(requests.poll_timeout(), None);
    requests.request();
    assert_eq!(
        requests.poll_request(ms(60_000)).map(|request| request.sequence),
        Some(2)
    );
}

#[test]
fn who_asks_after_the_answer_waits_for_the_next_interval() {
    let mut requests = requests();
    requests.request();
    assert!(requests.poll_request(ms(1_000)).is_some());
    requests.handle_key_frame();
    requests.request();
    assert_eq!(requests.poll_request(ms(1_100)), None);
    assert_eq!(requests.poll_timeout(), Some(ms(1_500)));
    assert!(requests.poll_request(ms(1_500)).is_some());
    // A key frame that comes by itself is as good.
    requests.handle_key_frame();
    requests.request();
    requests.handle_key_frame();
    assert_eq!((requests.poll_timeout(), requests.sent()), (None, 2));
}

#[test]
fn many_who_send_firs_fill_nothing() {
    let mut firs = ReceivedFirs::default();
    for sender in 0..100_000 {
        assert!(firs.is_new(sender, 0));
        assert!(!firs.is_new(sender, 0));
    }
    assert!(firs.is_new(99_999, 1));
}
