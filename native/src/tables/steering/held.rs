//! The region that a block keeps, as a decision.

use super::decision::{Decision, ttl};
use super::{Epochs, Lists, Steering};
use crate::tables::outcome::Outcome;
use crate::tables::plan::ServicePlan;

impl Steering {
    /// What a service's blocks may keep; none where all is as it is decided now.
    #[must_use]
    #[inline]
    pub fn epochs(&self, number: u32) -> Option<&Epochs> {
        self.epochs.of(number)
    }

    /// Have a client whose block has the draw that is made of `word` keep its region.
    pub fn hold<'s>(
        &'s self,
        epochs: &Epochs,
        decision: &mut Decision<'s>,
        number: u32,
        service: &ServicePlan,
        lists: Lists<'_>,
        word: u64,
    ) {
        let Some(kept) = epochs.kept(word, lists, &self.positions) else {
            return;
        };
        if decision.region.is_some_and(|(region, _)| region == kept) {
            return;
        }
        let Some(state) = self.state(self.regions_of(number), kept) else {
            return;
        };
        *decision = Decision {
            outcome: Outcome::Held,
            region: Some((kept, state)),
            first: lists.now.first() == Some(&kept),
            ttl: ttl(service, state.status.horizon.min(epochs.left(word))),
            per_block: true,
        };
    }
}
