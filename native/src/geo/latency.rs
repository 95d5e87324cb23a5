//! What orders regions by cost: distances or expected times, with a bias for each region.

use super::field::{Field, Sample, blend};
use super::latency_order::{OrderScratch, sort_by_cost};
use super::place::{Code, NONE, Place};
use super::prefix_rows::{NO_ROW, PrefixRows};
use super::ranking::{Region, SpherePoint};

/// What a region's cost is multiplied by, and what is added then.
#[derive(Clone, Copy)]
pub struct Bias {
    /// 1 for none.
    pub factor: f64,
    /// In the unit of the cost.
    pub added: f64,
}

/// What was measured: the field, and rows by what they hold for, each with its samples.
pub struct Latency {
    /// What is expected everywhere.
    pub field: Field,
    /// The column of each region that prefix rows speak of; `u16::MAX` for none.
    pub columns: Vec<u16>,
    /// By country.
    pub countries: Vec<(Code, Vec<Sample>)>,
    /// By autonomous system.
    pub asns: Vec<(u32, Vec<Sample>)>,
    /// By the operator's own place, an index plus one.
    pub own: Vec<(u16, Vec<Sample>)>,
}

/// The cost of each region at one place.
pub enum Cost<'a> {
    /// Kilometres to these points.
    Distance(Vec<SpherePoint>),
    /// Milliseconds.
    Time(&'a Latency),
}

/// Orders by cost.
pub struct ByCost<'a> {
    cost: Cost<'a>,
    biases: &'a [Bias],
    regions: usize,
}

/// What is known of one place.
#[derive(Default, Clone)]
struct Ranked {
    /// Milliseconds, or kilometres, by column; without biases.
    times: Vec<f64>,
    /// Of the service's regions, with their biases.
    costs: Vec<f64>,
    /// All of them, best first.
    order: Vec<u8>,
}

/// How many places' orders each thread remembers.
const REMEMBERED: usize = 4096;

/// Memory of one thread; what it has worked out of places, too.
pub struct CostScratch {
    places: Vec<(Option<u32>, Ranked)>,
    times: Vec<f64>,
    distances: Vec<f64>,
    costs: Vec<f64>,
    row: Vec<Sample>,
    orders: OrderScratch,
}

impl Default for CostScratch {
    fn default() -> Self {
        Self {
            places: vec![(None, Ranked::default()); REMEMBERED],
            times: Vec::new(),
            distances: Vec::new(),
            costs: Vec::new(),
            row: Vec::new(),
            orders: OrderScratch::default(),
        }
    }
}

impl<'a> ByCost<'a> {
    /// Over these regions, by `latency` where there is such.
    #[must_use]
    pub fn new(regions: &[Region], biases: &'a [Bias], latency: Option<&'a Latency>) -> Self {
        let at = |region: &Region| SpherePoint::at((region.latitude, region.longitude));
        Self {
            cost: latency.map_or_else(
                || Cost::Distance(regions.iter().map(at).collect()),
                Cost::Time,
            ),
            biases,
            regions: regions.len(),
        }
    }

    /// Write all regions in the order of a place into `order`; None is the edge at `edge`.
    pub fn order(
        &self,
        place: Option<&Place>,
        edge: (f64, f64),
        scratch: &mut CostScratch,
        order: &mut Vec<u8>,
    ) {
        self.times(place, edge, &mut scratch.times, &mut scratch.distances);
        self.biased(&scratch.times, &mut scratch.costs);
        self.sorted(&scratch.costs, order);
    }

    /// Write those of `allowed` regions into `order` that a client of the place numbered `number`
    /// gets, by the row of its prefix and the order that it had before. Whether that row says
    /// anything of these regions.
    #[expect(clippy::too_many_arguments, reason = "all that decides one order")]
    pub fn decide(
        &self,
        (number, place): (u32, Option<&Place>),
        edge: (f64, f64),
        allowed: impl Fn(u8) -> bool,
        (rows, row): (&PrefixRows<'_>, u32),
        before: &[u8],
        scratch: &mut CostScratch,
        order: &mut Vec<u8>,
    ) -> bool {
        let slot = number as usize % REMEMBERED;
        let Some((known, ranked)) = scratch.places.get_mut(slot) else {
            return false;
        };
        if *known != Some(number) {
            self.times(place, edge, &mut ranked.times, &mut scratch.distances);
            self.biased(&ranked.times, &mut ranked.costs);
            self.sorted(&ranked.costs, &mut ranked.order);
            *known = Some(number);
        }
        order.clear();
        order.extend(ranked.order.iter().filter(|region| allowed(**region)));
        scratch.orders.keep(order, &ranked.costs, before);
        if let Cost::Time(latency) = &self.cost
            && row != NO_ROW
        {
            rows.samples(row, &latency.columns, &mut scratch.row);
            if !scratch.row.is_empty() {
                scratch.times.clear();
                scratch.times.extend_from_slice(&ranked.times);
                blend(&mut scratch.times, &scratch.row);
                self.biased(&scratch.times, &mut scratch.costs);
                scratch.orders.reorder(order, &scratch.costs, before);
                return true;
            }
        }
        false
    }

    fn times(
        &self,
        place: Option<&Place>,
        edge: (f64, f64),
        times: &mut Vec<f64>,
        distances: &mut Vec<f64>,
    ) {
        let point = place.and_then(|place| place.point).unwrap_or(edge);
        match &self.cost {
            Cost::Distance(points) => {
                let here = SpherePoint::at(point);
                times.clear();
                times.extend(points.iter().map(|region| here.km(region)));
            }
            Cost::Time(latency) => {
                let country = place.map_or(NONE, |place| place.country);
                latency.field.expected(point, country, times, distances);
                let (asn, own) = place.map_or((0, 0), |place| (place.asn, place.own));
                // The most specific last.
                let rows = [
                    found(&latency.countries, &country),
                    found(&latency.asns, &asn),
                    found(&latency.own, &own),
                ];
                for row in rows.into_iter().flatten() {
                    blend(times, row);
                }
            }
        }
    }

    fn biased(&self, times: &[f64], costs: &mut Vec<f64>) {
        costs.clear();
        costs.extend(
            (times.iter().zip(self.biases)).map(|(time, bias)| time * bias.factor + bias.added),
        );
    }

    fn sorted(&self, costs: &[f64], order: &mut Vec<u8>) {
        order.clear();
        order.extend((0..=u8::MAX).take(self.regions));
        sort_by_cost(order, costs);
    }
}

/// The samples of a key, in a list that is sorted by it.
#[must_use]
pub fn found<'r, K: Ord>(rows: &'r [(K, Vec<Sample>)], key: &K) -> Option<&'r [Sample]> {
    let at = rows.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
    rows.get(at).map(|(_, row)| row.as_slice())
}
