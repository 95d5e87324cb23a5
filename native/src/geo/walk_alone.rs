//! The part of a walk in which one database alone decides what clients get, by where it places them.

use super::known::Wanted;
use super::known_paths::{Gathered, Under};
use super::leaf_budget::Granted;
use super::leaves::{Leaf, Leaves};
use super::pending::Piece;
use super::place_index::NOWHERE;
use super::prefix_rows::NO_ROW;
use super::prefix_rules::EMPTY;
use super::walk::Walk;

/// How many paths that end are looked up together.
const ENDS: usize = 512;

impl Walk<'_> {
    /// The one database that decides alone what all clients in a piece get, by where it places them:
    /// nothing else begins inside the piece or holds around it, and no other database goes on there.
    pub(super) fn alone(&self, piece: Piece, records: &[u32]) -> Option<usize> {
        let node = self.rules.node(piece.rule_node);
        let plain = piece.rule == 0
            && piece.own == 0
            && (node.halves, node.rule, node.own, node.embedded_v4) == ([EMPTY; 2], 0, 0, false)
            && (piece.row, piece.rows.0) == (NO_ROW, piece.rows.1)
            && self.measured.earlier.is_none()
            && self.entries.wanted(0, 0) == Wanted::PLACE;
        if !plain {
            return None;
        }
        let mut found = None;
        for (index, (source, &record)) in self.sources.iter().zip(records).enumerate() {
            if record < source.file.tree.count() {
                if found.is_some() || !source.places {
                    return None;
                }
                found = Some(index);
            } else if source.place_index.number(record) != NOWHERE {
                return None;
            }
        }
        found
    }

    /// Look at all below what is in `halves`: records of one database, each with its length, the
    /// next one last, all that is `under` a prefix. None where there is too much of it. Where another
    /// compilation was there before, they are left as they are.
    pub(super) fn follow_alone(
        &self,
        source: usize,
        under: Under,
        halves: &mut Vec<(u32, u8)>,
        leaves: &mut Leaves,
        left: &mut Granted,
    ) -> Option<()> {
        let tree = &self.sources.get(source)?.file.tree;
        let paths = &self.sources.get(source)?.place_index.paths;
        if let Some(known) = paths.below(under) {
            return self.follow_known(source, &known, leaves, left);
        }
        let mut gathered = paths.gather();
        let mut ends = Vec::with_capacity(ENDS);
        while let Some((mut record, mut length)) = halves.pop() {
            while record < tree.count() {
                if length >= self.deepest {
                    return None;
                }
                let [low, high] = tree.records(record);
                length += 1;
                halves.push((high, length));
                record = low;
            }
            ends.push((record, length));
            if ends.len() == ENDS {
                self.settle(source, &mut ends, &mut gathered, leaves, left)?;
            }
        }
        self.settle(source, &mut ends, &mut gathered, leaves, left)?;
        paths.put(under, gathered);
        Some(())
    }

    /// The same by what another compilation has found there.
    fn follow_known(
        &self,
        source: usize,
        known: &[Leaf],
        leaves: &mut Leaves,
        left: &mut Granted,
    ) -> Option<()> {
        let of_records = self.of_records.get(source)?;
        let nowhere = self.entries.of_place(NOWHERE)?;
        for (rank, length) in known.iter().copied().map(Gathered::path) {
            let entry = match rank {
                Some(rank) => *of_records.get(rank as usize)?,
                None => nowhere,
            };
            leaves.push(entry, length);
            self.budget.spend(left)?;
        }
        Some(())
    }

    /// Append the leaves of paths of one database that end one after another, each with its record
    /// and its length. Their entries are found first: no look-up waits for another, and together
    /// they take a part of the time.
    fn settle(
        &self,
        source: usize,
        ends: &mut Vec<(u32, u8)>,
        gathered: &mut Gathered,
        leaves: &mut Leaves,
        left: &mut Granted,
    ) -> Option<()> {
        let place_index = self.sources.get(source)?.place_index;
        let of_records = self.of_records.get(source)?;
        let nowhere = self.entries.of_place(NOWHERE)?;
        for (record, length) in &mut *ends {
            let rank = place_index.rank(*record);
            gathered.add(rank, *length);
            *record = match rank {
                Some(rank) => *of_records.get(rank as usize)?,
                None => nowhere,
            };
        }
        for (entry, length) in ends.drain(..) {
            leaves.push(entry, length);
            self.budget.spend(left)?;
        }
        Some(())
    }
}
