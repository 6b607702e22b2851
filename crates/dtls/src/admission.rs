//! Whether a record counts, and whether a message in it does: two tables, which know neither keys nor bytes.
//!
//! Records of epoch 0 are anyone's, so they count only where the handshake still needs them, and none of them
//! ends anything by itself. Encrypted ones are the peer's, once there are keys.

use crate::records::{ENCRYPTED_EPOCH, HANDSHAKE_EPOCH};
use crate::wire::datagram::AnyHeader;
use crate::wire::{ContentType, HandshakeType, Version};

/// Which side of the handshake we are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// How far a connection is, with the version once it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A server that has answered no ClientHello.
    Listening,
    /// A client whose server has not chosen the version.
    Offering { has_13: bool },
    /// The version is chosen.
    Handshaking(Role, Version),
    /// The handshake is complete.
    Connected(Version),
    /// Nothing follows.
    Closed,
}

/// What protects a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Epoch 0: nothing.
    Plain,
    /// Epoch 1, the only one of DTLS 1.2 with keys.
    Epoch1,
    /// An epoch of DTLS 1.3, of which two bits are known.
    Unified,
}

impl Protection {
    /// Of the record with this header; `None` for an epoch that there never is.
    pub(crate) fn of(header: &AnyHeader) -> Option<Self> {
        match header {
            AnyHeader::Unified(_) => Some(Self::Unified),
            AnyHeader::Classic(header) if header.epoch == 0 => Some(Self::Plain),
            AnyHeader::Classic(header) if header.epoch == ENCRYPTED_EPOCH => Some(Self::Epoch1),
            AnyHeader::Cid(header) if header.epoch == ENCRYPTED_EPOCH => Some(Self::Epoch1),
            AnyHeader::Classic(_) | AnyHeader::Cid(_) => None,
        }
    }
}

/// When a record can be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Now,
    /// When the handshake has gone on.
    Later,
    Never,
}

/// Whether a record counts. `kind` is what it carries, where that can be seen or has been found out. `has_keys`:
/// whether there are keys for an encrypted record; for a plain one, whether the peer's encrypted epoch has begun.
pub(crate) fn admit_record(
    stage: Stage,
    protection: Protection,
    kind: Option<ContentType>,
    has_keys: bool,
) -> Admission {
    use Admission::{Later, Never, Now};
    use ContentType::{Ack, Alert, ApplicationData, ChangeCipherSpec, Handshake};
    use Protection::{Epoch1, Plain, Unified};
    use Stage::{Closed, Connected, Handshaking, Listening, Offering};
    const V12: Version = Version::DTLS_1_2;
    const V13: Version = Version::DTLS_1_3;
    match (stage, protection, kind, has_keys) {
        (Closed, ..) => Never,

        (_, Plain, Some(Alert), _) => Now,
        (_, Plain, Some(Handshake), false) => Now,
        (Listening | Offering { .. } | Handshaking(..), Plain, Some(Ack), _) => Now,
        (Offering { .. } | Handshaking(_, V12), Plain, Some(ChangeCipherSpec), _) => Now,
        (_, Plain, ..) => Never,

        // Data waits for Finished, whatever keys there are.
        (Offering { .. } | Handshaking(_, V12), Epoch1, Some(ApplicationData), _) => Later,
        (Offering { .. } | Handshaking(_, V12), Epoch1, _, true) => Now,
        (Offering { .. } | Handshaking(_, V12), Epoch1, _, false) => Later,
        (Connected(V12), Epoch1, ..) => Now,
        (_, Epoch1, ..) => Never,

        // The keys come with ServerHello, or with the client's Finished.
        (Offering { has_13: true }, Unified, ..) => Later,
        (Handshaking(_, V13), Unified, _, false) => Later,
        (Handshaking(_, V13) | Connected(V13), Unified, _, true) => Now,
        (_, Unified, ..) => Never,
    }
}

/// A piece of a handshake message, and where it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: HandshakeType,
    pub(crate) epoch: u16,
    /// Whether its message was handled before.
    pub(crate) is_repeated: bool,
    /// Whether the epoch is the one of what the peer sends when the handshake is complete.
    pub(crate) is_read_epoch: bool,
}

/// Whether a message of this kind has a place in this epoch.
pub(crate) fn admits_message(stage: Stage, piece: Piece) -> bool {
    use HandshakeType as H;
    use Stage::{Closed, Connected, Handshaking, Listening, Offering};
    const V13: Version = Version::DTLS_1_3;
    match (stage, piece.epoch, piece.kind) {
        (Listening, _, kind) => kind == H::CLIENT_HELLO,
        // A server sorts hellos out by what they say.
        (Handshaking(Role::Server, _), 0, H::CLIENT_HELLO) => true,
        // In DTLS 1.3 everything but the hellos is encrypted, and they have come.
        (Handshaking(_, V13), 0, H::CLIENT_HELLO | H::SERVER_HELLO) => piece.is_repeated,
        (Handshaking(_, V13), 0, _) | (Handshaking(_, V13), _, H::CLIENT_HELLO | H::SERVER_HELLO) => false,
        (Handshaking(_, V13), ..) => true,
        // What the other side never sends in the clear is not its own, and takes nobody's place.
        (Offering { .. } | Handshaking(Role::Client, _), 0, kind) if is_never_from_servers(kind) => false,
        (Handshaking(Role::Server, _), 0, kind) if is_never_from_clients(kind) => false,
        // In DTLS 1.2 Finished is the one message that is encrypted, without which it proves nothing. Another
        // one in its place is the peer's own fault.
        (Offering { .. } | Handshaking(..), epoch, H::FINISHED) => epoch == ENCRYPTED_EPOCH,
        (Offering { .. } | Handshaking(..), ..) => true,
        // Repeats of the handshake, and what follows it.
        (Connected(_), HANDSHAKE_EPOCH.., _) => piece.is_repeated || piece.is_read_epoch,
        (Connected(_) | Closed, ..) => false,
    }
}

/// What no server sends in the clear. RFC 5246 §7.4.1.1: HelloRequest is ignored by a client that is
/// negotiating already, and comes behind a handshake only.
fn is_never_from_servers(kind: HandshakeType) -> bool {
    let is_of_a_client = matches!(
        kind,
        HandshakeType::HELLO_REQUEST
            | HandshakeType::CLIENT_HELLO
            | HandshakeType::CERTIFICATE_VERIFY
            | HandshakeType::CLIENT_KEY_EXCHANGE
    );
    is_of_a_client || is_never_plain(kind)
}

/// What no client sends in the clear.
fn is_never_from_clients(kind: HandshakeType) -> bool {
    let is_of_a_server = matches!(
        kind,
        HandshakeType::HELLO_REQUEST
            | HandshakeType::SERVER_HELLO
            | HandshakeType::HELLO_VERIFY_REQUEST
            | HandshakeType::NEW_SESSION_TICKET
            | HandshakeType::SERVER_KEY_EXCHANGE
            | HandshakeType::CERTIFICATE_REQUEST
            | HandshakeType::SERVER_HELLO_DONE
    );
    is_of_a_server || is_never_plain(kind)
}

/// What DTLS 1.3 alone has, behind its hellos.
fn is_never_plain(kind: HandshakeType) -> bool {
    matches!(
        kind,
        HandshakeType::ENCRYPTED_EXTENSIONS
            | HandshakeType::KEY_UPDATE
            | HandshakeType::REQUEST_CONNECTION_ID
            | HandshakeType::NEW_CONNECTION_ID
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Option<ContentType>; 6] = [
        None,
        Some(ContentType::ChangeCipherSpec),
        Some(ContentType::Alert),
        Some(ContentType::Handshake),
        Some(ContentType::ApplicationData),
        Some(ContentType::Ack),
    ];
    const PROTECTIONS: [Protection; 3] = [Protection::Plain, Protection::Epoch1, Protection::Unified];
    const STAGES: [Stage; 10] = [
        Stage::Listening,
        Stage::Offering { has_13: false },
        Stage::Offering { has_13: true },
        Stage::Handshaking(Role::Client, Version::DTLS_1_2),
        Stage::Handshaking(Role::Server, Version::DTLS_1_2),
        Stage::Handshaking(Role::Client, Version::DTLS_1_3),
        Stage::Handshaking(Role::Server, Version::DTLS_1_3),
        Stage::Connected(Version::DTLS_1_2),
        Stage::Connected(Version::DTLS_1_3),
        Stage::Closed,
    ];

    fn all() -> impl Iterator<Item = (Stage, Protection, Option<ContentType>, bool)> {
        STAGES.into_iter().flat_map(|stage| {
            PROTECTIONS.into_iter().flat_map(move |protection| {
                KINDS
                    .into_iter()
                    .flat_map(move |kind| [false, true].map(|has_keys| (stage, protection, kind, has_keys)))
            })
        })
    }

    fn version(stage: Stage) -> Option<Version> {
        match stage {
            Stage::Handshaking(_, version) | Stage::Connected(version) => Some(version),
            _ => None,
        }
    }

    #[test]
    fn a_version_never_reads_the_records_of_the_other() {
        for (stage, protection, kind, has_keys) in all() {
            let is_foreign = matches!(
                (version(stage), protection),
                (Some(Version::DTLS_1_2), Protection::Unified) | (Some(Version::DTLS_1_3), Protection::Epoch1)
            );
            if is_foreign {
                let admission = admit_record(stage, protection, kind, has_keys);
                assert_eq!(admission, Admission::Never, "{stage:?} {protection:?} {kind:?}");
            }
        }
    }

    #[test]
    fn data_is_read_only_when_the_handshake_is_complete() {
        for (stage, protection, kind, has_keys) in all() {
            let is_data = kind == Some(ContentType::ApplicationData);
            // In DTLS 1.3 the kind shows only when the record is decrypted.
            if is_data && protection != Protection::Unified && !matches!(stage, Stage::Connected(_)) {
                assert_ne!(
                    admit_record(stage, protection, kind, has_keys),
                    Admission::Now,
                    "{stage:?}"
                );
            }
            if is_data && protection == Protection::Plain {
                assert_eq!(admit_record(stage, protection, kind, has_keys), Admission::Never);
            }
        }
    }

    #[test]
    fn nothing_waits_where_nothing_will_change() {
        for (stage, protection, kind, has_keys) in all() {
            if matches!(stage, Stage::Listening | Stage::Connected(_) | Stage::Closed) {
                assert_ne!(
                    admit_record(stage, protection, kind, has_keys),
                    Admission::Later,
                    "{stage:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_established_takes_nothing_new_but_in_the_epoch_of_the_peer() {
        for code in 0..=255 {
            for epoch in 0..6 {
                for is_repeated in [false, true] {
                    let piece = Piece {
                        kind: HandshakeType(code),
                        epoch,
                        is_repeated,
                        is_read_epoch: false,
                    };
                    for version in [Version::DTLS_1_2, Version::DTLS_1_3] {
                        let admits = admits_message(Stage::Connected(version), piece);
                        assert_eq!(admits, is_repeated && epoch >= HANDSHAKE_EPOCH, "{piece:?}");
                    }
                    assert!(!admits_message(Stage::Closed, piece));
                    assert_eq!(
                        admits_message(Stage::Listening, piece),
                        piece.kind == HandshakeType::CLIENT_HELLO
                    );
                }
            }
        }
    }

    #[test]
    fn finished_counts_only_encrypted() {
        for stage in STAGES {
            let finished = |epoch| Piece {
                kind: HandshakeType::FINISHED,
                epoch,
                is_repeated: false,
                is_read_epoch: false,
            };
            assert!(!admits_message(stage, finished(0)), "{stage:?}");
            let has_place = match stage {
                Stage::Offering { .. } | Stage::Handshaking(_, Version::DTLS_1_2) => 1,
                Stage::Handshaking(..) => 2,
                _ => continue,
            };
            assert!(admits_message(stage, finished(has_place)), "{stage:?}");
        }
    }
}
