//! What both sides have agreed upon.

use pollrtc_crypto::NamedGroup;

use super::{Connection, Phase};
use crate::error::ExportError;
use crate::wire::{CipherSuite, SrtpProfile, Version};

impl Connection {
    /// Keys for others, such as SRTP, which both ends derive alike (RFC 5705, RFC 8446 §7.5). In DTLS
    /// 1.2 no context and an empty one give different keys.
    pub fn export_keying_material(
        &self,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        let Phase::Connected(established) = &self.phase else {
            return Err(ExportError::NotConnected);
        };
        established.secrets.export(self.config.provider, label, context, out)
    }

    /// The SRTP profile, once connected, if both have one in common.
    pub fn srtp_profile(&self) -> Option<SrtpProfile> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.srtp_profile,
            _ => None,
        }
    }

    /// The protocol of the application (RFC 7301), once connected, if one was negotiated.
    pub fn application_protocol(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.application_protocol.as_deref(),
            _ => None,
        }
    }

    /// As a server: the name by which the client asked for us (RFC 6066 §3), once connected. It is what
    /// the client says, in plain, and proves nothing.
    pub fn server_name(&self) -> Option<&str> {
        match &self.phase {
            Phase::Connected(established) => established.agreed.server_name.as_deref(),
            _ => None,
        }
    }

    /// The version, as soon as both hellos have settled it.
    pub fn version(&self) -> Option<Version> {
        match &self.phase {
            Phase::Client(client) => client.version(),
            Phase::Server(server, _) => Some(server.version()),
            Phase::Connected(established) => Some(established.secrets.version()),
            Phase::Listening(_) | Phase::Closed => None,
        }
    }

    /// The cipher suite, once connected.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        match &self.phase {
            Phase::Connected(established) => Some(established.secrets.cipher_suite()),
            _ => None,
        }
    }

    /// The group of the ephemeral keys, once connected.
    pub fn group(&self) -> Option<NamedGroup> {
        match &self.phase {
            Phase::Connected(established) => Some(established.group),
            _ => None,
        }
    }

    /// Whether the client had to say hello twice, for another public key or a cookie of DTLS 1.3 (RFC 8446
    /// §4.1.4); known once connected.
    pub fn hello_was_retried(&self) -> bool {
        matches!(&self.phase, Phase::Connected(established) if established.retried)
    }

    /// The DER of the peer's certificate, once connected; an anonymous client has none.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Connected(established) => {
                Some(&established.peer_certificate[..]).filter(|certificate| !certificate.is_empty())
            }
            _ => None,
        }
    }
}
