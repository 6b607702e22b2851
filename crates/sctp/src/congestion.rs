//! How much may be on the way (RFC 9260 §7.2).

/// What ssthresh never falls below, in packets (§7.2.3).
const MIN_SSTHRESH: usize = 4;

/// The window and how it reacts. All sizes are bytes of chunks on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    cwnd: usize,
    ssthresh: usize,
    /// What ssthresh was at first.
    initial_ssthresh: usize,
    partial_bytes_acked: usize,
    mtu: usize,
    initial_packets: usize,
    /// What was sent last filled the window. Acknowledgements may come many at a time, so what the
    /// first of them leaves in flight says nothing of how the window was used.
    filled: bool,
    /// The retransmission timer ran out, and nothing was acknowledged since.
    timed_out: bool,
    /// In fast recovery, until this TSN is acknowledged (§7.2.4).
    recovery_exit: Option<u64>,
}

impl Congestion {
    pub(crate) fn new(mtu: usize, initial_packets: usize, peer_window: u32) -> Self {
        // As large as it makes sense: the peer's window (§7.2.1), in bytes on the wire.
        let initial_ssthresh = (peer_window as usize).saturating_mul(2);
        Self {
            cwnd: initial_packets.saturating_mul(mtu),
            ssthresh: initial_ssthresh,
            initial_ssthresh,
            partial_bytes_acked: 0,
            mtu,
            initial_packets,
            filled: false,
            timed_out: false,
            recovery_exit: None,
        }
    }

    /// Packets take another path from now on, of which nothing is known (RFC 8831 §5, RFC 8261 §6.1).
    pub(crate) fn on_path_change(&mut self) {
        self.cwnd = self.initial_packets.saturating_mul(self.mtu);
        self.ssthresh = self.initial_ssthresh;
        self.partial_bytes_acked = 0;
        self.filled = false;
        self.recovery_exit = None;
    }

    /// Whether what was sent last was not acknowledged in time.
    pub(crate) fn has_timed_out(&self) -> bool {
        self.timed_out
    }

    pub(crate) fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
        self.cwnd = self.cwnd.max(mtu);
    }

    pub(crate) fn window(&self) -> usize {
        self.cwnd
    }

    #[cfg(test)]
    fn in_recovery(&self) -> bool {
        self.recovery_exit.is_some()
    }

    /// Nothing more can leave now, for want of data or of window; `in_flight` is on the way.
    pub(crate) fn on_sent(&mut self, in_flight: usize) {
        self.filled = in_flight.saturating_add(self.mtu) > self.cwnd;
    }

    /// `acked` bytes arrived, `in_flight` were on the way before, everything up to `cumulative` is
    /// there.
    pub(crate) fn on_ack(&mut self, acked: usize, in_flight: usize, cumulative: u64) {
        self.timed_out &= acked == 0;
        if let Some(exit) = self.recovery_exit {
            if cumulative < exit {
                return; // No growth before what was lost is repaired.
            }
            self.recovery_exit = None;
        }
        // Only a window that is used tells whether there is room for more (§7.2.1, §7.2.2). The
        // packet that did not fit any more counts as used.
        let used = self.filled || in_flight.saturating_add(self.mtu) > self.cwnd;
        if !used {
            return;
        }
        if self.cwnd <= self.ssthresh {
            // By what arrived, however few SACKs say so (§7.2.1 with a large L): a receiver that takes
            // a burst at once and acknowledges it at once does not slow us down. No further than where slow start ends,
            // or one SACK for a whole window would undo that a loss has halved it.
            let most = self.ssthresh.saturating_add(self.mtu);
            self.cwnd = self.cwnd.saturating_add(acked).min(most);
            return;
        }
        self.partial_bytes_acked = self.partial_bytes_acked.saturating_add(acked);
        if self.partial_bytes_acked >= self.cwnd {
            self.partial_bytes_acked = self.partial_bytes_acked.saturating_sub(self.cwnd);
            self.cwnd = self.cwnd.saturating_add(self.mtu);
        }
    }

    /// Something was lost while everything up to `highest` had been sent. Halves the window, once
    /// per window; true if it did (§7.2.3, §7.2.4).
    pub(crate) fn on_loss(&mut self, highest: u64) -> bool {
        if self.recovery_exit.is_some() {
            return false;
        }
        self.recovery_exit = Some(highest);
        self.ssthresh = (self.cwnd / 2).max(self.mtu.saturating_mul(MIN_SSTHRESH));
        self.cwnd = self.ssthresh;
        self.partial_bytes_acked = 0;
        true
    }

    /// The retransmission timer ran out (§7.2.3). Fast recovery ends, so that the window regrows by
    /// slow start: up to half of what it was when the first of several timers ran out in a row. The later ones are for a
    /// single packet, and say nothing of how many the path carries (RFC 5681 §3.1).
    pub(crate) fn on_timeout(&mut self) {
        self.recovery_exit = None;
        if !self.timed_out {
            self.ssthresh = (self.cwnd / 2).max(self.mtu.saturating_mul(MIN_SSTHRESH));
        }
        self.timed_out = true;
        self.cwnd = self.mtu;
        self.partial_bytes_acked = 0;
    }

    /// Nothing was sent for this many retransmission timeouts: what the window was is no longer known
    /// to fit (§7.2.1). It does not fall below what an association begins with.
    pub(crate) fn on_idle(&mut self, timeouts: u32) {
        let floor = self.initial_packets.saturating_mul(self.mtu);
        if timeouts > 0 && self.cwnd > floor {
            self.ssthresh = self.cwnd;
            self.cwnd = (self.cwnd >> timeouts.min(usize::BITS - 1)).max(floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MTU: usize = 1000;

    #[test]
    fn slow_start_grows_by_what_was_acknowledged_if_the_window_was_used() {
        let mut congestion = Congestion::new(MTU, 4, 1 << 20);
        congestion.on_ack(2000, 1000, 2);
        assert_eq!(congestion.window(), 4000, "an unused window does not grow");
        congestion.on_ack(2000, 4000, 4);
        assert_eq!(congestion.window(), 6000);
    }

    #[test]
    fn acknowledgements_that_come_together_count_like_one() {
        let mut congestion = Congestion::new(MTU, 10, 1 << 20);
        congestion.on_sent(10_000);
        congestion.on_ack(4000, 10_000, 4);
        congestion.on_ack(4000, 6000, 8);
        assert_eq!(congestion.window(), 18_000);
        congestion.on_sent(3000);
        congestion.on_ack(2000, 3000, 10);
        assert_eq!(congestion.window(), 18_000, "what was sent since did not fill it");
    }

    #[test]
    fn one_cut_per_window_and_growth_by_one_packet_per_round_trip_after() {
        let mut congestion = Congestion::new(MTU, 20, 1 << 20);
        assert!(congestion.on_loss(20));
        assert!(!congestion.on_loss(20));
        assert_eq!(congestion.window(), 10_000);
        congestion.on_ack(10_000, 10_000, 19);
        assert_eq!(congestion.window(), 10_000, "in recovery");
        congestion.on_ack(1000, 10_000, 25);
        assert!(!congestion.in_recovery());
        assert_eq!(congestion.window(), 11_000, "at ssthresh it is still slow start");
        congestion.on_ack(10_000, 11_000, 35);
        assert_eq!(congestion.window(), 11_000);
        congestion.on_ack(1000, 11_000, 36);
        assert_eq!(congestion.window(), 12_000);
    }

    #[test]
    fn one_acknowledgement_for_a_whole_window_does_not_undo_the_cut_before_it() {
        let mut congestion = Congestion::new(MTU, 20, 1 << 20);
        congestion.on_loss(20);
        assert_eq!(congestion.window(), 10_000);
        congestion.on_ack(10_000, 10_000, 30);
        assert_eq!(congestion.window(), 11_000);
    }

    #[test]
    fn timeout_leaves_recovery_and_starts_slowly() {
        let mut congestion = Congestion::new(MTU, 20, 1 << 20);
        congestion.on_loss(20);
        congestion.on_timeout();
        assert!(!congestion.in_recovery());
        assert_eq!(congestion.window(), MTU);
        congestion.on_ack(1000, 1000, 1);
        assert_eq!(congestion.window(), 2 * MTU);
    }

    #[test]
    fn idle_windows_decay_to_what_they_began_with() {
        let mut congestion = Congestion::new(MTU, 4, 1 << 20);
        congestion.on_ack(20_000, 4000, 1);
        assert_eq!(congestion.window(), 24_000);
        congestion.on_idle(0);
        assert_eq!(congestion.window(), 24_000);
        congestion.on_idle(1);
        assert_eq!(congestion.window(), 12_000);
        congestion.on_idle(1000);
        assert_eq!(congestion.window(), 4000);
    }
}
