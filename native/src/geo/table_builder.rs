//! Gathering the rows of the map's table, equal ones once.

use super::farther::Farther;
use super::known_row::{Head, KnownRow, WordHasher};
use super::points::Points;
use super::preference_table::{FROM, MAX_ROWS, NEAR, PreferenceTable, Rest};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Gathers rows and gives equal ones the same number.
#[derive(Default)]
pub struct PreferenceTableBuilder {
    rows: Vec<u32>,
    heads: Vec<Head>,
    rests: Vec<u32>,
    later_rests: Vec<(u32, u32)>,
    far: Vec<u8>,
    points: Points,
    farther: Farther,
    /// Of rows, by what they are known by, and of heads.
    numbers: HashMap<(u128, u128), u32, BuildHasherDefault<WordHasher>>,
    head_numbers: HashMap<u128, u32, BuildHasherDefault<WordHasher>>,
}

impl PreferenceTableBuilder {
    /// For rows whose farther regions are worked out so.
    #[must_use]
    pub fn with(farther: Farther) -> Self {
        Self {
            farther,
            ..Self::default()
        }
    }

    /// The number of this row. None where there are too many, or it is too long.
    pub fn add(&mut self, rule: u16, preference: &[u8]) -> Option<u32> {
        self.add_drawn(rule, preference, 0)
    }

    /// The number of this row, of which the first `drawn` regions are ordered by block.
    pub fn add_drawn(&mut self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let rest = Rest::Kept(preference.get(NEAR..).unwrap_or_default());
        self.add_known(KnownRow::of(rule, preference, drawn)?, rest)
    }

    /// The number of a row that is known by its regions and has the rest of them so.
    pub fn add_known(&mut self, row: KnownRow, rest: Rest<'_>) -> Option<u32> {
        let known = (row.head.word(), row.rest);
        if let Some(&number) = self.numbers.get(&known) {
            return Some(number);
        }
        let number = self.push(row, rest)?;
        self.numbers.insert(known, number);
        Some(number)
    }

    /// The number of a row that is put behind the others, whether one is equal or not.
    pub fn push(&mut self, row: KnownRow, rest: Rest<'_>) -> Option<u32> {
        let number = self.rows.len();
        if number >= MAX_ROWS {
            return None;
        }
        let mut derived = 0;
        match rest {
            _ if row.count() <= NEAR => {}
            Rest::From(point) => {
                self.points.push(number, point)?;
                derived = FROM;
            }
            Rest::Kept(far) => {
                let place = u32::try_from(self.far.len()).ok()?;
                if self.points.is_empty() {
                    self.rests.resize(number, 0);
                    self.rests.push(place);
                } else {
                    self.later_rests.push((number as u32, place));
                }
                self.far.extend(far);
            }
        }
        let next = self.heads.len() as u32;
        let head = *self.head_numbers.entry(row.head.word()).or_insert(next);
        if head == next {
            self.heads.push(row.head);
        }
        self.rows.push(head | derived);
        Some(number as u32)
    }

    /// The number of this row, if it is there.
    #[must_use]
    pub fn number_of(&self, rule: u16, preference: &[u8], drawn: u8) -> Option<u32> {
        let row = KnownRow::of(rule, preference, drawn)?;
        self.numbers.get(&(row.head.word(), row.rest)).copied()
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> PreferenceTable {
        PreferenceTable {
            rows: self.rows.into(),
            heads: self.heads.into(),
            rests: self.rests.into(),
            later_rests: self.later_rests.into(),
            far: self.far.into(),
            points: self.points.finish(),
            farther: self.farther,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::fence::Fence;
    use crate::geo::preference_list::PreferenceList;
    use crate::geo::ranking::{Nearest, RankingScratch, Region};

    #[test]
    fn equal_rows_are_kept_once_and_read_back() {
        let mut builder = PreferenceTableBuilder::default();
        let long: Vec<u8> = (0..200).collect();
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(7, &[1, 2]), Some(1));
        assert_eq!(builder.add(0, &long), Some(0));
        assert_eq!(builder.add(0, &[0; 256]), None);
        assert_eq!(builder.add_drawn(7, &[1, 2], 2), Some(2));
        let table = builder.finish();
        assert_eq!(table.count(), 3);
        assert_eq!((table.get(1).drawn, table.get(2).drawn), (0, 2));
        let whole = |preference| PreferenceList::new(preference, &[]);
        assert_eq!(
            (table.get(0).rule, table.get(0).preference),
            (0, whole(&long))
        );
        assert_eq!(
            (table.get(1).rule, table.get(1).preference),
            (7, whole(&[1, 2]))
        );
        assert_eq!(table.get(3).preference, PreferenceList::default());
    }

    #[test]
    fn farther_regions_are_worked_out_as_they_would_be_kept() {
        let regions: Vec<Region> = (0..200_u8)
            .map(|n| Region {
                latitude: f64::from(n % 60) - 30.0,
                longitude: f64::from(n) * 1.7 - 170.0,
                weight: 1.0,
                seed: 0,
            })
            .collect();
        let nearest = || Nearest::new(&regions);
        let fence = (0..200).step_by(3).fold(Fence::NONE, Fence::with);
        let mut builder = PreferenceTableBuilder::with(Farther::new(nearest(), &[fence]));
        let mut ranked = RankingScratch::default();
        let mut expected = Vec::new();
        for number in 0..40_i32 {
            let point = (f64::from(number * 3 - 60), f64::from(number * 7 - 140));
            nearest().order(point, &mut ranked);
            let rule = (number % 2) as u16;
            let holds = |region: &u8| rule == 0 || fence.holds(*region);
            let list: Vec<u8> = ranked.order.iter().copied().filter(holds).collect();
            let row = KnownRow::of(rule, &list, 0).unwrap();
            let entry = builder.add_known(row, Rest::From(point)).unwrap();
            assert_eq!(builder.add_drawn(rule, &list, 0), Some(entry));
            expected.push((entry, list.clone()));
            if number % 3 == 0 {
                // Between them some whose other regions are kept.
                let own_first: Vec<u8> = list.into_iter().rev().collect();
                expected.push((builder.add_drawn(rule, &own_first, 2).unwrap(), own_first));
            }
        }
        let table = builder.finish();
        for (entry, list) in expected {
            let preference = table.get(entry).preference;
            assert_eq!(preference.iter().collect::<Vec<_>>(), list);
            assert_eq!(preference.count(), list.len());
            assert_eq!(preference, PreferenceList::new(&list, &[]));
        }
    }

    #[test]
    fn rows_of_every_length_are_read_back() {
        let regions: Vec<u8> = (0..=255).rev().take(40).collect();
        let mut builder = PreferenceTableBuilder::default();
        let lists = || (0..=regions.len()).filter_map(|count| regions.get(..count));
        for list in lists() {
            assert!(builder.add(9, list).is_some());
        }
        let table = builder.finish();
        for (entry, list) in (0..).zip(lists()) {
            let row = table.get(entry);
            assert_eq!(row.preference.iter().collect::<Vec<_>>(), list);
            assert_eq!(
                (row.rule, row.preference.first()),
                (9, list.first().copied())
            );
        }
    }
}
