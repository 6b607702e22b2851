//! What holds for the text of every description that a negotiator writes.

use std::collections::{BTreeMap, BTreeSet};

use pollrtc_sdp::attribute::Setup;
use pollrtc_sdp::{Media, Parser, Profile, Session};

use crate::check;

/// What a new description of ours is held against.
pub(crate) struct Known<'a> {
    pub(crate) session_id: &'a str,
    /// Version and text of the last description that we created.
    pub(crate) last: Option<(u64, &'a str)>,
    /// The descriptions of the last finished exchange: ours and the peer's, and whether ours is the
    /// offer.
    pub(crate) current: Option<(&'a str, &'a str, bool)>,
    /// `ice-ufrag`s that a restart is to replace.
    pub(crate) replaced: &'a BTreeSet<String>,
}

/// An offer (RFC 9429 §5.2).
pub(crate) fn check_offer(text: &str, known: &Known<'_>) -> Result<(), String> {
    let offer = parse(text)?;
    check_any(text, &offer, known)?;
    for media in offer.media() {
        let mid = media.mid().unwrap_or("?");
        check!(media.mid().is_some(), "an offer has a section without a mid");
        if media.ice_ufrag().is_some() {
            check!(
                media.setup() == Some(Setup::ActPass),
                "section {mid} of an offer is not actpass"
            );
            check!(
                media.fingerprints().next().is_some(),
                "section {mid} has no fingerprint"
            );
            check!(media.ice_pwd().is_some(), "section {mid} has no ice-pwd");
        }
        // What a rejected section says of a transport that ends is nobody's any more.
        if let Some(ufrag) = media.ice_ufrag().filter(|_| !media.is_rejected()) {
            check!(
                !known.replaced.contains(ufrag),
                "section {mid} has {ufrag}, which was to be replaced"
            );
        }
    }
    let Some((ours, theirs, offered)) = known.current else {
        return Ok(());
    };
    let (ours, theirs) = (parse(ours)?, parse(theirs)?);
    let in_use = in_use(&ours, if offered { &theirs } else { &ours });
    // RFC 9429 §5.2.2, RFC 3264 §8: sections keep their places for good.
    check!(offer.media_count() >= ours.media_count(), "an offer has lost sections");
    for (index, ((now, ours), theirs)) in offer.media().zip(ours.media()).zip(theirs.media()).enumerate() {
        if is_rejected(&ours) || is_rejected(&theirs) {
            // Either still rejected under its mid, or used again under another.
            check!(
                is_rejected(&now) || now.mid() != ours.mid(),
                "section {index} is used again with its old mid"
            );
            continue;
        }
        check!(now.mid() == ours.mid(), "section {index} has another mid");
        check!(now.kind() == ours.kind(), "section {index} has another media type");
        let before = ours.mid().and_then(|mid| in_use.get(mid).copied());
        // What is rejected names a transport, but has none.
        let now = now.ice_ufrag().filter(|_| !is_rejected(&now));
        if let (Some(now), Some(before)) = (now, before) {
            check!(
                now == before || known.replaced.contains(before),
                "section {index} has restarted by itself"
            );
        }
    }
    Ok(())
}

/// An answer to `offer`, final or not (RFC 9429 §5.3, RFC 3264 §6).
pub(crate) fn check_answer(text: &str, offer: &str, known: &Known<'_>) -> Result<(), String> {
    let (answer, offer) = (parse(text)?, parse(offer)?);
    check_any(text, &answer, known)?;
    check!(
        answer.media_count() == offer.media_count(),
        "an answer has another number of sections"
    );
    for (index, (ours, theirs)) in answer.media().zip(offer.media()).enumerate() {
        check!(
            ours.mid() == theirs.mid(),
            "section {index} has another mid than offered"
        );
        check!(
            ours.kind() == theirs.kind(),
            "section {index} has another media type than offered"
        );
        check!(
            ours.protocol() == theirs.protocol(),
            "section {index} has another protocol than offered"
        );
        check!(
            is_rejected(&ours) || !is_rejected(&theirs),
            "section {index} was rejected and is accepted"
        );
        if ours.ice_ufrag().is_some() {
            let decided = matches!(ours.setup(), Some(Setup::Active | Setup::Passive));
            check!(decided, "section {index} does not decide who is the DTLS client");
        }
    }
    let offered: Vec<BTreeSet<&str>> = bundles(&offer).collect();
    for group in bundles(&answer) {
        check!(
            offered.iter().any(|offered| group.is_subset(offered)),
            "a bundle was not offered: {group:?}"
        );
    }
    Ok(())
}

fn check_any(text: &str, session: &Session<'_>, known: &Known<'_>) -> Result<(), String> {
    let origin = session.origin();
    check!(origin.session_id == known.session_id, "the session id has changed");
    check!(session.name() == b"-", "the session has a name");
    let jsep = Parser::new().profile(Profile::Jsep).parse(text);
    check!(jsep.is_ok(), "our own text is refused by browsers' rules: {jsep:?}");
    let version = origin.session_version_number();
    match known.last {
        Some((last, before)) if before == text => check!(version == Some(last), "the version of a text has changed"),
        Some((last, _)) => check!(version == Some(last + 1), "version {version:?} comes after {last}"),
        None => {}
    }
    let mut mids = BTreeSet::new();
    for mid in session.media().filter_map(|media| media.mid()) {
        check!(mids.insert(mid), "mid {mid} stands twice");
        check!(mid.len() <= 3, "mid {mid} is longer than 3 bytes");
    }
    let mut grouped = BTreeSet::new();
    for group in bundles(session) {
        for mid in group {
            check!(grouped.insert(mid), "mid {mid} is in two bundles");
            let media = session.media_by_mid(mid).ok_or("a bundle names no section")?;
            check!(!is_rejected(&media), "a bundle has the rejected section {mid}");
        }
    }
    for media in session.media().filter(|media| !is_rejected(media)) {
        let grouped = media.mid().is_some_and(|mid| grouped.contains(mid));
        check!(
            !media.bundle_only() || grouped,
            "a section can only be bundled, and is in no bundle"
        );
    }
    // What peers look for in each section.
    let alive = session.media().any(|media| !is_rejected(&media));
    for media in session.media().filter(|_| alive) {
        let credentials = media.ice_ufrag().is_some() && media.ice_pwd().is_some();
        let described = credentials && media.setup().is_some() && media.fingerprints().next().is_some();
        check!(described, "a section does not describe its transport");
    }
    Ok(())
}

/// RFC 9143 §6: `a=bundle-only` does not reject.
pub(crate) fn is_rejected(media: &Media<'_>) -> bool {
    media.port() == 0 && !media.bundle_only()
}

fn bundles<'s>(session: &Session<'s>) -> impl Iterator<Item = BTreeSet<&'s str>> {
    let bundles = session.groups().filter(|group| group.is_bundle());
    bundles.map(|group| group.mids().collect())
}

/// `ice-ufrag` by mid.
pub(crate) fn ufrags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let session = parse(text)?;
    let described = session
        .media()
        .filter_map(|media| Some((media.mid()?, media.ice_ufrag()?)));
    Ok(described
        .map(|(mid, ufrag)| (mid.to_owned(), ufrag.to_owned()))
        .collect())
}

/// Our `ice-ufrag` that is in use for each section: its own, or that of the section whose mid is the
/// first in its bundle in the answer (RFC 9143 §7.3.1).
fn in_use<'s>(ours: &Session<'s>, answer: &Session<'s>) -> BTreeMap<&'s str, &'s str> {
    let ufrag = |mid: &str| ours.media_by_mid(mid).and_then(|media| media.ice_ufrag());
    let mids = ours.media().filter_map(|media| media.mid());
    let mut in_use: BTreeMap<&str, &str> = mids.filter_map(|mid| Some((mid, ufrag(mid)?))).collect();
    for group in answer.groups().filter(|group| group.is_bundle()) {
        if let Some(tagged) = group.mids().next().and_then(ufrag) {
            in_use.extend(group.mids().map(|mid| (mid, tagged)));
        }
    }
    in_use
}

/// Strictly, as any endpoint of RFC 8866 would.
pub(crate) fn parse(text: &str) -> Result<Session<'_>, String> {
    let session = Parser::new().profile(Profile::Rfc8866).parse(text);
    session.map_err(|error| format!("our own text is malformed: {error}\n{text}"))
}
