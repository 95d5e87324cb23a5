//! The round-trip time that is expected from a place, bit for bit that of `resolverd/rtt/field.py`
//! and `blend.py`: the same operations in the same order, and the same libm.

use super::place::{Code, NONE};
use super::ranking::SpherePoint;

/// Milliseconds that light in fibre takes there and back for each kilometre.
const FIBRE_MS_PER_KM: f64 = 0.01;

/// How many fully believed samples of no residual the shared part begins with.
const SHARED_PRIOR: f64 = 0.5;

/// How many hubs, the nearest ones, a place's packets may enter the cables at.
const ENTRIES: usize = 3;

/// Way over great circle: to a hub; at most, within [`NEAR_KM`] of a region; at least, beyond.
const DETOUR: f64 = 1.3;
const NEAR_DETOUR: f64 = 1.4;
const FAR_DETOUR: f64 = 1.05;

const NEAR_KM: f64 = 1500.0;

/// The least that the shared part can be, in ms; `blend.py` tells why.
const LEAST_SHARED: f64 = -10.0;
/// The least part of what was expected that the shared part leaves.
const LEAST_LEFT: f64 = 0.5;

/// A region as the field knows it: its own prior, in ms and ms per km.
pub struct Column {
    /// Where it stands.
    pub point: SpherePoint,
    /// What the shortest way takes.
    pub base: f64,
    /// What each kilometre takes.
    pub slope: f64,
}

/// Where cables meet, and the kilometres from there to each column.
pub struct Hub {
    /// Where it stands.
    pub point: SpherePoint,
    /// One for each column.
    pub ways: Vec<f64>,
}

/// How alike the paths of two places are: ms², falling off over so many kilometres.
#[derive(Clone, Copy)]
pub struct Scale {
    /// How alike at one place.
    pub variance: f64,
    /// Over how many kilometres that falls to a third.
    pub length: f64,
}

/// One landmark; its weights are one for each column.
pub struct Origin {
    /// Where it stands.
    pub point: SpherePoint,
    /// Its country; [`NONE`] where unknown.
    pub country: Code,
    /// Solutions of the landmarks' equations.
    pub weights: Vec<f64>,
}

/// What one column was measured at: milliseconds, and how far they are believed, from 0 to 1.
#[derive(Clone, Copy)]
pub struct Sample {
    /// The column.
    pub column: u16,
    /// Milliseconds.
    pub ms: f64,
    /// From 0 to 1.
    pub confidence: f64,
}

/// The whole of it.
pub struct Field {
    /// The regions of a service, and behind them others that were measured.
    pub columns: Vec<Column>,
    /// Without any a way is the great circle.
    pub hubs: Vec<Hub>,
    /// In the order in which they add up.
    pub scales: Vec<Scale>,
    /// What one country adds.
    pub country_variance: f64,
    /// In the order in which they add up.
    pub origins: Vec<Origin>,
}

impl Field {
    /// Write the milliseconds from `point` (degrees) to each column into `times`, and the
    /// kilometres into `distances`.
    pub fn expected(
        &self,
        point: (f64, f64),
        country: Code,
        times: &mut Vec<f64>,
        distances: &mut Vec<f64>,
    ) {
        let here = SpherePoint::at(point);
        distances.clear();
        distances.extend(self.columns.iter().map(|column| here.km(&column.point)));
        self.ways(&here, distances, times);
        for (time, column) in times.iter_mut().zip(&self.columns) {
            *time = column.base + column.slope * *time;
        }
        for origin in &self.origins {
            let likeness = self.likeness(&here, country, origin);
            for (time, weight) in times.iter_mut().zip(&origin.weights) {
                *time += weight * likeness;
            }
        }
        for (time, km) in times.iter_mut().zip(&*distances) {
            let least = FIBRE_MS_PER_KM * km;
            if least > *time {
                *time = least;
            }
        }
    }

    /// Write the kilometres that packets go to each column, at these distances, into `ways`.
    fn ways(&self, here: &SpherePoint, distances: &[f64], ways: &mut Vec<f64>) {
        ways.clear();
        if self.hubs.is_empty() {
            ways.extend_from_slice(distances);
            return;
        }
        let mut near: [Option<(f64, &Hub)>; ENTRIES] = [None; ENTRIES];
        for hub in &self.hubs {
            let km = here.km(&hub.point);
            // Of hubs at one distance the first comes first.
            let at = { near.iter() }.position(|slot| slot.is_none_or(|(known, _)| km < known));
            if let Some(farther) = at.and_then(|at| near.get_mut(at..)) {
                farther.rotate_right(1);
                if let Some(slot) = farther.first_mut() {
                    *slot = Some((km, hub));
                }
            }
        }
        for (column, km) in distances.iter().enumerate() {
            let by_hubs = near.iter().flatten().filter_map(|(to_hub, hub)| {
                let way = hub.ways.get(column)?;
                Some(DETOUR * to_hub + way)
            });
            let way = by_hubs.fold(f64::INFINITY, f64::min);
            ways.push(if *km < NEAR_KM {
                way.min(NEAR_DETOUR * km)
            } else {
                way.max(FAR_DETOUR * km)
            });
        }
    }

    fn likeness(&self, here: &SpherePoint, country: Code, origin: &Origin) -> f64 {
        let km = here.km(&origin.point);
        let mut likeness = 0.0;
        for scale in &self.scales {
            likeness += scale.variance * (-km / scale.length).exp();
        }
        if country != NONE && country == origin.country {
            likeness += self.country_variance;
        }
        likeness
    }
}

/// Move `times` towards what was measured.
pub fn blend(times: &mut [f64], row: &[Sample]) {
    if row.is_empty() {
        return;
    }
    let (mut total, mut believed) = (0.0, SHARED_PRIOR);
    for sample in row {
        let Some(expected) = times.get(usize::from(sample.column)) else {
            continue;
        };
        total += sample.confidence * (sample.ms - expected);
        believed += sample.confidence;
    }
    let shared = (total / believed).max(LEAST_SHARED);
    for time in &mut *times {
        *time = (*time + shared).max(LEAST_LEFT * *time);
    }
    for sample in row {
        if let Some(time) = times.get_mut(usize::from(sample.column)) {
            *time += sample.confidence * (sample.ms - *time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_of_one_region_moves_the_others_by_what_they_share() {
        let mut times = [10.0, 20.0];
        let sample = Sample {
            column: 0,
            ms: 40.0,
            confidence: 0.5,
        };
        blend(&mut times, &[sample]);
        assert_eq!(times, [32.5, 35.0]);
        blend(&mut times, &[]);
        assert_eq!(times, [32.5, 35.0]);
        let nearer = Sample { ms: 2.5, ..sample };
        blend(&mut times, &[nearer]);
        assert_eq!(times, [12.5, 25.0]);
        let near = Sample { ms: 1.0, ..sample };
        let mut times = [12.0, 4.0];
        blend(&mut times, &[near]);
        assert_eq!(times, [3.75, 2.0]); // the line gives 5.5 ms, but half of 4 is left
    }

    #[test]
    fn nobody_is_nearer_than_light_in_fibre() {
        let field = Field {
            columns: vec![Column {
                point: SpherePoint::at((0.0, 90.0)),
                base: -5.0,
                slope: 0.0,
            }],
            hubs: Vec::new(),
            scales: Vec::new(),
            country_variance: 0.0,
            origins: Vec::new(),
        };
        let mut times = Vec::new();
        field.expected((0.0, 0.0), NONE, &mut times, &mut Vec::new());
        assert!(
            times.iter().all(|ms| (ms - 100.075).abs() < 0.01),
            "{times:?}"
        );
    }
}
