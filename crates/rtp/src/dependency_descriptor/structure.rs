//! The templates that descriptors refer to.

use crate::dependency_descriptor::bits::{BitReader, BitWriter};
use crate::dependency_descriptor::dependencies::{
    ChainDifferences, FrameDependencies, FrameDifferences, Indications, MOST_TARGETS,
};
use crate::dependency_descriptor::error::DescriptorError;
use crate::payload::Layer;

/// §A.8.2: ids have six bits.
const MOST_TEMPLATES: usize = 64;
/// A header extension has no more bytes than this (RFC 8285 §4.3).
const LONGEST: usize = 255;
/// §A.8.2: mandatory fields and flags.
const BITS_BEFORE: usize = 24 + 5;
/// AV1 has two bits for spatial layers and three for temporal ones.
const MOST_SPATIAL: u8 = 4;
const MOST_TEMPORAL: u8 = 8;

/// Which dependencies the frames of a stream have, from one key frame to another: templates, decode targets, chains and
/// sizes (§A.8.1).
///
/// It is kept as it is on the wire, with an index, in about half a kilobyte.
///
/// ```
/// use pollrtc_rtp::dependency_descriptor::{
///     ChainDifferences, FrameDependencies, FrameDifferences, Indications, TemplateStructure,
/// };
/// use pollrtc_rtp::payload::Layer;
///
/// // Two temporal layers: key frames, frames of the lower layer, frames of the upper one.
/// let template = |temporal, indications: &str, frames: &[u16], chain| FrameDependencies {
///     layer: Layer { spatial: 0, temporal },
///     indications: Indications::from_symbols(indications).unwrap(),
///     frames: FrameDifferences::new(frames).unwrap(),
///     chains: ChainDifferences::new(&[chain]).unwrap(),
/// };
/// let templates = [template(0, "SS", &[], 0), template(0, "SS", &[2], 2), template(1, "-D", &[1], 1)];
/// let structure = TemplateStructure::new(0, &templates, &[0, 0], &[(640, 360)])?;
/// assert_eq!(structure.decode_target_layer(1), Some(Layer { spatial: 0, temporal: 1 }));
/// # Ok::<(), pollrtc_rtp::dependency_descriptor::DescriptorError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateStructure {
    /// The structure's bits, from the first one of the first byte on.
    bytes: [u8; LONGEST],
    bits: u16,
    id_offset: u8,
    templates: u8,
    targets: u8,
    chains: u8,
    layers: [Layer; MOST_TEMPLATES],
    /// Which chain protects each decode target.
    protected_by: [u8; MOST_TARGETS],
    /// Where in the bits each template's frame differences begin.
    frames_at: [u16; MOST_TEMPLATES],
    /// Where the indications and the chain differences of all templates begin.
    indications_at: u16,
    chains_at: u16,
    /// Where the sizes begin, if they are there.
    resolutions_at: Option<u16>,
}

impl TemplateStructure {
    /// A structure of templates, of which the first has the id `id_offset`. Templates go from lower to higher layers:
    /// each has the layer of the one before, or the next temporal one, or begins the next spatial one. `protected_by`
    /// names the chain of each decode target; without chains it is empty. `resolutions` has the size of each spatial
    /// layer, or none.
    ///
    /// # Errors
    ///
    /// If there is too much or too little of anything, templates don't agree on decode targets and chains or stand in
    /// another order, a difference of frames is above 16 or of chains above 15, or no header extension is long enough
    /// for all of it.
    pub fn new(
        id_offset: u8,
        templates: &[FrameDependencies],
        protected_by: &[u8],
        resolutions: &[(u32, u32)],
    ) -> Result<Self, DescriptorError> {
        let unwritable = |what| Err(DescriptorError::Unwritable(what));
        let Some(first) = templates.first() else {
            return unwritable("no template");
        };
        let targets = first.indications.len();
        let chains = first.chains.as_slice().len();
        if templates.len() > MOST_TEMPLATES {
            return Err(DescriptorError::TooMany("templates"));
        }
        if targets == 0 || chains > targets {
            return unwritable("fewer decode targets than chains");
        }
        let agree = |template: &FrameDependencies| {
            template.indications.len() == targets && template.chains.as_slice().len() == chains
        };
        if !templates.iter().all(agree) {
            return unwritable("templates with different counts");
        }
        let (Ok(target_count), Ok(chain_count)) = (u8::try_from(targets), u8::try_from(chains)) else {
            return Err(DescriptorError::TooMany("decode targets"));
        };
        let protected = if chains == 0 { 0 } else { targets };
        if protected_by.len() != protected || protected_by.iter().any(|chain| *chain >= chain_count) {
            return unwritable("protection by a chain that is not there");
        }
        let mut bytes = [0; LONGEST];
        let mut writer = BitWriter::new(&mut bytes);
        writer.write(6, (id_offset & 0x3f).into());
        writer.write(5, u32::from(target_count) - 1);
        write_layers(&mut writer, templates)?;
        for indication in templates.iter().flat_map(|template| template.indications.iter()) {
            writer.write(2, indication as u32);
        }
        for template in templates {
            for difference in template.frames.as_slice() {
                if *difference > 16 {
                    return unwritable("a difference of frames above 16 in a template");
                }
                writer.flag(true);
                writer.write(4, u32::from(*difference) - 1);
            }
            writer.flag(false);
        }
        writer.below(target_count + 1, chain_count);
        protected_by.iter().for_each(|chain| writer.below(chain_count, *chain));
        for difference in templates.iter().flat_map(|template| template.chains.as_slice()) {
            if *difference > 15 {
                return unwritable("a difference of chains above 15 in a template");
            }
            writer.write(4, (*difference).into());
        }
        write_resolutions(&mut writer, templates, resolutions)?;
        let bits = writer.at();
        // A descriptor of a key frame has to have room for it.
        let needed = (bits + BITS_BEFORE).div_ceil(8);
        if needed > LONGEST {
            return Err(DescriptorError::ShortBuffer { len: LONGEST, needed });
        }
        // What was written is read as that of a peer is: there is one place that knows where everything lies.
        Self::read(&mut BitReader::within(&bytes, 0, bits))
    }

    /// §A.8.2: `template_dependency_structure`.
    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<Self, DescriptorError> {
        let begin = *reader;
        let place = |reader: &BitReader<'_>| u16::try_from(reader.at() - begin.at()).unwrap_or(u16::MAX);
        let mut structure = Self {
            bytes: [0; LONGEST],
            bits: 0,
            id_offset: reader.small(6, "template id offset")?,
            templates: 0,
            targets: reader.small(5, "count of decode targets")? + 1,
            chains: 0,
            layers: [Layer::default(); MOST_TEMPLATES],
            protected_by: [0; MOST_TARGETS],
            frames_at: [0; MOST_TEMPLATES],
            indications_at: 0,
            chains_at: 0,
            resolutions_at: None,
        };
        structure.read_layers(reader)?;
        let templates = usize::from(structure.templates);
        structure.indications_at = place(reader);
        reader.skip(
            2 * templates * usize::from(structure.targets),
            "decode target indications",
        )?;
        for at in structure.frames_at.iter_mut().take(templates) {
            *at = place(reader);
            read_template_frames(reader)?;
        }
        structure.chains = reader.below(structure.targets + 1, "count of chains")?;
        if structure.chains > 0 {
            let targets = usize::from(structure.targets);
            for chain in structure.protected_by.iter_mut().take(targets) {
                *chain = reader.below(structure.chains, "protection")?;
            }
        }
        structure.chains_at = place(reader);
        reader.skip(4 * templates * usize::from(structure.chains), "chain differences")?;
        if reader.flag("sizes")? {
            structure.resolutions_at = Some(place(reader));
            reader.skip(32 * usize::from(structure.spatial_layers()), "sizes")?;
        }
        structure.bits = place(reader);
        let end = reader.at();
        let mut writer = BitWriter::new(&mut structure.bytes);
        writer.copy(begin.until(end));
        writer.finish()?;
        Ok(structure)
    }

    fn read_layers(&mut self, reader: &mut BitReader<'_>) -> Result<(), DescriptorError> {
        let mut layer = Layer::default();
        loop {
            let place = self
                .layers
                .get_mut(usize::from(self.templates))
                .ok_or(DescriptorError::TooMany("templates"))?;
            *place = layer;
            self.templates += 1;
            match reader.read(2, "layers")? {
                0 => {}
                1 => layer.temporal += 1,
                2 => {
                    layer = Layer {
                        spatial: layer.spatial + 1,
                        temporal: 0,
                    }
                }
                _ => return Ok(()),
            }
            if layer.spatial >= MOST_SPATIAL || layer.temporal >= MOST_TEMPORAL {
                return Err(DescriptorError::TooMany("layers"));
            }
        }
    }

    /// Writes the structure as it is.
    pub(crate) fn write(&self, writer: &mut BitWriter<'_>) {
        writer.copy(self.bits_from(0));
    }

    /// The id of the first template.
    pub const fn id_offset(&self) -> u8 {
        self.id_offset
    }

    /// The same templates under other ids: whoever goes from one stream to another picks those that are not in use yet
    /// (§A.8.3).
    #[must_use]
    pub fn with_id_offset(&self, id_offset: u8) -> Self {
        let mut other = self.clone();
        other.id_offset = id_offset & 0x3f;
        let [first, ..] = &mut other.bytes;
        *first = *first & 0x03 | other.id_offset << 2;
        other
    }

    /// How many templates there are: 1 to 64.
    pub const fn templates(&self) -> usize {
        self.templates as usize
    }

    /// How many decode targets there are: 1 to 32.
    pub const fn decode_targets(&self) -> usize {
        self.targets as usize
    }

    /// How many chains there are, 0 to 32.
    pub const fn chains(&self) -> usize {
        self.chains as usize
    }

    /// How many spatial layers there are: 1 to 4.
    pub fn spatial_layers(&self) -> u8 {
        // Templates stand in order.
        let last = usize::from(self.templates).saturating_sub(1);
        self.layers.get(last).map_or(0, |layer| layer.spatial) + 1
    }

    /// A mask of all decode targets, the first one lowest.
    pub const fn all_decode_targets(&self) -> u32 {
        u32::MAX >> (32 - self.targets as u32)
    }

    /// Which chain protects a decode target (§A.5).
    pub fn protected_by(&self, target: usize) -> Option<u8> {
        let chain = self.protected_by.get(target).copied();
        chain.filter(|_| self.chains > 0 && target < self.decode_targets())
    }

    /// Up to which layer a decode target goes (§A.8.2).
    pub fn decode_target_layer(&self, target: usize) -> Option<Layer> {
        if target >= self.decode_targets() {
            return None;
        }
        let mut layer = Layer::default();
        for (index, of_template) in self.layers.iter().take(self.templates()).enumerate() {
            let at = usize::from(self.indications_at) + 2 * (index * self.decode_targets() + target);
            if self.bits_from(at).read(2, "indication").unwrap_or_default() != 0 {
                layer.spatial = layer.spatial.max(of_template.spatial);
                layer.temporal = layer.temporal.max(of_template.temporal);
            }
        }
        Some(layer)
    }

    /// The greatest width and height of a spatial layer, each 1 to 65,536, if the structure has them.
    pub fn resolution(&self, spatial: u8) -> Option<(u32, u32)> {
        let at = usize::from(self.resolutions_at?) + 32 * usize::from(spatial);
        if spatial >= self.spatial_layers() {
            return None;
        }
        let mut reader = self.bits_from(at);
        let mut side = || reader.read(16, "size").ok().map(|less_one| less_one + 1);
        Some((side()?, side()?))
    }

    /// The template of an id.
    pub fn template(&self, id: u8) -> Option<FrameDependencies> {
        let index = usize::from(id.wrapping_sub(self.id_offset) & 0x3f);
        if index >= self.templates() {
            return None;
        }
        let targets = self.decode_targets();
        let at = usize::from(self.indications_at) + 2 * index * targets;
        let indications = read_indications(&mut self.bits_from(at), targets).ok()?;
        let at = usize::from(*self.frames_at.get(index)?);
        let frames = read_template_frames(&mut self.bits_from(at)).ok()?;
        let mut chains = ChainDifferences::default();
        let mut reader = self.bits_from(usize::from(self.chains_at) + 4 * index * self.chains());
        for _ in 0..self.chains {
            chains.push(reader.small(4, "chain difference").ok()?)?;
        }
        Some(FrameDependencies {
            layer: *self.layers.get(index)?,
            indications,
            frames,
            chains,
        })
    }

    /// The id of the template with which a descriptor of these dependencies is shortest; `None` if no template has their
    /// layer, or they have another number of decode targets or chains.
    pub fn best_template(&self, dependencies: &FrameDependencies) -> Option<u8> {
        if dependencies.indications.len() != self.decode_targets()
            || dependencies.chains.as_slice().len() != self.chains()
        {
            return None;
        }
        let cost = |template: &FrameDependencies| {
            let indications = match template.indications == dependencies.indications {
                true => 0,
                false => 2 * self.decode_targets(),
            };
            let frames = match template.frames == dependencies.frames {
                true => 0,
                false => dependencies.frames.bits(),
            };
            let chains = match template.chains == dependencies.chains {
                true => 0,
                false => 8 * self.chains(),
            };
            indications + frames + chains
        };
        let ids = (0..self.templates).map(|index| index.wrapping_add(self.id_offset) & 0x3f);
        ids.filter_map(|id| Some((id, self.template(id)?)))
            .filter(|(_, template)| template.layer == dependencies.layer)
            .min_by_key(|(_, template)| cost(template))
            .map(|(id, _)| id)
    }

    fn bits_from(&self, at: usize) -> BitReader<'_> {
        BitReader::within(&self.bytes, at, self.bits.into())
    }
}

impl core::fmt::Debug for TemplateStructure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TemplateStructure")
            .field("id_offset", &self.id_offset)
            .field("templates", &self.templates)
            .field("decode_targets", &self.targets)
            .field("chains", &self.chains)
            .finish_non_exhaustive()
    }
}

/// §A.8.2: `frame_dtis`, and those of one template.
pub(crate) fn read_indications(reader: &mut BitReader<'_>, targets: usize) -> Result<Indications, DescriptorError> {
    const FIELD: &str = "decode target indications";
    let first = reader.read(2 * targets.min(16), FIELD)?;
    let others = reader.read(2 * targets.saturating_sub(16), FIELD)?;
    Ok(Indications::from_bits(first, others, targets))
}

/// §A.8.2: `template_fdiffs`, of one template.
fn read_template_frames(reader: &mut BitReader<'_>) -> Result<FrameDifferences, DescriptorError> {
    const FIELD: &str = "frame differences";
    let mut frames = FrameDifferences::default();
    while reader.flag(FIELD)? {
        let difference = u16::from(reader.small(4, FIELD)?) + 1;
        frames.push(difference).ok_or(DescriptorError::TooMany(FIELD))?;
    }
    Ok(frames)
}

/// §A.8.3, table A.2: how each template's layer is reached from the one before.
fn write_layers(writer: &mut BitWriter<'_>, templates: &[FrameDependencies]) -> Result<(), DescriptorError> {
    let mut layer = Layer::default();
    for (index, template) in templates.iter().enumerate() {
        let next = template.layer;
        let step = match (
            next.spatial.checked_sub(layer.spatial),
            next.temporal.checked_sub(layer.temporal),
        ) {
            (Some(0), Some(0)) => 0,
            (Some(0), Some(1)) if index > 0 => 1,
            (Some(1), _) if index > 0 && next.temporal == 0 => 2,
            _ => return Err(DescriptorError::Unwritable("templates in this order")),
        };
        if index > 0 {
            writer.write(2, step);
        }
        layer = next;
    }
    writer.write(2, 3);
    Ok(())
}

fn write_resolutions(
    writer: &mut BitWriter<'_>,
    templates: &[FrameDependencies],
    resolutions: &[(u32, u32)],
) -> Result<(), DescriptorError> {
    writer.flag(!resolutions.is_empty());
    let layers = templates
        .last()
        .map_or(0, |template| usize::from(template.layer.spatial) + 1);
    if !resolutions.is_empty() && resolutions.len() != layers {
        return Err(DescriptorError::Unwritable("sizes of other layers"));
    }
    for side in resolutions.iter().flat_map(|(width, height)| [width, height]) {
        if !matches!(side, 1..=65_536) {
            return Err(DescriptorError::Unwritable("a size"));
        }
        writer.write(16, side - 1);
    }
    Ok(())
}
