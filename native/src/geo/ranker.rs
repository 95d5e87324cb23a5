//! What puts the regions of a place in order, and which of them a rule allows.

use super::contract::Ordering;
use super::farther::Farther;
use super::fence::Fence;
use super::geography::Geography;
use super::known_row::KnownRow;
use super::latency::{ByCost, CostScratch};
use super::place::Place;
use super::preference_table::Point;
use super::ranking::{Nearest, RankingScratch};
use std::panic::resume_unwind;
use std::thread;

/// What puts the regions of one place in order.
pub enum Ranker<'a> {
    /// The distance alone.
    Nearest(Nearest),
    /// A cost.
    ByCost(ByCost<'a>),
    /// Nothing: they are as listed.
    Listed,
}

/// Memory of one thread.
#[derive(Default)]
pub struct RankerScratch {
    /// What was worked out of places, where regions are ordered by cost.
    pub costs: CostScratch,
    /// The order made last.
    pub order: Vec<u8>,
    ranked: RankingScratch,
}

impl<'a> Ranker<'a> {
    /// The one of a geography.
    #[must_use]
    pub fn new(geography: &'a Geography) -> Self {
        let by_cost =
            |latency| Self::ByCost(ByCost::new(&geography.regions, &geography.biases, latency));
        match geography.ordering {
            Ordering::Latency => by_cost(geography.latency.as_ref()),
            Ordering::Nearest if geography.is_biased() => by_cost(None),
            Ordering::Nearest => Self::Nearest(Nearest::new(&geography.regions)),
            Ordering::Failover | Ordering::Weighted => Self::Listed,
        }
    }

    /// What works out the farther regions of a row, where distance alone decides.
    #[must_use]
    pub fn farther(&self, geography: &Geography) -> Farther {
        match self {
            Self::Nearest(_) => Farther::new(Nearest::new(&geography.regions), &geography.pins),
            Self::ByCost(_) | Self::Listed => Farther::default(),
        }
    }

    /// Write all regions in the order of a place into the scratch's; None is the edge.
    pub fn order(&self, place: Option<&Place>, geography: &Geography, scratch: &mut RankerScratch) {
        let RankerScratch {
            costs,
            order,
            ranked,
        } = scratch;
        let place = geography.seen(place);
        match self {
            Self::Nearest(nearest) => {
                let point = place.and_then(|place| place.point);
                nearest.order(point.unwrap_or(geography.edge), ranked);
                order.clone_from(&ranked.order);
            }
            Self::ByCost(by_cost) => by_cost.order(place, geography.edge, costs, order),
            Self::Listed => {
                order.clear();
                order.extend((0..=u8::MAX).take(geography.regions.len()));
            }
        }
    }
}

/// The fence of a rule; None where every region is allowed.
#[must_use]
pub fn fence_of(geography: &Geography, rule: u16) -> Option<&Fence> {
    usize::from(rule)
        .checked_sub(1)
        .and_then(|pin| geography.pins.get(pin))
}

/// Those of `order` that a rule allows.
pub fn fenced(geography: &Geography, rule: u16, order: &[u8]) -> impl Iterator<Item = u8> {
    let fence = fence_of(geography, rule);
    order
        .iter()
        .copied()
        .filter(move |region| fence.is_none_or(|fence| fence.holds(*region)))
}

/// The row of a place, and the point that it is the order of.
pub type RankedRow = (KnownRow, Point);

/// The rows of `places` by these indices, each under the rule that holds there, by two threads; None where
/// regions of the client's own country come first, or where there are too many.
pub fn rows(
    nearest: &Nearest,
    geography: &Geography,
    places: &[&Place],
    indices: &[u32],
) -> Vec<Option<RankedRow>> {
    by_two(indices, |indices| {
        let (mut ranked, mut allowed) = (RankingScratch::default(), Vec::new());
        let mut last: Option<(u16, KnownRow)> = None;
        let mut row = |(point, rule): (Option<Point>, u16)| {
            let point = point?;
            nearest.order(point, &mut ranked);
            if let Some((of, known)) = last
                && (of, ranked.same) == (rule, true)
            {
                return Some((known, point));
            }
            let made = if fence_of(geography, rule).is_none() {
                KnownRow::of(rule, &ranked.order, 0)
            } else {
                allowed.clear();
                allowed.extend(fenced(geography, rule, &ranked.order));
                KnownRow::of(rule, &allowed, 0)
            };
            last = made.map(|row| (rule, row));
            Some((made?, point))
        };
        let mut rows = Vec::with_capacity(indices.len());
        let mut read = Vec::with_capacity(READ_TOGETHER);
        for indices in indices.chunks(READ_TOGETHER) {
            let places = (indices.iter()).map(|index| places.get(*index as usize).copied());
            read.clear();
            read.extend(places.map(|place| {
                let rule = place.map_or(0, |place| geography.rule_for(place, 0, 0));
                (
                    place.and_then(|place| point_of(Some(place), geography)),
                    rule,
                )
            }));
            rows.extend(read.drain(..).map(&mut row));
        }
        rows
    })
}

/// So many places are read before they are put in order: they lie apart, and are waited for together.
const READ_TOGETHER: usize = 64;

/// The places by their indices, those near one another mostly behind one another where there are regions
/// enough for that to be worth it.
#[must_use]
pub fn in_turn(places: &[&Place], regions: usize) -> Vec<u32> {
    let mut cells: Vec<(u32, u32)> = (places.iter().zip(0..))
        .map(|(place, at)| (place.point.map_or(0, cell), at))
        .collect();
    if regions > FEW {
        cells.sort_unstable();
    }
    cells.into_iter().map(|(_, at)| at).collect()
}

/// So many regions are put in order in less time than a place is put beside others.
const FEW: usize = 12;

/// A cell of the globe by a number: that of the next one is a neighbour's, all along Hilbert's curve.
fn cell((north, east): Point) -> u32 {
    let part = |degrees: f64, all: f64| ((degrees / all + 0.5) * 65_536.0) as u16;
    let (mut row, mut column) = (part(north, 180.0), part(east, 360.0));
    let mut number = 0_u32;
    for bit in (0..16).rev() {
        let (upper, right) = (row >> bit & 1, column >> bit & 1);
        number = number << 2 | u32::from((3 * right) ^ upper);
        // The curve enters and leaves the quarters as if they were turned.
        if upper == 0 {
            if right == 1 {
                (row, column) = (!row, !column);
            }
            (row, column) = (column, row);
        }
    }
    number
}

/// The point from which distance alone orders the regions of a place; None where more does.
#[must_use]
pub fn point_of(place: Option<&Place>, geography: &Geography) -> Option<Point> {
    let seen = geography.seen(place);
    if seen.is_some_and(|place| place.uncertain) {
        return None;
    }
    let point = seen.and_then(|place| place.point);
    Some(point.unwrap_or(geography.edge))
}

/// The orders of all places behind one another, by two threads.
pub fn orders(ranker: &Ranker<'_>, geography: &Geography, places: &[&Place]) -> Vec<u8> {
    by_two(places, |places| {
        let mut scratch = RankerScratch::default();
        let mut orders = Vec::with_capacity(places.len() * geography.regions.len());
        for place in places {
            ranker.order(Some(place), geography, &mut scratch);
            orders.extend(&scratch.order);
        }
        orders
    })
}

/// What `work` makes of one half of `all` and of the other, behind one another.
fn by_two<A: Sync, T: Send>(all: &[A], work: impl Fn(&[A]) -> Vec<T> + Sync) -> Vec<T> {
    let (first, second) = all.split_at(all.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| work(second));
        let mut made = work(first);
        // Without what a thread that died was to make, places would have the rows of others.
        made.extend(
            other
                .join()
                .unwrap_or_else(|panicked| resume_unwind(panicked)),
        );
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_successive_numbers_are_neighbours() {
        const SIDE: i32 = 64;
        let middle = |at: i32, all: f64| (f64::from(at) + 0.5) / f64::from(SIDE) * all - all / 2.0;
        let mut cells: Vec<(u32, i32, i32)> = (0..SIDE * SIDE)
            .map(|number| (number / SIDE, number % SIDE))
            .map(|(row, column)| {
                (
                    cell((middle(row, 180.0), middle(column, 360.0))),
                    row,
                    column,
                )
            })
            .collect();
        cells.sort_unstable();
        for pair in cells.windows(2) {
            let [(_, row, column), (_, next_row, next_column)] = pair else {
                panic!("two at a time");
            };
            let steps = (row - next_row).abs() + (column - next_column).abs();
            assert_eq!(steps, 1, "{row}, {column}");
        }
    }
}
