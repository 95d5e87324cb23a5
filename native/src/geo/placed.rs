//! Places by number: those of the databases, and those that are made as a walk meets them, of what
//! several databases know in part, of own places and of autonomous systems.

use super::geography::Geography;
use super::place::{NONE, Place};
use super::place_index::NOWHERE;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// All of them. Numbers begin at 1; 0 is the edge.
pub struct Places<'a> {
    known: Vec<&'a Place>,
    /// By place number: whether no other database can add to it.
    complete: Vec<bool>,
    made: Mutex<Made>,
}

/// Places that were made, whose numbers follow those of all others, and of what each was.
#[derive(Default)]
struct Made {
    places: Vec<Place>,
    /// By the two that were joined.
    joined: HashMap<(u32, u32), u32>,
    /// By the place, the own place and the autonomous system.
    settled: HashMap<(u32, u16, u32), u32>,
}

impl<'a> Places<'a> {
    /// Those of the databases.
    #[must_use]
    pub fn new(known: Vec<&'a Place>) -> Self {
        let complete = (std::iter::once(false))
            .chain(known.iter().map(|place| place.country != NONE))
            .collect();
        Self {
            known,
            complete,
            made: Mutex::default(),
        }
    }

    /// Those of the databases, by number less one.
    #[must_use]
    pub fn known(&self) -> &[&'a Place] {
        &self.known
    }

    /// The place of a number; None for the edge.
    pub fn get(&self, number: u32) -> Option<Place> {
        let index = (number as usize).checked_sub(1)?;
        match index.checked_sub(self.known.len()) {
            None => self.known.get(index).map(|place| **place),
            Some(index) => {
                let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                made.places.get(index).copied()
            }
        }
    }

    /// The number of the place `one`, completed by what `other` knows.
    #[cold]
    pub fn completed(&self, one: u32, other: u32) -> u32 {
        let (Some(first), Some(second)) = (self.get(one), self.get(other)) else {
            return one;
        };
        let joined = first.completed_by(&second);
        if joined == first {
            return one;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = made.joined.get(&(one, other)) {
            return number;
        }
        let number = made.add(joined, self.known.len()).unwrap_or(one);
        made.joined.insert((one, other), number);
        number
    }

    /// The number of a place of the databases, in an own place (an index plus one) and an
    /// autonomous system; 0 for none of these.
    pub fn settled(&self, place: u32, own: u16, asn: u32, geography: &Geography) -> u32 {
        if own == 0 && asn == 0 {
            return place;
        }
        let database = self.get(place);
        let settled = Place {
            asn,
            ..geography.placed(own, database.as_ref())
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = made.settled.get(&(place, own, asn)) {
            return number;
        }
        let number = made.add(settled, self.known.len()).unwrap_or(place);
        made.settled.insert((place, own, asn), number);
        number
    }

    /// Whether the place of this number leaves nothing for another database to add.
    #[inline]
    #[must_use]
    pub fn is_complete(&self, place: u32) -> bool {
        match self.complete.get(place as usize) {
            Some(complete) => *complete,
            None => self.is_made_complete(place),
        }
    }

    #[cold]
    fn is_made_complete(&self, place: u32) -> bool {
        self.get(place).is_none_or(|place| place.country != NONE)
    }
}

impl Made {
    /// Add a place behind `known` others, and give its number.
    fn add(&mut self, place: Place, known: usize) -> Option<u32> {
        self.places.push(place);
        u32::try_from(known + self.places.len()).ok()
    }
}

const _: () = assert!(NOWHERE == 0);
