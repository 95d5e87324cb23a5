//! Maps compiled from whatever a fuzzer has for a database.

use super::blocks::Blocks;
use super::compile::compile;
use super::contract::Ordering;
use super::countries::Countries;
use super::fence::Fence;
use super::field::{Column, Field, Hub, Origin, Sample, Scale};
use super::geography::{Geography, OwnPlace};
use super::kept;
use super::latency::{Bias, Latency};
use super::map::Scratch;
use super::mmdb::File;
use super::place::Place;
use super::place_index::PlaceIndex;
use super::prefix_rows::PrefixRows;
use super::ranking::{Region, SpherePoint};
use crate::wire::prefix::{Family, Prefix};

/// Everything that a hostile file can reach, for a fuzzer: open, check, compile, look up.
///
/// The countries are two, and there is a pin of each kind.
pub fn fuzz_compile(octets: &[u8]) {
    let Ok(file) = File::open(octets) else {
        return;
    };
    let country = |code: &[u8; 4], degrees: [f64; 8]| {
        let [point_and_reach @ .., north, east] = degrees.map(f64::to_be_bytes);
        [
            code,
            point_and_reach.concat().as_slice(),
            &[1],
            &north,
            &east,
        ]
        .concat()
    };
    let countries = Countries::read(
        &[
            country(b"DEEU", [50.0, 8.0, 42.0, 61.0, -3.0, 24.0, 51.0, 9.0]),
            country(b"SGAS", [1.0, 100.0, -4.0, 7.0, 98.0, 109.0, 1.0, 100.0]),
        ]
        .concat(),
    );
    let Ok(place_index) = PlaceIndex::read(&file, &countries, |_| ()) else {
        return;
    };
    let region = |latitude, longitude, seed| Region {
        latitude,
        longitude,
        weight: 1.0,
        seed,
    };
    let mut geography = Geography {
        ordering: Ordering::Nearest,
        blocks: Blocks { v4: 24, v6: 48 },
        edge: (50.0, 8.0),
        regions: vec![region(50.0, 8.0, 1), region(1.0, 103.0, 2)],
        pins: vec![Fence::NONE.with(0), Fence::NONE.with(1)],
        subnets: vec![(Prefix::new(Family::V4, 10 << 120, 9), 1)],
        countries: vec![(*b"DE", 0)],
        continents: vec![(*b"AS", 1)],
        unplaced: 1,
        default: 2,
        biases: vec![
            Bias {
                factor: 1.0,
                added: 0.0
            };
            2
        ],
        latency: None,
        country_capacities: vec![(*b"DE", 1.0), (*b"DE", 2.0)],
        edge_country: *b"SG",
        nat64: vec![Prefix::new(Family::V6, 0x2001_0db8 << 96, 40)],
        own: vec![OwnPlace {
            place: Place::default(),
            fallback: None,
            rule: 1,
        }],
        own_subnets: vec![(Prefix::new(Family::V4, 11 << 120, 10), 0)],
        own_asns: vec![(64500, 0)],
        asns: vec![(64501, 1)],
        counting: false,
    };
    let rows = fuzzed_rows();
    let mut earlier = None;
    for ordering in [
        Ordering::Nearest,
        Ordering::Weighted,
        Ordering::Latency,
        Ordering::Latency,
    ] {
        geography.ordering = ordering;
        geography.latency = (ordering == Ordering::Latency).then(fuzzed_latency);
        let databases = [(file, &place_index)];
        let rows = rows.each_ref().map(|columns| {
            let columns = columns.each_ref().map(Vec::as_slice);
            PrefixRows::read(columns, Family::V6).unwrap_or_default()
        });
        let Ok(map) = compile(&databases, &geography, rows, earlier.as_ref(), |_| ()) else {
            return;
        };
        let mut scratch = Scratch::new();
        for length in 0..=128 {
            let address = 0x0a01_0203_u128 << 96 | u128::from(length) << 60;
            for family in [Family::V4, Family::V6] {
                let client = Prefix::new(family, address, length);
                assert!(map.lookup(client, &mut scratch).preference.count() <= 2);
                assert!(map.block(client).prefix.length <= 48);
            }
        }
        let mut saved = kept::save(&map);
        let restored = kept::load(&saved, &geography);
        assert!(restored.is_some_and(|restored| kept::save(&restored) == saved));
        // Whatever octets are put in the place of others, it is a map or none.
        for (to, from) in saved.iter_mut().rev().step_by(7).zip(octets) {
            *to = *from;
        }
        if let Some(other) = kept::load(&saved, &geography) {
            other.lookup(Prefix::new(Family::V4, 0, 3), &mut scratch);
        }
        earlier = Some(map);
    }
}

/// A field of two regions and one landmark.
fn fuzzed_latency() -> Latency {
    let column = |point| Column {
        point: SpherePoint::at(point),
        base: 2.0,
        slope: 0.015,
    };
    let sample = |column| Sample {
        column,
        ms: 30.0,
        confidence: 0.5,
    };
    Latency {
        field: Field {
            columns: vec![column((50.0, 8.0)), column((1.0, 103.0))],
            hubs: vec![Hub {
                point: SpherePoint::at((30.0, 60.0)),
                ways: vec![6000.0, 5000.0],
            }],
            scales: vec![Scale {
                variance: 100.0,
                length: 800.0,
            }],
            country_variance: 20.0,
            origins: vec![Origin {
                point: SpherePoint::at((52.0, 13.0)),
                country: *b"DE",
                weights: vec![0.5, -0.5],
            }],
        },
        columns: vec![1, 0],
        countries: vec![(*b"SG", vec![sample(0), sample(9)])],
        asns: vec![(64500, vec![sample(1)])],
        own: vec![(1, vec![sample(0)])],
    }
}

/// A few measured prefixes of each family, among them all that there is.
fn fuzzed_rows() -> [[Vec<u8>; 7]; 2] {
    [(32_u8, 10_u64 << 56), (128, 0x2001_0db8 << 32)].map(|(deepest, address)| {
        let prefixes = [(0, 0), (address, 9), (address, 30), (address, deepest)];
        [
            { prefixes.iter() }
                .flat_map(|p| p.0.to_ne_bytes())
                .collect(),
            vec![0; 8 * prefixes.len()],
            prefixes.iter().map(|p| p.1).collect(),
            (0..=prefixes.len() as u32)
                .flat_map(u32::to_ne_bytes)
                .collect(),
            [0_u16, 1, 7, 0]
                .iter()
                .flat_map(|r| r.to_ne_bytes())
                .collect(),
            [9.0_f32, 300.0, 1.0, 0.0]
                .iter()
                .flat_map(|ms| ms.to_ne_bytes())
                .collect(),
            [1.0_f32, 0.5, 0.1, 0.0]
                .iter()
                .flat_map(|c| c.to_ne_bytes())
                .collect(),
        ]
    })
}
