//! Two honest connections and a network that loses, doubles, delays, swaps and cuts: in the end both
//! are connected.

use std::collections::VecDeque;
use std::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::handshake::{Fragment, fragments};
use pollrtc_dtls::wire::record::HEADER_LEN;
use pollrtc_dtls::{Connection, Cookies, Versions};

use super::{MAX_MEMORY, Script, certificates, config};

/// More datagrams than any handshake takes once the network has come to rest.
const MAX_ROUNDS: usize = 400;

/// Bits 0 and 1: the versions. Bit 2: cookies. Bit 3: small datagrams.
pub(super) fn play(setup: u8, script: &[u8]) {
    let certificates = certificates();
    let (a, b) = (&certificates.targets, &certificates.liars);
    let versions = [Versions::Dtls12, Versions::Dtls13, Versions::Both, Versions::Both][usize::from(setup & 3)];
    let [client, server] = [(a, b), (b, a)].map(|(own, peer)| {
        let mut config = config(own, peer);
        config.versions = versions;
        config.cookies = if setup & 4 == 0 {
            Cookies::Off
        } else {
            Cookies::Required
        };
        config.mtu = if setup & 8 == 0 { 1200 } else { 200 };
        config
    });
    let mut network = Network {
        ends: [
            Connection::client(client, Rng::from_seed([3; 32])).unwrap(),
            Connection::server(server, Rng::from_seed([4; 32])).unwrap(),
        ],
        late: Default::default(),
        now: Instant::from_millis(1),
    };
    let mut script = Script(script);
    for _ in 0..MAX_ROUNDS {
        network.round(&mut script);
        if network.ends.iter().all(Connection::is_connected) {
            return;
        }
    }
    panic!("no connection: {:?}", network.ends);
}

struct Network {
    ends: [Connection; 2],
    /// Towards the client, and towards the server.
    late: [VecDeque<Vec<u8>>; 2],
    now: Instant,
}

impl Network {
    /// Everything that waits is sent and arrives or not; then time passes.
    fn round(&mut self, script: &mut Script<'_>) {
        let mut is_quiet = true;
        for from in 0..2 {
            let mut buf = [0; 2000];
            while let Some(length) = self.ends[from].write_body(self.now, &mut buf, Headroom::NONE) {
                is_quiet = false;
                self.carry(from, buf[..length].to_vec(), script);
            }
        }
        if script.0.is_empty() {
            for to in 0..2 {
                for datagram in std::mem::take(&mut self.late[to]) {
                    is_quiet = false;
                    self.arrive(to, datagram);
                }
            }
        }
        let due = self.ends.iter().filter_map(Connection::poll_timeout).min();
        if let (true, Some(due)) = (is_quiet, due) {
            self.now = self.now.max(due);
            self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
        }
    }

    fn carry(&mut self, from: usize, datagram: Vec<u8>, script: &mut Script<'_>) {
        let to = 1 - from;
        let what = script.more();
        match what % 12 {
            1 | 2 => {}
            3 => {
                self.arrive(to, datagram.clone());
                self.arrive(to, datagram);
            }
            4 | 5 => self.late[to].push_back(datagram),
            6 => {
                self.arrive(to, datagram);
                while let Some(late) = self.late[to].pop_back() {
                    self.arrive(to, late);
                }
            }
            7 => {
                if let Some(late) = self.late[to].pop_front() {
                    self.arrive(to, late);
                }
                self.arrive(to, datagram);
            }
            8 | 9 => {
                let cut = recut(&datagram, usize::from(script.more()) + 1);
                let is_reversed = what % 12 == 9;
                match is_reversed {
                    true => cut.into_iter().rev().for_each(|piece| self.arrive(to, piece)),
                    false => cut.into_iter().for_each(|piece| self.arrive(to, piece)),
                }
            }
            10 => {
                self.arrive(to, datagram);
                self.ends[from].set_mtu(100 + 8 * usize::from(what));
                let round_trip = Duration::from_millis(u64::from(what));
                self.ends[from].set_round_trip_time(round_trip);
            }
            11 => {
                // A fatal one would end a handshake of which nothing is heard for some seconds.
                self.arrive(to, vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, what, 0, 2, 1, 40]);
                self.arrive(to, datagram);
            }
            _ => self.arrive(to, datagram),
        }
    }

    fn arrive(&mut self, to: usize, mut datagram: Vec<u8>) {
        let received = self.ends[to].handle_body(self.now, &mut datagram);
        assert_eq!(received.count(), 0, "nobody has sent any data");
        assert!(self.ends[to].memory() <= MAX_MEMORY);
    }
}

/// The records of a datagram, one each, and of plain handshake messages every `size` bytes.
fn recut(datagram: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = datagram;
    while let Ok(header) = AnyHeader::parse(rest) {
        let (record, after) = rest.split_at(header.record_len());
        rest = after;
        let is_plain_handshake = record[0] == 22 && record[3..5] == [0, 0];
        if !is_plain_handshake {
            found.push(record.to_vec());
            continue;
        }
        for fragment in fragments(&record[HEADER_LEN..]) {
            let fragment = fragment.expect("our own side writes no nonsense");
            let pieces = fragment.body.len().div_ceil(size).max(1);
            for piece in 0..pieces {
                let start = piece * size;
                let end = (start + size).min(fragment.body.len());
                let cut = Fragment {
                    offset: fragment.offset + u32::try_from(start).expect("a short message"),
                    body: &fragment.body[start..end],
                    ..fragment
                };
                let content = [&cut.header(), cut.body].concat();
                let [.., l0, l1] = content.len().to_be_bytes();
                found.push([&record[..11], &[l0, l1], &content].concat());
            }
        }
    }
    found
}
