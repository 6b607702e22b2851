//! The descriptors of one stream.

use crate::dependency_descriptor::descriptor::{DependencyDescriptor, Parts};
use crate::dependency_descriptor::error::DescriptorError;
use crate::dependency_descriptor::structure::TemplateStructure;

/// Reads the descriptors of one stream, and keeps what later ones refer to: the structure of the last key frame, and
/// which decode targets are active. It has about half a kilobyte, whatever comes.
///
/// Packets may come in any order: an older one never takes the place of what a newer one said.
///
/// ```
/// # use pollrtc_rtp::dependency_descriptor::{DependencyDescriptor, FrameDependencies, Indications, TemplateStructure};
/// use pollrtc_rtp::dependency_descriptor::{DescriptorError, DescriptorReader};
///
/// # let key = FrameDependencies { indications: Indications::from_symbols("S").unwrap(), ..FrameDependencies::default() };
/// # let structure = TemplateStructure::new(0, &[key], &[], &[])?;
/// # let descriptor = DependencyDescriptor { starts_frame: true, ends_frame: true, frame_number: 7, template_id: 0,
/// #     has_structure: true, active_decode_targets: None, dependencies: key };
/// # let mut buf = [0; 16];
/// # let len = descriptor.write(&structure, &mut buf)?;
/// # let key_frame = &buf[..len];
/// let later = [0xc0, 0, 8]; // the first and last packet of frame 8, template 0
/// let mut reader = DescriptorReader::new();
/// assert_eq!(reader.read(100, &later), Err(DescriptorError::NoStructure));
/// assert!(reader.read(101, key_frame)?.starts_keyframe());
/// assert_eq!(reader.read(102, &later)?.frame_number, 8);
/// # Ok::<(), DescriptorError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DescriptorReader {
    structure: Option<TemplateStructure>,
    structure_index: u64,
    active_decode_targets: u32,
    targets_index: u64,
}

impl DescriptorReader {
    /// Of a stream that has not begun.
    pub const fn new() -> Self {
        Self {
            structure: None,
            structure_index: 0,
            active_decode_targets: 0,
            targets_index: 0,
        }
    }

    /// Reads the descriptor of the packet with this index, which is its sequence number with its rollovers
    /// ([`Source::index`](crate::Source::index)).
    ///
    /// # Errors
    ///
    /// As [`DependencyDescriptor::parse`]; then nothing changes.
    pub fn read(&mut self, index: u64, bytes: &[u8]) -> Result<DependencyDescriptor, DescriptorError> {
        let mut parts = Parts::read(bytes)?;
        let descriptor = match parts.structure()? {
            None => parts.complete(self.structure.as_ref().ok_or(DescriptorError::NoStructure)?)?,
            Some(own) => {
                let descriptor = parts.complete(&own)?;
                if self.structure.is_none() || index >= self.structure_index {
                    // §A.4: all are active, unless it is said.
                    self.activate(index, own.all_decode_targets());
                    self.structure = Some(own);
                    self.structure_index = index;
                }
                descriptor
            }
        };
        if let Some(targets) = descriptor.active_decode_targets
            && index >= self.structure_index
        {
            self.activate(index, targets);
        }
        Ok(descriptor)
    }

    /// The structure of the last key frame.
    pub const fn structure(&self) -> Option<&TemplateStructure> {
        self.structure.as_ref()
    }

    /// Which decode targets can be decoded (§A.4), the first one in the lowest bit; none before the first structure.
    pub const fn active_decode_targets(&self) -> u32 {
        self.active_decode_targets
    }

    /// Whether a chain protects a decode target that is active; those that protect none are of no interest (§A.5).
    pub fn is_active_chain(&self, chain: u8) -> bool {
        let Some(structure) = &self.structure else { return false };
        (0..structure.decode_targets())
            .filter(|target| self.active_decode_targets >> target & 1 == 1)
            .any(|target| structure.protected_by(target) == Some(chain))
    }

    fn activate(&mut self, index: u64, targets: u32) {
        if index >= self.targets_index {
            self.active_decode_targets = targets;
            self.targets_index = index;
        }
    }
}
