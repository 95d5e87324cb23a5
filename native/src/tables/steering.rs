//! The Steering: what the world does to each region of each service, now.
//!
//! It holds no cells. A client's order of regions is walked when a packet asks, which takes
//! one step as a rule, so its cost when published does not grow with the number of orders.

use super::image::Reader;
use super::plan::{Plan, Service};
use super::{NONE, Pool, Run};
use crate::geo::Order;
use crate::name::length_of;

const MAGIC: [u8; 8] = *b"RVDSTER\x03";

/// What a service answers when every allowed region is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllDown {
    /// The first region of the list, although it is down.
    Nearest,
    /// SERVFAIL.
    Servfail,
    /// No record.
    Nodata,
}

impl AllDown {
    pub(super) const fn read(octet: u8) -> Result<Self, &'static str> {
        match octet {
            0 => Ok(Self::Nearest),
            1 => Ok(Self::Servfail),
            2 => Ok(Self::Nodata),
            _ => Err("a service does what is not known when all is down"),
        }
    }
}

/// How an answer came about; the first four have a region, and count in its slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "resolverd/policy/decision.py has the same words"
)]
pub enum Outcome {
    Serving,
    Unknown,
    AllDown,
    Spilled,
    Servfail,
    Nodata,
    Refused,
}

/// One region as it stands: of the services that share it there is one. It fills a cache line.
#[repr(align(64))]
pub struct State {
    horizon: f64,
    /// The share of its clients' blocks that it sends on.
    spilled: f64,
    /// The share up to which it takes those that others send on.
    takes: f64,
    serves: bool,
    unknown: bool,
    a: Run,
    aaaa: Run,
    cname: Run,
    /// The most that the sources of its addresses allow, in seconds; `NONE` where none does.
    a_ttl: u32,
    aaaa_ttl: u32,
}

impl State {
    /// The octets of its IPv4 addresses, four each.
    #[must_use]
    pub const fn a(&self) -> Run {
        self.a
    }

    /// The octets of its IPv6 addresses, sixteen each.
    #[must_use]
    pub const fn aaaa(&self) -> Run {
        self.aaaa
    }

    /// Whether there is nothing to answer with.
    const fn is_empty(&self) -> bool {
        self.a.is_empty() && self.aaaa.is_empty() && self.cname.is_empty()
    }

    /// The TTL that the sources of its IPv4 addresses allow, in seconds.
    #[must_use]
    pub const fn a_ttl(&self) -> u32 {
        self.a_ttl
    }

    /// The TTL that the sources of its IPv6 addresses allow, in seconds.
    #[must_use]
    pub const fn aaaa_ttl(&self) -> u32 {
        self.aaaa_ttl
    }

    /// Its hostname, empty where it is answered with addresses.
    #[must_use]
    pub const fn cname(&self) -> Run {
        self.cname
    }
}

/// A decision: the outcome, the region chosen, and the TTL.
pub struct Choice<'s> {
    /// How it came about.
    pub outcome: Outcome,
    /// The region by its place in the service, and its state.
    pub region: Option<(u8, &'s State)>,
    /// Whether the region is the client's first choice.
    pub first: bool,
    /// Seconds.
    pub ttl: u32,
    /// Whether a client of another block could be given another region.
    pub drawn: bool,
}

/// The state of the world.
pub struct Steering {
    /// Which Steering this is.
    pub generation: u64,
    /// What offers point into.
    pub pool: Pool,
    states: Box<[State]>,
    rows: Box<[Run]>,
    row_states: Box<[u32]>,
}

impl Steering {
    /// Load an image made by `resolverd/engine/image.py` for `plan`.
    pub fn load(image: &[u8], plan: &Plan) -> Result<Self, &'static str> {
        let mut from = Reader::new(image, MAGIC)?;
        let generation = from.u64()?;
        let (states, services) = (from.u32()?, from.u32()?);
        let (entries, pool) = (from.u32()?, from.u32()?);
        let states = from.records(states, 52, RawState::read)?;
        let counts = from.records(services, 4, Reader::u32)?;
        let row_states = from.records(entries, 4, Reader::u32)?;
        let pool = from.pool(pool)?;
        let known = |state: &u32| (*state as usize) < states.len();
        if !row_states.iter().all(known) {
            return Err("a region has a state that is not there");
        }
        let mut at = 0_u32;
        let mut rows = Vec::with_capacity(counts.len());
        for &length in &counts {
            rows.push(Run { at, length });
            at = at.checked_add(length).ok_or("there are too many regions")?;
        }
        let fits = counts.len() == plan.services().len()
            && at as usize == row_states.len()
            && (plan.services().iter().zip(&counts))
                .all(|(service, count)| plan.regions(service) == *count as usize);
        if !fits {
            return Err("the steering is for other services than the plan has");
        }
        Ok(Self {
            generation,
            states: (states
                .iter()
                .map(|raw| raw.state(&pool))
                .collect::<Result<_, _>>())?,
            rows: rows.into(),
            row_states,
            pool,
        })
    }

    /// Choose for a client with this `order` of regions: `policy/decision.py`, `policy/ttl.py`.
    ///
    /// Where the choice is `drawn`, it is that of clients whom no region sends on; it is for
    /// [`Self::drawn`] to tell whether this is one.
    #[must_use]
    #[inline]
    pub fn choose(&self, number: u32, service: &Service, order: Order<'_>) -> Choice<'_> {
        let row = self.row(number);
        let Some(preferred) = order.first() else {
            return self.concluded(service, Outcome::Refused, None, false, f64::INFINITY);
        };
        if let Some(state) = self.state(row, preferred).filter(|state| state.serves) {
            let chosen = Some((preferred, state));
            let mut choice = self.concluded(service, Outcome::Serving, chosen, true, state.horizon);
            choice.drawn = state.spilled > 0.0 && order.count() > 1;
            return choice;
        }
        self.choose_on(row, service, order, preferred)
    }

    /// Choose where the `preferred` region does not serve.
    #[cold]
    fn choose_on(
        &self,
        row: &[u32],
        service: &Service,
        order: Order<'_>,
        preferred: u8,
    ) -> Choice<'_> {
        let mut least = f64::INFINITY;
        // The first of them all, should none have anything to answer with, and the first that has.
        let (mut unknown, mut first) = ((None, None), (None, None));
        for (rank, region) in order.iter().enumerate() {
            let Some(state) = self.state(row, region) else {
                continue;
            };
            least = least.min(state.horizon);
            if state.serves {
                let chosen = Some((region, state));
                let mut choice = self.concluded(service, Outcome::Serving, chosen, false, least);
                choice.drawn = state.spilled > 0.0 && rank + 1 < order.count();
                return choice;
            }
            let this = Some((region, state));
            if state.is_empty() {
                first.0 = first.0.or(this);
                unknown.0 = unknown.0.or(this.filter(|_| state.unknown));
            } else {
                first.1 = first.1.or(this);
                unknown.1 = unknown.1.or(this.filter(|_| state.unknown));
            }
        }
        let (first, unknown) = match first {
            (none, None) => (none, unknown.0),
            (_, some) => (some, unknown.1),
        };
        if let Some((region, _)) = unknown {
            return self.concluded(
                service,
                Outcome::Unknown,
                unknown,
                region == preferred,
                least,
            );
        }
        let outcome = match service.all_down {
            AllDown::Nearest => {
                let is_preferred = first.is_some_and(|(region, _)| region == preferred);
                return self.concluded(service, Outcome::AllDown, first, is_preferred, least);
            }
            AllDown::Servfail => Outcome::Servfail,
            AllDown::Nodata => Outcome::Nodata,
        };
        self.concluded(service, outcome, None, false, least)
    }

    /// What becomes of a `choice` for a client whose block has this `draw`.
    #[cold]
    #[must_use]
    pub fn drawn<'s>(
        &'s self,
        mut choice: Choice<'s>,
        number: u32,
        service: &Service,
        order: Order<'_>,
        draw: f64,
    ) -> Choice<'s> {
        let Some((home, _)) =
            (choice.region).filter(|(_, state)| choice.drawn && draw < state.spilled)
        else {
            return choice;
        };
        let row = self.row(number);
        let later = order.iter().skip_while(|region| *region != home).skip(1);
        for region in later {
            let Some(state) = self.state(row, region) else {
                continue;
            };
            choice.ttl = choice.ttl.min(ttl(service, state.horizon));
            if state.serves && state.spilled == 0.0 && draw < state.takes {
                choice.outcome = Outcome::Spilled;
                choice.region = Some((region, state));
                choice.first = false;
                break;
            }
        }
        choice
    }

    /// Whether some region of a service sends clients on.
    #[cold]
    #[must_use]
    pub fn spills(&self, number: u32) -> bool {
        let states = self.row(number).iter();
        { states }.any(|state| {
            let state = self.states.get(*state as usize);
            state.is_some_and(|state| state.spilled > 0.0)
        })
    }

    #[inline]
    fn concluded<'s>(
        &'s self,
        service: &Service,
        outcome: Outcome,
        region: Option<(u8, &'s State)>,
        first: bool,
        least: f64,
    ) -> Choice<'s> {
        Choice {
            outcome,
            region,
            first,
            ttl: ttl(service, least),
            drawn: false,
        }
    }

    fn row(&self, service: u32) -> &[u32] {
        let row = self.rows.get(service as usize).copied().unwrap_or_default();
        let at = row.at as usize;
        self.row_states.get(at..at + row.len()).unwrap_or_default()
    }

    #[inline]
    fn state(&self, row: &[u32], region: u8) -> Option<&State> {
        self.states.get(*row.get(usize::from(region))? as usize)
    }
}

/// The TTL that a horizon allows, in whole seconds: the least of several is that of the least.
#[inline]
fn ttl(service: &Service, horizon: f64) -> u32 {
    // Neither is negative, so cutting the fraction off is flooring.
    service.failover_ttl.max(horizon.min(service.ttl)) as u32
}

struct RawState {
    horizon: f64,
    spilled: f64,
    takes: f64,
    a: u32,
    aaaa: u32,
    cname: u32,
    a_ttl: u32,
    aaaa_ttl: u32,
    a_count: u16,
    aaaa_count: u16,
    serves: u8,
    unknown: u8,
}

impl RawState {
    fn read(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let raw = Self {
            horizon: from.f64()?,
            spilled: from.f64()?,
            takes: from.f64()?,
            a: from.u32()?,
            aaaa: from.u32()?,
            cname: from.u32()?,
            a_ttl: from.u32()?,
            aaaa_ttl: from.u32()?,
            a_count: from.u16()?,
            aaaa_count: from.u16()?,
            serves: from.u8()?,
            unknown: from.u8()?,
        };
        from.u16()?;
        Ok(raw)
    }

    fn state(&self, pool: &Pool) -> Result<State, &'static str> {
        let cname = match self.cname {
            NONE => Run::default(),
            at => pool.name(at)?,
        };
        debug_assert!(cname.is_empty() || length_of(pool.get(cname)).is_some());
        Ok(State {
            horizon: self.horizon,
            spilled: self.spilled,
            takes: self.takes,
            serves: self.serves != 0,
            unknown: self.unknown != 0,
            a: pool.run(self.a, 4 * u32::from(self.a_count))?,
            aaaa: pool.run(self.aaaa, 16 * u32::from(self.aaaa_count))?,
            cname,
            a_ttl: self.a_ttl,
            aaaa_ttl: self.aaaa_ttl,
        })
    }
}
