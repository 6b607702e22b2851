//! pollrtc, with its tokio driver, as an agent.

mod media;

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent::{Command, Kind, Message, Record, Reply, bind_address, serve};
use pollrtc::{
    BundlePolicy, ChannelId, ChannelInit, Config, ConnectionState, DtlsRole, Event, MediaKind, MessageKind,
    Reliability, RtpCapabilities,
};
use pollrtc_tokio::{Endpoint, Peer};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::media::Media;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let endpoint = runtime.block_on(async { Endpoint::bind(&[SocketAddr::new(bind_address(), 0)]) })?;
    let mut connections: HashMap<String, Connection> = HashMap::new();
    serve("pollrtc", env!("CARGO_PKG_VERSION"), |command| {
        runtime.block_on(async {
            if command.verb() == "create" {
                let connection = Connection::new(&endpoint, command.text("dtls"), command.is("media"));
                connections.insert(command.connection().to_owned(), connection);
                return Ok(json!({}));
            }
            let connection = connections.get_mut(command.connection());
            connection.ok_or("no such connection")?.carry_out(&command).await
        })
    });
    Ok(())
}

struct Connection {
    peer: Arc<Peer>,
    shared: Arc<Mutex<Shared>>,
    media: Arc<Media>,
    outboxes: HashMap<String, UnboundedSender<Message>>,
}

/// What the task that takes the events knows.
#[derive(Default)]
struct Shared {
    record: Record,
    channels: HashMap<ChannelId, String>,
}

impl Connection {
    /// `dtls`: `client` or `server`, where the peer leaves us the choice.
    /// `has_media`: whether audio and video are taken.
    fn new(endpoint: &Endpoint, dtls: &str, has_media: bool) -> Self {
        let preferred_dtls_role = match dtls {
            "server" => DtlsRole::Server,
            _ => DtlsRole::Client,
        };
        let mut config = Config::default().with_preferred_dtls_role(preferred_dtls_role);
        if has_media {
            config = config
                .with_bundle_policy(BundlePolicy::MaxBundle)
                .with_audio(RtpCapabilities::of(MediaKind::Audio))
                .with_video(RtpCapabilities::of(MediaKind::Video));
        }
        let peer = Arc::new(endpoint.peer(config));
        let shared = Arc::default();
        let media = Arc::<Media>::default();
        tokio::spawn(watch(Arc::clone(&peer), Arc::clone(&shared), Arc::clone(&media)));
        tokio::spawn(media::receive(Arc::clone(&peer), Arc::clone(&media)));
        Self {
            peer,
            shared,
            media,
            outboxes: HashMap::new(),
        }
    }

    async fn carry_out(&mut self, command: &Command) -> Reply {
        let label = command.text("label");
        match command.verb() {
            "open" => self.open(command)?,
            "offer" => return Ok(json!({ "sdp": self.peer.offer().await? })),
            "answer" => return Ok(json!({ "sdp": self.peer.accept_offer(command.text("sdp")).await? })),
            "accept" => self.peer.accept_answer(command.text("sdp"))?,
            "send" => self.send(label, command.messages())?,
            "close" => {
                let channel = self.channel(label)?;
                self.peer.with(|peer, _| peer.close_channel(channel));
            }
            "media" => self.media.add(&self.peer, kind(command)?),
            "stop" => self.media.stop(&self.peer, kind(command)?)?,
            "keyframe" => self.media.want_keyframe(&self.peer),
            "restart" => self.peer.with(|peer, _| peer.restart_ice()),
            "state" => return Ok(self.state()),
            "end" => self.peer.close(),
            other => return Err(format!("{other} is not implemented").into()),
        }
        Ok(json!({}))
    }

    fn open(&self, command: &Command) -> Result<(), Box<dyn Error>> {
        let init = command.channel_init();
        let reliability = match init.max_retransmits {
            None => Reliability::Reliable,
            Some(count) => Reliability::MaxRetransmits(count.into()),
        };
        let mut wanted = ChannelInit::new(init.label.as_str()).with_reliability(reliability);
        wanted.ordered = init.ordered;
        let channel = self.peer.create_data_channel(wanted)?;
        let mut shared = lock(&self.shared);
        shared.record.channel(&init.label);
        shared.channels.insert(channel, init.label);
        Ok(())
    }

    /// Each channel has a task that sends, so that a slow one holds up nobody.
    fn send(&mut self, label: &str, messages: Vec<Message>) -> Result<(), Box<dyn Error>> {
        let channel = self.channel(label)?;
        let outbox = self.outboxes.entry(label.to_owned()).or_insert_with(|| {
            let (outbox, waiting) = unbounded_channel();
            tokio::spawn(send_all(
                Arc::clone(&self.peer),
                Arc::clone(&self.shared),
                channel,
                label.to_owned(),
                waiting,
            ));
            outbox
        });
        messages.into_iter().try_for_each(|message| outbox.send(message))?;
        Ok(())
    }

    fn channel(&self, label: &str) -> Result<ChannelId, Box<dyn Error>> {
        let shared = lock(&self.shared);
        let mut known = shared.channels.iter();
        let found = known.find_map(|(channel, known)| (known == label).then_some(*channel));
        Ok(found.ok_or("no such channel")?)
    }

    /// With what DTLS agreed on, and all that is counted.
    fn state(&self) -> Value {
        let mut state = lock(&self.shared).record.to_json();
        state["media"] = self.media.to_json();
        let stats = self.peer.stats();
        state["stats"] = json!(format!("{stats:?}"));
        if let Some(agreed) = stats.data_transport().and_then(|transport| transport.security) {
            state["dtls"] = json!({
                "role": match agreed.role { DtlsRole::Client => "client", DtlsRole::Server => "server" },
                "version": agreed.version.to_string(),
                "srtp": agreed.srtp_profile.map(|profile| format!("{profile:?}")),
            });
        }
        state
    }
}

/// The kind of media that a command is about.
fn kind(command: &Command) -> Result<Kind, Box<dyn Error>> {
    Ok(Kind::from_name(command.text("kind")).ok_or("no such kind")?)
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send_all(
    peer: Arc<Peer>,
    shared: Arc<Mutex<Shared>>,
    channel: ChannelId,
    label: String,
    mut waiting: UnboundedReceiver<Message>,
) {
    while let Some(message) = waiting.recv().await {
        let digest = message.digest();
        let content = match message.is_text {
            true => pollrtc::Message::from(String::from_utf8(message.content).unwrap_or_default()),
            false => pollrtc::Message::from(message.content),
        };
        let sent = peer.send(channel, content).await;
        let record = &mut lock(&shared).record;
        match sent {
            Ok(()) => record.channel(&label).sent.push(digest),
            Err(error) => record.error = Some(format!("sending on {label}: {error}")),
        }
    }
}

/// Records what happens until the connection ends.
async fn watch(peer: Arc<Peer>, shared: Arc<Mutex<Shared>>, media: Arc<Media>) {
    while let Some(event) = peer.next_event().await {
        media.handle_event(&peer, &event);
        let label_of = |channel| peer.with(|peer, _| peer.channel_info(channel).map(|info| info.label.clone()));
        let mut shared = match &event {
            // Not while the record is locked: whoever locks both takes the record last.
            Event::ChannelOpen { channel, .. } => {
                let label = label_of(*channel).unwrap_or_default();
                let mut shared = lock(&shared);
                shared.channels.insert(*channel, label);
                shared
            }
            _ => lock(&shared),
        };
        let Shared { record, channels } = &mut *shared;
        let mut channel_is = |channel: &ChannelId, state| {
            if let Some(label) = channels.get(channel) {
                record.channel(label).state = state;
            }
        };
        match event {
            Event::ConnectionStateChanged(state) => record.connection = name(state),
            Event::ChannelOpen { channel, .. } => channel_is(&channel, "open"),
            Event::ChannelClosing { channel } => channel_is(&channel, "closing"),
            Event::ChannelClosed { channel, reason } => {
                channel_is(&channel, "closed");
                if let Some(label) = channels.get(&channel) {
                    record.channel(label).reason = Some(reason.to_string());
                }
            }
            Event::Message { channel, data } => {
                if let Some(label) = channels.get(&channel) {
                    let is_text = data.kind() == MessageKind::Text;
                    let message = Message {
                        is_text,
                        content: data.as_bytes().to_vec(),
                    };
                    record.channel(label).received.push(message.digest());
                }
            }
            Event::Closed(reason) => {
                record.connection = "closed";
                record.error = Some(reason.to_string());
            }
            _ => {}
        }
    }
}

fn name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::New => "new",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Disconnected => "disconnected",
        ConnectionState::Failed => "failed",
        _ => "closed",
    }
}
