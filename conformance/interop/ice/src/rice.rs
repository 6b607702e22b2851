//! rice-proto, the agent of librice.

use std::net::SocketAddr;
use std::time::Duration;

use rice_proto::agent::{Agent, AgentPoll};
use rice_proto::candidate::{Candidate, CandidateType, TransportType};
use rice_proto::stream::Credentials;
use stun_proto::Instant;

use crate::stack::{ADDRESSES, PASSWORDS, Packet, Stack, UFRAGS, address, priority};

pub(crate) struct Rice {
    agent: Agent,
    stream: usize,
    component: usize,
    next: Option<Duration>,
    selected: Option<(SocketAddr, SocketAddr)>,
}

fn at(now: Duration) -> Instant {
    Instant::from_nanos(now.as_nanos() as i64)
}

fn candidate(side: usize, index: usize) -> Candidate {
    let address = address(side, index);
    Candidate::builder(1, CandidateType::Host, TransportType::Udp, &index.to_string(), address)
        .base_address(address)
        .priority(priority(index))
        .build()
}

impl Rice {
    pub(crate) fn new(side: usize) -> Self {
        let mut agent = Agent::builder().trickle_ice(false).controlling(side == 0).build();
        let stream_id = agent.add_stream();
        let mut stream = agent.mut_stream(stream_id).expect("just added");
        let component = stream.add_component().expect("the first one");
        let credentials = |side: usize| Credentials::new(UFRAGS[side].into(), PASSWORDS[side].into());
        stream.set_local_credentials(credentials(side));
        stream.set_remote_credentials(credentials(1 - side));
        for index in 0..ADDRESSES {
            stream.add_local_candidate(candidate(side, index));
        }
        stream.end_of_local_candidates();
        for index in 0..ADDRESSES {
            stream.add_remote_candidate(candidate(1 - side, index));
        }
        stream.end_of_remote_candidates();
        Self {
            agent,
            stream: stream_id,
            component,
            next: Some(Duration::ZERO),
            selected: None,
        }
    }

    fn poll(&mut self, now: Duration) {
        loop {
            match self.agent.poll(at(now)) {
                AgentPoll::WaitUntil(next) => {
                    self.next = Some(next.duration_since(Instant::ZERO));
                    return;
                }
                AgentPoll::Closed => {
                    self.next = None;
                    return;
                }
                AgentPoll::SelectedPair(pair) => {
                    let pair = pair.selected.candidate_pair();
                    self.selected = Some((pair.local.base_address, pair.remote.address));
                }
                _ => {}
            }
        }
    }
}

impl Stack for Rice {
    fn start(&mut self, now: Duration) {
        self.poll(now);
    }

    fn next_timeout(&mut self) -> Option<Duration> {
        self.next
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.poll(now);
    }

    fn receive(&mut self, now: Duration, packet: &Packet) {
        let component = self.component;
        let mut stream = self.agent.mut_stream(self.stream).expect("added at the start");
        let data = stun_proto::agent::Transmit::new(packet.bytes.clone(), TransportType::Udp, packet.from, packet.to);
        stream.handle_incoming_data(component, data, at(now));
        self.poll(now);
    }

    fn transmit(&mut self, now: Duration) -> Option<Packet> {
        let mut packet = None;
        if let Some(sent) = self.agent.poll_transmit(at(now)) {
            packet = Some(Packet {
                from: sent.transmit.from,
                to: sent.transmit.to,
                bytes: sent.transmit.data.to_vec(),
            });
        }
        self.poll(now);
        packet
    }

    fn selected(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.selected
    }
}
