//! From databases and one geography to its map.

use super::batch::next_number;
use super::contract::Ordering;
use super::draws::Drawn;
use super::embedded_v4::EmbeddedNetworks;
use super::entries::Entries;
use super::fence::{Fence, RuleSets};
use super::geography::Geography;
use super::map::{ClientMap, Policy};
use super::mmdb::{File, Refused};
use super::networks::Networks;
use super::place::Place;
use super::place_index::PlaceIndex;
use super::preference_table::PreferenceTable;
use super::prefix_rows::PrefixRows;
use super::prefix_rules::PrefixRules;
use super::walk::{Measured, Source, Walk};
use crate::wire::prefix::Family;
use std::thread;

/// Compile the map of `geography` over these databases, in the order in which they are asked.
///
/// Each file must be the one that its place index was read from; another gives a useless map,
/// and no worse. With latency `rows` are what was measured of prefixes, IPv4's and IPv6's, and
/// nobody leaves the order of the `earlier` map of the same regions and pins for a little. `tick`
/// hears the part done, from 0 to 1.
pub fn compile(
    databases: &[(File<'_>, &PlaceIndex)],
    geography: &Geography,
    rows: [PrefixRows<'_>; 2],
    earlier: Option<&ClientMap>,
    tick: impl Fn(f64) + Sync,
) -> Result<ClientMap, Refused> {
    let (sources, places) = sources(databases, geography)?;
    let earlier = earlier.filter(|map| {
        geography.latency.is_some()
            && (map.regions, map.pins) == (geography.regions.len(), geography.pins.len())
    });
    let entries = Entries::new(geography, places, earlier)?;
    tick(0.3);
    let [rows_v4, rows_v6] = rows;
    let leaves = |family, from: f64| {
        let rules = PrefixRules::new(geography, family);
        let mut measured = Measured::default();
        if geography.latency.is_some() {
            measured = match family {
                Family::V4 => Measured {
                    rows: rows_v4,
                    earlier: earlier.map(|map| &map.v4),
                },
                Family::V6 => Measured {
                    rows: rows_v6,
                    earlier: earlier.map(|map| &map.v6),
                },
            };
        }
        Walk::new(&sources, &entries, rules, measured, family)
            .leaves(|part| tick(from + 0.25 * part))
    };
    let v4 = leaves(Family::V4, 0.3)?;
    let ruled = !geography.pins.is_empty();
    let (v4, v6) = thread::scope(|scope| {
        // One thread builds what is known while others walk on.
        let built = scope.spawn(move || Networks::new(v4.as_slice(), ruled));
        let v6 = leaves(Family::V6, 0.55).map(|leaves| Networks::new(leaves.as_slice(), ruled));
        (built.join(), v6)
    });
    let v4 = v4.ok().flatten().ok_or_else(too_large)?;
    let v6 = v6?.ok_or_else(too_large)?;
    tick(0.9);
    let table = entries.finish()?;
    let map = assemble(Compiled { v4, v6, table }, geography);
    tick(1.0);
    Ok(map)
}

/// What of a map takes long to make.
pub struct Compiled {
    /// The leaves of IPv4.
    pub v4: Networks,
    /// And of IPv6.
    pub v6: Networks,
    /// The rows that leaves name.
    pub table: PreferenceTable,
}

/// The map of a geography, with what follows from that and from the leaves.
#[must_use]
pub fn assemble(compiled: Compiled, geography: &Geography) -> ClientMap {
    let Compiled {
        mut v4,
        mut v6,
        table,
    } = compiled;
    let mut sets = RuleSets::new(&geography.pins);
    let mut every_v4 = 0;
    if !geography.pins.is_empty() {
        // Read once per leaf, so kept closer together than the rows.
        let rules: Vec<u32> = (0..table.count() as u32)
            .map(|entry| table.get(entry).rule)
            .collect();
        let rule = |entry: u32| rules.get(entry as usize).copied().unwrap_or(0);
        v4.summarise(&mut sets, rule);
        v6.summarise(&mut sets, rule);
        v4.rules_within(0, 0, rule, |set| every_v4 = sets.union(every_v4, set));
    }
    ClientMap {
        number: next_number(),
        v4,
        v6,
        table,
        sets: sets.finish(),
        every_v4,
        policy: match geography.ordering {
            Ordering::Nearest | Ordering::Failover | Ordering::Latency => Policy::Listed,
            Ordering::Weighted => Policy::Weighted(geography.regions.clone().into()),
        },
        drawn: (geography.regions.iter().zip(&geography.country_capacities))
            .map(|(region, (_, capacity))| Drawn {
                capacity: *capacity,
                seed: region.seed,
            })
            .collect(),
        blocks: geography.blocks,
        embedded: EmbeddedNetworks::with(&geography.nat64),
        regions: geography.regions.len(),
        pins: geography.pins.len(),
    }
}

/// Of the address space that the databases place, the share in which each rule holds: IPv4's and
/// IPv6's whole spaces are 1, and IPv6's is counted without what embeds IPv4. The first is of none.
pub fn coverage(
    databases: &[(File<'_>, &PlaceIndex)],
    geography: Geography,
    tick: impl Fn(f64) + Sync,
) -> Result<Vec<[f64; 2]>, Refused> {
    let geography = Geography {
        ordering: Ordering::Failover,
        regions: geography.regions.into_iter().take(1).collect(),
        pins: geography.pins.iter().map(|_| Fence::ALL).collect(),
        biases: geography.biases.into_iter().take(1).collect(),
        latency: None,
        counting: true,
        ..geography
    };
    let (sources, places) = sources(databases, &geography)?;
    let entries = Entries::new(&geography, places, None)?;
    let mut shares = vec![[0.0; 2]; geography.pins.len() + 1];
    let mut made = Vec::with_capacity(2);
    for (family, from) in [(Family::V4, 0.0), (Family::V6, 0.5)] {
        let rules = PrefixRules::new(&geography, family);
        let walk = Walk::new(&sources, &entries, rules, Measured::default(), family);
        made.push(walk.leaves(|part| tick(from + 0.5 * part))?);
    }
    let embedded_v4 = entries.embedded_v4;
    let table = entries.finish()?;
    for (family, leaves) in made.iter().enumerate() {
        for leaf in leaves.as_slice() {
            let row = table.get(leaf.entry());
            let placed = leaf.entry() != embedded_v4 && row.preference.first().is_some();
            let share = shares.get_mut(row.rule as usize);
            if let Some(share) = share.and_then(|s| s.get_mut(family)).filter(|_| placed) {
                *share += 0.5_f64.powi(i32::from(leaf.length()));
            }
        }
    }
    tick(1.0);
    Ok(shares)
}

/// Databases that are asked, and their places.
type Sources<'a> = (Vec<Source<'a>>, Vec<&'a Place>);

/// Those databases that know something which matters.
fn sources<'a>(
    databases: &[(File<'a>, &'a PlaceIndex)],
    geography: &Geography,
) -> Result<Sources<'a>, Refused> {
    let mut sources = Vec::with_capacity(databases.len());
    let mut places = Vec::new();
    for (file, place_index) in databases {
        let known = || place_index.places.iter();
        let (places_known, asns_known) = (
            known().any(Place::is_somewhere),
            geography.needs_asns() && known().any(|place| place.told_asn != 0),
        );
        if !places_known && !asns_known {
            continue;
        }
        sources.push(Source {
            file: *file,
            place_index,
            base: u32::try_from(places.len()).map_err(|_| too_large())?,
            places: places_known,
            asns: asns_known,
        });
        places.extend(&place_index.places);
    }
    Ok((sources, places))
}

fn too_large() -> Refused {
    Refused::because("they are larger than a map can hold")
}
