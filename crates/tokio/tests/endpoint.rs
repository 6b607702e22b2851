//! Peers on real sockets of the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pollrtc_tokio::pollrtc::{ChannelId, ChannelSendError, CloseReason, Config, Event, IceCandidate, Message};
use pollrtc_tokio::{Endpoint, Peer};
use tokio::time::timeout;

#[path = "../../pollrtc/tests/callers/mod.rs"]
mod callers;
#[path = "../examples/echo/echo.rs"]
mod example;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn endpoint() -> Endpoint {
    Endpoint::bind(&[LOOPBACK]).unwrap()
}

/// Two connected peers and the channel between them, as each knows it.
async fn connected(a: &Endpoint, b: &Endpoint) -> (Peer, ChannelId, Peer, ChannelId) {
    let (a, b) = (a.peer(Config::default()), b.peer(Config::default()));
    let ours = a.create_data_channel("data").unwrap();
    let answer = b.accept_offer(&a.offer().await.unwrap()).await.unwrap();
    a.accept_answer(&answer).unwrap();
    let (_, theirs) = tokio::join!(opened(&a), opened(&b));
    (a, ours, b, theirs)
}

async fn opened(peer: &Peer) -> ChannelId {
    let wait = async {
        loop {
            match peer.next_event().await {
                Some(Event::ChannelOpen { channel, .. }) => return channel,
                Some(_) => {}
                None => panic!("closed before the channel was open"),
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

async fn message(peer: &Peer) -> Message {
    let wait = async {
        loop {
            match peer.next_event().await {
                Some(Event::Message { data, .. }) => return data,
                Some(_) => {}
                None => panic!("closed before the message came"),
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

async fn closed(peer: &Peer) {
    timeout(PATIENCE, async { while peer.next_event().await.is_some() {} })
        .await
        .unwrap();
}

#[tokio::test]
async fn the_example_echoes() {
    let (own, other) = (endpoint(), endpoint());
    let peer = own.peer(Config::default());
    let channel = peer.create_data_channel("echo").unwrap();
    let offer = peer.offer().await.unwrap();
    let echo = example::echo(&other, Config::default(), &offer, |answer| {
        peer.accept_answer(&answer).unwrap()
    });
    let talk = async {
        opened(&peer).await;
        for text in ["one", "", "three"] {
            peer.send(channel, text).await.unwrap();
            assert_eq!(message(&peer).await, Message::from(text));
        }
        peer.close();
        closed(&peer).await;
    };
    let (echoed, ()) = tokio::join!(timeout(PATIENCE, echo), talk);
    echoed.unwrap().unwrap();
}

/// More than any buffer holds, so sending has to wait for receiving.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_data_arrives_in_order() {
    const COUNT: usize = 1000;
    const SIZE: usize = 50_000;
    let (one, other) = (endpoint(), endpoint());
    let (a, channel, b, _) = connected(&one, &other).await;
    let send = async {
        for index in 0..COUNT {
            a.send(channel, vec![index as u8; SIZE]).await.unwrap();
        }
    };
    let receive = async {
        for index in 0..COUNT {
            assert_eq!(
                message(&b).await,
                Message::from(vec![index as u8; SIZE]),
                "message {index}"
            );
        }
    };
    tokio::join!(send, receive);
}

/// One socket serves many connections, each to a socket of its own.
#[tokio::test]
async fn many_peers_share_a_socket() {
    let server = endpoint();
    let mut pairs = Vec::new();
    for _ in 0..50 {
        let client = endpoint();
        pairs.push(connected(&client, &server).await);
    }
    assert_eq!(server.len(), 50);
    for (index, (client, channel, ..)) in pairs.iter().enumerate() {
        client.send(*channel, index.to_string()).await.unwrap();
    }
    for (index, (_, _, peer, _)) in pairs.iter().enumerate() {
        assert_eq!(message(peer).await, Message::from(index.to_string()));
    }
}

/// With several sockets, the path that is found decides which one is used.
#[tokio::test]
async fn an_endpoint_may_have_several_sockets() {
    let one = Endpoint::bind(&[LOOPBACK, LOOPBACK, "[::1]:0".parse().unwrap()]).unwrap();
    assert_eq!(one.local_addresses().len(), 3);
    let other = endpoint();
    let (a, channel, b, _) = connected(&one, &other).await;
    a.send(channel, "hello").await.unwrap();
    assert_eq!(message(&b).await, Message::from("hello"));
    let path = a.stats().data_transport().unwrap().path.unwrap();
    let local = path.flow.local().expect("a path names its base");
    assert!(one.local_addresses().contains(&local) && local.is_ipv4());
}

#[tokio::test]
async fn dropping_a_peer_closes_the_connection() {
    let (one, other) = (endpoint(), endpoint());
    let (a, _, b, _) = connected(&one, &other).await;
    drop(a);
    closed(&b).await;
    drop(b);
    let gone = async {
        while !(one.is_empty() && other.is_empty()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

/// The system gives each router what it wants to; each gets what is its own, by a port of its own or by one for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_routers_serve_an_endpoint_each_in_a_task_of_its_own() {
    let free = std::net::UdpSocket::bind(LOOPBACK).unwrap().local_addr().unwrap();
    for address in [LOOPBACK, free] {
        let server = Endpoint::bind_sharded(&[address], 3).unwrap();
        let ports = if address.port() == 0 { 3 } else { 1 };
        assert_eq!(server.local_addresses().len(), ports);
        let mut pairs = Vec::new();
        for _ in 0..12 {
            let client = endpoint();
            pairs.push(connected(&client, &server).await);
        }
        assert_eq!(server.len(), 12);
        for (index, (client, channel, ..)) in pairs.iter().enumerate() {
            client.send(*channel, index.to_string()).await.unwrap();
        }
        for (index, (_, _, peer, _)) in pairs.iter().enumerate() {
            assert_eq!(message(peer).await, Message::from(index.to_string()));
        }
    }
    assert!(Endpoint::bind_sharded(&[LOOPBACK], 0).is_err());
}

#[tokio::test]
async fn a_wildcard_is_no_address_to_bind_to() {
    let refused = Endpoint::bind(&["0.0.0.0:0".parse().unwrap()]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(Endpoint::bind(&[]).is_err());
}

/// The example's echo peer against callers of all kinds.
#[test]
fn the_example_survives_its_callers() {
    callers::call(|config, offer, send_answer| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { example::echo(&endpoint(), config, &offer, send_answer).await })
    });
}

#[tokio::test]
async fn a_message_that_can_never_be_sent_is_refused_at_once_also_where_the_peer_takes_any() {
    let (one, other) = (endpoint(), endpoint());
    let gibibyte = 1 << 30;
    let a = one.peer(Config::default());
    let b = other.peer(Config::default().with_max_message_size(gibibyte));
    let channel = a.create_data_channel("data").unwrap();
    let answer = b.accept_offer(&a.offer().await.unwrap()).await.unwrap();
    a.accept_answer(&answer).unwrap();
    opened(&a).await;
    let max = Config::default().max_buffered_amount;
    let refused = timeout(PATIENCE, a.send(channel, vec![0; max + 1])).await.unwrap();
    let size = max + 1;
    assert_eq!(refused, Err(ChannelSendError::TooLarge { size, max }));
}

/// Two tasks send on a channel each, and more than may wait. Each hears of its own channel's room.
#[tokio::test]
async fn senders_on_several_channels_do_not_wait_for_each_other_for_ever() {
    let (one, other) = (endpoint(), endpoint());
    let a = one.peer(Config::default().with_max_buffered_amount(500_000));
    let b = other.peer(Config::default());
    let channels = ["one", "two", "three"].map(|label| a.create_data_channel(label).unwrap());
    let answer = b.accept_offer(&a.offer().await.unwrap()).await.unwrap();
    a.accept_answer(&answer).unwrap();
    for _ in channels {
        opened(&a).await;
    }
    let send = |channel: ChannelId, size: usize| {
        let a = &a;
        async move {
            for _ in 0..50 {
                a.send(channel, vec![0; size]).await.unwrap();
            }
        }
    };
    let receive = async {
        for _ in 0..150 {
            message(&b).await;
        }
    };
    let all = async {
        tokio::join!(
            send(channels[0], 200_000),
            send(channels[1], 100),
            send(channels[2], 60_000),
            receive
        )
    };
    timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test]
async fn sending_to_a_peer_that_is_gone_comes_to_an_end() {
    let (one, other) = (endpoint(), endpoint());
    let config = Config::default().with_failed_timeout(Duration::from_secs(8));
    let a = one.peer(config.with_close_timeout(Duration::from_millis(100)));
    let b = other.peer(Config::default());
    let channel = a.create_data_channel("data").unwrap();
    let answer = b.accept_offer(&a.offer().await.unwrap()).await.unwrap();
    a.accept_answer(&answer).unwrap();
    opened(&a).await;
    // Its address is gone with its last candidate: nothing of it is heard any more.
    b.with(|peer, now| {
        for address in other.local_addresses() {
            peer.remove_local_address(now, *address);
        }
    });
    let send = async {
        loop {
            if let Err(error) = a.send(channel, vec![0; 60_000]).await {
                return error;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, send).await.unwrap(), ChannelSendError::NotOpen);
    // And so does whoever waits for what happens.
    closed(&a).await;
}

#[tokio::test]
async fn closing_an_endpoint_says_goodbye_to_all() {
    let server = endpoint();
    let mut clients = Vec::new();
    for _ in 0..10 {
        let client = endpoint();
        clients.push((connected(&client, &server).await, client));
    }
    server.close().await;
    // Without the task that drives it, nothing more can come.
    for ((client, _, peer, _), _) in &clients {
        let told = timeout(PATIENCE, last_event(client)).await.unwrap();
        assert!(matches!(told, Some(Event::Closed(CloseReason::Remote))), "{told:?}");
        let told = timeout(PATIENCE, last_event(peer)).await.unwrap();
        assert!(matches!(told, Some(Event::Closed(CloseReason::Local))), "{told:?}");
    }
    let late = server.peer(Config::default());
    assert!(late.offer().await.is_err());
    closed(&late).await;
}

async fn last_event(peer: &Peer) -> Option<Event> {
    let mut last = None;
    while let Some(event) = peer.next_event().await {
        last = Some(event);
    }
    last
}

#[tokio::test]
async fn candidates_trickle() {
    let (one, other) = (endpoint(), endpoint());
    let (a, b) = (one.peer(Config::default()), other.peer(Config::default()));
    a.create_data_channel("data").unwrap();
    let without = |description: String| {
        let lines = description.split_inclusive('\n');
        lines.filter(|line| !line.contains("candidate")).collect::<String>()
    };
    let answer = b.trickle_answer(&without(a.trickle_offer().unwrap())).unwrap();
    a.accept_answer(&without(answer)).unwrap();
    for (from, to) in [(&one, &b), (&other, &a)] {
        let address = from.local_addresses()[0];
        let (ip, port) = (address.ip(), address.port());
        let line = format!("candidate:1 1 udp 2130706431 {ip} {port} typ host");
        to.add_remote_candidate(&IceCandidate::new(line, "")).unwrap();
    }
    tokio::join!(opened(&a), opened(&b));
    assert!(a.add_remote_candidate(&IceCandidate::new("nonsense", "")).is_err());
}

/// Nothing would tell their datagrams apart.
#[tokio::test]
async fn a_second_connection_between_the_same_two_sockets_is_refused_with_a_reason() {
    let (one, other) = (endpoint(), endpoint());
    let (a, channel, b, _) = connected(&one, &other).await;
    let (c, d) = (one.peer(Config::default()), other.peer(Config::default()));
    c.create_data_channel("data").unwrap();
    let answer = d.accept_offer(&c.offer().await.unwrap()).await.unwrap();
    c.accept_answer(&answer).unwrap();
    for refused in [&c, &d] {
        let told = timeout(PATIENCE, last_event(refused)).await.unwrap();
        assert!(
            matches!(told, Some(Event::Closed(CloseReason::AddressInUse))),
            "{told:?}"
        );
    }
    for number in 0..100 {
        a.send(channel, number.to_string()).await.unwrap();
        assert_eq!(message(&b).await, Message::from(number.to_string()));
    }
}
