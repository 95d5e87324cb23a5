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

/// The entries of one geography over the places of its databases.
pub struct Entries<'a> {
    geography: &'a Geography,
    places: Vec<&'a Place>,
    /// By place number: the entry where no subnet pin holds.
    unpinned: Vec<u32>,
    /// By place number: whether no other database can add to it.
    complete: Vec<bool>,
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
    entries: HashMap<(u32, u16), u32>,
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
        let mut add = |rule: u16, place: Option<&Place>, order: &[u8]| {
            allowed.clear();
            allowed.extend(fenced(geography, rule, order));
            let drawn = geography.own_first(place, &mut allowed);
            table.add_drawn(rule, &allowed, drawn).ok_or_else(too_many)
        };
        let nowhere = geography.rule_for(NONE, NONE);
        if geography.ordering == Ordering::Nearest {
            let mut ranked = RankingScratch::default();
            nearest.order(geography.edge, &mut ranked);
            unpinned.push(add(nowhere, None, &ranked.order)?);
            let orders = orders(&nearest, geography, &places, regions);
            for (place, order) in places.iter().zip(orders.chunks(regions.max(1))) {
                let rule = geography.rule_for(place.country, place.continent);
                unpinned.push(add(rule, Some(place), order)?);
            }
        } else {
            unpinned.push(add(nowhere, None, &listed)?);
            let by_rule: Vec<u32> = (0..=u16::MAX)
                .take(geography.pins.len() + 1)
                .map(|rule| add(rule, None, &listed))
                .collect::<Result<_, _>>()?;
            for place in &places {
                let rule = geography.rule_for(place.country, place.continent);
                unpinned.push(by_rule.get(usize::from(rule)).copied().unwrap_or(0));
            }
        }
        let complete = (std::iter::once(false))
            .chain(places.iter().map(|place| place.country != NONE))
            .collect();
        Ok(Self {
            geography,
            places,
            complete,
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

    /// The entry for a place, under the rule of a subnet pin if that is not 0.
    #[inline]
    pub fn entry(&self, place: u32, rule: u16) -> u32 {
        match self.unpinned.get(place as usize) {
            Some(entry) if rule == 0 => *entry,
            _ => self.pinned_entry(place, rule),
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

    /// Whether a client's place decides its entry, under this rule of a subnet pin.
    #[inline]
    #[must_use]
    pub fn needs_place(&self, rule: u16) -> bool {
        if rule == 0 {
            self.geography.needs_places()
        } else {
            matches!(self.geography.ordering, Ordering::Nearest)
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

    fn pinned_entry(&self, place: u32, rule: u16) -> u32 {
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
        *entries.entry((place, rule)).or_insert_with(|| {
            let place = self.place(place, joined);
            let rule = match (rule, place) {
                (0, Some(place)) => self.geography.rule_for(place.country, place.continent),
                (0, None) => self.geography.rule_for(NONE, NONE),
                (pinned, _) => pinned,
            };
            if self.geography.ordering == Ordering::Nearest {
                nearest.order(self.geography.origin(place), ranked);
            } else {
                ranked.order.clear();
                ranked
                    .order
                    .extend((0..=u8::MAX).take(self.geography.regions.len()));
            }
            let mut allowed: Vec<u8> = fenced(self.geography, rule, &ranked.order).collect();
            let drawn = self.geography.own_first(place, &mut allowed);
            table.add_drawn(rule, &allowed, drawn).unwrap_or_else(|| {
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
fn orders(nearest: &Nearest, geography: &Geography, places: &[&Place], regions: usize) -> Vec<u8> {
    let all = |places: &[&Place]| {
        let mut ranked = RankingScratch::default();
        let mut orders = Vec::with_capacity(places.len() * regions);
        for place in places {
            nearest.order(geography.origin(Some(place)), &mut ranked);
            orders.extend(&ranked.order);
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
