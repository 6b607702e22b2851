//! Which certificate a side shows, and what it is signed with.

use pollrtc_crypto::{Certificate, SignatureScheme};

use crate::config::Config;
use crate::error::HandshakeError;

/// Whether the server asks the client for a certificate, and what the client makes of it.
pub(crate) enum ClientAuthentication {
    /// The server does not ask.
    NotRequested,
    /// It asks, and we have no certificate.
    WithoutCertificate,
    /// It asks, and we show this one and sign with that.
    With(Certificate, SignatureScheme),
}

impl ClientAuthentication {
    /// The certificate that we show.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::With(certificate, _) => Some(certificate),
            Self::NotRequested | Self::WithoutCertificate => None,
        }
    }
}

/// A scheme that the peer may sign with.
pub(crate) fn scheme_from_code(config: &Config, code: u16) -> Option<SignatureScheme> {
    config.known_signature_schemes().find(|scheme| *scheme as u16 == code)
}

/// What `fit` makes of the first of our certificates that it takes; if of none, why not of the last.
pub(crate) fn first_certificate<T>(
    config: &Config,
    mut fit: impl FnMut(&Certificate) -> Result<T, HandshakeError>,
) -> Result<T, HandshakeError> {
    let mut obstacle = HandshakeError::SignatureScheme;
    for certificate in &config.certificates {
        match fit(certificate) {
            Ok(fitting) => return Ok(fitting),
            Err(error) => obstacle = error,
        }
    }
    Err(obstacle)
}
