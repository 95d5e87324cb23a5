//! From a database record to a place, as `resolverd/geo/layout.py` reads it.
//!
//! A record that Python's reader would not decode (text that is not UTF-8, pointers to
//! pointers, nesting beyond 512 levels) and one that has another shape are unreadable here
//! too; their networks are unplaced.

use super::countries::{Countries, Country};
use super::folded_hash::FoldedHash;
use super::mmdb::metadata::Layout;
use super::mmdb::value::{Value, entries, kind, pointer, value};
use super::numbers::{degrees, kilometres};
use super::place::{CONTINENTS, DOUBT_RADIUS, NONE, Place};
use super::record_part::Part;
use super::sound::Sound;
use std::borrow::Cow;
use std::collections::HashMap;

/// Why a record is unreadable.
pub type Unreadable = Cow<'static, str>;

/// Reads the records of one data section, each value of which has passed its check.
pub struct Reader<'a> {
    data: &'a [u8],
    layout: Layout,
    countries: &'a Countries,
    sound: Sound<'a>,
    /// What maps that pointers lead to gave, so that a map which many records share is gone
    /// through once, however large a hostile file makes it.
    parts: HashMap<(usize, Part), Result<ValueOffsets, Unreadable>, FoldedHash>,
    /// The places of records that are but pointers to other values.
    aliases: HashMap<usize, Result<Option<Place>, Unreadable>>,
}

/// Where the values of the keys that were asked for stand, as far as they are there.
type ValueOffsets = [Option<usize>; 3];

/// What one record says: where its values stand, as `_Said` of `resolverd/geo/layout.py`.
#[derive(Default)]
struct Said {
    code: Option<usize>,
    continent: Option<usize>,
    north: Option<usize>,
    east: Option<usize>,
    radius: Option<usize>,
    anycast: bool,
    fine: bool,
    named: bool,
    unnamed: bool,
}

impl<'a> Reader<'a> {
    /// A reader with nothing read.
    #[must_use]
    pub fn new(data: &'a [u8], layout: Layout, countries: &'a Countries) -> Self {
        Self {
            data,
            layout,
            countries,
            sound: Sound::new(data),
            parts: HashMap::default(),
            aliases: HashMap::new(),
        }
    }

    /// The place that a record gives; None when no part of it is known.
    pub fn place(&mut self, record: usize) -> Result<Option<Place>, Unreadable> {
        let Some(target) = self.pointed_to(record) else {
            return self.place_at(record);
        };
        if let Some(known) = self.aliases.get(&target) {
            return known.clone();
        }
        let place = self.place_at(record);
        self.aliases.insert(target, place.clone());
        place
    }

    fn place_at(&mut self, record: usize) -> Result<Option<Place>, Unreadable> {
        self.sound.check(record)?;
        if self.layout == Layout::Asn {
            let pairs = self.map(value(self.data, record), "a record")?;
            return self.numbered(pairs);
        }
        let said = match self.layout {
            Layout::City | Layout::Country => self.nested(record)?,
            _ => self.flat(record)?,
        };
        let place = self.judge(&said)?;
        if self.layout != Layout::Ipinfo {
            return Ok(place);
        }
        // The autonomous system is beside it; a number that is none spoils no place.
        let pairs = self.map(value(self.data, record), "a record")?;
        Ok(match self.numbered(pairs) {
            Ok(Some(Place { told_asn, .. })) => Some(Place {
                told_asn,
                ..place.unwrap_or_default()
            }),
            _ => place,
        })
    }

    fn nested(&mut self, record: usize) -> Result<Said, Unreadable> {
        let [mut country, mut continent, mut location, mut traits] = [None; 4];
        let mut said = Said {
            fine: self.layout == Layout::City,
            ..Said::default()
        };
        for (key, at) in self.map(value(self.data, record), "a record")? {
            match key {
                b"country" => country = Some(at),
                b"continent" => continent = Some(at),
                b"location" if said.fine => location = Some(at),
                b"traits" => traits = Some(at),
                b"city" | b"subdivisions" => said.named = true,
                _ => {}
            }
        }
        [said.code, _, _] = self.part(country, Part::Country, [b"iso_code", b"", b""])?;
        [said.continent, _, _] = self.part(continent, Part::Continent, [b"code", b"", b""])?;
        [said.north, said.east, said.radius] = self.part(
            location,
            Part::Location,
            [b"latitude", b"longitude", b"accuracy_radius"],
        )?;
        // What is no map of traits says nothing, and spoils nothing.
        let [anycast, _, _] = self
            .part(traits, Part::Traits, [b"is_anycast", b"", b""])
            .unwrap_or_default();
        said.anycast = anycast.map(|at| value(self.data, at)) == Some(Some(Value::Boolean(true)));
        Ok(said)
    }

    /// The autonomous system of a record; None where there is none, or the reserved 0.
    fn numbered(
        &self,
        pairs: impl Iterator<Item = (&'a [u8], usize)>,
    ) -> Result<Option<Place>, Unreadable> {
        const NONE_SUCH: Unreadable = Cow::Borrowed("an autonomous system number is none");
        let [mut long, mut short] = [None; 2];
        for (key, at) in pairs {
            match key {
                b"autonomous_system_number" => long = Some(at),
                b"asn" => short = Some(at),
                _ => {}
            }
        }
        let asn = match long.or(short).map(|at| value(self.data, at)) {
            None | Some(Some(Value::Text(b""))) => 0,
            Some(Some(Value::Unsigned(number))) => u32::try_from(number).map_err(|_| NONE_SUCH)?,
            Some(Some(Value::Signed(number))) => u32::try_from(number).map_err(|_| NONE_SUCH)?,
            Some(Some(Value::Text(text))) => {
                let digits = text.strip_prefix(b"AS").unwrap_or(text);
                let sound = digits.iter().all(u8::is_ascii_digit) && digits.len() < 11;
                (std::str::from_utf8(digits).ok().filter(|_| sound))
                    .and_then(|digits| digits.parse().ok())
                    .ok_or(NONE_SUCH)?
            }
            Some(_) => return Err(NONE_SUCH),
        };
        Ok((asn != 0).then_some(Place {
            told_asn: asn,
            ..Place::default()
        }))
    }

    /// A flat record. `IPinfo`'s older databases have the code as `country`, newer ones the name.
    fn flat(&self, record: usize) -> Result<Said, Unreadable> {
        let ipinfo = self.layout == Layout::Ipinfo;
        let [mut code, mut country, mut continent_code, mut continent] = [None; 4];
        let [mut latitude, mut longitude, mut lat, mut lng] = [None; 4];
        let [mut accuracy, mut radius, mut city, mut state, mut region] = [None; 5];
        let mut anycast = None;
        for (key, at) in self.map(value(self.data, record), "a record")? {
            match key {
                b"country_code" => code = Some(at),
                b"country" => country = Some(at),
                b"continent_code" => continent_code = Some(at),
                b"continent" => continent = Some(at),
                b"latitude" => latitude = Some(at),
                b"longitude" => longitude = Some(at),
                b"lat" => lat = Some(at),
                b"lng" => lng = Some(at),
                b"accuracy_radius" => accuracy = Some(at),
                b"radius" => radius = Some(at),
                b"city" => city = Some(at),
                b"state1" => state = Some(at),
                b"region" => region = Some(at),
                b"is_anycast" => anycast = Some(at),
                _ => {}
            }
        }
        if ipinfo {
            code = code.or(country);
            continent_code = continent_code.or(continent);
            if latitude.is_none() && longitude.is_none() {
                (latitude, longitude) = (lat, lng);
            }
        }
        let named = [city, state, region].into_iter().flatten().any(|at| {
            let name = value(self.data, at);
            !matches!(name, Some(Value::Text(b"" | b"-")))
        });
        Ok(Said {
            code,
            continent: continent_code,
            north: latitude,
            east: longitude,
            radius: accuracy.or(radius),
            anycast: matches!(
                anycast.and_then(|at| value(self.data, at)),
                Some(Value::Boolean(true) | Value::Text(b"true"))
            ),
            fine: latitude.is_some() || longitude.is_some(),
            named,
            unnamed: city.is_some() && !named,
        })
    }

    fn judge(&self, said: &Said) -> Result<Option<Place>, Unreadable> {
        // "ZZ", "EU", "-" and the like stand for "no one country"; only real codes count.
        let code = self.text(said.code)?;
        let country = self.countries.get(code);
        let at = |at: Option<usize>| at.map(|at| value(self.data, at));
        let (north, east) = (
            degrees(at(said.north), 90.0)?,
            degrees(at(said.east), 180.0)?,
        );
        // 0° N 0° E is how some sources write "unknown", beside a country too: there is only water.
        let said_point = north.zip(east).filter(|point| *point != (0.0, 0.0));
        let doubted = self.is_doubted(said, country, said_point);
        let point = said_point
            .filter(|_| !doubted)
            .or_else(|| country.and_then(|country| country.place.point));
        let known = self.text(said.continent)?;
        let continent = match CONTINENTS.iter().find(|code| code.as_slice() == known) {
            Some(code) => **code,
            // Registries write EU for "some country of the European Union".
            None if country.is_none() && code == b"EU" => *b"EU",
            None => country.map_or(NONE, |country| country.place.continent),
        };
        if point.is_none() && continent == NONE {
            return Ok(None);
        }
        Ok(Some(Place {
            point,
            country: country.map_or(NONE, |country| country.place.country),
            continent,
            uncertain: doubted && country.is_some(),
            ..Place::default()
        }))
    }

    /// Whether a record says no more than the country: `_doubt` of `resolverd/geo/layout.py`.
    fn is_doubted(
        &self,
        said: &Said,
        country: Option<&Country>,
        point: Option<(f64, f64)>,
    ) -> bool {
        let Some(point) = point else {
            return said.anycast || said.fine;
        };
        let radius = said.radius.and_then(|at| value(self.data, at));
        let radius = radius.and_then(kilometres);
        if said.anycast || radius.is_some_and(|radius| radius >= DOUBT_RADIUS) {
            return true;
        }
        country.is_some_and(|country| {
            let stands_for_all = said.unnamed || (!said.named && country.is_centre(point));
            !country.reaches(point) || (radius.is_none() && stands_for_all)
        })
    }

    /// Where in the map at `part` the values of `keys` stand, if there is such a map.
    fn part(
        &mut self,
        part: Option<usize>,
        what: Part,
        keys: [&[u8]; 3],
    ) -> Result<ValueOffsets, Unreadable> {
        let Some(part) = part else {
            return Ok([None; 3]);
        };
        let Some(target) = self.pointed_to(part) else {
            return self.search(part, what, keys);
        };
        if let Some(known) = self.parts.get(&(target, what)) {
            return known.clone();
        }
        let found = self.search(part, what, keys);
        self.parts.insert((target, what), found.clone());
        found
    }

    fn search(
        &self,
        part: usize,
        what: Part,
        keys: [&[u8]; 3],
    ) -> Result<ValueOffsets, Unreadable> {
        let mut found = [None; 3];
        for (key, at) in self.map(value(self.data, part), what.name())? {
            if what.has_parameter(key) {
                return Err("a record is not a geoip2 one".into());
            }
            for (wanted, place) in keys.iter().zip(&mut found) {
                if *wanted == key {
                    *place = Some(at);
                }
            }
        }
        Ok(found)
    }

    fn pointed_to(&self, position: usize) -> Option<usize> {
        let control = *self.data.get(position)?;
        if control >> 5 != kind::POINTER {
            return None;
        }
        pointer(self.data, position).map(|(target, _)| target)
    }

    fn map(
        &self,
        found: Option<Value<'a>>,
        what: &'static str,
    ) -> Result<impl Iterator<Item = (&'a [u8], usize)> + use<'a>, Unreadable> {
        match found {
            Some(Value::Map { first, count }) => Ok(entries(self.data, first, count)),
            _ => Err(format!("{what} is not a map").into()),
        }
    }

    fn text(&self, at: Option<usize>) -> Result<&'a [u8], Unreadable> {
        match at.map(|at| value(self.data, at)) {
            None => Ok(&[]),
            Some(Some(Value::Text(text))) => Ok(text),
            Some(_) => Err("a code is not text".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_holds_itself_is_unreadable() {
        let data = [0xe1, 0x41, b'a', 0x20, 0x00];
        let countries = Countries::read(&[]);
        let mut reader = Reader::new(&data, Layout::Flat, &countries);
        assert!(reader.place(0).is_err());
    }
}
