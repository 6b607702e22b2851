//! Streams that come, as files.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pollrtc::media::{Frames, FramesConfig};
use pollrtc::rtp::Format;
use pollrtc::{Incoming, Instant, PeerConnection};
use pollrtc_tokio::{MediaPacket, Peer};
use serde_json::{Value, json};
use tracing::{debug, info};

use crate::container::{Codec, Writer};

/// How often those are looked at whose packets are waited for.
const TICK: Duration = Duration::from_millis(50);
/// A file need not be there at once: lost packets may come late.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes each stream to a file of its own.
pub(crate) struct Recorder {
    directory: PathBuf,
    streams: BTreeMap<Incoming, Stream>,
}

struct Stream {
    frames: Frames,
    /// By the places of formats.
    codecs: Vec<Option<(Codec, u8)>>,
    files: BTreeMap<Format, Recording>,
    /// Frames that no file can hold, such as telephone events.
    skipped: u64,
}

struct Recording {
    path: PathBuf,
    writer: Writer,
    first: i64,
    frames: u64,
    codec: Codec,
}

impl Recorder {
    /// Into this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            streams: BTreeMap::new(),
        }
    }

    /// Records what comes until the connection ends. Dropping it loses nothing.
    pub(crate) async fn run(&mut self, peer: &Peer) -> Result<(), Box<dyn Error>> {
        loop {
            match tokio::time::timeout(TICK, peer.next_packet()).await {
                Ok(Some(packet)) => peer.with(|peer, now| self.take(peer, now, &packet))?,
                Ok(None) => return Ok(()),
                Err(_) => peer.with(|peer, now| self.write_all(peer, now))?,
            }
        }
    }

    fn take(&mut self, peer: &mut PeerConnection, now: Instant, packet: &MediaPacket) -> Result<(), Box<dyn Error>> {
        let MediaPacket { stream: id, packet } = packet;
        let stream = self.streams.entry(*id).or_insert_with(|| {
            info!(?id, "a stream begins");
            Stream::new(peer, *id)
        });
        stream.frames.insert(now, packet);
        stream.write(&self.directory, *id, peer, now)
    }

    fn write_all(&mut self, peer: &mut PeerConnection, now: Instant) -> Result<(), Box<dyn Error>> {
        for (id, stream) in &mut self.streams {
            stream.write(&self.directory, *id, peer, now)?;
        }
        Ok(())
    }

    /// Ends all files; what became of them.
    pub(crate) fn finish(mut self, peer: &Peer) -> Result<Vec<Value>, Box<dyn Error>> {
        let mut files = Vec::new();
        for (id, mut stream) in std::mem::take(&mut self.streams) {
            stream.frames.handle_end();
            peer.with(|peer, now| stream.write(&self.directory, id, peer, now))?;
            let stats = stream.frames.stats();
            debug!(?id, ?stats, "a stream ends");
            for file in stream.files.into_values() {
                let named = file.path.display().to_string();
                file.writer.finish().map_err(|error| format!("{named}: {error}"))?;
                files.push(json!({
                    "file": named,
                    "codec": file.codec.name(),
                    "frames": file.frames,
                    "lost_packets": stats.lost_packets,
                    "skipped_frames": stream.skipped + stats.broken_frames,
                }));
            }
        }
        Ok(files)
    }

    /// How many frames were written.
    pub(crate) fn frames(&self) -> u64 {
        let files = self.streams.values().flat_map(|stream| stream.files.values());
        files.map(|file| file.frames).sum()
    }
}

impl Stream {
    fn new(peer: &PeerConnection, id: Incoming) -> Self {
        let config = FramesConfig {
            patience: PATIENCE,
            ..FramesConfig::default()
        };
        let codecs = peer
            .formats_of(id)
            .map(|codec| Some((Codec::of(codec)?, u8::try_from(codec.channels).unwrap_or(2))));
        Self {
            codecs: codecs.collect(),
            frames: Frames::new(peer.payload_formats_of(id), config),
            files: BTreeMap::new(),
            skipped: 0,
        }
    }

    /// Writes the frames that are whole.
    fn write(
        &mut self,
        directory: &Path,
        id: Incoming,
        peer: &mut PeerConnection,
        now: Instant,
    ) -> Result<(), Box<dyn Error>> {
        while let Some(frame) = self.frames.poll_frame(now) {
            let place = usize::from(frame.format.0);
            let Some((codec, channels)) = self.codecs.get(place).copied().flatten() else {
                self.skipped += 1;
                continue;
            };
            let file = match self.files.get_mut(&frame.format) {
                Some(file) => file,
                None => {
                    let name = format!("{}-{}.{}", id.0, codec.name().to_lowercase(), codec.extension());
                    let path = directory.join(name);
                    let writer = Writer::create(&path, codec, channels);
                    let writer = writer.map_err(|error| format!("{}: {error}", path.display()))?;
                    let recording = Recording {
                        path,
                        writer,
                        first: frame.timestamp,
                        frames: 0,
                        codec,
                    };
                    self.files.entry(frame.format).or_insert(recording)
                }
            };
            let at = u64::try_from(frame.timestamp - file.first).unwrap_or(0);
            let written = file.writer.write(at, frame.bytes);
            written.map_err(|error| format!("{}: {error}", file.path.display()))?;
            file.frames += 1;
        }
        if self.frames.take_keyframe_need() {
            peer.request_keyframe(now, id);
        }
        Ok(())
    }
}
