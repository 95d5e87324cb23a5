//! Entries of the map: for a place and a rule, the row of regions that such a client gets.

use super::contract::Ordering;
use super::geography::Geography;
use super::mmdb::Refused;
use super::place::{NONE, Place};
use super::place_index::NOWHERE;
use super::preference_table::{PreferenceTable, PreferenceTableBuilder};
use super::ranking::{Nearest, RankingScratch};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What decides a client's entry beside what the databases say of its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// The autonomous system; 0 for none that matters.
    pub asn: u32,
    /// The operator's own place by subnet, an index plus one; 0 for none.
    pub own: u16,
    /// The rule of a subnet pin; 0 for none.
    pub rule: u16,
}

/// What the databases are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Where a client is.
    pub place: bool,
    /// In which autonomous system.
    pub asn: bool,
}

impl Wanted {
    /// Nothing: its entry is the same wherever a client is.
    pub const NOTHING: Self = Self {
        place: false,
        asn: false,
    };
}

/// Autonomous systems that are known, and that nothing goes by.
const OTHER: u32 = u32::MAX;

/// The entries of one geography over the places of its databases.
pub struct Entries<'a> {
    geography: &'a Geography,
    places: Vec<&'a Place>,
    /// By place number: the entry where no subnet pin holds.
    unpinned: Vec<u32>,
    /// By place number: whether no other database can add to it.
    complete: Vec<bool>,
    /// By place number, where autonomous systems matter: it, [`OTHER`], or 0 where unknown.
    asns: Vec<u32>,
    /// The entry of IPv4-embedded prefixes, equal to no other.
    pub embedded_v4: u32,
    pinned: Mutex<Pinned>,
}

/// Entries under subnet pins, and those of places that several databases know in part, made as
/// the walk meets them.
struct Pinned {
    table: PreferenceTableBuilder,
    /// Places put together, whose numbers follow those of all others, and of which two each is.
    joined: Vec<Place>,
    numbers: HashMap<(u32, u32), u32>,
    entries: HashMap<(u32, Client), u32>,
    nearest: Nearest,
    ranked: RankingScratch,
    full: bool,
}

impl<'a> Entries<'a> {
    /// The entries of all `places`, whose numbers begin at 1; 0 is the edge.
    pub fn new(geography: &'a Geography, places: Vec<&'a Place>) -> Result<Self, Refused> {
        let regions = geography.regions.len();
        let listed: Vec<u8> = (0..=u8::MAX).take(regions).collect();
        let mut table = PreferenceTableBuilder::new(regions.max(1));
        // No region has this number, so no other row is like it.
        let embedded_v4 = table.add(0, &[u8::MAX]).ok_or_else(too_many)?;
        let nearest = Nearest::new(&geography.regions);
        let mut unpinned = Vec::with_capacity(places.len() + 1);
        let mut allowed = Vec::with_capacity(regions);
        let mut add = |rule: u16, order: &[u8]| {
            allowed.clear();
            allowed.extend(fenced(geography, rule, order));
            table.add(rule, &allowed).ok_or_else(too_many)
        };
        let nowhere = geography.rule_for(&Place::default(), 0, 0);
        if geography.ordering == Ordering::Nearest {
            let mut ranked = RankingScratch::default();
            nearest.order(geography.edge, &mut ranked);
            unpinned.push(add(nowhere, &ranked.order)?);
            let orders = orders(&nearest, geography.edge, &places, regions);
            for (place, order) in places.iter().zip(orders.chunks(regions.max(1))) {
                let rule = geography.rule_for(place, 0, 0);
                unpinned.push(add(rule, order)?);
            }
        } else {
            let nothing = if geography.counting { &[] } else { &*listed };
            unpinned.push(add(nowhere, nothing)?);
            let by_rule: Vec<u32> = (0..=u16::MAX)
                .take(geography.pins.len() + 1)
                .map(|rule| add(rule, &listed))
                .collect::<Result<_, _>>()?;
            for place in &places {
                let rule = geography.rule_for(place, 0, 0);
                unpinned.push(if place.is_somewhere() {
                    by_rule.get(usize::from(rule)).copied().unwrap_or(0)
                } else {
                    add(rule, nothing)?
                });
            }
        }
        let complete = (std::iter::once(false))
            .chain(places.iter().map(|place| place.country != NONE))
            .collect();
        let asn = |asn| {
            if asn == 0 || geography.names_asn(asn) {
                asn
            } else {
                OTHER
            }
        };
        let asns = if geography.needs_asns() {
            (std::iter::once(0))
                .chain(places.iter().map(|place| asn(place.asn)))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Self {
            geography,
            places,
            complete,
            asns,
            unpinned,
            embedded_v4,
            pinned: Mutex::new(Pinned {
                table,
                joined: Vec::new(),
                numbers: HashMap::new(),
                entries: HashMap::new(),
                nearest,
                ranked: RankingScratch::default(),
                full: false,
            }),
        })
    }

    /// The entry for a place of the databases and what else is known of a client.
    #[inline]
    pub fn entry(&self, place: u32, client: Client) -> u32 {
        let plain = client.asn == 0 && client.own == 0 && client.rule == 0;
        match self.unpinned.get(place as usize) {
            Some(entry) if plain => *entry,
            _ => self.pinned_entry(place, client),
        }
    }

    /// The autonomous system that a place's record tells, 0 for one that nothing goes by; None
    /// where it tells none.
    #[inline]
    #[must_use]
    pub fn asn(&self, place: u32) -> Option<u32> {
        match self.asns.get(place as usize) {
            None | Some(0) => None,
            Some(&OTHER) => Some(0),
            Some(asn) => Some(*asn),
        }
    }

    /// The number of the place `one`, completed by what `other` knows.
    #[cold]
    pub fn completed(&self, one: u32, other: u32) -> u32 {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let Pinned {
            joined, numbers, ..
        } = &mut *pinned;
        *numbers.entry((one, other)).or_insert_with(|| {
            let (Some(first), Some(second)) = (self.place(one, joined), self.place(other, joined))
            else {
                return one;
            };
            let made = first.completed_by(second);
            if made == *first {
                return one;
            }
            joined.push(made);
            u32::try_from(self.places.len() + joined.len()).unwrap_or(one)
        })
    }

    /// Whether the place of this number leaves nothing for another database to add.
    #[inline]
    #[must_use]
    pub fn is_complete(&self, place: u32) -> bool {
        match self.complete.get(place as usize) {
            Some(complete) => *complete,
            None => self.is_joined_complete(place),
        }
    }

    #[cold]
    fn is_joined_complete(&self, place: u32) -> bool {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        self.place(place, &pinned.joined)
            .is_none_or(|place| place.country != NONE)
    }

    /// The place of a number; None for the edge.
    fn place<'b>(&'b self, number: u32, joined: &'b [Place]) -> Option<&'b Place> {
        let index = (number as usize).checked_sub(1)?;
        match index.checked_sub(self.places.len()) {
            None => self.places.get(index).copied(),
            Some(index) => joined.get(index),
        }
    }

    /// What decides a client's entry, under this rule of a subnet pin and in this own place.
    #[inline]
    #[must_use]
    pub fn wanted(&self, rule: u16, own: u16) -> Wanted {
        let ranked = matches!(self.geography.ordering, Ordering::Nearest);
        let counting = self.geography.counting;
        let place = if rule == 0 {
            self.geography.needs_places()
        } else {
            ranked || counting
        };
        Wanted {
            place: place && (own == 0 || counting || !self.geography.is_whole(own)),
            asn: self.geography.needs_asns() && (rule == 0 || ranked),
        }
    }

    /// All rows. Refused where there were too many.
    pub fn finish(self) -> Result<PreferenceTable, Refused> {
        let pinned = (self.pinned.into_inner()).unwrap_or_else(PoisonError::into_inner);
        if pinned.full {
            return Err(too_many());
        }
        Ok(pinned.table.finish())
    }

    fn pinned_entry(&self, place: u32, client: Client) -> u32 {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let Pinned {
            table,
            entries,
            nearest,
            ranked,
            full,
            joined,
            ..
        } = &mut *pinned;
        *entries.entry((place, client)).or_insert_with(|| {
            let own = match client.own {
                0 => self.geography.own_of(client.asn),
                own => own,
            };
            let database = self.place(place, joined);
            let counted = !self.geography.counting || database.is_some_and(Place::is_somewhere);
            let place = self.geography.placed(own, database);
            let rule = match client.rule {
                0 => self.geography.rule_for(&place, client.asn, own),
                pinned => pinned,
            };
            if self.geography.ordering == Ordering::Nearest {
                nearest.order(place.point.unwrap_or(self.geography.edge), ranked);
            } else {
                ranked.order.clear();
                ranked
                    .order
                    .extend((0..=u8::MAX).take(self.geography.regions.len()));
            }
            let mut allowed: Vec<u8> = fenced(self.geography, rule, &ranked.order).collect();
            if !counted {
                allowed.clear();
            }
            table.add(rule, &allowed).unwrap_or_else(|| {
                *full = true;
                0
            })
        })
    }
}

/// Those of `order` that a rule allows.
fn fenced(geography: &Geography, rule: u16, order: &[u8]) -> impl Iterator<Item = u8> {
    let fence = usize::from(rule)
        .checked_sub(1)
        .and_then(|pin| geography.pins.get(pin));
    order
        .iter()
        .copied()
        .filter(move |region| fence.is_none_or(|fence| fence.holds(*region)))
}

/// The orders of all places behind one another, by two threads.
fn orders(nearest: &Nearest, edge: (f64, f64), places: &[&Place], regions: usize) -> Vec<u8> {
    let all = |places: &[&Place]| {
        let mut ranked = RankingScratch::default();
        nearest.order(edge, &mut ranked);
        let from_edge = ranked.order.clone();
        let mut orders = Vec::with_capacity(places.len() * regions);
        for place in places {
            let order = place.point.map_or(&from_edge, |point| {
                nearest.order(point, &mut ranked);
                &ranked.order
            });
            orders.extend(order);
        }
        orders
    };
    let (first, second) = places.split_at(places.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| all(second));
        let mut orders = all(first);
        // A thread that died leaves no orders; its places then have none, and are refused.
        orders.extend(other.join().unwrap_or_default());
        orders
    })
}

fn too_many() -> Refused {
    Refused::because("its places have more distinct preference lists than a map can hold")
}

const _: () = assert!(NOWHERE == 0);
