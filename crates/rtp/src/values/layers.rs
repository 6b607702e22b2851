//! Which layers of video exist, with their bit rates and sizes (video-layers-allocation00).

use super::value::HeaderExtension;
use crate::bytes::Writer;
use crate::extension::Extension;

const STREAMS_MAX: u8 = 4;
const SPATIAL_MAX: u8 = 4;
const TEMPORAL_MAX: usize = 4;
const LAYERS_MAX: usize = 16;
/// A value of a header extension.
const LEN_MAX: usize = 255;

/// Which layers of video a sender sends, over all streams of a simulcast.
///
/// ```
/// use pollrtc_rtp::{HeaderExtension, SpatialLayer, VideoLayersAllocation};
/// let small = SpatialLayer::new(0, 0, &[100, 150]).ok_or("out of range")?;
/// let large = SpatialLayer::new(1, 0, &[900]).ok_or("out of range")?;
/// let allocation = VideoLayersAllocation::new(1, &[small, large])?;
/// let mut buf = [0; 16];
/// let len = allocation.write_to(&mut buf).ok_or("no room")?;
/// assert_eq!(VideoLayersAllocation::parse(&buf[..len]), Some(allocation));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoLayersAllocation {
    stream: u8,
    layers: [SpatialLayer; LAYERS_MAX],
    count: u8,
}

/// One spatial layer of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpatialLayer {
    stream: u8,
    spatial: u8,
    bitrates: [u32; TEMPORAL_MAX],
    temporal_count: u8,
    /// How large its pictures are, and how many come in a second, if the sender says so.
    pub resolution: Option<LayerResolution>,
}

/// How large the pictures of a layer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LayerResolution {
    /// In pixels: 1 to 65,536.
    pub width: u32,
    /// In pixels: 1 to 65,536.
    pub height: u32,
    /// At most so many pictures a second.
    pub frame_rate: u8,
}

/// Why layers are no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayersError {
    /// Streams are numbered 0 to 3.
    #[error("stream {0} is above 3")]
    Stream(u8),
    /// Layers are to be in order: by stream, then by spatial layer, each once.
    #[error("layer {0} is not behind the one before it")]
    Order(usize),
    /// Either all layers have a resolution, or none has; and it is not zero or above 65,536.
    #[error("the resolution of layer {0} is missing, of no use, or out of range")]
    Resolution(usize),
    /// It does not fit into a header extension.
    #[error("{0} bytes are more than a header extension has")]
    TooLong(usize),
}

impl SpatialLayer {
    /// A layer of a stream, with the bit rates of its temporal layers in kilobits per second: 1 to 4 of them, each with
    /// those below it. `None` if a number is out of range: streams and spatial layers count from 0 to 3.
    pub fn new(stream: u8, spatial: u8, bitrates: &[u32]) -> Option<Self> {
        let mut layer = Self {
            stream,
            spatial,
            temporal_count: u8::try_from(bitrates.len()).ok()?,
            ..Self::default()
        };
        layer.bitrates.get_mut(..bitrates.len())?.copy_from_slice(bitrates);
        (stream < STREAMS_MAX && spatial < SPATIAL_MAX && !bitrates.is_empty()).then_some(layer)
    }

    /// The stream of the simulcast, counted in the order of its RIDs.
    pub const fn stream(&self) -> u8 {
        self.stream
    }

    /// The spatial layer inside of the stream.
    pub const fn spatial(&self) -> u8 {
        self.spatial
    }

    /// Kilobits per second of each temporal layer with those below it.
    pub fn bitrates(&self) -> &[u32] {
        self.bitrates
            .get(..usize::from(self.temporal_count))
            .unwrap_or_default()
    }
}

impl VideoLayersAllocation {
    /// What `layers` are sent, told by the stream `stream`. No layers say that nothing is sent, of no stream.
    ///
    /// # Errors
    ///
    /// If they are not in order, or don't go together.
    pub fn new(stream: u8, layers: &[SpatialLayer]) -> Result<Self, LayersError> {
        if stream >= STREAMS_MAX {
            return Err(LayersError::Stream(stream));
        }
        let mut allocation = Self::empty(if layers.is_empty() { 0 } else { stream });
        for (place, layer) in layers.iter().enumerate() {
            let before = allocation.layers().last();
            let follows = before.is_none_or(|before| (before.stream, before.spatial) < (layer.stream, layer.spatial));
            if !follows {
                return Err(LayersError::Order(place));
            }
            let has_right_size = layer.resolution.is_none_or(LayerResolution::is_writable);
            let fits = before.is_none_or(|before| before.resolution.is_some() == layer.resolution.is_some());
            if !has_right_size || !fits {
                return Err(LayersError::Resolution(place));
            }
            allocation.push(*layer).ok_or(LayersError::Order(place))?;
        }
        match allocation.encoded_len() {
            len if len > LEN_MAX => Err(LayersError::TooLong(len)),
            _ => Ok(allocation),
        }
    }

    fn empty(stream: u8) -> Self {
        Self {
            stream,
            layers: [SpatialLayer::default(); LAYERS_MAX],
            count: 0,
        }
    }

    fn push(&mut self, layer: SpatialLayer) -> Option<()> {
        *self.layers.get_mut(usize::from(self.count))? = layer;
        self.count = self.count.saturating_add(1);
        Some(())
    }

    /// Which stream of the simulcast the packet belongs to, counted in the order of its RIDs.
    pub const fn stream(&self) -> u8 {
        self.stream
    }

    /// The layers, by stream, then by spatial layer.
    pub fn layers(&self) -> &[SpatialLayer] {
        self.layers.get(..usize::from(self.count)).unwrap_or_default()
    }

    fn stream_count(&self) -> u8 {
        self.layers().last().map_or(1, |layer| layer.stream.saturating_add(1))
    }

    /// Bit `i` stands for spatial layer `i` of a stream.
    fn spatial_mask(&self, stream: u8) -> u8 {
        let layers = self.layers().iter().filter(|layer| layer.stream == stream);
        layers.fold(0, |mask, layer| mask | 1 << layer.spatial)
    }

    /// What all streams have, or 0 if they differ.
    fn shared_mask(&self) -> u8 {
        let first = self.spatial_mask(0);
        let is_shared = (1..self.stream_count()).all(|stream| self.spatial_mask(stream) == first);
        if is_shared { first } else { 0 }
    }

    fn write(&self, out: &mut Writer<'_>) {
        if self.count == 0 {
            out.put_u8(0);
            return;
        }
        let streams = self.stream_count();
        let shared = self.shared_mask();
        out.put_u8(self.stream << 6 | streams.saturating_sub(1) << 4 | shared);
        if shared == 0 {
            for stream in (0..streams).step_by(2) {
                let second = stream.saturating_add(1);
                out.put_u8(self.spatial_mask(stream) << 4 | self.spatial_mask(second));
            }
        }
        for layers in self.layers().chunks(4) {
            let counts = [6, 4, 2, 0].into_iter().zip(layers);
            out.put_u8(counts.fold(0, |counts, (shift, layer)| {
                counts | (layer.temporal_count.saturating_sub(1) & 3) << shift
            }));
        }
        for bitrate in self.layers().iter().flat_map(SpatialLayer::bitrates) {
            put_leb128(*bitrate, out);
        }
        for resolution in self.layers().iter().filter_map(|layer| layer.resolution) {
            out.put_u16(resolution.width.saturating_sub(1) as u16);
            out.put_u16(resolution.height.saturating_sub(1) as u16);
            out.put_u8(resolution.frame_rate);
        }
    }
}

impl LayerResolution {
    fn is_writable(self) -> bool {
        matches!(self.width, 1..=65_536) && matches!(self.height, 1..=65_536)
    }
}

impl HeaderExtension<'_> for VideoLayersAllocation {
    const KIND: Extension = Extension::VideoLayersAllocation;

    fn parse(value: &[u8]) -> Option<Self> {
        // Nothing is sent.
        if value == [0] {
            return Some(Self::empty(0));
        }
        let (&head, mut rest) = value.split_first()?;
        let mut allocation = Self::empty(head >> 6);
        let streams = (head >> 4 & 3).saturating_add(1);
        let mut masks = [head & 0x0f; STREAMS_MAX as usize];
        if head & 0x0f == 0 {
            let bytes = if streams > 2 { 2 } else { 1 };
            let (pairs, behind) = rest.split_at_checked(bytes)?;
            let halves = pairs.iter().flat_map(|pair| [pair >> 4, pair & 0x0f]);
            masks.iter_mut().zip(halves).for_each(|(mask, half)| *mask = half);
            rest = behind;
        }
        for (stream, mask) in (0..streams).zip(masks) {
            for spatial in (0..SPATIAL_MAX).filter(|spatial| mask >> spatial & 1 == 1) {
                allocation.push(SpatialLayer {
                    stream,
                    spatial,
                    ..SpatialLayer::default()
                })?;
            }
        }
        let layers = allocation.layers.get_mut(..usize::from(allocation.count))?;
        // Who sends no layers says so with one byte.
        if layers.is_empty() {
            return None;
        }
        let (counts, behind) = rest.split_at_checked(layers.len().div_ceil(4))?;
        rest = behind;
        let counts = counts
            .iter()
            .flat_map(|counts| [6, 4, 2, 0].map(|shift| counts >> shift & 3));
        for (layer, count) in layers.iter_mut().zip(counts) {
            layer.temporal_count = count.saturating_add(1);
        }
        for layer in layers.iter_mut() {
            for bitrate in layer.bitrates.iter_mut().take(layer.temporal_count.into()) {
                (*bitrate, rest) = take_leb128(rest)?;
            }
        }
        if !rest.is_empty() {
            for layer in layers {
                let (&[w0, w1, h0, h1, frame_rate], behind) = rest.split_first_chunk()?;
                rest = behind;
                layer.resolution = Some(LayerResolution {
                    width: u32::from(u16::from_be_bytes([w0, w1])).saturating_add(1),
                    height: u32::from(u16::from_be_bytes([h0, h1])).saturating_add(1),
                    frame_rate,
                });
            }
        }
        Some(allocation)
    }

    fn encoded_len(&self) -> usize {
        let mut counted = Writer::new(&mut []);
        self.write(&mut counted);
        counted.len()
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        let len = self.encoded_len();
        self.write(&mut Writer::new(buf.get_mut(..len)?));
        Some(len)
    }
}

/// Seven bits a byte, the lowest first.
fn put_leb128(mut value: u32, out: &mut Writer<'_>) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// A number that has room in 32 bits, and what is behind it.
fn take_leb128(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u64;
    let mut rest = bytes;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, rest));
        }
    }
    None
}
