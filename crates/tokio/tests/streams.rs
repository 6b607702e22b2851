//! TCP and TLS flows between two ends on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc::{Flow, FlowEvent, FlowRequest, Framing, Protocol, RequestId};
use pollrtc_tokio::{Incoming, StreamLimits, Streams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const LONG: Duration = Duration::from_secs(20);

fn open(id: u64, to: SocketAddr, framing: Framing) -> FlowRequest {
    FlowRequest::Open {
        id: RequestId(id),
        from: None,
        to,
        protocol: Protocol::Tcp,
        framing,
        server_name: None,
    }
}

async fn next(streams: &mut Streams) -> Incoming {
    timeout(LONG, streams.next()).await.expect("something comes")
}

async fn opened(streams: &mut Streams) -> (Option<RequestId>, Flow) {
    match next(streams).await {
        Incoming::Event(FlowEvent::Opened { id, flow }) => (id, flow),
        other => panic!("expected a stream, got {other:?}"),
    }
}

/// Two ends with one stream between them.
async fn pair(framing: Framing, limits: StreamLimits) -> (Streams, Flow, Streams, Flow) {
    let (mut client, mut server) = (Streams::with_limits(limits), Streams::with_limits(limits));
    let address = server.listen(LOOPBACK.into(), framing).unwrap();
    client.request(open(7, address, framing));
    let (id, outgoing) = opened(&mut client).await;
    assert_eq!(id, Some(RequestId(7)));
    let (id, incoming) = opened(&mut server).await;
    assert_eq!(id, None);
    assert_eq!(
        (outgoing.local(), Some(outgoing.remote())),
        (Some(incoming.remote()), incoming.local())
    );
    (client, outgoing, server, incoming)
}

#[tokio::test]
async fn frames_go_both_ways_and_the_end_is_told() {
    let (mut client, outgoing, mut server, incoming) = pair(Framing::Rfc4571, StreamLimits::default()).await;
    assert!(client.send(outgoing, b"one"));
    assert!(client.send(outgoing, &[2; 3000]));
    let frame = |flow, bytes: &[u8]| Incoming::Frame {
        flow,
        bytes: bytes.into(),
    };
    assert_eq!(next(&mut server).await, frame(incoming, b"one"));
    assert_eq!(next(&mut server).await, frame(incoming, &[2; 3000]));
    assert!(server.send(incoming, b"three"));
    // What was given before the end still arrives.
    server.request(FlowRequest::Close(incoming));
    assert!(!server.send(incoming, b"too late"));
    assert_eq!(next(&mut client).await, frame(outgoing, b"three"));
    assert_eq!(next(&mut client).await, Incoming::Event(FlowEvent::Closed(outgoing)));
    assert_eq!(next(&mut server).await, Incoming::Event(FlowEvent::Closed(incoming)));
    assert!(client.is_empty() && server.is_empty());
    assert!(!client.send(outgoing, b"nobody there"));
    assert_eq!(client.dropped(), 1);
}

#[tokio::test]
async fn channel_data_is_padded_on_the_stream_and_nowhere_else() {
    let (mut client, outgoing, mut server, incoming) = pair(Framing::Stun, StreamLimits::default()).await;
    let data = [0x40, 0x01, 0, 1, b'x'];
    assert!(client.send(outgoing, &data));
    assert!(client.send(outgoing, &data));
    assert!(!client.send(outgoing, b"neither"), "it does not delimit itself");
    for _ in 0..2 {
        let bytes = data.to_vec();
        assert_eq!(next(&mut server).await, Incoming::Frame { flow: incoming, bytes });
    }
}

/// A stream whose other side does not read fills up, drops whole frames and says so; others go on meanwhile; and it
/// goes on itself once it is read, with each frame whole.
#[tokio::test]
async fn a_full_stream_holds_up_nobody_else() {
    let idle = TcpListener::bind(SocketAddr::from(LOOPBACK)).await.unwrap();
    let (mut client, lively, mut server, incoming) = pair(Framing::Rfc4571, StreamLimits::default()).await;
    client.request(open(8, idle.local_addr().unwrap(), Framing::Rfc4571));
    let (_, stuck) = opened(&mut client).await;
    let (mut reader, _) = idle.accept().await.unwrap();

    let (mut sent, mut blocked) = (0_usize, false);
    while !blocked {
        sent += usize::from(client.send(stuck, &[9; 1000]));
        // The tasks get their turn.
        tokio::task::yield_now().await;
        blocked = client.try_next() == Some(Incoming::Event(FlowEvent::Blocked(stuck)));
    }
    assert!(client.dropped() > 0);
    for number in 0..100 {
        assert!(client.send(lively, &[number; 500]));
        let bytes = vec![number; 500];
        assert_eq!(next(&mut server).await, Incoming::Frame { flow: incoming, bytes });
    }

    let reading = tokio::spawn(async move {
        let mut frame = [0; 1002];
        for _ in 0..sent {
            reader.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame[..2], 1000_u16.to_be_bytes());
            assert!(frame[2..].iter().all(|byte| *byte == 9));
        }
        reader
    });
    assert_eq!(next(&mut client).await, Incoming::Event(FlowEvent::Writable(stuck)));
    assert!(client.send(stuck, b"again"));
    let mut reader = timeout(LONG, reading).await.unwrap().unwrap();
    let mut frame = [0; 7];
    reader.read_exact(&mut frame).await.unwrap();
    assert_eq!(&frame, b"\x00\x05again");
}

/// Whoever does not read can't keep a stream open, nor the task and the place that it takes.
#[tokio::test]
async fn a_full_stream_closes_in_time() {
    let idle = TcpListener::bind(SocketAddr::from(LOOPBACK)).await.unwrap();
    let mut limits = StreamLimits::default();
    limits.patience = Duration::from_secs(1);
    let mut client = Streams::with_limits(limits);
    client.request(open(8, idle.local_addr().unwrap(), Framing::Rfc4571));
    let (_, stuck) = opened(&mut client).await;
    let (_never_read, _) = idle.accept().await.unwrap();
    while client.try_next() != Some(Incoming::Event(FlowEvent::Blocked(stuck))) {
        client.send(stuck, &[9; 1000]);
        tokio::task::yield_now().await;
    }
    client.request(FlowRequest::Close(stuck));
    assert_eq!(next(&mut client).await, Incoming::Event(FlowEvent::Closed(stuck)));
    assert!(client.is_empty());
}

#[tokio::test]
async fn a_frame_longer_than_the_buffer_is_dropped_and_blocks_nothing() {
    let mut limits = StreamLimits::default();
    limits.send_buffer = 100;
    let (mut client, outgoing, mut server, incoming) = pair(Framing::Rfc4571, limits).await;
    assert!(!client.send(outgoing, &[1; 99]));
    assert_eq!(client.try_next(), None);
    assert!(client.send(outgoing, &[2; 98]));
    let bytes = vec![2; 98];
    assert_eq!(next(&mut server).await, Incoming::Frame { flow: incoming, bytes });
}

#[tokio::test]
async fn what_can_not_be_opened_fails() {
    // Bound, and closed again: nobody listens there.
    let address = TcpListener::bind(SocketAddr::from(LOOPBACK))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut streams = Streams::new();
    streams.request(open(1, address, Framing::Rfc4571));
    assert_eq!(
        next(&mut streams).await,
        Incoming::Event(FlowEvent::Failed { id: RequestId(1) })
    );
}

#[tokio::test]
async fn a_cancelled_request_says_nothing() {
    let listener = TcpListener::bind(SocketAddr::from(LOOPBACK)).await.unwrap();
    let mut streams = Streams::new();
    streams.request(open(1, listener.local_addr().unwrap(), Framing::Rfc4571));
    streams.request(FlowRequest::Cancel(RequestId(1)));
    let nothing = timeout(Duration::from_millis(200), streams.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert!(streams.is_empty());
}

#[tokio::test]
async fn who_sends_what_can_not_be_framed_is_closed() {
    let mut server = Streams::new();
    let address = server.listen(LOOPBACK.into(), Framing::Stun).unwrap();
    let mut stranger = TcpStream::connect(address).await.unwrap();
    let (_, flow) = opened(&mut server).await;
    stranger.write_all(b"\x80 GET / HTTP/1.1").await.unwrap();
    assert_eq!(next(&mut server).await, Incoming::Event(FlowEvent::Closed(flow)));
}

#[tokio::test]
async fn strangers_that_say_nothing_are_closed_and_their_number_is_bounded() {
    let mut limits = StreamLimits::default();
    (limits.accepted, limits.patience) = (2, Duration::from_secs(3));
    let mut server = Streams::with_limits(limits);
    let address = server.listen(LOOPBACK.into(), Framing::Rfc4571).unwrap();
    let mut strangers = Vec::new();
    for _ in 0..2 {
        strangers.push(TcpStream::connect(address).await.unwrap());
        opened(&mut server).await;
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    let end = timeout(LONG, third.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "there is no room for a third: {end:?}");
    for _ in 0..2 {
        assert!(matches!(next(&mut server).await, Incoming::Event(FlowEvent::Closed(_))));
    }
    // Their places are free again.
    let _fourth = TcpStream::connect(address).await.unwrap();
    opened(&mut server).await;
}

#[cfg(feature = "tls")]
mod tls {
    use std::sync::Arc;

    use pollrtc::ServerName;
    use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

    use super::*;

    /// A server of this name, and a client that trusts it.
    fn configs(name: &str) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
        let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = certified.cert.der().clone();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server), Arc::new(client))
    }

    fn open_tls(to: SocketAddr, name: &str) -> FlowRequest {
        FlowRequest::Open {
            id: RequestId(3),
            from: Some(to.ip()),
            to,
            protocol: Protocol::Tls,
            framing: Framing::Stun,
            server_name: ServerName::new(name),
        }
    }

    #[tokio::test]
    async fn frames_go_through_tls() {
        let (theirs, ours) = configs("turn.example");
        let mut server = Streams::new();
        let address = server.listen_tls(LOOPBACK.into(), Framing::Stun, theirs).unwrap();
        let mut client = Streams::new().with_tls(ours);
        client.request(open_tls(address, "turn.example"));
        let (_, outgoing) = opened(&mut client).await;
        let (_, incoming) = opened(&mut server).await;
        assert_eq!(
            (outgoing.protocol(), incoming.protocol()),
            (Protocol::Tls, Protocol::Tls)
        );
        let bytes = vec![0x40, 0x01, 0, 3, 1, 2, 3];
        assert!(client.send(outgoing, &bytes));
        assert_eq!(next(&mut server).await, Incoming::Frame { flow: incoming, bytes });
    }

    #[tokio::test]
    async fn a_server_of_another_name_is_refused() {
        let (theirs, ours) = configs("turn.example");
        let mut server = Streams::new();
        let address = server.listen_tls(LOOPBACK.into(), Framing::Stun, theirs).unwrap();
        let failed = Incoming::Event(FlowEvent::Failed { id: RequestId(3) });
        let mut client = Streams::new().with_tls(ours);
        client.request(open_tls(address, "other.example"));
        assert_eq!(next(&mut client).await, failed);
        // Nor is TLS spoken without knowing whom to trust.
        let mut careless = Streams::new();
        careless.request(open_tls(address, "turn.example"));
        assert_eq!(next(&mut careless).await, failed);
        assert!(server.is_empty());
    }
}
