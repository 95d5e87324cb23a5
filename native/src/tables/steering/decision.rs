//! Which region a preference list leads to: `policy/decision.py`, `policy/ttl.py`.

use super::Steering;
use super::region::RegionState;
use crate::geo::PreferenceList;
use crate::tables::outcome::{AllDown, NoRegion, Outcome};
use crate::tables::plan::ServicePlan;

/// A decision: the outcome, the region chosen, and the TTL.
pub struct Decision<'s> {
    /// How it came about.
    pub outcome: Outcome,
    /// The region by its place in the service, and its state.
    pub region: Option<(u8, &'s RegionState)>,
    /// Whether the region is the client's first choice.
    pub first: bool,
    /// Seconds.
    pub ttl: u32,
    /// Whether a client of another block could be given another region.
    pub per_block: bool,
}

impl Steering {
    /// Decide for a client with this `preference` list: `policy/decision.py`, `policy/ttl.py`.
    ///
    /// Where the decision is `per_block`, it is that of clients whom no region sends on; it is for
    /// [`Self::apply_draw`] to tell whether this is one.
    #[must_use]
    #[inline]
    pub fn decide(
        &self,
        number: u32,
        service: &ServicePlan,
        preference: PreferenceList<'_>,
    ) -> Decision<'_> {
        let regions = self.regions_of(number);
        let Some(preferred) = preference.first() else {
            return self.decision(service, Outcome::NoRegion, None, false, f64::INFINITY);
        };
        if let Some(state) = self
            .state(regions, preferred)
            .filter(|state| state.status.serves)
        {
            let chosen = Some((preferred, state));
            let mut decision = self.decision(
                service,
                Outcome::Serving,
                chosen,
                true,
                state.status.horizon,
            );
            let divided = state.status.spill_ratio > 0.0 || state.status.trickles(service);
            decision.per_block = divided && preference.count() > 1;
            return decision;
        }
        self.decide_fallback(regions, service, preference, preferred)
    }

    /// Decide where the `preferred` region does not serve.
    #[cold]
    fn decide_fallback(
        &self,
        regions: &[u32],
        service: &ServicePlan,
        preference: PreferenceList<'_>,
        preferred: u8,
    ) -> Decision<'_> {
        let mut horizon = f64::INFINITY;
        let mut unknown = None;
        for (rank, region) in preference.iter().enumerate() {
            let Some(state) = self.state(regions, region) else {
                continue;
            };
            horizon = horizon.min(state.status.horizon);
            if state.status.serves {
                let chosen = Some((region, state));
                let mut decision = self.decision(service, Outcome::Serving, chosen, false, horizon);
                decision.per_block =
                    state.status.spill_ratio > 0.0 && rank + 1 < preference.count();
                return decision;
            }
            if state.status.unknown && state.status.has_addresses && unknown.is_none() {
                unknown = Some((region, state));
            }
        }
        if let Some((region, _)) = unknown {
            return self.decision(
                service,
                Outcome::Unknown,
                unknown,
                region == preferred,
                horizon,
            );
        }
        let outcome = match service.all_down {
            AllDown::Nearest => {
                return self.without_serving(regions, service, preference, preferred);
            }
            AllDown::NoRegion(NoRegion::Servfail | NoRegion::Refused) => Outcome::Servfail,
            AllDown::NoRegion(NoRegion::Nodata) => Outcome::Nodata,
            AllDown::NoRegion(NoRegion::Cname) => Outcome::Cname,
        };
        self.decision(service, outcome, None, false, horizon)
    }

    /// The first region with an endpoint that is alive; else the first with any address.
    #[cold]
    fn without_serving(
        &self,
        regions: &[u32],
        service: &ServicePlan,
        preference: PreferenceList<'_>,
        preferred: u8,
    ) -> Decision<'_> {
        let states =
            { preference.iter() }.filter_map(|region| Some((region, self.state(regions, region)?)));
        let mut horizon = f64::INFINITY;
        let (mut able, mut alive) = (None, None);
        for (region, state) in states {
            horizon = horizon.min(self.answered(regions, region));
            if state.status.has_addresses {
                able = able.or(Some((region, state)));
                alive = alive.or(state.status.alive.then_some((region, state)));
            }
        }
        let chosen = alive.or(able);
        let (outcome, first) = match chosen {
            Some((region, _)) => (Outcome::AllDown, region == preferred),
            None => (Outcome::NoAddress, false),
        };
        self.decision(service, outcome, chosen, first, horizon)
    }

    #[inline]
    fn decision<'s>(
        &'s self,
        service: &ServicePlan,
        outcome: Outcome,
        region: Option<(u8, &'s RegionState)>,
        first: bool,
        horizon: f64,
    ) -> Decision<'s> {
        Decision {
            outcome,
            region,
            first,
            ttl: ttl(service, horizon),
            per_block: false,
        }
    }

    fn answered(&self, regions: &[u32], region: u8) -> f64 {
        let index = regions.get(usize::from(region));
        let answered = index.and_then(|index| self.answered.get(*index as usize));
        answered.copied().unwrap_or_default()
    }
}

/// The TTL that a horizon allows, in whole seconds: the horizon of several is the nearest.
#[inline]
pub(super) fn ttl(service: &ServicePlan, horizon: f64) -> u32 {
    // Neither is negative, so cutting the fraction off is flooring.
    service.failover_ttl.max(horizon.min(service.ttl)) as u32
}
