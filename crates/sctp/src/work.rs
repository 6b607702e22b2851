//! What one SACK costs, whatever it says: steps are counted where they are made, in tests alone.
//!
//! A step looks at one chunk, gap block, range or message, and takes a nanosecond or two.

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count(_: usize) {}

#[cfg(test)]
pub(crate) use tests::count;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::string::{String, ToString};
    use std::time::Duration;
    use std::vec;
    use std::vec::Vec;

    use bytes::Bytes;
    use pollrtc_core::{Headroom, InnerProtocol, Instant};
    use pollrtc_crypto::Rng;

    use crate::outstanding::MAX_CHUNKS;
    use crate::wire::{Data, Packet, PacketWriter, kind};
    use crate::{Association, Config, Reliability, SendOptions};

    std::thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// What a SACK may cost: four looks at each chunk. A release build takes 1.2 ns for a step, and 70 µs for the worst of
    /// these.
    const MOST: usize = 4 * MAX_CHUNKS;
    const FIRST_TSN: u32 = 0xFFFF_FFF0;
    const PORT: u16 = 5000;

    /// Has as much outstanding as can be, to a peer that we play.
    struct Sender {
        association: Association,
        now: Instant,
        tag: u32,
        /// The first TSN that the peer has not acknowledged.
        first: u32,
        /// What the most expensive SACK cost, and which one it was.
        most: (usize, String),
    }

    impl Sender {
        /// With as many messages of this length outstanding as there can be.
        fn with_messages(len: usize, reliability: Reliability) -> Self {
            let config = Config::new()
                .with_initial_tsn(Some(FIRST_TSN))
                .with_initial_window(usize::MAX)
                .with_send_buffer(usize::MAX)
                .with_max_outstanding(usize::MAX)
                .with_max_retransmits(None);
            let receiving = Config::new().with_receive_window(u32::MAX);
            let mut association = Association::new(config, Rng::from_seed([1; 32]));
            let mut peer = Association::new(receiving, Rng::from_seed([2; 32]));
            association.connect();
            let now = Instant::from_millis(1000);
            let mut buf = [0; 1500];
            let mut tag = 0;
            for _ in 0..4 {
                while let Some(len) = association.write_body(now, &mut buf, Headroom::NONE) {
                    peer.handle_body(now, &mut buf[..len]);
                }
                while let Some(len) = peer.write_body(now, &mut buf, Headroom::NONE) {
                    tag = Packet::parse(&buf[..len]).map_or(tag, |packet| packet.verification_tag());
                    association.handle_body(now, &mut buf[..len]);
                }
            }
            let options = SendOptions {
                reliability,
                ..SendOptions::default()
            };
            for _ in 0..MAX_CHUNKS + 100 {
                association.send(1, 51, Bytes::from(vec![7; len]), options).unwrap();
            }
            let mut sender = Self {
                association,
                now,
                tag,
                first: FIRST_TSN,
                most: (0, String::new()),
            };
            assert_eq!(sender.leaving(), MAX_CHUNKS);
            sender
        }

        /// How many chunks leave now.
        fn leaving(&mut self) -> usize {
            let mut buf = [0; 1500];
            let mut chunks = 0;
            while let Some(len) = self.association.write_body(self.now, &mut buf, Headroom::NONE) {
                let packet = Packet::parse(&buf[..len]).unwrap();
                chunks += packet
                    .chunks()
                    .filter(|chunk| Data::parse(chunk.as_ref().unwrap()).is_some())
                    .count();
            }
            while self.association.poll_event().is_some() {}
            chunks
        }

        /// All but the first `acked` chunks is missing, and of those there are these, counted from there.
        fn sack(&mut self, what: &str, acked: u32, blocks: &[(u16, u16)]) {
            let mut buf = vec![0; usize::from(u16::MAX)];
            let mut packet = PacketWriter::new(&mut buf, PORT, PORT, self.tag).unwrap();
            let cumulative = self.first.wrapping_add(acked).wrapping_sub(1);
            assert!(packet.chunk(kind::SACK, 0, |body| {
                body.put_u32(cumulative);
                body.put_u32(u32::MAX);
                body.put_u16(blocks.len() as u16);
                body.put_u16(0);
                for (start, end) in blocks {
                    body.put_u16(*start);
                    body.put_u16(*end);
                }
            }));
            let len = packet.finish();
            let dropped = self.association.stats().dropped_sack;
            STEPS.set(0);
            self.association.handle_body(self.now, &mut buf[..len]);
            let steps = STEPS.get();
            assert_eq!(self.association.stats().dropped_sack, dropped, "{what} is a good SACK");
            if steps > self.most.0 {
                self.most = (steps, what.to_string());
            }
            self.leaving();
            self.now += Duration::from_millis(1);
        }

        /// Nothing comes for so long.
        fn wait(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
            self.association.handle_timeout(self.now);
            self.leaving();
        }
    }

    /// One block for every `step`th chunk from the one with this number on, in a list as long as a datagram takes.
    fn blocks(from: u16, to: u16, step: usize) -> Vec<(u16, u16)> {
        (from..=to).step_by(step).map(|number| (number, number)).collect()
    }

    const ALL: u16 = MAX_CHUNKS as u16;

    type Attack = fn(&mut Sender);

    fn every_second(sender: &mut Sender) {
        for round in 0..20 {
            sender.sack("every second", 0, &blocks(2 + round % 2, ALL, 2));
            sender.sack("the same again", 0, &blocks(2 + round % 2, ALL, 2));
            sender.wait(if round % 5 == 4 { 4000 } else { 30 });
        }
    }

    /// A list is as long as is looked at, and the next one is of others.
    fn pieces(sender: &mut Sender) {
        for round in 0..60 {
            let from = 2 + 4096 * (round % 4) + round / 4 % 2;
            sender.sack("a piece", 0, &blocks(from, (from + 4095).min(ALL), 2));
            if round % 8 == 7 {
                sender.wait(30);
            }
        }
        sender.sack("one block", 0, &[(2, ALL)]);
        sender.sack("everything", u32::from(ALL), &[]);
    }

    /// What was there is not listed any more, but for news at the end.
    fn misses(sender: &mut Sender) {
        for round in 0..200 {
            let end = ALL - 400 + 2 * round;
            match round % 4 {
                0 => sender.sack("all but the first", 0, &[(2, end)]),
                1 => sender.sack("every second", 0, &blocks(2, end, 2)),
                _ => sender.sack("only the last", 0, &[(end, end)]),
            }
        }
    }

    /// The cumulative ack moves by one each time, and stops before what was there.
    fn creeping(sender: &mut Sender) {
        sender.sack("all but the first", 0, &[(2, ALL)]);
        for acked in 1..300 {
            sender.sack("no blocks", acked, &[]);
            let left = ALL - acked as u16;
            sender.sack("all but the first", acked, &[(2, left)]);
            sender.sack("every third", acked, &blocks(2 + (acked % 3) as u16, left, 3));
        }
        sender.sack("all", u32::from(ALL) - 300, &[]);
    }

    fn at_once(sender: &mut Sender) {
        sender.wait(4000);
        sender.sack("everything", u32::from(ALL), &[]);
    }

    #[test]
    fn one_sack_costs_a_bounded_number_of_steps_whatever_it_says() {
        let attacks: [(&str, Attack); 5] = [
            ("every second", every_second),
            ("pieces", pieces),
            ("misses", misses),
            ("creeping", creeping),
            ("at once", at_once),
        ];
        for (name, attack) in attacks {
            for len in [1, 60] {
                for reliability in [
                    Reliability::Reliable,
                    Reliability::MaxRetransmits(0),
                    Reliability::MaxRetransmits(3),
                ] {
                    let mut sender = Sender::with_messages(len, reliability);
                    attack(&mut sender);
                    let (steps, what) = sender.most;
                    assert!(
                        steps <= MOST,
                        "{name}: {steps} steps for {what:?}, {reliability:?} of {len} bytes"
                    );
                    assert!(steps > 1000, "{name}: {steps} steps, so nothing was counted");
                }
            }
        }
    }
}
