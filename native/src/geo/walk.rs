//! All databases and all prefix rules walked together, bit by bit, into leaves in address order.
//!
//! A prefix is cut in two while a database that has to be asked goes on below it, or while a
//! pin, an own place or an IPv4-embedded prefix begins inside it. Databases are asked in order and the
//! first that places the prefix ends the asking, as `resolverd/geo/locator.py` has it; where
//! autonomous systems matter, it goes on until that is known too.

use super::entries::{Client, Entries, Wanted};
use super::leaves::Leaves;
use super::mmdb::{File, Refused};
use super::place_index::{NOWHERE, PlaceIndex};
use super::prefix_rules::{EMPTY, PrefixRules, ROOT};
use crate::wire::prefix::Family;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Below this many bits the work is cut up for the threads.
const PART_BITS: u8 = 10;

/// How many leaves each node of a database may cost; a sound tree costs one.
const MAX_LEAVES_PER_NODE: u64 = 8;

/// How many leaves a part of the work may make before it asks for more.
const GRANT: u64 = 256;

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
    sources: &'a [Source<'a>],
    entries: &'a Entries<'a>,
    rules: PrefixRules,
    deepest: u8,
    /// Leaves that may still be made.
    left: AtomicU64,
}

/// A prefix to be looked at: its length, the rule node there, the rule and the own place around
/// it; the databases' records stand in a stack beside.
#[derive(Clone, Copy)]
struct Piece {
    length: u8,
    rule_node: u32,
    rule: u16,
    own: u16,
}

/// Pieces still to be looked at, the next one last; `records` holds one per database each.
#[derive(Clone, Default)]
struct Pending {
    pieces: Vec<Piece>,
    records: Vec<u32>,
    /// Of the piece at hand: where each database goes on in its two halves.
    halves: Vec<[u32; 2]>,
}

impl Pending {
    #[inline]
    fn push(&mut self, piece: Piece, side: impl Fn(&[u32; 2]) -> u32) {
        self.pieces.push(piece);
        self.records.extend(self.halves.iter().map(side));
    }
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
        family: Family,
    ) -> Self {
        let nodes: u64 = sources.iter().map(|s| u64::from(s.file.tree.count())).sum();
        let left = MAX_LEAVES_PER_NODE * (nodes + rules.count() as u64) + (GRANT << PART_BITS);
        Self {
            sources,
            entries,
            rules,
            deepest: family.bits(),
            left: AtomicU64::new(left),
        }
    }

    /// The family's leaves, made by two threads; `tick` hears the part done.
    pub fn leaves(&self, tick: impl Fn(f64) + Sync) -> Result<Leaves, Refused> {
        let parts = self.parts();
        let made: Vec<Mutex<Option<Leaves>>> = parts.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Relaxed);
                let (Some(part), Some(slot)) = (parts.get(index), made.get(index)) else {
                    return;
                };
                if let Part::Work(pending) = part {
                    let mut leaves = Leaves::new();
                    if self.follow(pending.clone(), &mut leaves).is_some() {
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
        pending.pieces.push(Piece {
            length: 0,
            rule_node: ROOT,
            rule: 0,
            own: 0,
        });
        for source in self.sources {
            pending.records.push(self.root(source));
        }
        let mut records = vec![0; self.sources.len()];
        while let Some(piece) = pending.pieces.pop() {
            self.take_records(&mut pending, &mut records);
            if piece.length == PART_BITS {
                parts.push(Part::Work(Pending {
                    pieces: vec![piece],
                    records: records.clone(),
                    halves: Vec::new(),
                }));
            } else if let Some(entry) = self.look(piece, &records, &mut pending) {
                parts.push(Part::Leaf(entry, piece.length));
            }
        }
        parts
    }

    /// Look at all that is pending. None where there is too much of it.
    fn follow(&self, mut pending: Pending, leaves: &mut Leaves) -> Option<()> {
        let mut records = vec![0; self.sources.len()];
        let mut left = 0_u64;
        while let Some(piece) = pending.pieces.pop() {
            self.take_records(&mut pending, &mut records);
            if let Some(entry) = self.look(piece, &records, &mut pending) {
                leaves.push(entry, piece.length);
                left = match left.checked_sub(1) {
                    Some(left) => left,
                    None => self.grant()?,
                };
            } else if piece.length >= self.deepest {
                return None;
            }
        }
        Some(())
    }

    /// The entry of a piece that is one leaf; else its halves go to `pending`.
    #[inline]
    fn look(&self, piece: Piece, records: &[u32], pending: &mut Pending) -> Option<u32> {
        let rule_node = self.rules.node(piece.rule_node);
        if rule_node.embedded_v4 {
            return Some(self.entries.embedded_v4);
        }
        let [rule, own] = [(rule_node.rule, piece.rule), (rule_node.own, piece.own)]
            .map(|(here, around)| if here == 0 { around } else { here });
        if rule_node.halves == [EMPTY; 2] {
            let found = match self.entries.wanted(rule, own) {
                Wanted::NOTHING => Some((NOWHERE, 0)),
                wanted => self.place(records, wanted),
            };
            if let Some((place, asn)) = found {
                return Some(self.entries.entry(place, Client { asn, own, rule }));
            }
        }
        let length = piece.length.saturating_add(1);
        pending.halves.clear();
        for (source, &record) in self.sources.iter().zip(records) {
            let tree = &source.file.tree;
            pending.halves.push(if record < tree.count() {
                tree.records(record)
            } else {
                [record; 2]
            });
        }
        let [low, high] = rule_node.halves;
        let half = |rule_node| Piece {
            length,
            rule_node,
            rule,
            own,
        };
        pending.push(half(high), |[_, high]| *high);
        pending.push(half(low), |[low, _]| *low);
        None
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
                    known => self.entries.completed(known, number),
                };
                wanted.place = !self.entries.is_complete(found);
            }
        }
        Some((found, asn))
    }

    fn take_records(&self, pending: &mut Pending, records: &mut [u32]) {
        let rest = pending.records.len().saturating_sub(records.len());
        for (to, from) in records.iter_mut().zip(pending.records.drain(rest..)) {
            *to = from;
        }
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

    /// A grant of more leaves; None where none is left.
    fn grant(&self) -> Option<u64> {
        let enough = |left: u64| left.checked_sub(GRANT);
        self.left.fetch_update(Relaxed, Relaxed, enough).ok()?;
        Some(GRANT)
    }
}
