//! The Steering: what the world does to each region of each service, now.
//!
//! It caches no answers. A client's preference list is walked when a packet asks, which takes
//! one step as a rule, so its cost when published does not grow with the number of lists.

mod epochs;
mod held;
mod positions;
mod raw;
mod serving;

pub use self::epochs::{Epochs, Lists};

use self::epochs::EpochsByService;
use self::positions::Positions;
use super::image::Reader;
use super::outcome::{AllDown, NoRegion, Outcome};
use super::plan::{Plan, ServicePlan};
use super::records::{STEERING_MAGIC, StateRecord, SteeringHead};
use super::{NONE, Pool, Run};
use crate::geo::{PreferenceList, draw_of_word};

/// One region as it stands: of the services that share it there is one. It fills a cache line.
#[repr(align(64))]
pub struct RegionState {
    status: RegionStatus,
    /// What it would be answered with.
    pub records: RegionRecords,
}

const _: () = assert!(size_of::<RegionState>() == 64);

/// What a decision rests on: `RegionStatus` of `resolverd/policy/decision.py`.
struct RegionStatus {
    horizon: f64,
    /// The share of its clients' blocks that it sends on.
    spill_ratio: f64,
    /// The share up to which it takes those that others send on.
    accept_ratio: f64,
    serves: bool,
    unknown: bool,
    /// Whether an endpoint in its answer is measured up.
    alive: bool,
    has_addresses: bool,
    /// Zero, or one more than the binary logarithm of how many of its clients' queries one is kept
    /// of, to weigh their blocks.
    sampled: u8,
    /// Whether an operator has it out of spilling: no trickle goes from it or to it.
    spill_off: bool,
}

impl RegionState {
    /// Zero, or one more than the binary logarithm of how many of the queries of a region's clients
    /// one is kept of.
    #[inline]
    pub const fn sampled(&self) -> u8 {
        self.status.sampled
    }
}

/// What one region would be answered with: `RegionRecords` of `resolverd/snapshot/model.py`.
pub struct RegionRecords {
    /// The octets of its IPv4 addresses, four each.
    pub a: Run,
    /// The octets of its IPv6 addresses, sixteen each.
    pub aaaa: Run,
    /// Its hostname, empty where it is answered with addresses.
    pub cname: Run,
    /// The most that the sources of its IPv4 addresses allow, in seconds; `NONE` where none does.
    pub a_ttl: u32,
    /// The same of its IPv6 addresses.
    pub aaaa_ttl: u32,
}

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

/// The state of the world.
pub struct Steering {
    /// Which Steering this is.
    pub generation: u64,
    /// What records point into.
    pub pool: Pool,
    states: Box<[RegionState]>,
    /// Of each state the horizon where it is answered although it does not serve.
    answered: Box<[f64]>,
    /// Of each state its number in `positions`, or [`NONE`].
    positioned: Box<[u32]>,
    positions: Box<[Positions]>,
    /// Of each service where its regions stand in `service_regions`.
    services: Box<[Run]>,
    /// States by number, of each service in its order.
    service_regions: Box<[u32]>,
    epochs: EpochsByService,
}

impl Steering {
    /// Load an image made by `resolverd/engine/image.py` for `plan`.
    pub fn load(image: &[u8], plan: &Plan) -> Result<Self, &'static str> {
        let mut from = Reader::new(image, STEERING_MAGIC)?;
        let head = SteeringHead::read(&mut from)?;
        let states = from.records(head.states, StateRecord::SIZE, StateRecord::read)?;
        let counts = from.records(head.services, 4, Reader::u32)?;
        let service_regions = from.records(head.entries, 4, Reader::u32)?;
        let positions = Positions::read(&mut from, &head)?;
        let epochs = EpochsByService::read(&mut from, head.epochs, &counts, positions.len())?;
        let pool = from.pool(head.pool)?;
        let placed = |record: &StateRecord| {
            record.positions == NONE || (record.positions as usize) < positions.len()
        };
        if !states.iter().all(placed) {
            return Err("a state has positions that are not there");
        }
        let known = |state: &u32| (*state as usize) < states.len();
        if !service_regions.iter().all(known) {
            return Err("a region has a state that is not there");
        }
        let mut at = 0_u32;
        let mut services = Vec::with_capacity(counts.len());
        for &length in &counts {
            services.push(Run { at, length });
            at = at.checked_add(length).ok_or("there are too many regions")?;
        }
        let fits = counts.len() == plan.services().len()
            && at as usize == service_regions.len()
            && (plan.services().iter().zip(&counts))
                .all(|(service, count)| plan.regions(service) == *count as usize);
        if !fits {
            return Err("the steering is for other services than the plan has");
        }
        Ok(Self {
            generation: head.generation,
            states: (states
                .iter()
                .map(|record| raw::state(record, &pool))
                .collect::<Result<_, _>>())?,
            answered: states.iter().map(|record| record.answered).collect(),
            positioned: states.iter().map(|record| record.positions).collect(),
            positions,
            services: services.into(),
            service_regions,
            epochs,
            pool,
        })
    }

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
            let trickles = service.trickle > 0.0 && !state.status.spill_off;
            let divided = state.status.spill_ratio > 0.0 || trickles;
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
            let few = decision.first && service.trickle > 0.0 && !state.status.spill_off;
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

    fn regions_of(&self, service: u32) -> &[u32] {
        let run = self
            .services
            .get(service as usize)
            .copied()
            .unwrap_or_default();
        let at = run.at as usize;
        self.service_regions
            .get(at..at + run.len())
            .unwrap_or_default()
    }

    /// What decides whether a region sends on a block: its position there, or else its draw.
    fn position(&self, regions: &[u32], region: u8, word: u64) -> f64 {
        let state = regions.get(usize::from(region));
        let number = state.and_then(|state| self.positioned.get(*state as usize));
        let positions = number.and_then(|number| self.positions.get(*number as usize));
        positions.map_or_else(|| draw_of_word(word), |positions| positions.of(word))
    }

    fn answered(&self, regions: &[u32], region: u8) -> f64 {
        let index = regions.get(usize::from(region));
        let answered = index.and_then(|index| self.answered.get(*index as usize));
        answered.copied().unwrap_or_default()
    }

    #[inline]
    fn state(&self, regions: &[u32], region: u8) -> Option<&RegionState> {
        self.states.get(*regions.get(usize::from(region))? as usize)
    }
}

/// The TTL that a horizon allows, in whole seconds: the horizon of several is the nearest.
#[inline]
fn ttl(service: &ServicePlan, horizon: f64) -> u32 {
    // Neither is negative, so cutting the fraction off is flooring.
    service.failover_ttl.max(horizon.min(service.ttl)) as u32
}
