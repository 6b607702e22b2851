//! Application data that goes out, and keys that wear out by it.

use pollrtc_core::Headroom;

use super::{Connection, Phase};
use crate::error::{CloseReason, SendError};
use crate::negotiation::Secrets;
use crate::records::{MAX_SUFFIX_LEN, WriteError};
use crate::v13::KeyUpdateRequest;
use crate::wire::record::MAX_PLAINTEXT_LEN;
use crate::wire::{AlertDescription, AlertLevel, ContentType};

impl Connection {
    /// What a record of application data needs around its plaintext now: header, connection id and nonce before
    /// it, true type and tag behind it. Before the handshake is complete it is the most that it can be; with
    /// connection ids it may change later, when one of another length takes the place of the one in use.
    pub fn headroom(&self) -> Headroom {
        match &self.phase {
            Phase::Connected(established) => {
                let epoch = established.secrets.application_epoch();
                Headroom {
                    prefix: self.records.prefix_len(epoch),
                    suffix: self.records.suffix_len(epoch),
                }
            }
            _ => Headroom {
                prefix: self.records.max_prefix_len(),
                suffix: MAX_SUFFIX_LEN,
            },
        }
    }

    /// Makes a record of the plaintext that stands in its place in `record`, behind the prefix of the
    /// [`headroom`](Self::headroom): it is encrypted where it is, and the record's length is given back. Nothing is
    /// copied, queued or allocated; the caller sends it.
    ///
    /// ```
    /// # fn on_connected(connection: &mut pollrtc_dtls::Connection) -> Result<(), pollrtc_dtls::SendError> {
    /// let mut record = [0; 1200];
    /// let room = connection.headroom().body(&mut record).expect("a record has room");
    /// room[..5].copy_from_slice(b"hello");
    /// let length = connection.write_record(&mut record, 5)?;
    /// // Send `record[..length]`.
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Nothing is sent if there is one. Where the buffer or the plaintext was at fault, the next call may succeed.
    pub fn write_record(&mut self, record: &mut [u8], plaintext_len: usize) -> Result<usize, SendError> {
        let epoch = self.check_sendable(plaintext_len)?;
        let written = self
            .records
            .write(epoch, ContentType::ApplicationData, record, plaintext_len);
        self.count_sent(written)
    }

    /// Encrypts a copy of the payload and queues it for [`write_body`](pollrtc_core::InnerProtocol::write_body).
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let epoch = self.check_sendable(payload.len())?;
        let datagram_len = payload.len() + self.headroom().total();
        if self.outbox.len() + datagram_len > self.config.max_send_queue {
            return Err(SendError::QueueFull);
        }
        let sealed = self.records.write_alone(epoch, ContentType::ApplicationData, payload);
        let datagram = self.count_sent(sealed)?;
        self.outbox.push(datagram);
        Ok(())
    }

    /// The most bytes that one record can carry to this peer (RFC 8449), once connected.
    pub fn max_payload(&self) -> usize {
        match &self.phase {
            Phase::Connected(established) => self.records.max_content(established.secrets.application_epoch()),
            _ => MAX_PLAINTEXT_LEN,
        }
    }

    /// New keys for what we send, in DTLS 1.3 (RFC 9147 §8), and if [requested](KeyUpdateRequest) for
    /// what the peer sends too. It happens by itself in time before a key is worn out. In DTLS 1.2 and
    /// before the handshake is complete it does nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::SequenceExhausted`] if there were 2^16 epochs or messages already.
    pub fn update_keys(&mut self, request: KeyUpdateRequest) -> Result<(), SendError> {
        if let Phase::Connected(established) = &mut self.phase
            && let Secrets::V13(secrets) = &mut established.secrets
        {
            if !secrets.can_update() {
                return Err(SendError::SequenceExhausted);
            }
            secrets.want_update(request);
            self.send_post_handshake();
        }
        Ok(())
    }

    /// The epoch to send in.
    fn check_sendable(&self, payload_len: usize) -> Result<u16, SendError> {
        match &self.phase {
            Phase::Connected(_) if payload_len > self.max_payload() => Err(SendError::TooLong),
            Phase::Connected(established) => Ok(established.secrets.application_epoch()),
            Phase::Closed => Err(SendError::Closed),
            _ => Err(SendError::NotConnected),
        }
    }

    /// Counts an application record, and ends the connection when no more may follow.
    fn count_sent<T>(&mut self, sealed: Result<T, WriteError>) -> Result<T, SendError> {
        if self.records.is_exhausted() {
            self.end(
                CloseReason::SequenceExhausted,
                Some((AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY)),
            );
            return Err(SendError::SequenceExhausted);
        }
        let record = sealed.map_err(|error| match error {
            WriteError::BufferTooShort => SendError::BufferTooShort,
            WriteError::SequenceExhausted => SendError::SequenceExhausted,
            WriteError::Crypto => SendError::Provider,
        })?;
        self.stats.sent += 1;
        if self.records.wants_key_update() {
            // Without new ones, the old ones last for as long again.
            let _ = self.update_keys(KeyUpdateRequest::NotRequested);
        }
        Ok(record)
    }
}
