//! A compiled map as octets, for a start that need not compile it again.
//!
//! Kept are the rows, and the leaves or the groups that they stand in; the rest is made of them and of
//! the geography as [`super::compile`] does it. All of it is looked at, so that none that were damaged can make
//! a look-up fail or go on for ever.
//!
//! ```text
//! rows (u32) · rule (u16) · drawn (u8) · regions (u8) · 0 (u8) · region (u8) each
//!            | rule (u16) · drawn (u8) · regions (u8) · 1 (u8) · near region (u8) each · point (2 f64) …
//! networks of IPv4 · networks of IPv6
//!
//! networks: leaves (u32) · leaf (u32) each · 0 (u32)
//!         | tiles (u32) · tile (u32) each · the first number that is no entry (u32) · groups
//! ```
//!
//! All numbers are little-endian.

use super::compile::{Compiled, assemble};
use super::geography::Geography;
use super::groups::{Groups, Lying, Packed, Suited};
use super::known_row::KnownRow;
use super::leaves::{Leaf, LeafSource, unit};
use super::map::ClientMap;
use super::networks::Networks;
use super::preference_table::{NEAR, PreferenceTable, Rest};
use super::ranker::{Ranker, fence_of, fenced};
use super::table_builder::PreferenceTableBuilder;
use crate::wire::prefix::Family;
use std::thread;

/// The octets of a map.
#[must_use]
pub fn save(map: &ClientMap) -> Vec<u8> {
    let [_, _, octets] = map.size();
    let mut out = Vec::with_capacity(octets);
    save_rows(&map.table, &mut out);
    save_networks(&map.v4, &mut out);
    save_networks(&map.v6, &mut out);
    out
}

/// The map that these octets were saved of, for the geography that it was compiled for. None where
/// they are of no such map.
#[must_use]
pub fn load(octets: &[u8], geography: &Geography) -> Option<ClientMap> {
    let mut rest = Octets(octets);
    let table = load_rows(&mut rest, geography)?;
    let rows = table.count() as u32;
    let v4 = Kept::read(&mut rest)?;
    let v6 = Kept::read(&mut rest)?;
    if !rest.0.is_empty() {
        return None;
    }
    let ruled = !geography.pins.is_empty();
    let (v4, v6) = thread::scope(|scope| {
        let other = scope.spawn(|| v4.networks(rows, Family::V4, ruled));
        let v6 = v6.networks(rows, Family::V6, ruled);
        (other.join(), v6)
    });
    let (v4, v6) = (v4.ok()??, v6?);
    Some(assemble(Compiled { v4, v6, table }, geography))
}

fn save_rows(table: &PreferenceTable, out: &mut Vec<u8>) {
    let count = table.count() as u32;
    out.extend(count.to_le_bytes());
    for entry in 0..count {
        let row = table.get(entry);
        out.extend((row.rule as u16).to_le_bytes());
        out.extend([row.drawn, row.preference.count() as u8]);
        match table.rest(entry) {
            Rest::From((north, east)) => {
                out.push(1);
                out.extend(table.near(entry));
                out.extend([north.to_le_bytes(), east.to_le_bytes()].as_flattened());
            }
            Rest::Kept(far) => {
                out.push(0);
                out.extend(table.near(entry));
                out.extend(far);
            }
        }
    }
}

fn load_rows(rest: &mut Octets<'_>, geography: &Geography) -> Option<PreferenceTable> {
    let (regions, rules) = (geography.regions.len(), geography.pins.len() + 1);
    let ranker = Ranker::new(geography);
    let by_distance = matches!(ranker, Ranker::Nearest(_));
    let all: Vec<u8> = (0..=u8::MAX).take(regions).collect();
    let allowed: Vec<usize> = (0..=u16::MAX)
        .take(rules)
        .map(|rule| fenced(geography, rule, &all).count())
        .collect();
    let mut table = PreferenceTableBuilder::with(ranker.farther(geography));
    for _ in 0..rest.number()? {
        let rule = u16::from_le_bytes(*rest.take()?);
        let [drawn, count, derived] = *rest.take()?;
        let derived = derived != 0;
        // A list that is worked out has all regions that its rule allows.
        let whole = !derived
            || by_distance
                && usize::from(count) > NEAR
                && allowed.get(usize::from(rule)) == Some(&usize::from(count));
        let lying = if derived { NEAR } else { usize::from(count) };
        let (preference, after) = rest.0.split_at_checked(lying)?;
        rest.0 = after;
        // The row of prefixes that embed IPv4 has a region that there is none of.
        let known = |region: &u8| usize::from(*region) < regions || *region == u8::MAX;
        let fence = fence_of(geography, rule);
        let within =
            |region: &u8| *region == u8::MAX || fence.is_none_or(|fence| fence.holds(*region));
        let sound = preference
            .iter()
            .all(|region| known(region) && within(region))
            && usize::from(rule) < rules
            && drawn <= count;
        if !sound || !whole {
            return None;
        }
        let row = KnownRow::of(rule, preference, drawn)?;
        if derived {
            let double = |octets: &[u8; 8]| f64::from_le_bytes(*octets);
            let point = (double(rest.take()?), double(rest.take()?));
            table.push(row.with_count(count), Rest::From(point))?;
        } else {
            table.push(row, Rest::Kept(preference.get(NEAR..).unwrap_or_default()))?;
        }
    }
    Some(table.finish())
}

fn save_networks(networks: &Networks, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend([0; 4]);
    let (mut address, mut count) = (0_u128, 0_u32);
    loop {
        let tile = networks.tile(address);
        out.extend(tile.0.to_le_bytes());
        count += 1;
        address = address.wrapping_add(unit(tile.length()));
        if address == 0 {
            break;
        }
    }
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&count.to_le_bytes());
    }
    match networks.groups() {
        Some((first, groups)) => {
            out.extend(first.to_le_bytes());
            groups.save(out);
        }
        None => out.extend([0; 4]),
    }
}

/// The networks of one family, where they lie.
struct Kept<'o> {
    tiles: &'o [[u8; 4]],
    groups: Option<(u32, Lying<'o>)>,
}

impl<'o> Kept<'o> {
    fn read(rest: &mut Octets<'o>) -> Option<Self> {
        let tiles = rest.words()?;
        let groups = match rest.number()? {
            0 => None,
            first => {
                let shape = *rest.take()?;
                let words = rest.words()?;
                Some((first, Lying { shape, words }))
            }
        };
        Some(Self { tiles, groups })
    }

    /// The networks, whose leaves fill the space of their family, each where a prefix of its length may
    /// begin, and have these rows. None where they do not.
    fn networks(&self, rows: u32, family: Family, ruled: bool) -> Option<Networks> {
        let Some((first, lying)) = &self.groups else {
            let sound = fill(self.tiles, family) && below(self.tiles, rows);
            return sound.then(|| Networks::new(self.tiles, ruled))?;
        };
        let tiles: Vec<Leaf> = (0..self.tiles.count())
            .filter_map(|at| self.tiles.leaf(at))
            .collect();
        let alone = || (tiles.iter()).filter(|tile| tile.entry() < *first);
        if !fill(tiles.as_slice(), family) || alone().any(|tile| tile.entry() >= rows) {
            return None;
        }
        let suited = Suited {
            tiles: &tiles,
            first: *first,
            rows,
            bits: family.bits(),
            ruled,
        };
        let (groups, grouped) = Groups::load(lying, &suited)?;
        let leaves = grouped + alone().count();
        let first = *first;
        let packed = Packed {
            tiles,
            first,
            groups,
        };
        Networks::packed(packed, leaves, ruled)
    }
}

/// Whether leaves fill the space of their family, each where a prefix of its length may begin.
fn fill(leaves: &(impl LeafSource + ?Sized), family: Family) -> bool {
    let (mut address, mut full) = (0_u128, false);
    for leaf in (0..leaves.count()).filter_map(|at| leaves.leaf(at)) {
        let size = unit(leaf.length());
        let begins = address & size.wrapping_sub(1) == 0;
        if full || leaf.length() > family.bits() || !begins {
            return false;
        }
        address = address.wrapping_add(size);
        full = address == 0;
    }
    full
}

/// Whether all leaves have one of so many rows.
fn below(leaves: &(impl LeafSource + ?Sized), rows: u32) -> bool {
    (0..leaves.count())
        .filter_map(|at| leaves.leaf(at))
        .all(|leaf| leaf.entry() < rows)
}

/// What is left to read.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(|octets| u32::from_le_bytes(*octets))
    }

    /// Words, which come behind their number.
    fn words(&mut self) -> Option<&'a [[u8; 4]]> {
        let octets = (self.number()? as usize).checked_mul(4)?;
        let (words, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(words.as_chunks().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::draws::mix;
    use crate::geo::trie::tests::random_leaves;

    const ROWS: u32 = 300;

    fn kept(networks: &Networks) -> Vec<u8> {
        let mut out = Vec::new();
        save_networks(networks, &mut out);
        out
    }

    fn read(octets: &[u8], ruled: bool) -> Option<Networks> {
        let mut rest = Octets(octets);
        let networks = Kept::read(&mut rest)?.networks(ROWS, Family::V4, ruled)?;
        rest.0.is_empty().then_some(networks)
    }

    fn each(check: impl Fn(&[Leaf], &Networks, bool)) {
        for seed in 0..8 {
            for most in [0, 3, 17, 24, 32] {
                let leaves = random_leaves(seed, most, ROWS, 600);
                for (ruled, grouped) in [(false, true), (true, true), (false, false)] {
                    let networks = Networks::of(leaves.as_slice(), ruled, grouped).unwrap();
                    check(&leaves, &networks, ruled);
                }
            }
        }
    }

    #[test]
    fn networks_are_read_back_as_they_were() {
        each(|leaves, networks, ruled| {
            let octets = kept(networks);
            let restored = read(&octets, ruled).unwrap();
            assert_eq!(restored.size().0, networks.size().0);
            assert_eq!(kept(&restored), octets);
            let mut address = 0_u128;
            for leaf in leaves {
                assert_eq!(restored.leaf(address), *leaf);
                address = address.wrapping_add(unit(leaf.length()));
            }
            assert!(read(&octets, !ruled).is_none() || networks.groups().is_none());
        });
    }

    #[test]
    fn what_was_damaged_is_refused_or_looked_up_as_any_other() {
        each(|_, networks, ruled| {
            let octets = kept(networks);
            for draw in 0..400 {
                let mut damaged = octets.clone();
                let at = mix(draw) as usize % damaged.len();
                if let Some(octet) = damaged.get_mut(at) {
                    *octet ^= 1 << (draw % 8);
                }
                let Some(restored) = read(&damaged, ruled) else {
                    continue;
                };
                for step in 0..64_u128 {
                    let address = step << 122 | u128::from(mix(draw)) << 58;
                    let leaf = restored.leaf(address);
                    assert!(leaf.entry() < ROWS && leaf.length() <= 32);
                    let first = address & !unit(leaf.length()).wrapping_sub(1);
                    assert_eq!(restored.leaf(first), leaf, "it lies where it says");
                }
            }
            for length in (0..octets.len()).step_by(13) {
                assert!(read(&octets[..length], ruled).is_none());
            }
        });
    }
}
