//! Prefixes that a walk has yet to look at.

use super::leaves::unit;
use super::prefix_rows::PrefixRows;

/// A prefix to be looked at, the rule node there, and the rule and the own place around it; which
/// measured rows lie inside it, from one to before another, and which lies around it. The
/// databases' records stand in a stack beside.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) address: u128,
    pub(super) length: u8,
    pub(super) rule: u16,
    pub(super) own: u16,
    pub(super) rule_node: u32,
    pub(super) rows: (u32, u32),
    pub(super) row: u32,
}

/// Pieces still to be looked at, the next one last; `records` holds one per database each.
#[derive(Clone, Default)]
pub(super) struct Pending {
    pub(super) pieces: Vec<Piece>,
    pub(super) records: Vec<u32>,
    /// Of the piece at hand: where each database goes on in its two halves.
    pub(super) halves: Vec<[u32; 2]>,
}

impl Pending {
    /// Take the records of the piece that was taken last.
    pub(super) fn take_records(&mut self, records: &mut [u32]) {
        let rest = self.records.len().saturating_sub(records.len());
        for (to, from) in records.iter_mut().zip(self.records.drain(rest..)) {
            *to = from;
        }
    }

    /// The two halves of a piece, whose rule nodes are `low` and `high`, come next.
    #[inline]
    pub(super) fn halve(&mut self, piece: Piece, [low, high]: [u32; 2], rows: &PrefixRows<'_>) {
        let length = piece.length.saturating_add(1);
        let middle = piece.address | unit(length);
        let (from, to) = piece.rows;
        let first = rows.from_address(from, to, middle);
        self.push(
            Piece {
                address: middle,
                length,
                rule_node: high,
                rows: (first, to),
                ..piece
            },
            |[_, high]| *high,
        );
        self.push(
            Piece {
                length,
                rule_node: low,
                rows: (from, first),
                ..piece
            },
            |[low, _]| *low,
        );
    }

    #[inline]
    fn push(&mut self, piece: Piece, side: impl Fn(&[u32; 2]) -> u32) {
        self.pieces.push(piece);
        self.records.extend(self.halves.iter().map(side));
    }
}
