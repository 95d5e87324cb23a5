//! Which blocks a region sends on: those of its share, and the few of a trickle.

use super::Steering;
use super::decision::{Decision, ttl};
use crate::geo::{PreferenceList, draw_of_word};
use crate::tables::outcome::Outcome;
use crate::tables::plan::ServicePlan;

impl Steering {
    /// What becomes of a `decision` for a client whose block has the draw that is made of `word`.
    #[cold]
    #[must_use]
    pub fn apply_draw<'s>(
        &'s self,
        mut decision: Decision<'s>,
        number: u32,
        service: &ServicePlan,
        preference: PreferenceList<'_>,
        word: u64,
    ) -> Decision<'s> {
        let Some((home, state)) = decision.region.filter(|_| decision.per_block) else {
            return decision;
        };
        let regions = self.regions_of(number);
        let position = self.position(regions, home, word);
        if position >= state.status.spill_ratio {
            let few = decision.first && state.status.trickles(service);
            let trickles = few && draw_of_word(word) >= 1.0 - service.trickle;
            return match preference.iter().nth(1).filter(|_| trickles) {
                Some(second) => self.trickle(decision, number, service, second),
                None => decision,
            };
        }
        let later = preference
            .iter()
            .skip_while(|region| *region != home)
            .skip(1);
        for region in later {
            let Some(state) = self.state(regions, region) else {
                continue;
            };
            decision.ttl = decision.ttl.min(ttl(service, state.status.horizon));
            if state.status.serves
                && state.status.spill_ratio == 0.0
                && position < state.status.accept_ratio
            {
                decision.outcome = Outcome::Spilled;
                decision.region = Some((region, state));
                decision.first = false;
                break;
            }
        }
        decision
    }

    /// The `second` region, for a block of the first one's; the first where the second cannot be.
    #[cold]
    fn trickle<'s>(
        &'s self,
        mut decision: Decision<'s>,
        number: u32,
        service: &ServicePlan,
        second: u8,
    ) -> Decision<'s> {
        let Some(state) = self.state(self.regions_of(number), second) else {
            return decision;
        };
        decision.ttl = decision.ttl.min(ttl(service, state.status.horizon));
        if state.status.serves && state.status.spill_ratio == 0.0 && !state.status.spill_off {
            decision.outcome = Outcome::Trickled;
            decision.region = Some((second, state));
            decision.first = false;
        }
        decision
    }

    /// Whether some region of a service sends clients on.
    #[cold]
    #[must_use]
    pub fn spills(&self, number: u32) -> bool {
        let states = self.regions_of(number).iter();
        { states }.any(|state| {
            let state = self.states.get(*state as usize);
            state.is_some_and(|state| state.status.spill_ratio > 0.0)
        })
    }

    /// What decides whether a region sends on a block: its position there, or else its draw.
    fn position(&self, regions: &[u32], region: u8, word: u64) -> f64 {
        let state = regions.get(usize::from(region));
        let number = state.and_then(|state| self.positioned.get(*state as usize));
        let positions = number.and_then(|number| self.positions.get(*number as usize));
        positions.map_or_else(|| draw_of_word(word), |positions| positions.of(word))
    }
}
