//! What is said of frames that nobody on their way can read: a dependency descriptor of a stream without layers.

use pollrtc_crypto::Rng;
use pollrtc_rtp::dependency_descriptor::{
    ChainDifferences, DependencyDescriptor, FrameDependencies, FrameDifferences, Indications, TemplateStructure,
};
use pollrtc_rtp::payload::Written;

/// RFC 8285 §4.2: as long as a value may be in the form that every peer knows.
pub(super) const LONGEST_DESCRIPTOR: usize = 16;

/// Key frames, and frames of which each needs the one before it.
const KEY: u8 = 0;
const DELTA: u8 = 1;

/// The descriptors of one stream (AV1 RTP specification, appendix A).
#[derive(Debug)]
pub(super) struct Descriptors {
    /// `None` never happens: both templates can be written.
    structure: Option<TemplateStructure>,
    templates: [FrameDependencies; 2],
    frame_number: u16,
}

impl Descriptors {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let template = |symbol, frames: &[u16], chains: &[u8]| FrameDependencies {
            indications: Indications::from_symbols(symbol).unwrap_or_default(),
            frames: FrameDifferences::new(frames).unwrap_or_default(),
            chains: ChainDifferences::new(chains).unwrap_or_default(),
            ..FrameDependencies::default()
        };
        let templates = [template("S", &[], &[0]), template("S", &[1], &[1])];
        Self {
            structure: TemplateStructure::new(KEY, &templates, &[0], &[]).ok(),
            templates,
            frame_number: rng.u64() as u16, // any 16 of the bits
        }
    }

    /// Writes the descriptor of one packet.
    pub(super) fn write<'b>(&self, packet: &Written, is_keyframe: bool, buf: &'b mut [u8]) -> Option<&'b [u8]> {
        let template_id = if is_keyframe { KEY } else { DELTA };
        let descriptor = DependencyDescriptor {
            starts_frame: packet.starts_frame,
            ends_frame: packet.ends_frame,
            frame_number: self.frame_number,
            template_id,
            has_structure: is_keyframe && packet.starts_frame,
            active_decode_targets: None,
            dependencies: *self.templates.get(usize::from(template_id))?,
        };
        let len = descriptor.write(self.structure.as_ref()?, buf).ok()?;
        buf.get(..len)
    }

    /// The next frame has another number.
    pub(super) fn next_frame(&mut self) {
        self.frame_number = self.frame_number.wrapping_add(1);
    }
}
