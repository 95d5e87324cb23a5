//! Orders of preference, bit for bit those of `resolverd/policy/ranking.py` and of
//! `resolverd/geo/distance.py`: the same operations in the same order, and the same libm.

/// Mean Earth radius R1 of the WGS 84 ellipsoid, in kilometres.
const EARTH_RADIUS_KM: f64 = 6371.0088;

const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// How near two places may seem before the haversine formula has to decide, as a part of
/// the sphere's diameter: far above what rounding can do, far below what matters.
const UNSURE: f64 = 1e-12;

/// A region as a ranking sees it: degrees, a share, and what its draws begin with.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its share where shares decide.
    pub weight: f64,
    /// `region_seed` of its name.
    pub seed: u64,
}

/// A point of the globe, with what every distance from it needs.
#[derive(Clone, Copy, Debug)]
pub struct SpherePoint {
    east: f64,
    north: f64,
    cosine: f64,
}

impl SpherePoint {
    /// The point at (latitude, longitude), in degrees.
    #[must_use]
    pub fn at(point: (f64, f64)) -> Self {
        let north = point.0 * RADIANS;
        Self {
            east: point.1,
            north,
            cosine: north.cos(),
        }
    }

    /// Great-circle kilometres to another point.
    #[must_use]
    pub fn km(&self, to: &Self) -> f64 {
        let north = ((to.north - self.north) / 2.0).sin();
        let east = ((to.east - self.east) * RADIANS / 2.0).sin();
        let half_chord_squared = north * north + self.cosine * to.cosine * (east * east);
        2.0 * EARTH_RADIUS_KM * half_chord_squared.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// Great-circle kilometres between two (latitude, longitude), in degrees.
#[must_use]
pub fn great_circle_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    SpherePoint::at(a).km(&SpherePoint::at(b))
}

/// Regions as unit vectors, to be ordered by distance from many places.
#[derive(Default)]
pub struct Nearest {
    places: Vec<(f64, f64)>,
    vectors: [Vec<f64>; 3],
}

/// Scratch for one ordering.
pub struct RankingScratch {
    /// By region.
    fars: [u64; MOST],
    /// The same in the order of the regions.
    keyed: [u64; MOST],
    near: Vec<(f64, u8)>,
    /// The regions, best first. Whoever orders with other regions takes another scratch.
    pub order: Vec<u8>,
    /// Whether that is known to be the order of the place before.
    pub same: bool,
}

impl Default for RankingScratch {
    fn default() -> Self {
        Self {
            fars: [0; MOST],
            keyed: [0; MOST],
            near: Vec::new(),
            order: Vec::new(),
            same: false,
        }
    }
}

/// Regions at most, so that the number of each is an octet.
const MOST: usize = u8::MAX as usize + 1;

/// Sort what is sorted but for exchanges of neighbours: by insertion while those are few. Whether there were
/// none. Keys are the bits of doubles that are not negative, as which several are compared at a time.
fn sort_nearly_sorted(keys: &mut [u64]) -> bool {
    let most = EXCHANGES * keys.len();
    let (mut sorted, mut left) = (1, most);
    while sorted < keys.len() {
        let next = keys.len().min(sorted + TOGETHER);
        if !(keys.get(sorted - 1..next)).is_some_and(are_sorted) {
            for end in sorted..next {
                keys.get_mut(..=end)
                    .into_iter()
                    .for_each(|keys| insert_last(keys, &mut left));
                if left == 0 {
                    keys.sort_unstable();
                    return false;
                }
            }
        }
        sorted = next;
    }
    left == most
}

/// Put the last key where it belongs among the others, which are sorted.
fn insert_last(keys: &mut [u64], left: &mut usize) {
    let Some((last, sorted)) = keys.split_last_mut() else {
        return;
    };
    let (key, mut place) = (*last, last);
    for before in sorted.iter_mut().rev() {
        if *before <= key {
            break;
        }
        *place = *before;
        place = before;
        *left = left.saturating_sub(1);
    }
    *place = key;
}

/// Whether no key is larger than the next one. None is looked at less than another.
fn are_sorted(keys: &[u64]) -> bool {
    let pairs = |before: &[u64], after: &[u64]| {
        let pairs = before.iter().zip(after);
        pairs.fold(true, |sorted, (a, b)| {
            sorted & (f64::from_bits(*a) <= f64::from_bits(*b))
        })
    };
    let rest = keys.get(1..).unwrap_or_default();
    match (
        keys.first_chunk::<TOGETHER>(),
        rest.first_chunk::<TOGETHER>(),
    ) {
        (Some(before), Some(after)) => pairs(before, after),
        _ => pairs(keys, rest),
    }
}

/// Keys that are compared with the next ones together.
const TOGETHER: usize = 16;

/// So many exchanges a key take as long as another way to sort.
const EXCHANGES: usize = 6;

/// The bits of a key that say how far a region is; the last eight are its index.
const FAR: u64 = !0xff;

impl Nearest {
    /// Over these regions, whose order decides between equal distances.
    #[must_use]
    pub fn new(regions: &[Region]) -> Self {
        let mut new = Self::default();
        for region in regions.iter().take(MOST) {
            let place = (region.latitude, region.longitude);
            new.places.push(place);
            for (axis, part) in new.vectors.iter_mut().zip(unit_vector(place)) {
                axis.push(part);
            }
        }
        new
    }

    /// Write the order for a client at `place` (degrees) into `ranked`.
    ///
    /// The dot product settles all but near ties at a few multiplications a region; those
    /// are settled by the haversine formula, as the lazy map settles everything. To be sorted it
    /// is a number of 64 bits, whose last eight are the region's index: what that takes of it is far
    /// below [`UNSURE`]. It begins with the order of the place before, from which that of a place
    /// near by is a few exchanges away.
    pub fn order(&self, place: (f64, f64), ranked: &mut RankingScratch) {
        let RankingScratch {
            fars,
            keyed,
            near,
            order,
            same,
        } = ranked;
        let [x, y, z] = unit_vector(place);
        let [xs, ys, zs] = &self.vectors;
        for ((((far, region_x), region_y), region_z), index) in
            fars.iter_mut().zip(xs).zip(ys).zip(zs).zip(0_u64..)
        {
            let apart = 0.5 - 0.5 * (x * region_x + y * region_y + z * region_z);
            // As long as they are not negative, doubles have the order of their bits.
            *far = apart.max(0.0).to_bits() & FAR | index;
        }
        let count = self.places.len();
        let Some((keyed, _)) = keyed.split_at_mut_checked(count) else {
            return;
        };
        *same = false;
        if order.len() == count {
            for (key, index) in keyed.iter_mut().zip(order.iter()) {
                *key = fars.get(usize::from(*index)).copied().unwrap_or_default();
            }
            *same = sort_nearly_sorted(keyed);
        } else {
            for (key, far) in keyed.iter_mut().zip(&*fars) {
                *key = *far;
            }
            keyed.sort_unstable();
        }
        if any_near(keyed) {
            *same = false;
            self.settle(place, keyed, near);
        }
        if *same {
            return;
        }
        order.resize(count, 0);
        for (to, key) in order.iter_mut().zip(keyed) {
            *to = *key as u8;
        }
    }

    /// Put those in order, of keys that are, between which rounding may have decided.
    #[cold]
    fn settle(&self, place: (f64, f64), keyed: &mut [u64], near: &mut Vec<(f64, u8)>) {
        for run in keyed
            .chunk_by_mut(|a, b| far(*b) - far(*a) < UNSURE)
            .filter(|run| run.len() > 1)
        {
            near.clear();
            near.extend(run.iter().filter_map(|key| {
                let region = self.places.get((key & !FAR) as usize)?;
                Some((great_circle_km(place, *region), (key & !FAR) as u8))
            }));
            near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (key, (_, index)) in run.iter_mut().zip(near.iter()) {
                *key = u64::from(*index);
            }
        }
    }
}

/// How far a key's region is.
fn far(key: u64) -> f64 {
    f64::from_bits(key & FAR)
}

/// Whether two neighbours of sorted keys are so near that the formula has to decide. None is looked at less
/// than another, so that many are compared at a time.
fn any_near(keyed: &[u64]) -> bool {
    let pairs = keyed.iter().zip(keyed.get(1..).unwrap_or_default());
    pairs.fold(false, |found, (a, b)| found | (far(*b) - far(*a) < UNSURE))
}

fn unit_vector(place: (f64, f64)) -> [f64; 3] {
    let (north, east) = (place.0 * RADIANS, place.1 * RADIANS);
    let around = north.cos();
    [around * east.cos(), around * east.sin(), north.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::draws::mix;

    fn at(latitude: f64, longitude: f64) -> Region {
        Region {
            latitude,
            longitude,
            weight: 1.0,
            seed: 0,
        }
    }

    #[test]
    fn known_pairs_are_as_far_as_an_atlas_says() {
        let km = great_circle_km((51.5074, -0.1278), (40.7128, -74.0060));
        assert!((km - 5570.0).abs() < 10.0, "{km}");
    }

    #[test]
    fn ties_keep_the_order_of_the_regions() {
        let regions = [at(10.0, 5.0), at(0.0, 1.0), at(-10.0, 5.0), at(10.0, 5.0)];
        let mut ranked = RankingScratch::default();
        Nearest::new(&regions).order((0.0, 5.0), &mut ranked);
        assert_eq!(ranked.order, [1, 0, 2, 3]);
    }

    #[test]
    fn what_is_nearly_sorted_or_not_at_all_is_sorted() {
        for count in [0, 1, 2, 3, 60, 255] {
            for exchanged in [0, 1, 5, 100, 5000] {
                let mut keys: Vec<u64> = (0..count).map(|n| n / 2).collect();
                for n in 0..exchanged {
                    let at = mix(n) as usize % keys.len().max(1);
                    if at + 1 < keys.len() {
                        keys.swap(at, at + 1);
                    }
                }
                let mut expected = keys.clone();
                expected.sort_unstable();
                let were_sorted = keys == expected;
                assert_eq!(sort_nearly_sorted(&mut keys), were_sorted);
                assert_eq!(keys, expected, "{count} keys, {exchanged} exchanges");
                keys.reverse();
                sort_nearly_sorted(&mut keys);
                assert_eq!(keys, expected, "{count} keys, reversed");
            }
        }
    }

    #[test]
    fn the_order_is_that_of_the_formula_everywhere() {
        let regions: Vec<Region> = (0..60_i32)
            .map(|n| at(f64::from(n * 37 % 180 - 90), f64::from(n * 101 % 360 - 180)))
            .collect();
        let nearest = Nearest::new(&regions);
        let (mut ranked, mut known) = (RankingScratch::default(), 0);
        for step in 0..2000_i32 {
            let place = (f64::from(step % 181 - 90), f64::from(step * 7 % 361 - 180));
            let mut by_formula: Vec<(f64, u8)> = regions
                .iter()
                .zip(0..)
                .map(|(r, n)| (great_circle_km(place, (r.latitude, r.longitude)), n))
                .collect();
            by_formula.sort_by(|a, b| a.0.total_cmp(&b.0));
            let before = ranked.order.clone();
            nearest.order(place, &mut ranked);
            let expected: Vec<u8> = by_formula.iter().map(|(_, n)| *n).collect();
            assert_eq!(ranked.order, expected, "at {place:?}");
            assert!(!ranked.same || before == expected);
            // Of the very same place it is known, but where rounding may have decided.
            nearest.order(place, &mut ranked);
            assert_eq!(ranked.order, expected, "again at {place:?}");
            known += usize::from(ranked.same);
        }
        assert!(known > 1000, "{known}");
    }
}
