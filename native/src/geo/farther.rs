//! The regions of a row that are not kept, worked out.

use super::fence::Fence;
use super::preference_table::{NEAR, Point};
use super::ranking::{Nearest, RankingScratch};

/// What orders regions from a point, and which of them a rule allows.
#[derive(Default)]
pub struct Farther {
    nearest: Nearest,
    /// By rule less one.
    fences: Box<[Fence]>,
}

impl Farther {
    /// Of these regions and pins.
    #[must_use]
    pub fn new(nearest: Nearest, pins: &[Fence]) -> Self {
        Self {
            nearest,
            fences: pins.into(),
        }
    }

    /// Regions of the order from a point that a rule allows, without those of a head.
    #[must_use]
    pub fn beyond_near(&self, rule: u16, point: Point) -> Vec<u8> {
        let mut ranked = RankingScratch::default();
        self.nearest.order(point, &mut ranked);
        let fence = (usize::from(rule).checked_sub(1)).and_then(|pin| self.fences.get(pin));
        let allowed = |region: &u8| fence.is_none_or(|fence| fence.holds(*region));
        ranked
            .order
            .into_iter()
            .filter(allowed)
            .skip(NEAR)
            .collect()
    }
}
