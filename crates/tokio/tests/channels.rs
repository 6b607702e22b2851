//! Handles to channels: messages, and bytes, for whoever reads one without looking at the others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pollrtc_tokio::pollrtc::{ChannelSendError, ChannelState, Config, Event, Message};
use pollrtc_tokio::{Channel, Endpoint, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Two peers that are about to be connected, with channels of the first one's.
async fn peers(labels: &[&str]) -> (Peer, Peer, Vec<Channel>) {
    let [one, other] = [(); 2].map(|()| Endpoint::bind(&[LOOPBACK]).unwrap());
    let (a, b) = (one.peer(Config::default()), other.peer(Config::default()));
    let channels = labels.iter().map(|label| {
        let id = a.create_data_channel(*label).unwrap();
        a.channel(id)
    });
    let channels = channels.collect();
    let answer = b.accept_offer(&a.offer().await.unwrap()).await.unwrap();
    a.accept_answer(&answer).unwrap();
    (a, b, channels)
}

/// The next channel that the other side opens.
async fn incoming(peer: &Peer) -> Channel {
    let wait = async {
        loop {
            let event = peer.next_event().await.expect("it is still open");
            if let Event::ChannelOpen {
                channel,
                incoming: true,
            } = event
            {
                return peer.channel(channel);
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

async fn next(channel: &Channel) -> Option<Message> {
    timeout(PATIENCE, channel.next_message()).await.unwrap()
}

#[tokio::test]
async fn sending_waits_until_the_channel_is_open_and_reading_until_it_is_closed() {
    let (_a, b, channels) = peers(&["talk"]).await;
    let ours = &channels[0];
    assert_eq!(ours.state(), ChannelState::Connecting);
    timeout(PATIENCE, ours.send("hello")).await.unwrap().unwrap();
    let theirs = incoming(&b).await;
    assert_eq!(theirs.info().unwrap().label, "talk");
    assert_eq!(next(&theirs).await, Some(Message::from("hello")));
    theirs.send("and goodbye").await.unwrap();
    theirs.close();
    assert_eq!(next(ours).await, Some(Message::from("and goodbye")));
    assert_eq!(next(ours).await, None);
    assert_eq!(next(&theirs).await, None);
    assert_eq!(ours.send("too late").await, Err(ChannelSendError::NotOpen));
}

#[tokio::test]
async fn who_is_slow_with_one_channel_holds_up_no_other() {
    let (_a, b, channels) = peers(&["slow", "fast"]).await;
    channels[0].send("wait for it").await.unwrap();
    let slow = incoming(&b).await;
    let fast = incoming(&b).await;
    for number in 0..100 {
        channels[0].send(vec![0; 1000]).await.unwrap();
        channels[1].send(number.to_string()).await.unwrap();
        assert_eq!(next(&fast).await, Some(Message::from(number.to_string())));
    }
    assert_eq!(next(&slow).await, Some(Message::from("wait for it")));
    for _ in 0..100 {
        assert_eq!(next(&slow).await, Some(Message::from(vec![0; 1000])));
    }
}

#[tokio::test]
async fn a_handle_that_is_dropped_closes_its_channel_and_gives_the_window_back() {
    let (a, b, mut channels) = peers(&["dropped", "kept"]).await;
    let kept = channels.pop().unwrap();
    let dropped = channels.pop().unwrap();
    dropped.send("first").await.unwrap();
    let theirs = incoming(&b).await;
    let theirs_kept = incoming(&b).await;
    drop(theirs);
    // More than the window has, were it kept for somebody.
    let send = async { while dropped.send(vec![0; 100_000]).await.is_ok() {} };
    timeout(PATIENCE, send).await.unwrap();
    for _ in 0..50 {
        kept.send(vec![1; 100_000]).await.unwrap();
        assert_eq!(next(&theirs_kept).await, Some(Message::from(vec![1; 100_000])));
    }
    // The connection goes on without any handle, and handles end with it.
    drop(theirs_kept);
    assert_eq!(next(&kept).await, None);
    drop(a);
    assert_eq!(next(&dropped).await, None);
}

#[tokio::test]
async fn who_waits_on_a_channel_hears_that_its_peer_was_dropped() {
    let (a, _b, mut channels) = peers(&["chat"]).await;
    let channel = channels.pop().unwrap();
    let waiter = tokio::spawn(async move { channel.next_message().await });
    // It waits by then: there is one thread.
    tokio::task::yield_now().await;
    drop(a);
    let heard = timeout(PATIENCE, waiter).await.expect("it is told");
    assert_eq!(heard.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_flow_through_a_channel_as_through_a_socket() {
    let (_a, b, mut channels) = peers(&["bytes"]).await;
    let sent: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut ours = channels.pop().unwrap().into_byte_stream();
    let write = async {
        ours.write_all(&sent).await.unwrap();
        ours.flush().await.unwrap();
        let mut all = vec![0; sent.len()];
        ours.read_exact(&mut all).await.unwrap();
        assert!(all == sent, "the same comes back");
        ours.shutdown().await.unwrap();
        assert_eq!(ours.read(&mut all).await.unwrap(), 0);
        let error = ours.write_all(&sent).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    };
    let echo = async {
        let mut theirs = incoming(&b).await.into_byte_stream();
        let mut all = vec![0; sent.len()];
        theirs.read_exact(&mut all).await.unwrap();
        theirs.write_all(&all).await.unwrap();
        assert_eq!(theirs.read(&mut all).await.unwrap(), 0, "closed by the other side");
    };
    timeout(2 * PATIENCE, async { tokio::join!(write, echo) })
        .await
        .unwrap();
}
