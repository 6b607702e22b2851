//! Whether the peers can talk, made of how far each transport is (W3C WebRTC §4.3.3).

use pollrtc_ice::State as IceState;

use crate::event::ConnectionState;
use crate::stats::DtlsState;

/// `RTCPeerConnectionState` of a connection that is not closed, from the states of its transports: the first of
/// the standard's rules that applies.
pub(super) fn connection_state(transports: impl Iterator<Item = (IceState, DtlsState)>) -> ConnectionState {
    let (mut failed, mut disconnected) = (false, false);
    let (mut all_new, mut all_connected) = (true, true);
    for (ice, dtls) in transports {
        failed |= matches!(ice, IceState::Failed(_)) || dtls == DtlsState::Failed;
        disconnected |= ice == IceState::Disconnected;
        all_new &=
            matches!(ice, IceState::New | IceState::Closed) && matches!(dtls, DtlsState::New | DtlsState::Closed);
        all_connected &= matches!(ice, IceState::Connected | IceState::Completed | IceState::Closed)
            && matches!(dtls, DtlsState::Connected | DtlsState::Closed);
    }
    match (failed, disconnected, all_new, all_connected) {
        (true, ..) => ConnectionState::Failed,
        (_, true, ..) => ConnectionState::Disconnected,
        // Also where there is no transport at all.
        (_, _, true, _) => ConnectionState::New,
        (_, _, _, true) => ConnectionState::Connected,
        _ => ConnectionState::Connecting,
    }
}

#[cfg(test)]
mod tests {
    use pollrtc_ice::FailureReason;

    use super::*;

    const ICE: [IceState; 7] = [
        IceState::New,
        IceState::Checking,
        IceState::Connected,
        IceState::Completed,
        IceState::Disconnected,
        IceState::Failed(FailureReason::NoPair),
        IceState::Closed,
    ];
    const DTLS: [DtlsState; 5] = [
        DtlsState::New,
        DtlsState::Connecting,
        DtlsState::Connected,
        DtlsState::Closed,
        DtlsState::Failed,
    ];

    /// The standard's table, rule by rule and in its words.
    fn by_the_book(transports: &[(IceState, DtlsState)]) -> ConnectionState {
        let any = |is: &dyn Fn(&(IceState, DtlsState)) -> bool| transports.iter().any(is);
        let all = |is: &dyn Fn(&(IceState, DtlsState)) -> bool| transports.iter().all(is);
        let ice_failed = |ice: IceState| matches!(ice, IceState::Failed(_));
        if any(&|each| ice_failed(each.0)) || any(&|each| each.1 == DtlsState::Failed) {
            return ConnectionState::Failed;
        }
        if any(&|each| each.0 == IceState::Disconnected) {
            return ConnectionState::Disconnected;
        }
        let ice_new = all(&|each| each.0 == IceState::New || each.0 == IceState::Closed);
        let dtls_new = all(&|each| each.1 == DtlsState::New || each.1 == DtlsState::Closed);
        if (ice_new && dtls_new) || transports.is_empty() {
            return ConnectionState::New;
        }
        let ice_up = all(&|each| [IceState::Connected, IceState::Completed, IceState::Closed].contains(&each.0));
        let dtls_up = all(&|each| [DtlsState::Connected, DtlsState::Closed].contains(&each.1));
        if ice_up && dtls_up {
            return ConnectionState::Connected;
        }
        ConnectionState::Connecting
    }

    #[test]
    fn every_three_transports_make_the_state_that_the_standard_says() {
        let each: Vec<_> = ICE.iter().flat_map(|ice| DTLS.map(|dtls| (*ice, dtls))).collect();
        assert_eq!(connection_state([].into_iter()), ConnectionState::New);
        for first in &each {
            assert_eq!(connection_state([*first].into_iter()), by_the_book(&[*first]));
            for second in &each {
                for third in &each {
                    let all = [*first, *second, *third];
                    assert_eq!(connection_state(all.into_iter()), by_the_book(&all), "{all:?}");
                }
            }
        }
    }
}
