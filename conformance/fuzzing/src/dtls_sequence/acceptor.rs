//! The reference: which messages, in which order, make a connection. It knows the RFCs' diagrams
//! (RFC 5246 §7.3, RFC 8446 §2) and nothing else.

use pollrtc_dtls::{ClientCertificates, Version, Versions};

use super::keys::Role;
use super::liar::Say;

/// What is expected of the liar; each stage is named after the message that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    ClientHello,
    /// Or a request to say hello again.
    ServerHello {
        verified: u8,
        is_retried: bool,
    },
    EncryptedExtensions,
    /// `is_asked`: whether a request for our certificate has come.
    ServerCertificate13 {
        is_asked: bool,
    },
    ServerCertificate12,
    ServerKeyExchange,
    /// Or at once ServerHelloDone.
    CertificateRequest,
    ServerHelloDone,
    ClientCertificate,
    ClientKeyExchange {
        is_known: bool,
    },
    CertificateVerify,
    Finished,
    Connected,
    /// Something wrong was said: nothing mends that.
    Dead,
}

/// What the other side wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The liar's.
    pub(super) role: Role,
    pub(super) versions: Versions,
    pub(super) client_certificates: ClientCertificates,
}

impl Rules {
    pub(super) fn first(&self) -> Stage {
        match self.role {
            Role::Client => Stage::ClientHello,
            Role::Server => Stage::ServerHello {
                verified: 0,
                is_retried: false,
            },
        }
    }

    fn speaks(&self, version: Version) -> bool {
        match self.versions {
            Versions::Both => true,
            Versions::Dtls12 => version == Version::DTLS_1_2,
            Versions::Dtls13 => version == Version::DTLS_1_3,
        }
    }

    /// What a message without faults leads to in a session of this version.
    pub(super) fn next(&self, stage: Stage, say: Say, version: Version) -> Stage {
        let is_13 = version == Version::DTLS_1_3;
        let asks = self.client_certificates != ClientCertificates::NotRequested;
        let is_optional = self.client_certificates == ClientCertificates::Optional;
        match (stage, say) {
            (Stage::ClientHello, Say::ClientHello) if self.speaks(version) => match (asks, is_13) {
                (true, _) => Stage::ClientCertificate,
                (false, true) => Stage::Finished,
                (false, false) => Stage::ClientKeyExchange { is_known: false },
            },
            (Stage::ClientCertificate, Say::Certificate) if is_13 => Stage::CertificateVerify,
            (Stage::ClientCertificate, Say::Certificate) => Stage::ClientKeyExchange { is_known: true },
            (Stage::ClientCertificate, Say::EmptyCertificate) if is_optional && is_13 => Stage::Finished,
            (Stage::ClientCertificate, Say::EmptyCertificate) if is_optional => {
                Stage::ClientKeyExchange { is_known: false }
            }
            (Stage::ClientKeyExchange { is_known: true }, Say::ClientKeyExchange) => Stage::CertificateVerify,
            (Stage::ClientKeyExchange { is_known: false }, Say::ClientKeyExchange) => Stage::Finished,

            (
                Stage::ServerHello {
                    verified: 0 | 1,
                    is_retried: false,
                },
                Say::HelloVerifyRequest,
            ) if self.speaks(Version::DTLS_1_2) => {
                let verified = if stage == self.first() { 1 } else { 2 };
                Stage::ServerHello {
                    verified,
                    is_retried: false,
                }
            }
            (
                Stage::ServerHello {
                    verified: 0,
                    is_retried: false,
                },
                Say::HelloRetryRequest,
            ) if self.speaks(Version::DTLS_1_3) => Stage::ServerHello {
                verified: 0,
                is_retried: true,
            },
            (Stage::ServerHello { verified, is_retried }, Say::ServerHello | Say::OtherServerHello) => {
                let is_13 = is_13 == (say == Say::ServerHello);
                match is_13 {
                    true if self.speaks(Version::DTLS_1_3) && verified == 0 => Stage::EncryptedExtensions,
                    false if self.speaks(Version::DTLS_1_2) && !is_retried => Stage::ServerCertificate12,
                    _ => Stage::Dead,
                }
            }
            (Stage::EncryptedExtensions, Say::EncryptedExtensions) => Stage::ServerCertificate13 { is_asked: false },
            (Stage::ServerCertificate13 { is_asked: false }, Say::CertificateRequest) => {
                Stage::ServerCertificate13 { is_asked: true }
            }
            (Stage::ServerCertificate13 { .. }, Say::Certificate) => Stage::CertificateVerify,
            (Stage::ServerCertificate12, Say::Certificate) => Stage::ServerKeyExchange,
            (Stage::ServerKeyExchange, Say::ServerKeyExchange) => Stage::CertificateRequest,
            (Stage::CertificateRequest, Say::CertificateRequest) => Stage::ServerHelloDone,
            (Stage::CertificateRequest | Stage::ServerHelloDone, Say::ServerHelloDone) => Stage::Finished,

            (Stage::CertificateVerify, Say::CertificateVerify) => Stage::Finished,
            (Stage::Finished, Say::Finished) => Stage::Connected,
            _ => Stage::Dead,
        }
    }

    /// The messages that are right at this stage.
    pub(super) fn right(&self, stage: Stage, version: Version) -> Vec<Say> {
        let is_right = |say: &Say| self.next(stage, *say, version) != Stage::Dead;
        Say::ALL.into_iter().filter(is_right).collect()
    }
}
