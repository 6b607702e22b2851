//! Which layer of each picture a viewer gets: by how large it is shown, and by what the viewer lets come.

/// What one picture can be had in, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// From the smallest on.
    pub(super) layers: Vec<Layer>,
    /// How many pixels wide it is shown; 0 if it is not.
    pub(super) wanted: u32,
    /// The layer that the viewer gets now.
    pub(super) current: Option<usize>,
}

/// One size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// In pixels.
    pub(super) width: u32,
    /// In bits a second; 0 as long as it is not known.
    pub(super) rate: u64,
    /// Whether it comes.
    pub(super) is_live: bool,
}

/// More than what comes now is taken only if it leaves so many percent of the limit free: rates go up and down.
const HEADROOM: u64 = 10;

/// The layer of each picture; `None` where there is none to have, where it is not shown, or where the limit, in bits a
/// second, leaves nothing for it.
///
/// All pictures get their smallest layer before any gets its second, and so on. None gets more than it is shown with.
pub(super) fn choose(pictures: &[Picture], limit: u64) -> Vec<Option<usize>> {
    let mut chosen = vec![None; pictures.len()];
    let mut used: u64 = 0;
    let most = pictures.iter().map(|picture| picture.layers.len()).max().unwrap_or(0);
    for place in 0..most {
        for (picture, chosen) in pictures.iter().zip(&mut chosen) {
            let Some(layer) = picture.layers.get(place) else {
                continue;
            };
            if !layer.is_live || picture.ceiling().is_none_or(|ceiling| place > ceiling) {
                continue;
            }
            let before = chosen.and_then(|place: usize| picture.layers.get(place));
            let others = used - before.map_or(0, |layer| layer.rate);
            let total = layer.rate.saturating_add(others);
            let room = match picture.current.is_some_and(|current| place <= current) {
                true => limit,
                false => limit - limit / 100 * HEADROOM,
            };
            if total <= room {
                used = total;
                *chosen = Some(place);
            }
        }
    }
    chosen
}

impl Picture {
    /// The smallest layer that is as wide as the picture is shown, or the largest.
    fn ceiling(&self) -> Option<usize> {
        if self.wanted == 0 {
            return None;
        }
        let live = || (0..).zip(&self.layers).filter(|(_, layer)| layer.is_live);
        let suffices = live().find(|(_, layer)| layer.width >= self.wanted);
        suffices.or_else(|| live().last()).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    const NO_LIMIT: u64 = u64::MAX;

    fn camera(wanted: u32, current: Option<usize>) -> Picture {
        let layer = |width, rate| Layer {
            width,
            rate,
            is_live: true,
        };
        Picture {
            layers: vec![layer(320, 150_000), layer(640, 500_000), layer(1280, 2_000_000)],
            wanted,
            current,
        }
    }

    #[test]
    fn a_picture_comes_as_large_as_it_is_shown() {
        for (wanted, layer) in [
            (0, None),
            (1, Some(0)),
            (320, Some(0)),
            (321, Some(1)),
            (1000, Some(2)),
            (4000, Some(2)),
        ] {
            assert_eq!(choose(&[camera(wanted, None)], NO_LIMIT), [layer], "{wanted}");
        }
    }

    #[test]
    fn a_layer_that_does_not_come_is_not_waited_for() {
        let mut small_gone = camera(200, Some(0));
        small_gone.layers[0].is_live = false;
        assert_eq!(choose(&[small_gone], NO_LIMIT), [Some(1)]);
        let mut large_gone = camera(2000, Some(2));
        large_gone.layers[2].is_live = false;
        assert_eq!(choose(&[large_gone], NO_LIMIT), [Some(1)]);
    }

    #[test]
    fn a_limit_is_shared_fairly() {
        let both = |limit| choose(&[camera(1280, None), camera(1280, None)], limit);
        assert_eq!(both(100_000), [None, None]);
        assert_eq!(both(200_000), [Some(0), None]);
        assert_eq!(both(400_000), [Some(0), Some(0)]);
        assert_eq!(both(1_200_000), [Some(1), Some(1)]);
        assert_eq!(both(3_000_000), [Some(2), Some(1)]);
    }

    #[test]
    fn what_just_fits_stays_but_is_not_taken_up() {
        assert_eq!(choose(&[camera(1280, Some(2))], 2_000_000), [Some(2)]);
        assert_eq!(choose(&[camera(1280, Some(1))], 2_000_000), [Some(1)]);
    }

    /// Rates of layers and whether they come, how wide it is shown, what comes now.
    type Told = (Vec<(u32, bool)>, u16, u8);

    quickcheck! {
        /// For every set of pictures and every limit, what is chosen fits, comes and is shown.
        fn what_is_chosen_fits(pictures: Vec<Told>, limit: u32) -> bool {
            let picture = |(layers, wanted, current): Told| Picture {
                layers: (0..4).zip(layers).map(|(place, (rate, is_live))| Layer { width: 160 << place, rate: rate.into(), is_live }).collect(),
                wanted: u32::from(wanted) % 2000,
                current: Some(usize::from(current % 4)).filter(|place| *place < 3),
            };
            let pictures: Vec<_> = pictures.into_iter().map(picture).collect();
            let chosen = choose(&pictures, limit.into());
            let layers = || pictures.iter().zip(&chosen).filter_map(|(picture, chosen)| Some((picture, picture.layers[(*chosen)?])));
            layers().all(|(picture, layer)| layer.is_live && picture.wanted > 0)
                && layers().map(|(_, layer)| layer.rate).sum::<u64>() <= limit.into()
        }
    }
}
