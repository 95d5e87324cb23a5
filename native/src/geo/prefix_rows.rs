//! Rows that were measured of prefixes: columns lent by the caller, sorted, and walked with the
//! databases.
//!
//! `PrefixColumns` of `resolverd/rtt/samples.py` has them, in host order: addresses in two halves
//! (u64 each), lengths (u8), where the samples of each prefix begin (u32, one more than there are
//! prefixes), and of each sample its region (u16), ms and confidence (f32 each). They are read
//! where they lie: a million of them take 40 MB.

use super::field::Sample;
use super::mmdb::Refused;
use crate::wire::prefix::Family;

/// No row.
pub const NO_ROW: u32 = u32::MAX;

/// The columns of one family.
#[derive(Clone, Copy, Default)]
pub struct PrefixRows<'a> {
    high: &'a [u8],
    low: &'a [u8],
    lengths: &'a [u8],
    starts: &'a [u8],
    regions: &'a [u8],
    ms: &'a [u8],
    confidence: &'a [u8],
}

impl<'a> PrefixRows<'a> {
    /// From seven columns. Refused where they are not sorted, or do not belong together.
    pub fn read(columns: [&'a [u8]; 7], family: Family) -> Result<Self, Refused> {
        let [high, low, lengths, starts, regions, ms, confidence] = columns;
        let rows = Self {
            high,
            low,
            lengths,
            starts,
            regions,
            ms,
            confidence,
        };
        let count = rows.lengths.len();
        let samples = rows.regions.len() / 2;
        let sizes = [
            high.len(),
            low.len(),
            starts.len(),
            ms.len(),
            confidence.len(),
        ];
        let mut sound = sizes
            == [
                8 * count,
                8 * count,
                4 * (count + 1),
                4 * samples,
                4 * samples,
            ]
            && count < NO_ROW as usize;
        let mut last = None;
        let mut start = 0;
        for row in 0..u32::try_from(count).unwrap_or(NO_ROW) {
            let (this, next) = (
                Some((rows.address(row), rows.length(row))),
                rows.start(row + 1),
            );
            sound &= last < this && start <= next && rows.length(row) <= family.bits();
            (last, start) = (this, next);
        }
        if !sound || start > samples {
            return Err(Refused::because(
                "what was measured of prefixes is not in order",
            ));
        }
        Ok(rows)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.lengths.len()).unwrap_or(0)
    }

    /// The address of a row, left-aligned.
    #[inline]
    #[must_use]
    pub fn address(&self, row: u32) -> u128 {
        let half = |octets: &[u8]| u64::from_ne_bytes(taken(octets, row as usize));
        u128::from(half(self.high)) << 64 | u128::from(half(self.low))
    }

    /// The length of a row.
    #[inline]
    #[must_use]
    pub fn length(&self, row: u32) -> u8 {
        self.lengths.get(row as usize).copied().unwrap_or(0)
    }

    /// The first of the rows `from` to before `to` that begins at `address` or behind it.
    #[must_use]
    pub fn from_address(&self, from: u32, to: u32, address: u128) -> u32 {
        let (mut from, mut to) = (from, to);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.address(middle) < address {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }

    /// Write the samples of a row into `samples`, by the column that each region has, if any.
    pub fn samples(&self, row: u32, columns: &[u16], samples: &mut Vec<Sample>) {
        samples.clear();
        if row == NO_ROW {
            return;
        }
        for at in self.start(row)..self.start(row + 1) {
            let region = u16::from_ne_bytes(taken(self.regions, at));
            let Some(&column) = columns.get(usize::from(region)) else {
                continue;
            };
            if column != u16::MAX {
                samples.push(Sample {
                    column,
                    ms: f64::from(f32::from_ne_bytes(taken(self.ms, at))),
                    confidence: f64::from(f32::from_ne_bytes(taken(self.confidence, at))),
                });
            }
        }
    }

    fn start(&self, row: u32) -> usize {
        u32::from_ne_bytes(taken(self.starts, row as usize)) as usize
    }
}

/// The element of a column; zeros where there is none.
#[inline]
fn taken<const N: usize>(octets: &[u8], index: usize) -> [u8; N] {
    octets
        .get(index * N..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prefixes: &[(u64, u8)], starts: &[u32]) -> Option<u32> {
        let high: Vec<u8> = { prefixes.iter() }
            .flat_map(|p| p.0.to_ne_bytes())
            .collect();
        let lengths: Vec<u8> = prefixes.iter().map(|p| p.1).collect();
        let starts: Vec<u8> = starts.iter().flat_map(|s| s.to_ne_bytes()).collect();
        let low = vec![0; high.len()];
        let columns: [&[u8]; 7] = [&high, &low, &lengths, &starts, &[0; 4], &[0; 8], &[0; 8]];
        let rows = PrefixRows::read(columns, Family::V4).ok()?;
        Some(rows.from_address(0, rows.count(), 5 << 120))
    }

    #[test]
    fn rows_are_sorted_and_complete_or_refused() {
        let (five, ten) = (5 << 56, 10 << 56);
        assert_eq!(read(&[], &[0]), Some(0));
        assert_eq!(
            read(&[(five, 8), (five, 24), (ten, 8)], &[0, 1, 2, 2]),
            Some(0)
        );
        assert_eq!(read(&[(0, 1), (ten, 8)], &[0, 1, 2]), Some(1));
        assert_eq!(read(&[(ten, 8), (five, 8)], &[0, 1, 2]), None);
        assert_eq!(read(&[(five, 8), (five, 8)], &[0, 1, 2]), None);
        assert_eq!(read(&[(five, 33)], &[0, 1]), None);
        assert_eq!(read(&[(five, 8)], &[0, 3]), None);
        assert_eq!(read(&[(five, 8)], &[0]), None);
    }
}
