//! What an application sends of media.

use pollrtc_core::{Instant, Transmit};
use pollrtc_rtp::{Rewrite, RtpPacket, SharedPacket};

use crate::media::{Outgoing, WriteError};
use crate::peer::connection::PeerConnection;

impl PeerConnection {
    /// Writes a packet for the peer into `buf`, sealed, to be sent at once: it never waits for the pacer, makes no event
    /// and brings no deadline forward. `packet` may have come by any connection, on any thread.
    ///
    /// # Errors
    ///
    /// No stream is negotiated yet, so that it is always [`WriteError::NotNegotiated`].
    pub fn write_rtp(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &RtpPacket<'_>,
        rewrite: &Rewrite<'_>,
        buf: &mut [u8],
    ) -> Result<Transmit, WriteError> {
        _ = (now, to, packet, rewrite, buf);
        Err(WriteError::NotNegotiated)
    }

    /// Queues a packet for the peer, which leaves when the pacer lets it: the way for video.
    ///
    /// # Errors
    ///
    /// No stream is negotiated yet, so that it is always [`WriteError::NotNegotiated`].
    pub fn queue_rtp(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        _ = (now, to, packet, rewrite);
        Err(WriteError::NotNegotiated)
    }

    /// Queues a packet that was sent before and that the peer lacks: as a retransmission (RFC 4588) where that is
    /// negotiated, else once more as it was.
    ///
    /// # Errors
    ///
    /// No stream is negotiated yet, so that it is always [`WriteError::NotNegotiated`].
    pub fn resend(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        _ = (now, to, packet, rewrite);
        Err(WriteError::NotNegotiated)
    }
}
