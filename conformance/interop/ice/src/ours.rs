//! pollrtc's agent.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Credentials, Role, State};

use crate::stack::{ADDRESSES, PASSWORDS, Packet, Stack, UFRAGS, address};

pub(crate) struct Ours {
    agent: Agent,
    side: usize,
}

fn at(now: Duration) -> Instant {
    Instant::ZERO + now
}

impl Ours {
    pub(crate) fn new(side: usize, seed: u64) -> Self {
        let mut bytes = [side as u8; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let role = if side == 0 { Role::Controlling } else { Role::Controlled };
        let mut agent = Agent::new(Config::default(), role, Rng::from_seed(bytes));
        // The peer was told these.
        agent.restart_with(Instant::ZERO, Credentials::new(UFRAGS[side], PASSWORDS[side]));
        for index in 0..ADDRESSES {
            agent
                .add_local_address(Instant::ZERO, address(side, index))
                .expect("a lawful address");
        }
        Self { agent, side }
    }
}

impl Stack for Ours {
    fn start(&mut self, now: Duration) {
        let other = 1 - self.side;
        let theirs = Credentials::new(UFRAGS[other], PASSWORDS[other]);
        self.agent
            .set_remote_credentials(at(now), theirs)
            .expect("lawful lengths");
        for index in 0..ADDRESSES {
            self.agent
                .add_remote_candidate(at(now), Candidate::host(address(other, index)));
        }
        self.agent.end_of_remote_candidates(at(now));
    }

    fn next_timeout(&mut self) -> Option<Duration> {
        Some(self.agent.poll_timeout()? - Instant::ZERO)
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.agent.handle_timeout(at(now));
        while self.agent.poll_event().is_some() {}
    }

    fn receive(&mut self, now: Duration, packet: &Packet) {
        let mut bytes = packet.bytes.clone();
        let datagram = Datagram::udp(packet.from, &mut bytes).received_on(packet.to);
        self.agent.handle_datagram(at(now), datagram);
    }

    fn transmit(&mut self, now: Duration) -> Option<Packet> {
        let mut buf = [0; 1500];
        let transmit = self.agent.poll_transmit(at(now), &mut buf)?;
        Some(Packet {
            from: transmit.flow.local()?,
            to: transmit.flow.remote(),
            bytes: buf[..transmit.len].to_vec(),
        })
    }

    fn selected(&self) -> Option<(SocketAddr, SocketAddr)> {
        let is_selected = matches!(self.agent.state(), State::Completed | State::Disconnected);
        let flow = self.agent.path().filter(|_| is_selected)?.flow;
        Some((flow.local()?, flow.remote()))
    }

    fn failure(&self) -> Option<String> {
        match self.agent.state() {
            State::Failed(reason) => Some(reason.to_string()),
            _ => None,
        }
    }
}
