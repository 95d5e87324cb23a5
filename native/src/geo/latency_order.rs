//! The order of regions by milliseconds, and what keeps it from fluttering:
//! `resolverd/rtt/order.py`.

use crate::geo::contract::{FRONT, LEAST_GAIN, LEAST_GAIN_MS};

/// Memory for orders; it grows once and is then used again.
#[derive(Default)]
pub struct OrderScratch {
    best: Vec<u8>,
    left: Vec<u8>,
    front: Vec<u8>,
    earlier: Vec<u8>,
    order: Vec<u8>,
}

/// The cost of a region; of one that there is not, none that is compared with it is better.
fn cost(costs: &[f64], region: u8) -> f64 {
    // A zero may have a sign, which decides nothing.
    costs
        .get(usize::from(region))
        .map_or(0.0, |cost| cost + 0.0)
}

/// Sort regions by cost, those of equal cost by index.
pub fn sort_by_cost(regions: &mut [u8], costs: &[f64]) {
    regions.sort_unstable_by(|a, b| (cost(costs, *a).total_cmp(&cost(costs, *b))).then(a.cmp(b)));
}

impl OrderScratch {
    /// Put `order`, in which regions stand by cost, into the order that leaves `before` only
    /// for what is worth it.
    pub fn keep(&mut self, order: &mut Vec<u8>, costs: &[f64], before: &[u8]) {
        if before.is_empty() || before == order.as_slice() {
            return;
        }
        self.left.clear();
        (self.left).extend(before.iter().filter(|region| order.contains(region)));
        let known = self.left.len();
        for region in &*order {
            if !self.left.iter().take(known).any(|kept| kept == region) {
                self.left.push(*region);
            }
        }
        self.best.clear();
        self.best.extend_from_slice(order);
        order.clear();
        while let (Some(&kept), Some(&better)) = (self.left.first(), self.best.first()) {
            let mut taken = kept;
            if kept != better {
                let stays = cost(costs, kept);
                let least = (LEAST_GAIN * stays).max(LEAST_GAIN_MS);
                if stays - cost(costs, better) >= least {
                    taken = better;
                }
            }
            order.push(taken);
            self.left.retain(|region| *region != taken);
            self.best.retain(|region| *region != taken);
        }
    }

    /// Re-order the front of a place's `order` by the `costs` of one measured prefix.
    pub fn reorder(&mut self, order: &mut Vec<u8>, costs: &[f64], before: &[u8]) {
        let mut front = std::mem::take(&mut self.front);
        front.clear();
        front.extend(order.iter().take(FRONT));
        let first = before.iter().find(|region| order.contains(region));
        if let Some(first) = first
            && !front.contains(first)
            && let Some(last) = front.last_mut()
        {
            *last = *first;
        }
        self.order.clear();
        (self.order).extend(order.iter().filter(|region| !front.contains(region)));
        let mut earlier = std::mem::take(&mut self.earlier);
        earlier.clear();
        earlier.extend(before.iter().filter(|region| front.contains(region)));
        sort_by_cost(&mut front, costs);
        self.keep(&mut front, costs, &earlier);
        order.clear();
        order.extend_from_slice(&front);
        order.extend_from_slice(&self.order);
        (self.front, self.earlier) = (front, earlier);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(costs: &[f64], before: &[u8]) -> Vec<u8> {
        let mut order: Vec<u8> = (0..costs.len() as u8).collect();
        sort_by_cost(&mut order, costs);
        OrderScratch::default().keep(&mut order, costs, before);
        order
    }

    #[test]
    fn nobody_moves_for_less_than_ten_milliseconds_or_a_tenth() {
        assert_eq!(kept(&[50.0, 41.0], &[0, 1]), [0, 1]);
        assert_eq!(kept(&[50.0, 40.0], &[0, 1]), [1, 0]);
        assert_eq!(kept(&[200.0, 185.0], &[0, 1]), [0, 1]);
        assert_eq!(kept(&[200.0, 180.0], &[0, 1]), [1, 0]);
        assert_eq!(kept(&[50.0, 41.0], &[]), [1, 0]);
        assert_eq!(kept(&[50.0, 41.0, 5.0], &[0, 7]), [2, 0, 1]);
    }

    #[test]
    fn a_prefix_reorders_the_front_and_keeps_its_first_region_in_it() {
        let mut scratch = OrderScratch::default();
        let costs = [9.0, 8.0, 7.0, 6.0, 1.0, 0.0];
        let mut order = vec![0, 1, 2, 3, 4, 5];
        scratch.reorder(&mut order, &costs, &[]);
        assert_eq!(order, [3, 2, 1, 0, 4, 5]);
        let mut order = vec![0, 1, 2, 3, 4, 5];
        scratch.reorder(&mut order, &costs, &[5, 0]);
        assert_eq!(order, [5, 0, 2, 1, 3, 4]);
    }
}
