//! What one map is compiled for: regions, a policy, pins, and where this edge host stands.
//!
//! `resolverd/abi/map.py` writes it. All numbers are big-endian, a list begins with its count
//! as u32:
//!
//! ```text
//! policy u8 (`Ordering`) · block_v4 u8 · block_v6 u8
//! edge: latitude f64 · longitude f64
//! regions: latitude f64 · longitude f64 · weight f64 · seed u64
//! pins, by name: count u32 · region u8 each
//! subnets: family u8 (4, 6) · length u8 · address 16 octets, left-aligned · pin u16
//! countries: code 2 octets · pin u16
//! continents: code 2 octets · pin u16
//! unplaced, default: pin u16, one at most each
//! biases of the regions: factor f64 · added f64
//! latency, one at most:
//!   columns (the regions, then others): latitude f64 · longitude f64 · base f64 · slope f64
//!   hubs: latitude f64 · longitude f64 · ways: km f64 each
//!   scales: variance f64 · length f64
//!   country_variance f64
//!   origins: latitude f64 · longitude f64 · country 2 octets · weights: f64 each
//!   column of each region that prefix rows speak of: u16, 65,535 for none
//!   countries: code 2 octets · samples: column u16 · ms f64 · confidence f64
//!   autonomous systems: number u32 · samples
//!   own places: own place u16 · samples
//! country_capacities, of each region where places decide: country 2 octets (zeros for none) · capacity f64
//! the edge's country: 2 octets, zeros for none
//! NAT64 prefixes: family u8 (6) · length u8 · address 16 octets, left-aligned
//! own places: latitude, longitude f64, then those of its fallback; not a number for none ·
//!     country, continent 2 octets each · rule u16 (a pin plus one; 0 for none)
//! own places by subnet: family u8 · length u8 · address 16 octets · own place u16
//! own places by autonomous system: number u32 · own place u16
//! pins by autonomous system: number u32 · pin u16
//! ```

use super::blocks::Blocks;
use super::contract::{MAX_REGIONS, Ordering};
use super::fence::Fence;
use super::latency::{Bias, Latency, found};
use super::octets::Octets;
use super::place::{Code, NONE, Place};
use super::ranking::Region;
use crate::wire::prefix::{Family, Prefix};

/// The whole of it.
pub struct Geography {
    /// How regions are ordered.
    pub ordering: Ordering,
    /// The blocks whose draws decide where shares do.
    pub blocks: Blocks,
    /// Degrees, for clients that no database places.
    pub edge: (f64, f64),
    /// In the service's order.
    pub regions: Vec<Region>,
    /// The fence of each pin, in the order of their names.
    pub pins: Vec<Fence>,
    /// Pins by client prefix; a later one replaces an earlier one of the same prefix.
    pub subnets: Vec<(Prefix, u16)>,
    /// Pins by country.
    pub countries: Vec<(Code, u16)>,
    /// Pins by continent.
    pub continents: Vec<(Code, u16)>,
    /// The rule of clients whose country is unknown, where their continent has none; 0 for none.
    pub unplaced: u16,
    /// The rule of all that no other holds for; 0 for none.
    pub default: u16,
    /// In the order of the regions.
    pub biases: Vec<Bias>,
    /// What is expected and was measured; None unless the ordering asks for it.
    pub latency: Option<Latency>,
    /// The country and the capacity of each region, in their order; none where places do not
    /// decide.
    pub country_capacities: Vec<(Code, f64)>,
    /// Where this edge stands; [`NONE`] where that is not written.
    pub edge_country: Code,
    /// A network's own NAT64 prefixes.
    pub nat64: Vec<Prefix>,
    /// The operator's own places.
    pub own: Vec<OwnPlace>,
    /// Their subnets, each with a place's index.
    pub own_subnets: Vec<(Prefix, u16)>,
    /// Their autonomous systems by number, each with a place's index.
    pub own_asns: Vec<(u32, u16)>,
    /// Pins by autonomous system, by number.
    pub asns: Vec<(u32, u16)>,
    /// Whether the map is made to count where pins hold: all regions are one, which those have
    /// whom a database places, and nobody else.
    pub counting: bool,
}

/// What the operator says of a place (`[place.NAME]`).
#[derive(Clone, Copy)]
pub struct OwnPlace {
    /// What is said of it.
    pub place: Place,
    /// Where it is, as far as no database tells: that point, or its country's.
    pub fallback: Option<(f64, f64)>,
    /// The rule of its pin; 0 for none.
    pub rule: u16,
}

impl Geography {
    /// Read it. None where it is not what is written above.
    #[must_use]
    pub fn read(octets: &[u8]) -> Option<Self> {
        let mut from = Octets(octets);
        let [policy, v4, v6] = from.take()?;
        let read = Self {
            ordering: Ordering::of(policy)?,
            blocks: Blocks { v4, v6 },
            edge: (from.double()?, from.double()?),
            regions: from.list(|from| {
                Some(Region {
                    latitude: from.double()?,
                    longitude: from.double()?,
                    weight: from.double()?,
                    seed: u64::from_be_bytes(from.take()?),
                })
            })?,
            pins: from.list(|from| {
                let regions = from.list(|from| from.take().map(|[region]| region))?;
                Some(regions.into_iter().fold(Fence::NONE, Fence::with))
            })?,
            subnets: from.list(|from| Some((from.prefix()?, from.pin()?)))?,
            countries: from.list(|from| Some((from.take()?, from.pin()?)))?,
            continents: from.list(|from| Some((from.take()?, from.pin()?)))?,
            unplaced: from.optional_rule()?,
            default: from.optional_rule()?,
            biases: from.list(|from| {
                Some(Bias {
                    factor: from.double()?,
                    added: from.double()?,
                })
            })?,
            latency: from.list(Octets::latency)?.pop(),
            country_capacities: from.list(|from| Some((from.take()?, from.double()?)))?,
            edge_country: from.take()?,
            nat64: from.list(Octets::prefix)?,
            own: from.list(|from| {
                let place = Place {
                    point: from.known_point()?,
                    ..Place::default()
                };
                let fallback = from.known_point()?;
                let (country, continent) = (from.take()?, from.take()?);
                Some(OwnPlace {
                    place: Place {
                        country,
                        continent,
                        ..place
                    },
                    fallback,
                    rule: from.pin()?,
                })
            })?,
            own_subnets: from.list(|from| Some((from.prefix()?, from.pin()?)))?,
            own_asns: from.numbered()?,
            asns: from.numbered()?,
            counting: false,
        };
        let named = (read.subnets.iter().map(|(_, pin)| *pin))
            .chain(read.countries.iter().map(|(_, pin)| *pin))
            .chain(read.continents.iter().map(|(_, pin)| *pin))
            .chain(read.asns.iter().map(|(_, pin)| *pin));
        let owned = (read.own_subnets.iter().map(|(_, own)| *own))
            .chain(read.own_asns.iter().map(|(_, own)| *own));
        let nat64 = |prefix: &Prefix| {
            prefix.family == Family::V6 && [32, 40, 48, 56, 64, 96].contains(&prefix.length)
        };
        let sound = from.0.is_empty()
            && read.regions.len() <= MAX_REGIONS
            && read.pins.len() < usize::from(u16::MAX)
            && { named }.all(|pin| usize::from(pin) < read.pins.len())
            && { owned }.all(|own| usize::from(own) < read.own.len())
            && read.own.len() < usize::from(u16::MAX)
            && (read.own.iter()).all(|own| usize::from(own.rule) <= read.pins.len())
            && read.nat64.iter().all(nat64)
            && usize::from(read.unplaced.max(read.default)) <= read.pins.len()
            && read.biases.len() == read.regions.len()
            && (read.country_capacities.is_empty()
                || read.country_capacities.len() == read.regions.len())
            && read.latency.is_some() == matches!(read.ordering, Ordering::Latency)
            && { read.latency.iter() }.all(|known| known.field.columns.len() >= read.regions.len());
        sound.then_some(read)
    }

    /// Whether any region has a bias.
    #[must_use]
    pub fn is_biased(&self) -> bool {
        (self.biases.iter()).any(|bias| (bias.factor, bias.added) != (1.0, 0.0))
    }

    /// Where a client counts as standing: None, which is the edge, where nothing places it, and
    /// where only that is sure of it that it is in the edge's country.
    #[must_use]
    pub fn seen<'p>(&self, place: Option<&'p Place>) -> Option<&'p Place> {
        place.filter(|place| !(place.uncertain && place.country == self.edge_country))
    }

    /// Put those of `allowed` first that stand in the country of a client of whom that is all that
    /// is sure, in the order of the service. How many of them a block draws among.
    pub fn own_first(&self, place: Option<&Place>, allowed: &mut [u8]) -> u8 {
        let Some(place) = self.seen(place).filter(|place| place.uncertain) else {
            return 0;
        };
        let own = |region: u8| {
            let known = self.country_capacities.get(usize::from(region));
            known.is_some_and(|(country, _)| *country == place.country)
        };
        allowed.sort_by_key(|region| if own(*region) { (0, *region) } else { (1, 0) });
        let count = allowed.iter().take_while(|region| own(**region)).count();
        // One alone needs no draw.
        u8::try_from(count).map_or(u8::MAX, |count| if count > 1 { count } else { 0 })
    }

    /// Whether it matters where a client is.
    #[must_use]
    pub fn needs_places(&self) -> bool {
        self.counting
            || matches!(self.ordering, Ordering::Nearest | Ordering::Latency)
            || !self.countries.is_empty()
            || !self.continents.is_empty()
            || self.unplaced != 0
    }

    /// Whether it matters in which autonomous system a client is.
    #[must_use]
    pub fn needs_asns(&self) -> bool {
        let measured = (self.latency.as_ref()).is_some_and(|known| !known.asns.is_empty());
        !self.asns.is_empty() || !self.own_asns.is_empty() || measured
    }

    /// Whether anything goes by the autonomous system of this number.
    #[must_use]
    pub fn names_asn(&self, asn: u32) -> bool {
        numbered(&self.asns, asn).is_some()
            || numbered(&self.own_asns, asn).is_some()
            || (self.latency.as_ref()).is_some_and(|known| found(&known.asns, &asn).is_some())
    }

    /// The own place of an autonomous system, as an index plus one; 0 for none.
    #[must_use]
    pub fn own_of(&self, asn: u32) -> u16 {
        numbered(&self.own_asns, asn).map_or(0, |own| own.saturating_add(1))
    }

    /// Whether the databases can add nothing to an own place, which is given as an index plus one.
    #[must_use]
    #[inline]
    pub fn is_whole(&self, own: u16) -> bool {
        let place = self.own(own).map(|own| own.place);
        place.is_some_and(|place| place.point.is_some() && place.country != NONE)
    }

    /// Where a client is whom the databases place there, in this own place (an index plus one; 0
    /// for none): `completed` of `resolverd/geo/own_places.py`.
    #[must_use]
    pub fn placed(&self, number: u16, database: Option<&Place>) -> Place {
        let Some(own) = self.own(number) else {
            return database.copied().unwrap_or_default();
        };
        let known = database.map_or(own.place, |database| own.place.completed_by(database));
        Place {
            point: known.point.or(own.fallback),
            own: number,
            ..known
        }
    }

    fn own(&self, own: u16) -> Option<&OwnPlace> {
        self.own.get(usize::from(own).checked_sub(1)?)
    }

    /// The rule of a client at a place, in an autonomous system (0 for none) and an own place (an
    /// index plus one; 0 for none), as `GeoPins.rule_for` of `resolverd/policy/fence.py` has it;
    /// 0 where none holds, else a pin's index plus one.
    #[must_use]
    pub fn rule_for(&self, place: &Place, asn: u32, own: u16) -> u16 {
        let find = |pins: &[(Code, u16)], code: Code| {
            let found = pins.iter().find(|(known, _)| *known == code);
            found.map(|(_, pin)| pin.saturating_add(1))
        };
        let of_own = self.own(own).map(|own| own.rule).filter(|rule| *rule != 0);
        of_own
            .or_else(|| numbered(&self.asns, asn).map(|pin| pin.saturating_add(1)))
            .or_else(|| find(&self.countries, place.country))
            .or_else(|| find(&self.continents, place.continent))
            .or((place.country == NONE && self.unplaced != 0).then_some(self.unplaced))
            .unwrap_or(self.default)
    }
}

/// What a list by number, ascending, has for one.
fn numbered(list: &[(u32, u16)], number: u32) -> Option<u16> {
    let at = list
        .binary_search_by_key(&number, |(known, _)| *known)
        .ok()?;
    list.get(at).map(|(_, value)| *value)
}
