//! The negotiator's state as JSON.

use pollrtc_jsep::rtp::{RtpParameters, SimulcastStream};
use pollrtc_jsep::{Transceiver, Transport};
use serde_json::{Value, json};

use crate::command::{Session, local_transport};

pub(crate) fn dump(session: &Session) -> Value {
    let negotiator = &session.negotiator;
    let number = |transceiver: &Transceiver| session.transceivers.iter().position(|id| *id == transceiver.id());
    let transceivers = negotiator.transceivers().iter().map(|transceiver| {
        let parameters = transceiver.parameters();
        json!({
            "id": number(transceiver),
            "mid": transceiver.mid(),
            "kind": transceiver.kind().as_str(),
            "direction": transceiver.direction().as_str(),
            "currentDirection": transceiver.current_direction().map(|direction| direction.as_str()),
            "stopped": transceiver.is_stopped(),
            "send": parameters.map(|parameters| rtp(&parameters.send)),
            "receive": parameters.map(|parameters| rtp(&parameters.receive)),
        })
    });
    let data = negotiator.data_channels().map(|data| {
        json!({
            "section": data.section,
            "maxMessageSize": data.max_message_size,
        })
    });
    json!({
        "signalingState": negotiator.signaling_state().to_string(),
        "negotiationNeeded": negotiator.negotiation_needed(),
        "transceivers": transceivers.collect::<Vec<_>>(),
        "transports": negotiator.transports().map(transport).collect::<Vec<_>>(),
        "data": data,
        "local": negotiator.current_local(local_transport).ok().flatten().map(|local| local.sdp),
        "remote": negotiator.current_remote().map(|remote| remote.sdp),
    })
}

fn transport(transport: &Transport) -> Value {
    json!({
        "mid": transport.mid,
        "ufrag": local_transport(transport.key).ufrag,
        "remoteUfrag": transport.remote.ufrag,
        "remotePwd": transport.remote.pwd,
        "remoteFingerprints": transport.remote.fingerprints.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "dtlsRole": format!("{:?}", transport.dtls_role),
        "association": transport.association,
    })
}

fn rtp(parameters: &RtpParameters) -> Value {
    let codecs = parameters.codecs.iter().map(|each| {
        json!({
            "payloadType": each.payload_type,
            "name": each.codec.name,
            "clockRate": each.codec.clock_rate,
            "channels": each.codec.channels,
        })
    });
    let extensions = parameters.header_extensions.iter();
    let extensions = extensions.map(|each| json!({ "id": each.id, "uri": each.extension.uri }));
    let layers = |streams: &[SimulcastStream]| -> Vec<String> {
        let layers = streams.iter().flat_map(|stream| &stream.alternatives);
        layers.map(|layer| layer.rid.clone()).collect()
    };
    json!({
        "codecs": codecs.collect::<Vec<_>>(),
        "headerExtensions": extensions.collect::<Vec<_>>(),
        "rids": parameters.rids.iter().map(|rid| &rid.id).collect::<Vec<_>>(),
        "simulcast": layers(if parameters.simulcast.send.is_empty() { &parameters.simulcast.receive } else { &parameters.simulcast.send }),
    })
}
