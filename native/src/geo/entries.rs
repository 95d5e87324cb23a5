//! Entries of the map: for a place, a rule, and what is known of a prefix besides, the row of
//! regions that such a client gets.

use super::contract::Ordering;
use super::geography::Geography;
use super::latency::{ByCost, CostScratch};
use super::map::ClientMap;
use super::mmdb::Refused;
use super::place::{NONE, Place};
use super::place_index::NOWHERE;
use super::preference_table::{PreferenceTable, PreferenceTableBuilder};
use super::prefix_rows::{NO_ROW, PrefixRows};
use super::ranking::{Nearest, RankingScratch};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// No entry of an earlier map.
pub const NO_ENTRY: u32 = u32::MAX;

/// What decides an entry besides the place and the rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Known {
    /// The row of the longest measured prefix around; [`NO_ROW`] for none.
    pub row: u32,
    /// The entry of the earlier map; [`NO_ENTRY`] for none.
    pub before: u32,
}

impl Known {
    /// Nothing.
    pub const NOTHING: Self = Self {
        row: NO_ROW,
        before: NO_ENTRY,
    };
}

/// What decides a client's entry beside what the databases say of its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// The autonomous system; 0 for none that matters.
    pub asn: u32,
    /// The operator's own place by subnet, an index plus one; 0 for none.
    pub own: u16,
    /// The rule of a subnet pin; 0 for none.
    pub rule: u16,
}

impl Client {
    /// One of whom nothing else is known.
    pub const ANY: Self = Self {
        asn: 0,
        own: 0,
        rule: 0,
    };
}

/// What the databases are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Where a client is.
    pub place: bool,
    /// In which autonomous system.
    pub asn: bool,
}

impl Wanted {
    /// Nothing: its entry is the same wherever a client is.
    pub const NOTHING: Self = Self {
        place: false,
        asn: false,
    };
}

/// Autonomous systems that are known, and that nothing goes by.
const OTHER: u32 = u32::MAX;

/// What puts the regions of one place in order.
enum Ranker<'a> {
    /// The distance alone.
    Nearest(Nearest),
    /// A cost.
    ByCost(ByCost<'a>),
    /// Nothing: they are as listed.
    Listed,
}

/// The entries of one geography over the places of its databases.
pub struct Entries<'a> {
    geography: &'a Geography,
    earlier: Option<&'a ClientMap>,
    ranker: Ranker<'a>,
    places: Vec<&'a Place>,
    /// By place number: the entry where no subnet pin holds, and nothing is known besides.
    unpinned: Vec<u32>,
    /// By place number: whether no other database can add to it.
    complete: Vec<bool>,
    /// By place number, where autonomous systems matter: it, [`OTHER`], or 0 where unknown.
    asns: Vec<u32>,
    /// By entry of the earlier map: the entry here that is the same; [`NO_ENTRY`] for none.
    same: Vec<u32>,
    /// The entry of IPv4-embedded prefixes, equal to no other.
    pub embedded_v4: u32,
    more: Mutex<More>,
}

/// All entries, and places that several databases know in part, made as the walk meets them.
struct More {
    table: PreferenceTableBuilder,
    /// Places put together, whose numbers follow those of all others, and of which two each is.
    joined: Vec<Place>,
    numbers: HashMap<(u32, u32), u32>,
    /// Places in own places and autonomous systems, by these three.
    settled: HashMap<(u32, u16, u32), u32>,
    full: bool,
}

/// Memory of one thread.
#[derive(Default)]
pub struct EntryScratch {
    costs: CostScratch,
    ranked: RankingScratch,
    order: Vec<u8>,
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
        let mut table = PreferenceTableBuilder::new(regions.max(1));
        // No region has this number, so no other row is like it.
        let embedded_v4 = table.add(0, &[u8::MAX]).ok_or_else(too_many)?;
        let ranker = Ranker::new(geography);
        let mut unpinned = Vec::with_capacity(places.len() + 1);
        let mut allowed = Vec::with_capacity(regions);
        let mut add = |rule: u16, place: Option<&Place>, order: &[u8]| {
            allowed.clear();
            allowed.extend(fenced(geography, rule, order));
            let drawn = geography.own_first(place, &mut allowed);
            table.add_drawn(rule, &allowed, drawn).ok_or_else(too_many)
        };
        let nowhere = geography.rule_for(&Place::default(), 0, 0);
        let mut scratch = EntryScratch::default();
        ranker.order(None, geography, &mut scratch);
        let all = scratch.order.clone();
        let nothing: &[u8] = if geography.counting { &[] } else { &all };
        unpinned.push(add(nowhere, None, nothing)?);
        if matches!(ranker, Ranker::Listed) {
            let by_rule: Vec<u32> = (0..=u16::MAX)
                .take(geography.pins.len() + 1)
                .map(|rule| add(rule, None, &scratch.order))
                .collect::<Result<_, _>>()?;
            for place in &places {
                let rule = geography.rule_for(place, 0, 0);
                unpinned.push(if place.is_somewhere() {
                    by_rule.get(usize::from(rule)).copied().unwrap_or(0)
                } else {
                    add(rule, None, nothing)?
                });
            }
        } else {
            let orders = orders(&ranker, geography, &places);
            for (place, order) in places.iter().zip(orders.chunks(regions.max(1))) {
                let rule = geography.rule_for(place, 0, 0);
                unpinned.push(add(rule, Some(place), order)?);
            }
        }
        let complete = (std::iter::once(false))
            .chain(places.iter().map(|place| place.country != NONE))
            .collect();
        let asn = |asn| {
            if asn == 0 || geography.names_asn(asn) {
                asn
            } else {
                OTHER
            }
        };
        let asns = if geography.needs_asns() {
            (std::iter::once(0))
                .chain(places.iter().map(|place| asn(place.asn)))
                .collect()
        } else {
            Vec::new()
        };
        let same = earlier.map_or_else(Vec::new, |earlier| {
            let rows = (0..earlier.table.count() as u32).map(|entry| earlier.table.get(entry));
            rows.map(|row| {
                scratch.before.clear();
                scratch.before.extend(row.preference.iter());
                (u16::try_from(row.rule).ok())
                    .and_then(|rule| table.number_of(rule, &scratch.before, row.drawn))
                    .unwrap_or(NO_ENTRY)
            })
            .collect()
        });
        Ok(Self {
            geography,
            earlier,
            ranker,
            places,
            complete,
            asns,
            unpinned,
            same,
            embedded_v4,
            more: Mutex::new(More {
                table,
                joined: Vec::new(),
                numbers: HashMap::new(),
                settled: HashMap::new(),
                full: false,
            }),
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

    /// The number of the place `one`, completed by what `other` knows.
    #[cold]
    pub fn completed(&self, one: u32, other: u32) -> u32 {
        let (Some(first), Some(second)) = (self.place(one), self.place(other)) else {
            return one;
        };
        let made = first.completed_by(&second);
        if made == first {
            return one;
        }
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let More {
            joined, numbers, ..
        } = &mut *more;
        *numbers.entry((one, other)).or_insert_with(|| {
            joined.push(made);
            u32::try_from(self.places.len() + joined.len()).unwrap_or(one)
        })
    }

    /// The number of a place of the databases, in an own place (an index plus one) and an
    /// autonomous system; 0 for none of these.
    fn settled(&self, place: u32, own: u16, asn: u32) -> u32 {
        if own == 0 && asn == 0 {
            return place;
        }
        let database = self.place(place);
        let made = Place {
            asn,
            ..self.geography.placed(own, database.as_ref())
        };
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let More {
            joined, settled, ..
        } = &mut *more;
        *settled.entry((place, own, asn)).or_insert_with(|| {
            joined.push(made);
            u32::try_from(self.places.len() + joined.len()).unwrap_or(place)
        })
    }

    /// Whether the place of this number leaves nothing for another database to add.
    #[inline]
    #[must_use]
    pub fn is_complete(&self, place: u32) -> bool {
        match self.complete.get(place as usize) {
            Some(complete) => *complete,
            None => self.is_joined_complete(place),
        }
    }

    #[cold]
    fn is_joined_complete(&self, place: u32) -> bool {
        self.place(place).is_none_or(|place| place.country != NONE)
    }

    /// The place of a number; None for the edge.
    fn place(&self, number: u32) -> Option<Place> {
        let index = (number as usize).checked_sub(1)?;
        match index.checked_sub(self.places.len()) {
            None => self.places.get(index).map(|place| **place),
            Some(index) => {
                let more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
                more.joined.get(index).copied()
            }
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
        let more = (self.more.into_inner()).unwrap_or_else(PoisonError::into_inner);
        if more.full {
            return Err(too_many());
        }
        Ok(more.table.finish())
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
            || (self.place(place)).is_some_and(|place| place.is_somewhere());
        let own = match client.own {
            0 => self.geography.own_of(client.asn),
            own => own,
        };
        let number = self.settled(place, own, client.asn);
        let place = self.place(number);
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
                &mut scratch.costs,
                &mut scratch.order,
            );
        } else {
            self.ranker.order(place.as_ref(), self.geography, scratch);
            let allowed: Vec<u8> = fenced(self.geography, rule, &scratch.order).collect();
            scratch.order = allowed;
        }
        if !counted {
            scratch.order.clear();
        }
        // What was measured of a client's own prefix is better than its place.
        let uncertain = place.as_ref().filter(|_| !measured);
        let drawn = self.geography.own_first(uncertain, &mut scratch.order);
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let added = more.table.add_drawn(rule, &scratch.order, drawn);
        let entry = added.unwrap_or_else(|| {
            more.full = true;
            0
        });
        drop(more);
        if known.row == NO_ROW {
            scratch.entries.insert(key, entry);
        }
        entry
    }
}

impl<'a> Ranker<'a> {
    fn new(geography: &'a Geography) -> Self {
        let by_cost =
            |latency| Self::ByCost(ByCost::new(&geography.regions, &geography.biases, latency));
        match geography.ordering {
            Ordering::Latency => by_cost(geography.latency.as_ref()),
            Ordering::Nearest if geography.is_biased() => by_cost(None),
            Ordering::Nearest => Self::Nearest(Nearest::new(&geography.regions)),
            Ordering::Failover | Ordering::Weighted => Self::Listed,
        }
    }

    /// Write all regions in the order of a place into the scratch's; None is the edge.
    fn order(&self, place: Option<&Place>, geography: &Geography, scratch: &mut EntryScratch) {
        let EntryScratch {
            costs,
            ranked,
            order,
            ..
        } = scratch;
        let place = geography.seen(place);
        match self {
            Self::Nearest(nearest) => {
                let point = place.and_then(|place| place.point);
                nearest.order(point.unwrap_or(geography.edge), ranked);
                order.clone_from(&ranked.order);
            }
            Self::ByCost(by_cost) => by_cost.order(place, geography.edge, costs, order),
            Self::Listed => {
                order.clear();
                order.extend((0..=u8::MAX).take(geography.regions.len()));
            }
        }
    }
}

/// The fence of a rule; None where every region is allowed.
fn fence_of(geography: &Geography, rule: u16) -> Option<&super::fence::Fence> {
    usize::from(rule)
        .checked_sub(1)
        .and_then(|pin| geography.pins.get(pin))
}

/// Those of `order` that a rule allows.
fn fenced(geography: &Geography, rule: u16, order: &[u8]) -> impl Iterator<Item = u8> {
    let fence = fence_of(geography, rule);
    order
        .iter()
        .copied()
        .filter(move |region| fence.is_none_or(|fence| fence.holds(*region)))
}

/// The orders of all places behind one another, by two threads.
fn orders(ranker: &Ranker<'_>, geography: &Geography, places: &[&Place]) -> Vec<u8> {
    let all = |places: &[&Place]| {
        let mut scratch = EntryScratch::default();
        let mut orders = Vec::with_capacity(places.len() * geography.regions.len());
        for place in places {
            ranker.order(Some(place), geography, &mut scratch);
            orders.extend(&scratch.order);
        }
        orders
    };
    let (first, second) = places.split_at(places.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| all(second));
        let mut orders = all(first);
        // A thread that died leaves no orders; its places then have none, and are refused.
        orders.extend(other.join().unwrap_or_default());
        orders
    })
}

fn too_many() -> Refused {
    Refused::because("its places have more distinct preference lists than a map can hold")
}

const _: () = assert!(NOWHERE == 0);
