//! What a database says of itself, behind the last marker of the file.

use super::check::check_values;
use super::value::{Value, entries, value};
use super::{Refused, bits::Bits};

const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Octets from the end in which the marker must lie.
const MAX_METADATA: usize = 128 * 1024;

/// How a database's records say where an address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Nested maps with a country, a continent and a location.
    City,
    /// Nested maps with a country and a continent.
    Country,
    /// One map with `country_code`, `latitude` and `longitude`.
    Flat,
    /// One map, as `IPinfo` has it; some have `asn` beside the place.
    Ipinfo,
    /// One map with `autonomous_system_number`, or `asn`.
    Asn,
}

/// The fields that reading needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metadata {
    /// Nodes of the search tree.
    pub node_count: u32,
    /// Bits of a record: 24, 28 or 32.
    pub record_size: u8,
    /// 4 or 6.
    pub ip_version: u8,
    /// By its type.
    pub layout: Layout,
}

impl Metadata {
    /// Read it from a whole file; with it what stands before the marker.
    pub fn read(content: &[u8]) -> Result<(&[u8], Self), Refused> {
        let from = content.len().saturating_sub(MAX_METADATA);
        let marker = content
            .get(from..)
            .and_then(|end| {
                end.windows(MARKER.len())
                    .rposition(|window| window == MARKER)
            })
            .ok_or_else(|| Refused::because("no MaxMind DB metadata at its end"))?;
        let (before, behind) = content.split_at(from + marker);
        let said = behind.get(MARKER.len()..).unwrap_or(&[]);
        let mut start = Bits::new(said.len());
        start.insert(0);
        check_values(said, &start, |_| ())?;
        let metadata = Self::fields(said)
            .ok_or_else(|| Refused::because("its metadata or search tree is damaged"))?;
        Ok((before, metadata))
    }

    fn fields(said: &[u8]) -> Option<Self> {
        let (mut nodes, mut size, mut version, mut layout) = (None, None, None, None);
        let Value::Map { first, count } = value(said, 0)? else {
            return None;
        };
        for (key, position) in entries(said, first, count) {
            match (key, value(said, position)?) {
                (b"node_count", Value::Unsigned(number)) => nodes = u32::try_from(number).ok(),
                (b"record_size", Value::Unsigned(number)) => size = u8::try_from(number).ok(),
                (b"ip_version", Value::Unsigned(number)) => version = u8::try_from(number).ok(),
                (b"database_type", Value::Text(text)) => layout = layout_of(text),
                _ => {}
            }
        }
        Some(Self {
            node_count: nodes?,
            record_size: size.filter(|size| [24, 28, 32].contains(size))?,
            ip_version: version.filter(|version| [4, 6].contains(version))?,
            layout: layout?,
        })
    }
}

/// The layout that a type announces, as `layout_of` of `resolverd/geo/layout.py` has it.
fn layout_of(database_type: &[u8]) -> Option<Layout> {
    const IPINFO_WORDS: [&str; 7] = [
        "location",
        "geolocation",
        "country",
        "city",
        "lite",
        "core",
        "plus",
    ];
    let text = std::str::from_utf8(database_type).ok()?;
    if text.starts_with("ipinfo ") {
        let mut words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
        if words.clone().any(|word| IPINFO_WORDS.contains(&word)) {
            return Some(Layout::Ipinfo);
        }
        return words.any(|word| word == "asn").then_some(Layout::Asn);
    }
    if text.contains("City") || text.contains("Enterprise") {
        return Some(Layout::City);
    }
    if text.contains("Country") {
        return Some(Layout::Country);
    }
    if let Some(number) = ip2location_number(text) {
        // The first two know countries (and providers) alone.
        return Some(if number <= 2 {
            Layout::Country
        } else {
            Layout::City
        });
    }
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    if words
        .clone()
        .any(|word| word == "city" || word == "country")
    {
        return Some(Layout::Flat);
    }
    words
        .any(|word| ["ASN", "asn", "ISP"].contains(&word))
        .then_some(Layout::Asn)
}

/// The number of one of IP2Location's databases: 11 of `IP2LOCATION-LITE-DB11`.
fn ip2location_number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("ip2location") && !lower.starts_with("ip2lite") {
        return None;
    }
    // The last one counts, and one that is too large for a number is large.
    lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter_map(|word| word.strip_prefix("db"))
        .rfind(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .map(|digits| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_announces_its_layout() {
        assert_eq!(layout_of(b"GeoLite2-City"), Some(Layout::City));
        assert_eq!(layout_of(b"GeoIP2-Enterprise"), Some(Layout::City));
        assert_eq!(layout_of(b"DBIP-Country-Lite"), Some(Layout::Country));
        assert_eq!(layout_of(b"city ipv4"), Some(Layout::Flat));
        assert_eq!(layout_of(b"velocity"), None);
        assert_eq!(
            layout_of(b"ipinfo bundle_location_lite.mmdb"),
            Some(Layout::Ipinfo)
        );
        assert_eq!(
            layout_of(b"ipinfo generic_country_free_country_asn.mmdb"),
            Some(Layout::Ipinfo)
        );
        assert_eq!(
            layout_of(b"ipinfo generic_asn_free.mmdb"),
            Some(Layout::Asn)
        );
        assert_eq!(layout_of(b"ipinfo standard_privacy.mmdb"), None);
        assert_eq!(layout_of(b"IP2LITE-City"), Some(Layout::City));
        assert_eq!(layout_of(b"IP2Location-LITE-DB11"), Some(Layout::City));
        assert_eq!(layout_of(b"IP2LOCATION-LITE-DB1"), Some(Layout::Country));
        assert_eq!(layout_of(b"IP2Proxy-LITE-PX11"), None);
        assert_eq!(layout_of(b"GeoLite2-ASN"), Some(Layout::Asn));
        assert_eq!(layout_of(b"casnet"), None);
    }

    #[test]
    fn a_file_without_metadata_is_refused() {
        assert!(Metadata::read(b"").is_err());
        assert!(Metadata::read(MARKER).is_err());
        assert!(Metadata::read(b"\xab\xcd\xefMaxMind.com\xe0").is_err());
    }
}
