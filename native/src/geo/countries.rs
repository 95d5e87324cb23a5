//! What is known of each country, as `resolverd/abi/countries.py` hands it over.

use super::octets::Octets;
use super::place::{Code, Place};

/// Degrees by which a point may differ from a centre.
const ROUNDING: f64 = 0.006;
/// What is known of a country: where its people are, its continent, how far it reaches, and which
/// points stand for all of it.
pub(super) struct Country {
    pub(super) place: Place,
    /// South, north, west and east, in degrees.
    reach: [f64; 4],
    centres: Vec<(f64, f64)>,
}

impl Country {
    /// Whether a point may lie in the country: over the antimeridian, west is greater than east.
    pub(super) fn reaches(&self, (latitude, longitude): (f64, f64)) -> bool {
        let [south, north, west, east] = self.reach;
        let across = if west <= east {
            west <= longitude && longitude <= east
        } else {
            longitude >= west || longitude <= east
        };
        south <= latitude && latitude <= north && across
    }

    pub(super) fn is_centre(&self, (latitude, longitude): (f64, f64)) -> bool {
        self.centres.iter().any(|(north, east)| {
            (latitude - north).abs() < ROUNDING && (longitude - east).abs() < ROUNDING
        })
    }
}

/// All countries, by their codes.
pub struct Countries(Vec<(Code, Country)>);

impl Countries {
    /// From 53 octets a country and 16 for each of its centres: code, continent, degrees north and
    /// east, south, north, west and east as doubles, all big-endian; how many centres there are in
    /// one octet; their degrees north and east. What is left over counts for nothing.
    #[must_use]
    pub fn read(octets: &[u8]) -> Self {
        let mut table = Vec::new();
        let mut from = Octets(octets);
        while let Some(country) = read_country(&mut from) {
            table.push((country.place.country, country));
        }
        table.sort_unstable_by_key(|(code, _)| *code);
        Self(table)
    }

    pub(super) fn get(&self, code: &[u8]) -> Option<&Country> {
        let code: Code = code.try_into().ok()?;
        let at = self
            .0
            .binary_search_by_key(&code, |(known, _)| *known)
            .ok()?;
        self.0.get(at).map(|(_, country)| country)
    }
}

fn read_country(from: &mut Octets<'_>) -> Option<Country> {
    let [a, b, c, d] = from.take()?;
    let (north, east) = from.degrees()?;
    let reach = [
        from.double()?,
        from.double()?,
        from.double()?,
        from.double()?,
    ];
    let [count] = from.take()?;
    let centres = (0..count).map(|_| from.degrees());
    let centres = centres.collect::<Option<_>>()?;
    Some(Country {
        place: Place {
            point: Some((north, east)),
            country: [a, b],
            continent: [c, d],
            ..Place::default()
        },
        reach,
        centres,
    })
}
