//! A machine's streams: what it asks for is opened, and what they bring is told.

use pollrtc::{Datagram, Departure, Instant, StateMachine, Transmit};

use crate::streams::{Incoming, Streams};

/// Frames of streams that are taken before what they caused is sent.
const FRAMES_PER_TURN: usize = 64;

/// Takes what has come from the streams.
pub(crate) fn take_incoming(streams: &mut Streams, machine: &mut impl StateMachine, now: Instant) {
    for _ in 0..FRAMES_PER_TURN {
        match streams.try_next() {
            None => return,
            Some(Incoming::Event(event)) => machine.handle_flow(now, event),
            Some(Incoming::Frame { flow, mut bytes }) => {
                machine.handle_datagram(now, Datagram::new(flow, &mut bytes));
            }
        }
    }
}

/// Opens and closes what the machine asks for.
pub(crate) fn carry_out_requests(streams: &mut Streams, machine: &mut impl StateMachine) {
    while let Some(request) = machine.poll_flow() {
        streams.request(request);
    }
}

/// Sends a frame: whole, or not at all.
pub(crate) fn send_frame(
    streams: &mut Streams,
    machine: &mut impl StateMachine,
    now: Instant,
    transmit: &Transmit,
    buf: &[u8],
) {
    let departure = match streams.send(transmit.flow, buf.get(..transmit.len).unwrap_or_default()) {
        true => Departure::Sent(now),
        false => Departure::Dropped,
    };
    if let Some(id) = transmit.id {
        machine.handle_sent(id, departure);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use pollrtc::{Flow, FlowEvent, FlowRequest, Framing, Protocol, RequestId, SendId};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const NOW: Instant = Instant::from_millis(1);
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Asks for a stream, says something on it, hears the answer and closes it.
    #[derive(Default)]
    struct Client {
        request: Option<FlowRequest>,
        unsent: Option<(Flow, &'static [u8])>,
        told: Vec<FlowEvent>,
        heard: Vec<(Flow, Vec<u8>)>,
        departures: Vec<(SendId, Departure)>,
    }

    impl StateMachine for Client {
        type Event = ();
        type Received<'d> = ();

        fn handle_datagram(&mut self, _: Instant, datagram: Datagram<'_>) {
            self.heard.push((datagram.flow, datagram.payload.to_vec()));
            self.request = Some(FlowRequest::Close(datagram.flow));
        }

        fn handle_timeout(&mut self, _: Instant) {}

        fn poll_transmit(&mut self, _: Instant, buf: &mut [u8]) -> Option<Transmit> {
            let (flow, text) = self.unsent.take()?;
            buf[..text.len()].copy_from_slice(text);
            let transmit = Transmit::new(flow, text.len());
            Some(Transmit {
                id: Some(SendId(7)),
                ..transmit
            })
        }

        fn poll_event(&mut self) -> Option<()> {
            None
        }

        fn poll_timeout(&self) -> Option<Instant> {
            None
        }

        fn handle_sent(&mut self, id: SendId, departure: Departure) {
            self.departures.push((id, departure));
        }

        fn handle_flow(&mut self, _: Instant, event: FlowEvent) {
            self.told.push(event);
            if let FlowEvent::Opened { flow, .. } = event {
                self.unsent = Some((flow, b"hello"));
            }
        }

        fn poll_flow(&mut self) -> Option<FlowRequest> {
            self.request.take()
        }
    }

    /// As the driver's task does, until the stream is closed.
    async fn drive(client: &mut Client) {
        let (mut streams, mut buf) = (Streams::new(), [0; 100]);
        while !matches!(
            client.told.last(),
            Some(FlowEvent::Closed(_) | FlowEvent::Failed { .. })
        ) {
            carry_out_requests(&mut streams, client);
            while let Some(transmit) = client.poll_transmit(NOW, &mut buf) {
                send_frame(&mut streams, client, NOW, &transmit, &buf);
            }
            std::future::poll_fn(|cx| streams.poll_ready(cx)).await;
            take_incoming(&mut streams, client, NOW);
        }
    }

    fn open(to: SocketAddr) -> FlowRequest {
        FlowRequest::Open {
            id: RequestId(3),
            from: None,
            to,
            protocol: Protocol::Tcp,
            framing: Framing::Rfc4571,
            server_name: None,
        }
    }

    #[tokio::test]
    async fn a_machine_gets_the_stream_that_it_asks_for_and_what_comes_by_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut frame = [0; 7];
            stream.read_exact(&mut frame).await.unwrap();
            assert_eq!(&frame, b"\x00\x05hello");
            stream.write_all(b"\x00\x03you").await.unwrap();
            assert_eq!(stream.read(&mut frame).await.unwrap(), 0);
        };
        let mut client = Client {
            request: Some(open(address)),
            ..Client::default()
        };
        timeout(PATIENCE, async { tokio::join!(server, drive(&mut client)) })
            .await
            .unwrap();
        let flow = client.heard[0].0;
        assert_eq!((flow.protocol(), flow.remote()), (Protocol::Tcp, address));
        assert_eq!(client.heard, [(flow, b"you".to_vec())]);
        let id = Some(RequestId(3));
        assert_eq!(client.told, [FlowEvent::Opened { id, flow }, FlowEvent::Closed(flow)]);
        assert_eq!(client.departures, [(SendId(7), Departure::Sent(NOW))]);
    }

    #[tokio::test]
    async fn a_stream_that_can_not_be_had_is_told_and_what_is_sent_on_none_is_dropped() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let mut client = Client {
            request: Some(open(gone)),
            unsent: Some((Flow::new(Protocol::Tcp, None, gone), b"hello")),
            ..Client::default()
        };
        timeout(PATIENCE, drive(&mut client)).await.unwrap();
        assert_eq!(client.told, [FlowEvent::Failed { id: RequestId(3) }]);
        assert_eq!(client.departures, [(SendId(7), Departure::Dropped)]);
    }
}
