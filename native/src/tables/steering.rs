//! The Steering: what the world does to each region of each service, now.
//!
//! It caches no answers. A client's preference list is walked when a packet asks, which takes
//! one step as a rule, so its cost when published does not grow with the number of lists.

mod decision;
mod draw;
mod epochs;
mod held;
mod positions;
mod raw;
mod region;
mod serving;

pub use self::decision::Decision;
pub use self::epochs::{Epochs, Lists};
pub use self::region::{RegionRecords, RegionState};

use self::epochs::EpochsByService;
use self::positions::Positions;
use super::image::Reader;
use super::plan::Plan;
use super::records::{STEERING_MAGIC, StateRecord, SteeringHead};
use super::{NONE, Pool, Run};

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

    #[inline]
    fn state(&self, regions: &[u32], region: u8) -> Option<&RegionState> {
        self.states.get(*regions.get(usize::from(region))? as usize)
    }
}
