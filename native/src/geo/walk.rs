//! All databases and all prefix rules walked together, bit by bit, into leaves in address order.
//!
//! A prefix is cut in two while a database that has to be asked goes on below it, while a pin, an
//! own place, an IPv4-embedded prefix or a measured prefix begins inside it, or while the earlier
//! map, whose orders are left only for what is worth it, tells its parts apart. Databases are asked
//! in order and the first that places the prefix ends the asking, as `resolverd/geo/locator.py` has
//! it; where autonomous systems matter, it goes on until that is known too.

use super::entries::{Entries, EntryScratch};
use super::known::{Client, Known, NO_ENTRY, Wanted};
use super::leaf_budget::{Granted, LeafBudget};
use super::leaves::Leaves;
use super::mmdb::{File, Refused};
use super::networks::Networks;
use super::pending::{Pending, Piece};
use super::place_index::{NOWHERE, PlaceIndex};
use super::prefix_rows::{NO_ROW, PrefixRows};
use super::prefix_rules::{EMPTY, PrefixRules, ROOT};
use crate::wire::prefix::Family;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Below this many bits the work is cut up for the threads.
const PART_BITS: u8 = 10;

/// One database: its file, its places, and the number of its first place less one.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file, taken apart.
    pub file: File<'a>,
    /// Its places.
    pub place_index: &'a PlaceIndex,
    /// What is added to its place numbers.
    pub base: u32,
    /// Whether it tells where networks are.
    pub places: bool,
    /// Whether it tells autonomous systems that matter.
    pub asns: bool,
}

/// One family's walk.
pub struct Walk<'a> {
    pub(super) sources: &'a [Source<'a>],
    pub(super) entries: &'a Entries<'a>,
    pub(super) rules: PrefixRules,
    pub(super) measured: Measured<'a>,
    /// By source, and by the rank of a data record: the entry of whom that places.
    pub(super) of_records: Vec<Vec<u32>>,
    pub(super) deepest: u8,
    pub(super) budget: LeafBudget,
}

/// What was measured of one family's prefixes, and the leaves of the map before.
#[derive(Clone, Copy, Default)]
pub struct Measured<'a> {
    /// Sorted.
    pub rows: PrefixRows<'a>,
    /// None where no order is to be kept.
    pub earlier: Option<&'a Networks>,
}

/// A part of the space whose leaves are known, or are yet to be made.
enum Part {
    Leaf(u32, u8),
    Work(Pending),
}

impl<'a> Walk<'a> {
    /// Prepare to walk `family`.
    #[must_use]
    pub fn new(
        sources: &'a [Source<'a>],
        entries: &'a Entries<'a>,
        rules: PrefixRules,
        measured: Measured<'a>,
        family: Family,
    ) -> Self {
        let nodes: u64 = sources.iter().map(|s| u64::from(s.file.tree.count())).sum();
        let earlier = measured.earlier.map_or(0, |earlier| earlier.size().0);
        // A measured prefix alone in a wide network is cut out of it bit by bit.
        let rows = u64::from(measured.rows.count()) * u64::from(family.bits());
        let nodes = nodes + (rules.count() + earlier) as u64;
        let of_records = sources.iter().map(|source| {
            let numbers = source.place_index.numbers();
            entries.of_records(numbers, source.base)
        });
        Self {
            sources,
            entries,
            rules,
            measured,
            of_records: of_records.collect(),
            deepest: family.bits(),
            budget: LeafBudget::new(nodes, rows, 1 << PART_BITS),
        }
    }

    /// The family's leaves, made by two threads; `tick` hears the part done.
    pub fn leaves(&self, tick: impl Fn(f64) + Sync) -> Result<Leaves, Refused> {
        let parts = self.parts();
        let made: Vec<Mutex<Option<Leaves>>> = parts.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut scratch = EntryScratch::default();
            loop {
                let index = next.fetch_add(1, Relaxed);
                let (Some(part), Some(slot)) = (parts.get(index), made.get(index)) else {
                    return;
                };
                if let Part::Work(pending) = part {
                    let mut leaves = Leaves::new();
                    if self
                        .follow(pending.clone(), &mut leaves, &mut scratch)
                        .is_some()
                    {
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaves);
                    }
                    tick(index as f64 / parts.len() as f64);
                }
            }
        };
        thread::scope(|scope| {
            scope.spawn(work);
            work();
        });
        let mut whole = Leaves::new();
        for (part, made) in parts.iter().zip(made) {
            match part {
                Part::Leaf(entry, length) => whole.push(*entry, *length),
                Part::Work(_) => {
                    let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
                    whole.append(&made.ok_or_else(|| {
                        Refused::because(
                            "its search tree has a cycle, or nodes shared beyond reason",
                        )
                    })?);
                }
            }
        }
        Ok(whole)
    }

    /// The whole space, cut to prefixes of at most [`PART_BITS`] bits, in address order.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut pending = Pending::default();
        let mut scratch = EntryScratch::default();
        pending.pieces.push(Piece {
            address: 0,
            length: 0,
            rule: 0,
            own: 0,
            rule_node: ROOT,
            rows: (0, self.measured.rows.count()),
            row: NO_ROW,
        });
        for source in self.sources {
            pending.records.push(self.root(source));
        }
        let mut records = vec![0; self.sources.len()];
        while let Some(piece) = pending.pieces.pop() {
            pending.take_records(&mut records);
            if piece.length == PART_BITS {
                parts.push(Part::Work(Pending {
                    pieces: vec![piece],
                    records: records.clone(),
                    halves: Vec::new(),
                }));
            } else if let Some(entry) = self.look(piece, &records, &mut pending, &mut scratch) {
                parts.push(Part::Leaf(entry, piece.length));
            }
        }
        parts
    }

    /// Look at all that is pending. None where there is too much of it.
    fn follow(
        &self,
        mut pending: Pending,
        leaves: &mut Leaves,
        scratch: &mut EntryScratch,
    ) -> Option<()> {
        let mut records = vec![0; self.sources.len()];
        let mut left = Granted::default();
        let mut halves = Vec::with_capacity(129);
        while let Some(piece) = pending.pieces.pop() {
            pending.take_records(&mut records);
            if let Some(source) = self.alone(piece, &records) {
                let under = (self.deepest, piece.address, piece.length);
                halves.clear();
                halves.push((records.get(source).copied()?, piece.length));
                self.follow_alone(source, under, &mut halves, leaves, &mut left)?;
            } else if let Some(entry) = self.look(piece, &records, &mut pending, scratch) {
                leaves.push(entry, piece.length);
                self.budget.spend(&mut left)?;
            } else if piece.length >= self.deepest {
                return None;
            }
        }
        Some(())
    }

    /// The entry of a piece that is one leaf; else its halves go to `pending`.
    #[inline]
    fn look(
        &self,
        mut piece: Piece,
        records: &[u32],
        pending: &mut Pending,
        scratch: &mut EntryScratch,
    ) -> Option<u32> {
        let rule_node = self.rules.node(piece.rule_node);
        if rule_node.embedded_v4 {
            return Some(self.entries.embedded_v4);
        }
        if rule_node.rule != 0 {
            piece.rule = rule_node.rule;
        }
        if rule_node.own != 0 {
            piece.own = rule_node.own;
        }
        let rows = &self.measured.rows;
        // It lies inside, so that with this length it is the piece.
        while piece.rows.0 < piece.rows.1 && rows.length(piece.rows.0) <= piece.length {
            piece.row = piece.rows.0;
            piece.rows.0 += 1;
        }
        let mut found = None;
        if rule_node.halves == [EMPTY; 2] && piece.rows.0 >= piece.rows.1 {
            found = match self.entries.wanted(piece.rule, piece.own) {
                Wanted::NOTHING => Some((NOWHERE, 0)),
                wanted => self.place(records, wanted),
            };
        }
        if let Some((place, asn)) = found
            && let Some(before) = self.before(piece)
        {
            let known = Known {
                row: piece.row,
                before,
            };
            let (own, rule) = (piece.own, piece.rule);
            let client = Client { asn, own, rule };
            return Some((self.entries).entry(place, client, known, rows, scratch));
        }
        pending.halves.clear();
        for (source, &record) in self.sources.iter().zip(records) {
            let tree = &source.file.tree;
            pending.halves.push(if record < tree.count() {
                tree.records(record)
            } else {
                [record; 2]
            });
        }
        pending.halve(piece, rule_node.halves, rows);
        None
    }

    /// The entry that all of a piece has in the earlier map; None where that has several.
    #[inline]
    fn before(&self, piece: Piece) -> Option<u32> {
        let Some(earlier) = self.measured.earlier else {
            return Some(NO_ENTRY);
        };
        let leaf = earlier.leaf(piece.address);
        (leaf.length() <= piece.length).then_some(leaf.entry())
    }

    /// The number of the place that the databases give together, the first that knows a part of
    /// it first, and the autonomous system, 0 for none that matters; None where they go on below.
    #[inline]
    fn place(&self, records: &[u32], wanted: Wanted) -> Option<(u32, u32)> {
        let (mut found, mut asn) = (NOWHERE, 0);
        let mut wanted = wanted;
        for (source, &record) in self.sources.iter().zip(records) {
            let (placing, numbering) = (wanted.place && source.places, wanted.asn && source.asns);
            if !placing && !numbering {
                continue;
            }
            if record < source.file.tree.count() {
                return None;
            }
            let number = source.place_index.number(record);
            if number == NOWHERE {
                continue;
            }
            let number = source.base + number;
            if numbering && let Some(known) = self.entries.asn(number) {
                asn = known;
                wanted.asn = false;
            }
            if placing {
                found = match found {
                    NOWHERE => number,
                    known => self.entries.places.completed(known, number),
                };
                wanted.place = !self.entries.places.is_complete(found);
            }
        }
        Some((found, asn))
    }

    fn root(&self, source: &Source<'_>) -> u32 {
        let (file, v4) = (&source.file, self.deepest == 32);
        match (v4, file.ip_version) {
            (true, version) => file.tree.ipv4_start(version),
            (false, 6) => 0,
            // Nothing here.
            (false, _) => file.tree.count(),
        }
    }
}
