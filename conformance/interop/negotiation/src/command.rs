//! What can be asked of the negotiator.
//!
//! | `do` | with |
//! |---|---|
//! | `new` | `bundle`: `balanced`, `max-compat` or `max-bundle`; `media`: whether it has codecs |
//! | `add` | `kind`, `direction`, `streams`, `rids`; gives the transceiver's `id` |
//! | `direct` | `id`, `direction` |
//! | `prefer` | `id`, `codecs`: their names |
//! | `stop` | `id` |
//! | `add-data`, `stop-data`, `restart`, `rollback` | |
//! | `offer`, `answer` | creates one and sets it; gives `sdp` |
//! | `take` | `type` and `sdp` of the peer's description; `yielding`: whether our own offer gives way to it |
//! | `dump` | gives the state |

use std::error::Error;

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    BundlePolicy, CertificateHash, Config, Description, Effect, HashFunction, LocalTransport, Negotiator,
    TransceiverId, TransceiverInit, TransportKey,
};
use pollrtc_sdp::attribute::Direction;
use serde_json::{Value, json};

use crate::state;

/// One connection after the other; `new` begins the next.
pub(crate) struct Session {
    pub(crate) negotiator: Negotiator,
    /// Those that were ever there; their places are the numbers that commands call them by.
    pub(crate) transceivers: Vec<TransceiverId>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            negotiator: Negotiator::new(Config::new(SESSION_ID)),
            transceivers: Vec::new(),
        }
    }
}

type Answer = Result<Value, Box<dyn Error>>;

impl Session {
    pub(crate) fn obey(&mut self, command: &Value) -> Answer {
        match text(command, "do")? {
            "new" => {
                *self = Self::new(command)?;
                Ok(json!({}))
            }
            "add" => {
                let init = TransceiverInit {
                    direction: direction(command)?,
                    streams: texts(command, "streams"),
                    rids: texts(command, "rids"),
                };
                let kind = MediaKind::parse(text(command, "kind")?).ok_or("kind is neither audio nor video")?;
                let id = self.negotiator.add_transceiver(kind, init);
                Ok(json!({ "id": self.number(id) }))
            }
            "direct" => {
                self.negotiator
                    .set_direction(self.transceiver(command)?, direction(command)?)?;
                Ok(json!({}))
            }
            "prefer" => {
                let id = self.transceiver(command)?;
                let names = texts(command, "codecs");
                let config = self.negotiator.config();
                let all = match self.negotiator.transceiver(id).map(|transceiver| transceiver.kind()) {
                    Some(MediaKind::Audio) => &config.audio,
                    _ => &config.video,
                };
                let wanted = all
                    .codecs
                    .iter()
                    .filter(|codec| names.iter().any(|name| codec.is(name)));
                let wanted = wanted.cloned().collect();
                self.negotiator.set_codec_preferences(id, Some(wanted))?;
                Ok(json!({}))
            }
            "stop" => {
                self.negotiator.stop(self.transceiver(command)?)?;
                Ok(json!({}))
            }
            "add-data" => {
                self.negotiator.add_data_channels();
                Ok(json!({}))
            }
            "stop-data" => {
                self.negotiator.stop_data_channels();
                Ok(json!({}))
            }
            "restart" => {
                self.negotiator.restart_ice();
                Ok(json!({}))
            }
            "rollback" => {
                let effects = self.negotiator.set_local(&Description::rollback())?;
                Ok(self.effects(&effects))
            }
            "offer" => {
                let offer = self.negotiator.create_offer(local_transport)?;
                self.set(&offer)
            }
            "answer" => {
                let answer = self.negotiator.create_answer(local_transport)?;
                self.set(&answer)
            }
            "take" => {
                let sdp = text(command, "sdp")?;
                let description = match text(command, "type")? {
                    "offer" => Description::offer(sdp),
                    "answer" => Description::answer(sdp),
                    other => return Err(format!("type {other} is neither offer nor answer").into()),
                };
                let yields = command.get("yielding").and_then(Value::as_bool).unwrap_or(false);
                let effects = match yields {
                    true => self.negotiator.set_remote_yielding(&description)?,
                    false => self.negotiator.set_remote(&description)?,
                };
                Ok(self.effects(&effects))
            }
            "dump" => Ok(state::dump(self)),
            other => Err(format!("there is no command {other:?}").into()),
        }
    }

    fn new(command: &Value) -> Result<Self, Box<dyn Error>> {
        let bundle_policy = match text(command, "bundle")? {
            "balanced" => BundlePolicy::Balanced,
            "max-compat" => BundlePolicy::MaxCompat,
            "max-bundle" => BundlePolicy::MaxBundle,
            other => return Err(format!("there is no bundle policy {other:?}").into()),
        };
        let mut config = Config {
            bundle_policy,
            ..Config::new(SESSION_ID)
        };
        if command.get("media").and_then(Value::as_bool).unwrap_or(true) {
            config.audio = RtpCapabilities::of(MediaKind::Audio);
            config.video = RtpCapabilities::of(MediaKind::Video);
        }
        Ok(Self {
            negotiator: Negotiator::new(config),
            transceivers: Vec::new(),
        })
    }

    fn set(&mut self, description: &Description) -> Answer {
        let effects = self.negotiator.set_local(description)?;
        let mut answer = self.effects(&effects);
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("sdp".into(), description.sdp.clone().into());
        }
        Ok(answer)
    }

    fn effects(&mut self, effects: &[Effect]) -> Value {
        for effect in effects {
            if let Effect::TransceiverAdded(id) = effect {
                self.number(*id);
            }
        }
        let effects: Vec<String> = effects.iter().map(|effect| format!("{effect:?}")).collect();
        json!({ "effects": effects })
    }

    fn number(&mut self, id: TransceiverId) -> usize {
        self.transceivers
            .iter()
            .position(|known| *known == id)
            .unwrap_or_else(|| {
                self.transceivers.push(id);
                self.transceivers.len() - 1
            })
    }

    fn transceiver(&self, command: &Value) -> Result<TransceiverId, Box<dyn Error>> {
        let number = command.get("id").and_then(Value::as_u64).ok_or("id is missing")?;
        let id = self.transceivers.get(usize::try_from(number)?);
        Ok(*id.ok_or("there is no such transceiver")?)
    }
}

const SESSION_ID: u64 = 0x3fff_0000_0000_0001;

/// What ICE and DTLS would tell. No packet is ever sent, and so nobody finds out. As with browsers, all transports that are
/// offered together have the same credentials: Firefox takes a section whose credentials become those of its bundle for one
/// that restarts on its own.
pub(crate) fn local_transport(key: TransportKey) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ours{}", key.generation),
        pwd: format!("ofNoUseWithoutAnyTransport{}", key.generation),
        fingerprints: vec![CertificateHash::new(HashFunction::Sha256, &[0x3c; 32]).expect("32 bytes")],
        ..LocalTransport::default()
    }
}

fn text<'v>(command: &'v Value, name: &str) -> Result<&'v str, String> {
    let value = command.get(name).and_then(Value::as_str);
    value.ok_or_else(|| format!("{name} is missing"))
}

fn texts(command: &Value, name: &str) -> Vec<String> {
    let list = command.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn direction(command: &Value) -> Result<Direction, String> {
    let name = text(command, "direction")?;
    const ALL: [Direction; 4] = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    let found = ALL.into_iter().find(|direction| direction.as_str() == name);
    found.ok_or_else(|| format!("there is no direction {name:?}"))
}
