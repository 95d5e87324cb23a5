//! The places of exchanges that are under way, each known by a number that is never used again.

use super::exchange::Exchange;
use std::net::TcpStream;

/// Bits of a number that say which place it is; the others count who has had the place.
const PLACE_BITS: u32 = 24;

/// Places, of which there are more as they are needed.
#[derive(Default)]
pub struct Slots {
    places: Vec<Place>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Place {
    uses: u64,
    held: Held,
}

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    UnderWay(Exchange),
    /// What has come of one that is left to Python.
    Left(Vec<u8>),
}

impl Slots {
    /// The number that the next one has.
    pub fn next(&mut self) -> u64 {
        let place = *self.free.last().unwrap_or(&self.places.len());
        if place == self.places.len() {
            self.places.push(Place::default());
            self.free.push(place);
        }
        let uses = self.places.get(place).map_or(0, |place| place.uses);
        (uses << PLACE_BITS) | place as u64
    }

    /// Put one in, by the number that `next` has told.
    pub fn put(&mut self, exchange: Exchange) {
        if let Some(place) = self.free.pop().and_then(|place| self.places.get_mut(place)) {
            place.held = Held::UnderWay(exchange);
        }
    }

    /// One that is under way.
    pub fn get(&self, number: u64) -> Option<&Exchange> {
        match &self.places.get(place_of(number))? {
            Place {
                uses,
                held: Held::UnderWay(exchange),
            } if *uses == number >> PLACE_BITS => Some(exchange),
            _ => None,
        }
    }

    /// The same, to go on with.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Exchange> {
        match self.find(number)? {
            Held::UnderWay(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// Keep no more of one than what has come; its connection.
    pub fn leave(&mut self, number: u64) -> Option<TcpStream> {
        let held = self.find(number)?;
        match std::mem::take(held) {
            Held::UnderWay(exchange) => {
                let (stream, received) = exchange.parts();
                *held = Held::Left(received);
                Some(stream)
            }
            other => {
                *held = other;
                None
            }
        }
    }

    /// Give its place away, and what has come, where it was left.
    pub fn free(&mut self, number: u64) -> Vec<u8> {
        let Some(place) = self.places.get_mut(place_of(number)) else {
            return Vec::new();
        };
        if place.uses != number >> PLACE_BITS || matches!(place.held, Held::Nothing) {
            return Vec::new();
        }
        place.uses += 1;
        self.free.push(place_of(number));
        match std::mem::take(&mut place.held) {
            Held::Left(received) => received,
            _ => Vec::new(),
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut Held> {
        let place = self.places.get_mut(place_of(number))?;
        (place.uses == number >> PLACE_BITS).then_some(&mut place.held)
    }
}

fn place_of(number: u64) -> usize {
    (number & ((1 << PLACE_BITS) - 1)) as usize
}
