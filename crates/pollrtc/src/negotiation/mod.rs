//! Offer and answer as pure state (RFC 3264, RFC 9429): descriptions in, agreements out. It knows
//! nothing of time, ICE checks or keys, and an error changes nothing.

mod local;
mod remote;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use local::LocalTransport;
pub(crate) use remote::{RemoteDescription, RemoteTransport};

use pollrtc_sdp::attribute::Setup;

use crate::description::{NegotiationError, SdpKind, SessionDescription};

/// Where negotiation stands (W3C WebRTC §4.3.1, `RTCSignalingState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalingState {
    /// No exchange is under way.
    Stable,
    /// Our offer waits for the peer's answer.
    HaveLocalOffer,
    /// The peer's offer waits for our answer.
    HaveRemoteOffer,
    /// The connection is closed; nothing can be negotiated.
    Closed,
}

/// Which side of the DTLS handshake we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// We send the ClientHello (`a=setup:active`).
    Client,
    /// We wait for it (`a=setup:passive`).
    Server,
}

/// One m-section, in the order that both sides keep for good.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    mid: Option<String>,
    kind: SectionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SectionKind {
    /// The data channels.
    Data { legacy: bool },
    /// Something that we don't take part in: kept in its place and rejected with port zero
    /// (RFC 3264 §6, RFC 9429 §5.3.1).
    Rejected {
        media: String,
        protocol: String,
        formats: String,
    },
}

/// What both sides agree on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agreement {
    pub(crate) dtls_role: DtlsRole,
    pub(crate) remote: RemoteTransport,
    pub(crate) remote_ice_lite: bool,
}

/// The offer/answer state of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Negotiator {
    session_id: u64,
    version: u64,
    preferred_role: DtlsRole,
    /// Sections as of the last agreement.
    sections: Vec<Section>,
    agreement: Option<Agreement>,
    exchange: Exchange,
    /// Our last description that took effect.
    local: Option<LocalForm>,
}

/// Our side's description without what ICE adds to it, so that it can be written again with the
/// candidates that have come since.
#[derive(Clone, Debug, PartialEq)]
struct LocalForm {
    kind: SdpKind,
    version: u64,
    sections: Vec<Section>,
    setup: Setup,
    /// The mids that may be bundled; in an offer, all.
    bundle: Option<BTreeSet<String>>,
}

/// The exchange that is under way.
#[derive(Clone, Debug, PartialEq)]
enum Exchange {
    None,
    /// Ours, and what our description was before it.
    OfferSent {
        sections: Vec<Section>,
        before: Option<LocalForm>,
    },
    OfferReceived {
        sections: Vec<Section>,
        remote: RemoteDescription,
    },
    Closed,
}

impl Negotiator {
    pub(crate) fn new(session_id: u64, preferred_role: DtlsRole) -> Self {
        Self {
            // RFC 9429 §5.2.1: 64 bits with the top bit zero.
            session_id: session_id >> 1,
            version: 1,
            preferred_role,
            sections: Vec::new(),
            agreement: None,
            exchange: Exchange::None,
            local: None,
        }
    }

    pub(crate) fn state(&self) -> SignalingState {
        match self.exchange {
            Exchange::None => SignalingState::Stable,
            Exchange::OfferSent { .. } => SignalingState::HaveLocalOffer,
            Exchange::OfferReceived { .. } => SignalingState::HaveRemoteOffer,
            Exchange::Closed => SignalingState::Closed,
        }
    }

    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// The peer's offer waits for our answer and has other ICE credentials than were agreed on: it
    /// restarts ICE (RFC 8839 §4.4.1.1).
    pub(crate) fn peer_restarts(&self) -> bool {
        matches!(&self.exchange, Exchange::OfferReceived { remote, .. } if self.restarts(remote))
    }

    fn restarts(&self, remote: &RemoteDescription) -> bool {
        match (&remote.transport, &self.agreement) {
            (Some(described), Some(agreed)) => described.credentials != agreed.remote.credentials,
            _ => false,
        }
    }

    pub(crate) fn close(&mut self) {
        self.exchange = Exchange::Closed;
    }

    /// RFC 9429 §5.2.
    pub(crate) fn create_offer(&self, local: &LocalTransport<'_>) -> Result<String, NegotiationError> {
        Ok(local::write(self.session_id, &self.offer_form()?, local)?)
    }

    /// RFC 9429 §5.3.
    pub(crate) fn create_answer(&self, local: &LocalTransport<'_>) -> Result<String, NegotiationError> {
        Ok(local::write(self.session_id, &self.answer_form()?, local)?)
    }

    /// Our last description, as it would be written now.
    pub(crate) fn local_description(
        &self,
        local: &LocalTransport<'_>,
    ) -> Option<Result<SessionDescription, NegotiationError>> {
        let form = self.local.as_ref()?;
        let sdp = local::write(self.session_id, form, local);
        Some(
            sdp.map(|sdp| SessionDescription { kind: form.kind, sdp })
                .map_err(Into::into),
        )
    }

    /// Index and mid of the section that ICE candidates are signalled for.
    pub(crate) fn data_section(&self) -> Option<(usize, Option<&str>)> {
        let form = self.local.as_ref()?;
        let (index, section) = form
            .sections
            .iter()
            .enumerate()
            .find(|(_, section)| section.is_data())?;
        Some((index, section.mid.as_deref()))
    }

    fn offer_form(&self) -> Result<LocalForm, NegotiationError> {
        match self.exchange {
            Exchange::None | Exchange::OfferSent { .. } => Ok(LocalForm {
                kind: SdpKind::Offer,
                version: self.version,
                sections: self.offered_sections(),
                // RFC 8842 §5.2: the offerer leaves the choice of the DTLS role to the answerer.
                setup: Setup::ActPass,
                bundle: None,
            }),
            _ => Err(self.wrong_state("create an offer")),
        }
    }

    fn answer_form(&self) -> Result<LocalForm, NegotiationError> {
        let Exchange::OfferReceived { sections, remote } = &self.exchange else {
            return Err(self.wrong_state("create an answer"));
        };
        let setup = match self.answer_role(remote)? {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        };
        Ok(LocalForm {
            kind: SdpKind::Answer,
            version: self.version,
            sections: sections.clone(),
            setup,
            bundle: Some(remote.bundle.clone()),
        })
    }

    /// Our description takes effect. True if an agreement was reached.
    pub(crate) fn set_local(&mut self, kind: SdpKind) -> Result<bool, NegotiationError> {
        match (kind, &self.exchange) {
            (SdpKind::Offer, Exchange::None | Exchange::OfferSent { .. }) => {
                let form = self.offer_form()?;
                self.exchange = Exchange::OfferSent {
                    sections: form.sections.clone(),
                    before: self.local.take(),
                };
                self.local = Some(form);
                self.version += 1;
                Ok(false)
            }
            (SdpKind::Answer, Exchange::OfferReceived { sections, remote }) => {
                let dtls_role = self.answer_role(remote)?;
                self.local = Some(self.answer_form()?);
                self.agreement = agree(dtls_role, remote);
                self.sections = sections.clone();
                self.exchange = Exchange::None;
                self.version += 1;
                Ok(true)
            }
            (SdpKind::Rollback, Exchange::OfferSent { before, .. }) => {
                self.local = before.clone();
                self.exchange = Exchange::None;
                Ok(false)
            }
            (SdpKind::Offer, _) => Err(self.wrong_state("set a local offer")),
            (SdpKind::Answer, _) => Err(self.wrong_state("set a local answer")),
            (SdpKind::Rollback, _) => Err(self.wrong_state("roll back a local offer")),
        }
    }

    /// The peer's description takes effect. `restarting` says that our offer has new ICE credentials.
    /// True if an agreement was reached.
    pub(crate) fn set_remote(&mut self, kind: SdpKind, sdp: &str, restarting: bool) -> Result<bool, NegotiationError> {
        match (kind, &self.exchange) {
            (SdpKind::Offer, Exchange::None | Exchange::OfferReceived { .. }) => {
                let remote = RemoteDescription::parse(sdp)?;
                self.check_same_association(&remote)?;
                let sections = self.answered_sections(&remote)?;
                // The answer must be possible before the offer is taken.
                self.answer_role(&remote)?;
                self.exchange = Exchange::OfferReceived { sections, remote };
                Ok(false)
            }
            (SdpKind::Answer, Exchange::OfferSent { sections, .. }) => {
                let remote = RemoteDescription::parse(sdp)?;
                self.check_same_association(&remote)?;
                check_answer(sections, &remote)?;
                if !restarting && self.restarts(&remote) {
                    return Err(NegotiationError::UnaskedRestart);
                }
                let dtls_role = self.answered_role(&remote)?;
                self.sections = sections.clone();
                self.agreement = agree(dtls_role, &remote);
                self.exchange = Exchange::None;
                Ok(true)
            }
            (SdpKind::Rollback, Exchange::OfferReceived { .. }) => {
                self.exchange = Exchange::None;
                Ok(false)
            }
            (SdpKind::Offer, _) => Err(self.wrong_state("set a remote offer")),
            (SdpKind::Answer, _) => Err(self.wrong_state("set a remote answer")),
            (SdpKind::Rollback, _) => Err(self.wrong_state("roll back a remote offer")),
        }
    }

    fn wrong_state(&self, action: &'static str) -> NegotiationError {
        NegotiationError::WrongState {
            action,
            state: self.state(),
        }
    }

    fn offered_sections(&self) -> Vec<Section> {
        let mut sections = self.sections.clone();
        if !sections.iter().any(Section::is_data) {
            let taken: BTreeSet<String> = sections.iter().filter_map(|section| section.mid.clone()).collect();
            let mid = (0_u32..)
                .map(|number| alloc::format!("{number}"))
                .find(|mid| !taken.contains(mid));
            sections.push(Section {
                mid,
                kind: SectionKind::Data { legacy: false },
            });
        }
        sections
    }

    /// What our answer holds for each section of an offer: the first usable data section is
    /// accepted, all else keeps its place and is rejected.
    fn answered_sections(&self, remote: &RemoteDescription) -> Result<Vec<Section>, NegotiationError> {
        // RFC 3264 §8: sections are never removed or reordered.
        if remote.sections.len() < self.sections.len() {
            return Err(NegotiationError::SectionsMissing {
                had: self.sections.len(),
                has: remote.sections.len(),
            });
        }
        let sections = remote.sections.iter().enumerate().map(|(index, section)| {
            let data = remote.transport.as_ref().filter(|transport| transport.section == index);
            let kind = match data {
                Some(transport) => SectionKind::Data {
                    legacy: transport.sctp.legacy,
                },
                None => SectionKind::Rejected {
                    media: section.media.clone(),
                    protocol: section.protocol.clone(),
                    formats: section.formats.clone(),
                },
            };
            Section {
                mid: section.mid.clone(),
                kind,
            }
        });
        Ok(sections.collect())
    }

    /// RFC 8842 §5.3: who shakes hands first, when the peer offers.
    fn answer_role(&self, remote: &RemoteDescription) -> Result<DtlsRole, NegotiationError> {
        let Some(transport) = &remote.transport else {
            return Ok(self.preferred_role);
        };
        let current = self.agreement.as_ref().map(|agreement| agreement.dtls_role);
        let role = match transport.setup {
            Setup::ActPass => current.unwrap_or(self.preferred_role),
            Setup::Active => DtlsRole::Server,
            Setup::Passive => DtlsRole::Client,
            Setup::HoldConn => return Err(NegotiationError::HoldConn),
        };
        match current {
            Some(current) if current != role => Err(NegotiationError::NewDtlsAssociation),
            _ => Ok(role),
        }
    }

    /// RFC 8842 §5.4: who shakes hands first, when the peer answers.
    fn answered_role(&self, remote: &RemoteDescription) -> Result<DtlsRole, NegotiationError> {
        let Some(transport) = &remote.transport else {
            return Ok(self.preferred_role);
        };
        let role = match transport.setup {
            Setup::Active => DtlsRole::Server,
            Setup::Passive => DtlsRole::Client,
            Setup::ActPass => return Err(NegotiationError::SetupUndecided),
            Setup::HoldConn => return Err(NegotiationError::HoldConn),
        };
        match &self.agreement {
            Some(agreement) if agreement.dtls_role != role => Err(NegotiationError::NewDtlsAssociation),
            _ => Ok(role),
        }
    }

    /// A peer that changes its certificate or its tls-id asks for a new DTLS association
    /// (RFC 8842 §5.5), which an established connection does not take.
    fn check_same_association(&self, remote: &RemoteDescription) -> Result<(), NegotiationError> {
        let (Some(agreement), Some(transport)) = (&self.agreement, &remote.transport) else {
            return Ok(());
        };
        let (agreed, described) = (&agreement.remote, transport);
        // In any order: they are a set (RFC 8122 §5).
        let same_certificates = agreed.fingerprints.len() == described.fingerprints.len()
            && described
                .fingerprints
                .iter()
                .all(|fingerprint| agreed.fingerprints.contains(fingerprint));
        let same = same_certificates && agreed.tls_id == described.tls_id;
        if same {
            Ok(())
        } else {
            Err(NegotiationError::NewDtlsAssociation)
        }
    }
}

impl Section {
    fn is_data(&self) -> bool {
        matches!(self.kind, SectionKind::Data { .. })
    }
}

/// RFC 3264 §6: an answer has a section for each section of the offer, in its order.
fn check_answer(offered: &[Section], remote: &RemoteDescription) -> Result<(), NegotiationError> {
    if offered.len() != remote.sections.len() {
        return Err(NegotiationError::SectionsMismatch {
            offered: offered.len(),
            answered: remote.sections.len(),
        });
    }
    for (offered, answered) in offered.iter().zip(&remote.sections) {
        // Peers older than RFC 5888 leave the mid out.
        if answered.mid.is_some() && answered.mid != offered.mid {
            return Err(NegotiationError::MidMismatch {
                offered: offered.mid.clone().unwrap_or_default(),
                answered: answered.mid.clone().unwrap_or_default(),
            });
        }
    }
    Ok(())
}

fn agree(dtls_role: DtlsRole, remote: &RemoteDescription) -> Option<Agreement> {
    let transport = remote.transport.clone()?;
    Some(Agreement {
        dtls_role,
        remote: transport,
        remote_ice_lite: remote.ice_lite,
    })
}
