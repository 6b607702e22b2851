//! `is`, the agent of str0m.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds, Protocol};

use crate::stack::{ADDRESSES, PASSWORDS, Packet, Stack, UFRAGS, address};

pub(crate) struct Is {
    agent: IceAgent,
    origin: Instant,
    selected: Option<(SocketAddr, SocketAddr)>,
}

fn credentials(side: usize) -> IceCreds {
    IceCreds {
        ufrag: UFRAGS[side].into(),
        pass: PASSWORDS[side].into(),
    }
}

impl Is {
    pub(crate) fn new(side: usize) -> Self {
        let mut agent = IceAgent::new(credentials(side));
        agent.set_controlling(side == 0);
        agent.set_remote_credentials(credentials(1 - side));
        for index in 0..ADDRESSES {
            agent.add_local_candidate(Candidate::host(address(side, index), "udp").expect("a lawful candidate"));
        }
        for index in 0..ADDRESSES {
            agent.add_remote_candidate(Candidate::host(address(1 - side, index), "udp").expect("a lawful candidate"));
        }
        Self {
            agent,
            origin: Instant::now() + Duration::from_secs(1_000),
            selected: None,
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend {
                source, destination, ..
            } = event
            {
                self.selected = Some((source, destination));
            }
        }
    }
}

impl Stack for Is {
    fn start(&mut self, now: Duration) {
        self.handle_timeout(now);
    }

    fn next_timeout(&mut self) -> Option<Duration> {
        Some(self.agent.poll_timeout()?.saturating_duration_since(self.origin))
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.agent.handle_timeout(self.origin + now);
        self.take_events();
    }

    fn receive(&mut self, now: Duration, packet: &Packet) {
        let Ok(message) = StunMessage::parse(&packet.bytes) else {
            return;
        };
        let packet = StunPacket {
            proto: Protocol::Udp,
            source: packet.from,
            destination: packet.to,
            message,
        };
        self.agent.handle_packet(self.origin + now, packet);
        self.take_events();
    }

    fn transmit(&mut self, _: Duration) -> Option<Packet> {
        let transmit = self.agent.poll_transmit()?;
        Some(Packet {
            from: transmit.source,
            to: transmit.destination,
            bytes: transmit.contents.to_vec(),
        })
    }

    fn selected(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.selected
    }
}
