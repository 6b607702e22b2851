//! One descriptor.

use crate::dependency_descriptor::bits::{BitReader, BitWriter};
use crate::dependency_descriptor::dependencies::{
    ChainDifferences, DIFFERENCE_UNIT, FrameDependencies, FrameDifferences, difference_units,
};
use crate::dependency_descriptor::error::DescriptorError;
use crate::dependency_descriptor::structure::{TemplateStructure, read_indications};
use crate::payload::FrameMarks;

/// What the descriptor of one packet says, read with the structure of its stream.
///
/// ```
/// use pollrtc_rtp::dependency_descriptor::{DependencyDescriptor, FrameDependencies, Indications, TemplateStructure};
///
/// let key = FrameDependencies { indications: Indications::from_symbols("S").unwrap(), ..FrameDependencies::default() };
/// let structure = TemplateStructure::new(0, &[key], &[], &[])?;
/// let descriptor = DependencyDescriptor {
///     starts_frame: true,
///     ends_frame: false,
///     frame_number: 7,
///     template_id: 0,
///     has_structure: true,
///     active_decode_targets: None,
///     dependencies: key,
/// };
/// let mut buf = [0; 16];
/// let len = descriptor.write(&structure, &mut buf)?;
/// assert_eq!(DependencyDescriptor::parse(&buf[..len], None)?, descriptor); // it brings its structure along
/// # Ok::<(), pollrtc_rtp::dependency_descriptor::DescriptorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// The packet is the first one of its frame.
    pub starts_frame: bool,
    /// The packet is the last one of its frame. With spatial layers, more frames of the same picture may follow.
    pub ends_frame: bool,
    /// Counts frames, and wraps at 16 bits.
    pub frame_number: u16,
    /// Which template the frame has, 6 bits; [`dependencies`](Self::dependencies) are in its terms.
    pub template_id: u8,
    /// The descriptor brings a structure along. The first packet of a coded video sequence, and so of a key frame, does
    /// (§A.8.3), and no other.
    pub has_structure: bool,
    /// From here on these decode targets can be decoded, the first one in the lowest bit. `None` if it does not say; a
    /// structure says that all can (§A.4).
    pub active_decode_targets: Option<u32>,
    /// What the frame needs, and who needs it.
    pub dependencies: FrameDependencies,
}

impl DependencyDescriptor {
    /// Reads the value of a header extension. `structure` is that of the stream so far; one that the descriptor brings
    /// along counts instead.
    ///
    /// # Errors
    ///
    /// If there is no structure, or it has no such template, or the bits end too early, or there is more of anything
    /// than there can be.
    pub fn parse(bytes: &[u8], structure: Option<&TemplateStructure>) -> Result<Self, DescriptorError> {
        let mut parts = Parts::read(bytes)?;
        let own = parts.structure()?;
        let structure = own.as_ref().or(structure).ok_or(DescriptorError::NoStructure)?;
        parts.complete(structure)
    }

    /// Writes the value of a header extension; how many bytes it has, at most 255. What the template says already is
    /// not written again, so that most have three bytes.
    ///
    /// # Errors
    ///
    /// If the structure has no such template, or the dependencies are of another layer than the template, or of other
    /// numbers of decode targets or chains, or `buf` is too short.
    pub fn write(&self, structure: &TemplateStructure, buf: &mut [u8]) -> Result<usize, DescriptorError> {
        let template = structure
            .template(self.template_id)
            .ok_or(DescriptorError::UnknownTemplate(self.template_id))?;
        let own = &self.dependencies;
        if own.layer != template.layer {
            return Err(DescriptorError::Unwritable(
                "dependencies of another layer than the template",
            ));
        }
        if own.indications.len() != structure.decode_targets() || own.chains.as_slice().len() != structure.chains() {
            return Err(DescriptorError::Unwritable("dependencies of another structure"));
        }
        let has_indications = own.indications != template.indications;
        let has_frames = own.frames != template.frames;
        let has_chains = own.chains != template.chains;
        // RFC 8285 §4.3: a header extension has no more.
        let longest = buf.len().min(255);
        let mut writer = BitWriter::new(buf.get_mut(..longest).unwrap_or_default());
        writer.flag(self.starts_frame);
        writer.flag(self.ends_frame);
        writer.write(6, (self.template_id & 0x3f).into());
        writer.write(16, self.frame_number.into());
        let has_targets = self.active_decode_targets.is_some();
        if !(self.has_structure || has_targets || has_indications || has_frames || has_chains) {
            return writer.finish();
        }
        for flag in [self.has_structure, has_targets, has_indications, has_frames, has_chains] {
            writer.flag(flag);
        }
        if self.has_structure {
            structure.write(&mut writer);
        }
        if let Some(mask) = self.active_decode_targets {
            writer.write(structure.decode_targets(), mask & structure.all_decode_targets());
        }
        if has_indications {
            own.indications
                .iter()
                .for_each(|indication| writer.write(2, indication as u32));
        }
        if has_frames {
            for difference in own.frames.as_slice() {
                write_difference(&mut writer, *difference);
            }
            writer.write(2, 0);
        }
        if has_chains {
            own.chains
                .as_slice()
                .iter()
                .for_each(|difference| writer.write(8, (*difference).into()));
        }
        writer.finish()
    }

    /// What a [`Depacketizer`](crate::payload::Depacketizer) wants to know: key frames can be told even where payloads
    /// are encrypted.
    pub const fn marks(&self) -> FrameMarks {
        FrameMarks {
            starts_frame: self.starts_frame,
            ends_frame: self.ends_frame,
            is_keyframe: self.has_structure,
            layer: self.dependencies.layer,
        }
    }

    /// Whether it is the first packet of a key frame.
    pub const fn starts_keyframe(&self) -> bool {
        self.starts_frame && self.has_structure
    }
}

/// A descriptor that is read part by part: what stands in front of the structure, the structure, what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'d> {
    reader: BitReader<'d>,
    starts_frame: bool,
    ends_frame: bool,
    template_id: u8,
    frame_number: u16,
    has_structure: bool,
    has_targets: bool,
    has_indications: bool,
    has_frames: bool,
    has_chains: bool,
}

impl<'d> Parts<'d> {
    pub(crate) fn read(bytes: &'d [u8]) -> Result<Self, DescriptorError> {
        let mut reader = BitReader::new(bytes);
        let fields = reader.read(24, "mandatory fields")?;
        // §A.8.2: three bytes have no extended fields.
        let flags = match reader.is_empty() {
            true => 0,
            false => reader.small(5, "flags")?,
        };
        let [number_low, number_high, first, _] = fields.to_le_bytes();
        Ok(Self {
            reader,
            starts_frame: first & 0x80 != 0,
            ends_frame: first & 0x40 != 0,
            template_id: first & 0x3f,
            frame_number: u16::from_be_bytes([number_high, number_low]),
            has_structure: flags & 0x10 != 0,
            has_targets: flags & 0x08 != 0,
            has_indications: flags & 0x04 != 0,
            has_frames: flags & 0x02 != 0,
            has_chains: flags & 0x01 != 0,
        })
    }

    /// The structure that it brings along.
    pub(crate) fn structure(&mut self) -> Result<Option<TemplateStructure>, DescriptorError> {
        match self.has_structure {
            true => TemplateStructure::read(&mut self.reader).map(Some),
            false => Ok(None),
        }
    }

    /// What it says in terms of a structure, which is its own where it has one.
    pub(crate) fn complete(self, structure: &TemplateStructure) -> Result<DependencyDescriptor, DescriptorError> {
        let mut reader = self.reader;
        let active_decode_targets = match self.has_targets {
            true => Some(reader.read(structure.decode_targets(), "active decode targets")?),
            false => None,
        };
        let mut dependencies = structure
            .template(self.template_id)
            .ok_or(DescriptorError::UnknownTemplate(self.template_id))?;
        if self.has_indications {
            dependencies.indications = read_indications(&mut reader, structure.decode_targets())?;
        }
        if self.has_frames {
            dependencies.frames = read_differences(&mut reader)?;
        }
        if self.has_chains {
            dependencies.chains = ChainDifferences::default();
            for _ in 0..structure.chains() {
                let difference = reader.small(8, "chain differences")?;
                dependencies
                    .chains
                    .push(difference)
                    .ok_or(DescriptorError::TooMany("chains"))?;
            }
        }
        Ok(DependencyDescriptor {
            starts_frame: self.starts_frame,
            ends_frame: self.ends_frame,
            frame_number: self.frame_number,
            template_id: self.template_id,
            has_structure: self.has_structure,
            active_decode_targets,
            dependencies,
        })
    }
}

/// §A.8.2: `frame_fdiffs`.
fn read_differences(reader: &mut BitReader<'_>) -> Result<FrameDifferences, DescriptorError> {
    const FIELD: &str = "frame differences";
    let mut frames = FrameDifferences::default();
    loop {
        let units = usize::from(reader.small(2, FIELD)?);
        if units == 0 {
            return Ok(frames);
        }
        let less_one = reader.read(units * DIFFERENCE_UNIT, FIELD)?;
        let difference = u16::try_from(less_one + 1).map_err(|_| DescriptorError::TooMany(FIELD))?;
        frames.push(difference).ok_or(DescriptorError::TooMany(FIELD))?;
    }
}

fn write_difference(writer: &mut BitWriter<'_>, difference: u16) {
    let units = difference_units(difference);
    writer.write(2, units);
    writer.write(units as usize * DIFFERENCE_UNIT, u32::from(difference) - 1);
}
