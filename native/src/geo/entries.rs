//! Entries of the map: for a place, a rule, and what is known of a prefix besides, the row of
//! regions that such a client gets.

use super::geography::Geography;
use super::known::{Client, Known, NO_ENTRY, Wanted};
use super::known_row::KnownRow;
use super::map::ClientMap;
use super::mmdb::Refused;
use super::place::Place;
use super::place_index::NOWHERE;
use super::placed::Places;
use super::preference_table::{PreferenceTable, Rest};
use super::prefix_rows::{NO_ROW, PrefixRows};
use super::ranker::{Ranker, RankerScratch, fence_of, fenced, in_turn, orders, point_of, rows};
use super::table_builder::PreferenceTableBuilder;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Autonomous systems that are known, and that nothing goes by.
const OTHER: u32 = u32::MAX;

/// How many places are ranked before their rows are added: those of all places would for a moment
/// take more memory than the places.
const RANKED_AT_ONCE: usize = 1 << 15;

/// The entries of one geography over the places of its databases.
pub struct Entries<'a> {
    geography: &'a Geography,
    earlier: Option<&'a ClientMap>,
    ranker: Ranker<'a>,
    /// The places that clients stand in.
    pub places: Places<'a>,
    /// By place number: the entry where no subnet pin holds, and nothing is known besides.
    unpinned: Vec<u32>,
    /// By place number, where autonomous systems matter: it, [`OTHER`], or 0 where unknown.
    asns: Vec<u32>,
    /// By entry of the earlier map: the entry here that is the same; [`NO_ENTRY`] for none.
    same: Vec<u32>,
    /// The entry of IPv4-embedded prefixes, equal to no other.
    pub embedded_v4: u32,
    rows: Mutex<Rows>,
}

/// All rows, as the walk meets them; `full` where there was no room for one.
struct Rows {
    table: PreferenceTableBuilder,
    full: bool,
}

/// Memory of one thread.
#[derive(Default)]
pub struct EntryScratch {
    ranker: RankerScratch,
    before: Vec<u8>,
    /// Entries by place, what else is known of a client, and entry of the earlier map. What has a row is not
    /// among them: hardly two prefixes share one.
    entries: HashMap<(u32, Client, u32), u32>,
}

impl<'a> Entries<'a> {
    /// The entries of all `places`, whose numbers begin at 1; 0 is the edge.
    pub fn new(
        geography: &'a Geography,
        places: Vec<&'a Place>,
        earlier: Option<&'a ClientMap>,
    ) -> Result<Self, Refused> {
        let regions = geography.regions.len();
        let ranker = Ranker::new(geography);
        let mut table = PreferenceTableBuilder::with(ranker.farther(geography));
        // No region has this number, so no other row is like it.
        let embedded_v4 = table.add(0, &[u8::MAX]).ok_or_else(too_many)?;
        let mut unpinned = Vec::with_capacity(places.len() + 1);
        let mut allowed = Vec::with_capacity(regions);
        let mut add =
            |table: &mut PreferenceTableBuilder, rule: u16, place: Option<&Place>, order: &[u8]| {
                allowed.clear();
                allowed.extend(fenced(geography, rule, order));
                let drawn = geography.own_first(place, &mut allowed);
                table.add_drawn(rule, &allowed, drawn).ok_or_else(too_many)
            };
        let nowhere = geography.rule_for(&Place::default(), 0, 0);
        let mut scratch = RankerScratch::default();
        ranker.order(None, geography, &mut scratch);
        let all = scratch.order.clone();
        let nothing: &[u8] = if geography.counting { &[] } else { &all };
        unpinned.push(add(&mut table, nowhere, None, nothing)?);
        if matches!(ranker, Ranker::Listed) {
            let by_rule: Vec<u32> = (0..=u16::MAX)
                .take(geography.pins.len() + 1)
                .map(|rule| add(&mut table, rule, None, &scratch.order))
                .collect::<Result<_, _>>()?;
            for place in &places {
                let rule = geography.rule_for(place, 0, 0);
                unpinned.push(if place.is_somewhere() {
                    by_rule.get(usize::from(rule)).copied().unwrap_or(0)
                } else {
                    add(&mut table, rule, None, nothing)?
                });
            }
        } else if let Ranker::Nearest(nearest) = &ranker {
            // All of them in turn, and not only those that are ranked together: the nearer the one before,
            // the fewer regions have changed places.
            let in_turn = in_turn(&places, regions);
            let ranked = (in_turn.chunks(RANKED_AT_ONCE))
                .flat_map(|indices| rows(nearest, geography, &places, indices));
            unpinned.resize(places.len() + 1, 0);
            for (index, row) in in_turn.iter().zip(ranked) {
                let at = *index as usize;
                let (Some(&place), Some(entry)) = (places.get(at), unpinned.get_mut(at + 1)) else {
                    continue;
                };
                *entry = match row {
                    Some((row, point)) => {
                        (table.add_known(row, Rest::From(point))).ok_or_else(too_many)?
                    }
                    None => {
                        let rule = geography.rule_for(place, 0, 0);
                        ranker.order(Some(place), geography, &mut scratch);
                        add(&mut table, rule, Some(place), &scratch.order)?
                    }
                };
            }
        } else {
            for places in places.chunks(RANKED_AT_ONCE) {
                let orders = orders(&ranker, geography, places);
                for (place, order) in places.iter().zip(orders.chunks(regions.max(1))) {
                    let rule = geography.rule_for(place, 0, 0);
                    unpinned.push(add(&mut table, rule, Some(place), order)?);
                }
            }
        }
        let asn = |asn| {
            if asn == 0 || geography.names_asn(asn) {
                asn
            } else {
                OTHER
            }
        };
        let asns = if geography.needs_asns() {
            (std::iter::once(0))
                .chain(places.iter().map(|place| asn(place.told_asn)))
                .collect()
        } else {
            Vec::new()
        };
        let same = earlier.map_or_else(Vec::new, |earlier| {
            let rows = (0..earlier.table.count() as u32).map(|entry| earlier.table.get(entry));
            let mut before = Vec::with_capacity(regions);
            rows.map(|row| {
                before.clear();
                before.extend(row.preference.iter());
                (u16::try_from(row.rule).ok())
                    .and_then(|rule| table.number_of(rule, &before, row.drawn))
                    .unwrap_or(NO_ENTRY)
            })
            .collect()
        });
        Ok(Self {
            geography,
            earlier,
            ranker,
            places: Places::new(places),
            asns,
            unpinned,
            same,
            embedded_v4,
            rows: Mutex::new(Rows { table, full: false }),
        })
    }

    /// The entry for a place of the databases and what else is known of a client.
    #[inline]
    pub fn entry(
        &self,
        place: u32,
        client: Client,
        known: Known,
        rows: &PrefixRows<'_>,
        scratch: &mut EntryScratch,
    ) -> u32 {
        if client == Client::ANY
            && known.row == NO_ROW
            && let Some(&entry) = self.unpinned.get(place as usize)
            && (known.before == NO_ENTRY
                || self.same.get(known.before as usize).copied() == Some(entry))
        {
            return entry;
        }
        self.made_entry(place, client, known, rows, scratch)
    }

    /// The entry of whom the databases give a place, and of whom nothing else is known.
    #[inline]
    #[must_use]
    pub fn of_place(&self, place: u32) -> Option<u32> {
        self.unpinned.get(place as usize).copied()
    }

    /// The same by the rank of a database's record: `numbers` are those of their places, to which `base`
    /// is added. Empty where there is no such place.
    #[must_use]
    pub fn of_records(&self, numbers: &[u32], base: u32) -> Vec<u32> {
        let of_number = |number: &u32| match *number {
            NOWHERE => self.of_place(NOWHERE),
            number => self.of_place(base.checked_add(number)?),
        };
        let all: Option<Vec<u32>> = numbers.iter().map(of_number).collect();
        all.unwrap_or_default()
    }

    /// The autonomous system that a place's record tells, 0 for one that nothing goes by; None
    /// where it tells none.
    #[inline]
    #[must_use]
    pub fn asn(&self, place: u32) -> Option<u32> {
        match self.asns.get(place as usize) {
            None | Some(0) => None,
            Some(&OTHER) => Some(0),
            Some(asn) => Some(*asn),
        }
    }

    /// What decides a client's entry, under this rule of a subnet pin and in this own place.
    #[inline]
    #[must_use]
    pub fn wanted(&self, rule: u16, own: u16) -> Wanted {
        let ranked = !matches!(self.ranker, Ranker::Listed);
        let counting = self.geography.counting;
        let place = if rule == 0 {
            self.geography.needs_places()
        } else {
            ranked || counting
        };
        Wanted {
            place: place && (own == 0 || counting || !self.geography.is_whole(own)),
            asn: self.geography.needs_asns() && (rule == 0 || ranked),
        }
    }

    /// All rows. Refused where there were too many.
    pub fn finish(self) -> Result<PreferenceTable, Refused> {
        let rows = (self.rows.into_inner()).unwrap_or_else(PoisonError::into_inner);
        if rows.full {
            return Err(too_many());
        }
        Ok(rows.table.finish())
    }

    fn made_entry(
        &self,
        place: u32,
        client: Client,
        known: Known,
        rows: &PrefixRows<'_>,
        scratch: &mut EntryScratch,
    ) -> u32 {
        let key = (place, client, known.before);
        if known.row == NO_ROW
            && let Some(&entry) = scratch.entries.get(&key)
        {
            return entry;
        }
        let counted = !self.geography.counting
            || (self.places.get(place)).is_some_and(|place| place.is_somewhere());
        let own = match client.own {
            0 => self.geography.own_of(client.asn),
            own => own,
        };
        let number = (self.places).settled(place, own, client.asn, self.geography);
        let place = self.places.get(number);
        let rule = match client.rule {
            0 => (self.geography).rule_for(&place.unwrap_or_default(), client.asn, own),
            pinned => pinned,
        };
        let mut measured = false;
        if let Ranker::ByCost(by_cost) = &self.ranker {
            scratch.before.clear();
            if let Some(earlier) = self.earlier {
                let row = earlier.table.get(known.before);
                scratch.before.extend(row.preference.iter());
            }
            let fence = fence_of(self.geography, rule);
            measured = by_cost.decide(
                (number, self.geography.seen(place.as_ref())),
                self.geography.edge,
                |region| fence.is_none_or(|fence| fence.holds(region)),
                (rows, known.row),
                &scratch.before,
                &mut scratch.ranker.costs,
                &mut scratch.ranker.order,
            );
        } else {
            let ranked = &mut scratch.ranker;
            self.ranker.order(place.as_ref(), self.geography, ranked);
            let allowed: Vec<u8> = fenced(self.geography, rule, &ranked.order).collect();
            ranked.order = allowed;
        }
        let order = &mut scratch.ranker.order;
        if !counted {
            order.clear();
        }
        // What was measured of a client's own prefix is better than its place.
        let uncertain = place.as_ref().filter(|_| !measured);
        let drawn = self.geography.own_first(uncertain, order);
        let from = match self.ranker {
            Ranker::Nearest(_) if counted => point_of(place.as_ref(), self.geography),
            _ => None,
        };
        let mut made = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let added = match (from, KnownRow::of(rule, order, drawn)) {
            (Some(point), Some(row)) => made.table.add_known(row, Rest::From(point)),
            _ => made.table.add_drawn(rule, order, drawn),
        };
        let entry = added.unwrap_or_else(|| {
            made.full = true;
            0
        });
        drop(made);
        if known.row == NO_ROW {
            scratch.entries.insert(key, entry);
        }
        entry
    }
}

fn too_many() -> Refused {
    Refused::because("its places have more distinct preference lists than a map can hold")
}
