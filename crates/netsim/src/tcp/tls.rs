//! What TLS 1.3 looks like from outside: a handshake of one round trip, then records (RFC 8446 §2, §5). Nothing is
//! encrypted, and nobody's certificate is looked at.

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// A client waits for the server's flight.
    AwaitsServer,
    /// A server waits for a client.
    AwaitsClient,
    /// A server waits for the client's Finished.
    AwaitsFinished,
    /// Records of application data pass.
    Established,
}

/// What came is not what TLS would send.
#[derive(Debug)]
pub(super) struct NotTls;

impl Tls {
    /// A client, or what a server is before it hears of one.
    pub(super) fn new(is_client: bool) -> Self {
        if is_client {
            Self::AwaitsServer
        } else {
            Self::AwaitsClient
        }
    }

    /// What the client sends first.
    pub(super) fn client_hello() -> Vec<u8> {
        handshake_record(CLIENT_HELLO)
    }

    /// Takes records off `stream`. Appends what is to be answered to `answer`, and what was inside to `plain`.
    pub(super) fn take(
        &mut self,
        stream: &mut Vec<u8>,
        answer: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> Result<(), NotTls> {
        while let Some(header) = stream.first_chunk::<RECORD_HEADER>() {
            let [kind, 3, 3, high, low] = *header else {
                return Err(NotTls);
            };
            let end = RECORD_HEADER + usize::from(u16::from_be_bytes([high, low]));
            if stream.len() < end {
                return Ok(());
            }
            let record: Vec<u8> = stream.drain(..end).collect();
            *self = match (*self, kind) {
                (Self::AwaitsClient, HANDSHAKE) => {
                    answer.extend(handshake_record(SERVER_FLIGHT));
                    Self::AwaitsFinished
                }
                (Self::AwaitsServer, HANDSHAKE) => {
                    answer.extend(handshake_record(FINISHED));
                    Self::Established
                }
                (Self::AwaitsFinished, HANDSHAKE) => Self::Established,
                (Self::Established, APPLICATION_DATA) => {
                    let body_end = end.checked_sub(EXPANSION).ok_or(NotTls)?;
                    plain.extend_from_slice(record.get(RECORD_HEADER..body_end).ok_or(NotTls)?);
                    Self::Established
                }
                _ => return Err(NotTls),
            };
        }
        Ok(())
    }
}

/// Puts bytes into records.
pub(super) fn protect(plain: &[u8]) -> Vec<u8> {
    let records = plain.chunks(PLAINTEXT_MAX).map(|chunk| {
        let length = ((chunk.len() + EXPANSION) as u16).to_be_bytes();
        [&[APPLICATION_DATA, 3, 3], &length[..], chunk, &[0; EXPANSION]].concat()
    });
    records.collect::<Vec<_>>().concat()
}

fn handshake_record(len: usize) -> Vec<u8> {
    let length = (len as u16).to_be_bytes();
    [&[HANDSHAKE, 3, 3], &length[..], &vec![0; len]].concat()
}

const RECORD_HEADER: usize = 5;
/// RFC 8446 §5.1.
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const PLAINTEXT_MAX: usize = 1 << 14;
/// The inner content type and the tag of an AEAD (RFC 8446 §5.2).
const EXPANSION: usize = 17;
/// Bytes of a usual ClientHello, of a server's flight with two certificates, and of a client's Finished.
const CLIENT_HELLO: usize = 512;
const SERVER_FLIGHT: usize = 3000;
const FINISHED: usize = 53;
