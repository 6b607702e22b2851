//! What both sides must agree on once they have finished the same exchanges.

use std::collections::BTreeMap;

use pollrtc_jsep::{DtlsRole, IceRole, Transceiver, Transport};
use pollrtc_sdp::attribute::Direction;

use crate::check;
use crate::side::Side;
use crate::text::{is_rejected, parse};

pub(crate) fn check(a: &Side, b: &Side) -> Result<(), String> {
    check!(
        a.completed == b.completed,
        "the two have not finished the same exchanges"
    );
    let (Some((ours, theirs)), Some((theirs_there, ours_there))) = (a.current(), b.current()) else {
        return Ok(());
    };
    check!(
        ours == ours_there && theirs == theirs_there,
        "the descriptions are not the same on both sides"
    );
    sections(ours, theirs)?;
    transports(a, b)?;
    transceivers(a, b)?;
    data_channels(a, b)
}

fn sections(ours: &str, theirs: &str) -> Result<(), String> {
    let (ours, theirs) = (parse(ours)?, parse(theirs)?);
    check!(
        ours.media_count() == theirs.media_count(),
        "the numbers of sections differ"
    );
    for (index, (a, b)) in ours.media().zip(theirs.media()).enumerate() {
        check!(
            a.mid() == b.mid() && a.kind() == b.kind(),
            "section {index} is not the same on both sides"
        );
    }
    Ok(())
}

fn transports(a: &Side, b: &Side) -> Result<(), String> {
    let by_section = |side: &Side| -> BTreeMap<usize, Transport> {
        side.negotiator
            .transports()
            .map(|transport| (transport.section, transport.clone()))
            .collect()
    };
    let (ours, theirs) = (by_section(a), by_section(b));
    check!(ours.keys().eq(theirs.keys()), "transports differ: {ours:?} {theirs:?}");
    for (section, (x, y)) in ours.iter().map(|(section, x)| (section, (x, &theirs[section]))) {
        check!(x.mid == y.mid, "transport of section {section}: mids differ");
        let clients = [x, y].iter().filter(|each| each.dtls_role == DtlsRole::Client).count();
        check!(
            clients == 1,
            "transport of section {section} has {clients} DTLS clients"
        );
        let controlling = [x, y]
            .iter()
            .filter(|each| each.ice_role == IceRole::Controlling)
            .count();
        check!(
            controlling == 1,
            "transport of section {section} has {controlling} controlling agents"
        );
        check!(
            x.association == y.association,
            "transport of section {section}: associations differ"
        );
        check!(
            x.rtcp_mux && y.rtcp_mux,
            "transport of section {section}: no RTCP multiplexing"
        );
        for (side, own, other) in [(a, x, y), (b, y, x)] {
            let told = side.transport(own.key);
            let heard = &other.remote;
            let credentials = heard.ufrag == told.ufrag && heard.pwd == told.pwd;
            check!(
                credentials,
                "transport of section {section}: {} is heard as {}",
                told.ufrag,
                heard.ufrag
            );
            check!(
                heard.fingerprints == told.fingerprints,
                "transport of section {section}: other certificates"
            );
            check!(
                heard.tls_id == told.tls_id,
                "transport of section {section}: other tls-id"
            );
            check!(
                heard.candidates == told.candidates,
                "transport of section {section}: other candidates"
            );
        }
    }
    Ok(())
}

fn transceivers(a: &Side, b: &Side) -> Result<(), String> {
    fn by_section(side: &Side) -> BTreeMap<usize, &Transceiver> {
        let all = side.negotiator.transceivers().iter();
        all.filter_map(|transceiver| Some((transceiver.section()?, transceiver)))
            .collect()
    }
    let (ours, theirs) = (by_section(a), by_section(b));
    check!(ours.keys().eq(theirs.keys()), "sections with transceivers differ");
    for (section, (x, y)) in ours.iter().map(|(section, x)| (section, (*x, theirs[section]))) {
        check!(
            x.mid() == y.mid() && x.kind() == y.kind(),
            "section {section}: mid or kind differ"
        );
        let directions = (x.current_direction(), y.current_direction());
        let (Some(here), Some(there)) = directions else {
            return Err(format!("section {section}: no direction was agreed on: {directions:?}"));
        };
        check!(
            here == mirrored(there),
            "section {section}: {here:?} is no mirror of {there:?}"
        );
        check!(
            x.is_receiving() == receives(here),
            "section {section}: receives without being agreed, or not"
        );
        check!(
            y.is_receiving() == receives(there),
            "section {section}: receives without being agreed, or not"
        );
        let (Some(p), Some(q)) = (x.parameters(), y.parameters()) else {
            return Err(format!("section {section}: no parameters were agreed on"));
        };
        check!(
            p.send.codecs == q.receive.codecs,
            "section {section}: {:?} {:?}",
            p.send.codecs,
            q.receive.codecs
        );
        check!(p.receive.codecs == q.send.codecs, "section {section}: other codecs");
        check!(
            p.send.header_extensions.len() == q.receive.header_extensions.len(),
            "section {section}: extensions"
        );
    }
    Ok(())
}

fn data_channels(a: &Side, b: &Side) -> Result<(), String> {
    let (ours, theirs) = (a.negotiator.data_channels(), b.negotiator.data_channels());
    let (Some(ours), Some(theirs)) = (&ours, &theirs) else {
        check!(
            ours == theirs,
            "one side has data channels, the other none: {ours:?} {theirs:?}"
        );
        return Ok(());
    };
    check!(
        ours.section == theirs.section,
        "the data channels are in different sections"
    );
    check!(
        ours.local_port == theirs.remote_port && theirs.local_port == ours.remote_port,
        "ports differ"
    );
    Ok(())
}

/// Once nothing more is wanted: what is agreed is what both want.
pub(crate) fn check_settled(a: &Side, b: &Side) -> Result<(), String> {
    check(a, b)?;
    for (side, other) in [(a, b), (b, a)] {
        check!(!side.negotiator.negotiation_needed(), "negotiation is needed forever");
        for transceiver in side.negotiator.transceivers() {
            check!(!transceiver.is_stopped(), "a stopped transceiver is left");
            let section = transceiver.section().ok_or("a transceiver is left without a section")?;
            let mut peers = other.negotiator.transceivers().iter();
            let peer = peers
                .find(|peer| peer.section() == Some(section))
                .ok_or("no transceiver at the peer")?;
            let (wanted, there) = (transceiver.direction(), mirrored(peer.direction()));
            let agreed = direction(sends(wanted) && sends(there), receives(wanted) && receives(there));
            check!(
                transceiver.current_direction() == Some(agreed),
                "section {section}: {wanted:?} and {there:?} give {:?}",
                transceiver.current_direction()
            );
        }
        if let Some((ours, theirs)) = side.current() {
            let (ours, theirs) = (parse(ours)?, parse(theirs)?);
            for (index, (x, y)) in ours.media().zip(theirs.media()).enumerate() {
                let of = |side: &Side| {
                    side.negotiator
                        .transceivers()
                        .iter()
                        .any(|each| each.section() == Some(index))
                };
                let data = side
                    .negotiator
                    .data_channels()
                    .is_some_and(|data| data.section == index);
                let alive = !is_rejected(&x) && !is_rejected(&y);
                check!(
                    alive == (of(side) || data),
                    "section {index} is alive without use, or used and rejected"
                );
            }
        }
    }
    Ok(())
}

fn mirrored(direction: Direction) -> Direction {
    match direction {
        Direction::SendOnly => Direction::RecvOnly,
        Direction::RecvOnly => Direction::SendOnly,
        both => both,
    }
}

fn direction(sends: bool, receives: bool) -> Direction {
    match (sends, receives) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}

fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}
