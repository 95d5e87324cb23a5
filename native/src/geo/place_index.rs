//! One database's places: checked once, then known by the tree's own records.

use super::countries::Countries;
use super::folded_hash::FoldedHash;
use super::known_paths::KnownPaths;
use super::mmdb::bits::Ranked;
use super::mmdb::check::check_values;
use super::mmdb::metadata::Layout;
use super::mmdb::paths::check_paths;
use super::mmdb::survey::survey;
use super::mmdb::{File, Refused, SEPARATOR};
use super::place::Place;
use super::record::{Reader, Unreadable};
use std::sync::mpsc;
use std::thread;

/// The share of unreadable records above which a database is refused, in percent.
const MAX_UNREADABLE: usize = 1;

/// The number that stands for no place.
pub const NOWHERE: u32 = 0;

/// What a check counted; as `WalkReport` of `resolverd/geo/inspection.py`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The tree's records that name data.
    pub networks: u64,
    /// Distinct data records.
    pub records: u64,
    /// Those of them that cannot be read.
    pub unreadable: u64,
    /// Why the first of those cannot be read; empty where all can.
    pub first_reason: String,
}

/// The places of one database that has passed its check.
///
/// It holds nothing of the file, which is lent again for each compilation.
pub struct PlaceIndex {
    /// What the check counted.
    pub report: Report,
    /// The distinct places; number `n + 1` is the place `n`.
    pub places: Vec<Place>,
    node_count: u32,
    offsets: Ranked,
    numbers: Vec<u32>,
    /// What compilations found in the tree.
    pub paths: KnownPaths,
}

impl PlaceIndex {
    /// Check a whole file and read every record once; `tick` hears the part done.
    pub fn read(
        file: &File<'_>,
        countries: &Countries,
        tick: impl Fn(f64) + Sync,
    ) -> Result<Self, Refused> {
        let found = survey(file, |part| tick(0.4 * part))?;
        let paths_end = found.paths_end;
        let (values, paths) = thread::scope(|scope| {
            let paths = scope.spawn(|| match paths_end {
                true => Ok(()),
                false => check_paths(file, |part| tick(0.4 + 0.2 * part)),
            });
            let values = check_values(file.data, &found.offsets, |_| ());
            (values, paths.join())
        });
        paths.map_err(|_| Refused::died())??;
        values?;
        let offsets: Vec<u32> = found.offsets.iter().collect();
        let (first, rest) = offsets.split_at(offsets.len() * NUMBERING / 100);
        let all = offsets.len();
        let read = thread::scope(|scope| {
            let (give, take) = mpsc::channel();
            let other = scope.spawn(move || read_rest(file, countries, rest, &give));
            let mut reader = Reader::new(file.data, file.layout, countries);
            let mut read = ReadPlaces::with_room(all);
            for offsets in first.chunks(AT_ONCE) {
                tick(0.6 + 0.4 * (read.numbers.len() as f64 / all as f64));
                read.number(places_of(&mut reader, offsets));
            }
            for places in take {
                tick(0.6 + 0.4 * (read.numbers.len() as f64 / all as f64));
                read.number(places);
            }
            other.join().ok().map(|()| read)
        });
        let read = read.ok_or_else(Refused::died)?;
        let report = Report {
            networks: found.networks,
            records: all as u64,
            unreadable: read.unreadable as u64,
            first_reason: read.first_reason.unwrap_or_default().into(),
        };
        drop(offsets);
        let (places, numbers) = (read.places.finish(), read.numbers);
        Self {
            report,
            places,
            node_count: file.tree.count(),
            offsets: Ranked::new(&found.offsets),
            numbers,
            paths: KnownPaths::default(),
        }
        .judge()
    }

    /// The number of the place behind a record of the tree that is not a node.
    #[must_use]
    #[inline]
    pub fn number(&self, record: u32) -> u32 {
        let number = self
            .rank(record)
            .and_then(|rank| self.numbers.get(rank as usize));
        number.map_or(NOWHERE, |number| *number)
    }

    /// Which of the data records a record of the tree names; None for a node, and for none.
    #[must_use]
    #[inline]
    pub fn rank(&self, record: u32) -> Option<u32> {
        let first = self.node_count as usize + SEPARATOR;
        let offset = (record as usize).checked_sub(first)?;
        self.offsets.rank(offset).map(|rank| rank as u32)
    }

    /// The number of the place behind each data record, by its rank.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Octets of memory.
    #[must_use]
    pub fn size(&self) -> usize {
        self.offsets.size() + 4 * self.numbers.len() + size_of::<Place>() * self.places.len()
    }

    fn judge(self) -> Result<Self, Refused> {
        let Report {
            records,
            unreadable,
            first_reason,
            ..
        } = &self.report;
        // One record is never the reason, however few there are.
        let too_many = *unreadable > 1 && *unreadable * 100 > *records * MAX_UNREADABLE as u64;
        if too_many || (*unreadable == *records && *records > 0) {
            return Err(Refused(format!(
                "{unreadable} of its {records} records cannot be read ({first_reason})"
            )));
        }
        if self.places.is_empty() {
            return Err(Refused(format!(
                "none of its {records} records gives a place"
            )));
        }
        Ok(self)
    }
}

/// Equal for equal places; -0.0 and 0.0 degrees stay apart, which costs nothing.
fn key(place: &Place) -> [u64; 4] {
    let ([a, b], [c, d]) = (place.country, place.continent);
    let uncertain = u64::from(place.uncertain) << 32;
    // No coordinate is a NaN, which therefore stands for none.
    let (latitude, longitude) = place.point.unwrap_or((f64::NAN, f64::NAN));
    [
        latitude.to_bits(),
        longitude.to_bits(),
        u64::from(u32::from_be_bytes([a, b, c, d])),
        u64::from(place.told_asn) | uncertain,
    ]
}

/// Distinct places, numbered from one.
///
/// A large database has half a million of them, nearly all distinct: what a slot has of the hash
/// tells nearly all others apart, without a look at the place.
#[derive(Default)]
struct Places {
    known: Vec<Place>,
    /// By hash, and from there on to the first that is free. A power of two, half of which are free.
    slots: Vec<Slot>,
    secret: FoldedHash,
}

/// A part of the hash that does not choose the slot, and the number of the place; 0 where it is free.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

const FREE: Slot = Slot {
    hash: 0,
    number: NOWHERE,
};

impl Places {
    /// None yet, with slots for so many, that nothing has to be put anew.
    fn with_room(count: usize) -> Self {
        Self {
            slots: vec![FREE; (2 * count + 1).next_power_of_two()],
            ..Self::default()
        }
    }

    fn number(&mut self, place: &Place) -> u32 {
        if 2 * self.known.len() >= self.slots.len() {
            self.grow();
        }
        let wanted = key(place);
        let hash = self.secret.of(wanted);
        let mask = self.slots.len().wrapping_sub(1);
        let (mut at, tag) = (hash as usize & mask, (hash >> 32) as u32);
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.number == NOWHERE {
                self.known.push(*place);
                slot.number = self.known.len() as u32;
                slot.hash = tag;
                return slot.number;
            }
            let known = || self.known.get(slot.number as usize - 1);
            if slot.hash == tag && known().is_some_and(|known| key(known) == wanted) {
                return slot.number;
            }
            at = (at + 1) & mask;
        }
        NOWHERE
    }

    fn grow(&mut self) {
        self.slots = vec![FREE; (2 * self.slots.len()).max(1024)];
        let mask = self.slots.len().wrapping_sub(1);
        for (number, place) in (1..).zip(&self.known) {
            let hash = self.secret.of(key(place));
            let mut at = hash as usize & mask;
            while let Some(slot) = self.slots.get_mut(at) {
                if slot.number == NOWHERE {
                    slot.number = number;
                    slot.hash = (hash >> 32) as u32;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }

    fn finish(mut self) -> Vec<Place> {
        self.known.shrink_to_fit();
        self.known
    }
}

/// What was read, in the order of the records.
struct ReadPlaces {
    places: Places,
    /// Of each record.
    numbers: Vec<u32>,
    unreadable: usize,
    first_reason: Option<Unreadable>,
}

impl ReadPlaces {
    /// Nothing yet, with room for so many records.
    fn with_room(count: usize) -> Self {
        Self {
            places: Places::with_room(count),
            numbers: Vec::with_capacity(count),
            unreadable: 0,
            first_reason: None,
        }
    }

    /// Number the places of the records that come next.
    fn number(&mut self, read: impl IntoIterator<Item = PlaceRead>) {
        for place in read {
            let place = place.unwrap_or_else(|reason| {
                self.unreadable += 1;
                self.first_reason.get_or_insert(reason);
                None
            });
            let number = place.map_or(NOWHERE, |place| self.places.number(&place));
            self.numbers.push(number);
        }
    }
}

/// What one record gave.
type PlaceRead = Result<Option<Place>, Unreadable>;

/// Of a hundred records so many are read by the thread that numbers the places of all, which takes
/// about as long as the reading of the others.
const NUMBERING: usize = 33;

/// Records whose places are handed over together.
const AT_ONCE: usize = 1 << 12;

/// Read the records that the other thread leaves, and give it their places in order.
fn read_rest(
    file: &File<'_>,
    countries: &Countries,
    offsets: &[u32],
    give: &mpsc::Sender<Vec<PlaceRead>>,
) {
    let mut reader = Reader::new(file.data, file.layout, countries);
    for offsets in offsets.chunks(AT_ONCE) {
        // Nobody takes them where the other thread has died, which is told by its end.
        if give
            .send(places_of(&mut reader, offsets).collect())
            .is_err()
        {
            return;
        }
    }
}

fn places_of(reader: &mut Reader<'_>, offsets: &[u32]) -> impl Iterator<Item = PlaceRead> {
    (offsets.iter()).map(|offset| reader.place(*offset as usize))
}

/// What is kept of a layout in numbers, for those who read a report.
#[must_use]
pub const fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::City => "nested city",
        Layout::Country => "nested country",
        Layout::Flat => "flat",
        Layout::Ipinfo => "ipinfo",
        Layout::Asn => "autonomous systems",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_places_have_one_number_and_others_their_own() {
        let place = |number: u32| Place {
            told_asn: number,
            ..Place::default()
        };
        let mut places = Places::default();
        for number in (0..5000).chain(0..5000) {
            assert_eq!(places.number(&place(number)), number + 1);
        }
        assert_eq!(places.finish().len(), 5000);
    }
}
