//! Place indexes and client maps; `resolverd/abi/map.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use super::caught::caught;
use crate::geo::countries::Countries;
use crate::geo::geography::Geography;
use crate::geo::kept;
use crate::geo::mmdb::{File, Refused};
use crate::geo::place_index::PlaceIndex;
use crate::geo::prefix_rows::PrefixRows;
use crate::geo::{ClientMap, MapEntry, Scratch, compile, coverage};
use crate::io::sys::{Handle, Handles, Meter, Numbers, OutBuf, Span, Spans};
use crate::wire::prefix::{Family, Prefix};
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// Check the database in `content` and read its places; null with the reason where it is
/// refused. `countries` as [`Countries::read`] has it; `report` gets networks, records,
/// unreadable records, places, and octets of memory.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_place_index_read(
    content: Span,
    countries: Span,
    meter: Meter,
    mut report: Numbers,
    mut reason: OutBuf,
) -> Handle<PlaceIndex> {
    let countries = Countries::read(countries.octets());
    let progress = meter.progress();
    let read = caught(|| {
        let file = File::open(content.octets())?;
        PlaceIndex::read(&file, &countries, |part| progress.tell(part))
    });
    match read {
        Ok(place_index) => {
            let counted = &place_index.report;
            let counts = [
                counted.networks,
                counted.records,
                counted.unreadable,
                place_index.places.len() as u64,
                place_index.size() as u64,
            ];
            for (to, from) in report.numbers().iter_mut().zip(counts) {
                *to = from;
            }
            Handle::give(Arc::new(place_index))
        }
        Err(Refused(why)) => {
            reason.write(&why);
            Handle::null()
        }
    }
}

/// Keep, until it is released, what compilations find in the tree of a place index: several maps
/// are to be compiled.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_place_index_keep_paths(place_index: Handle<PlaceIndex>) {
    if let Some(place_index) = place_index.get() {
        place_index.paths.keep();
    }
}

/// Release a place index.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_place_index_release(place_index: Handle<PlaceIndex>) {
    place_index.release();
}

/// Compile the map of a geography (octets as [`Geography::read`] has them) over databases, each
/// with the place index that was read from it; null with the reason where that cannot be. `rows`
/// are none, or the columns that [`PrefixRows::read`] has, of IPv4 and then of IPv6; `earlier` is
/// null, or the map whose orders are left only for what is worth it.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_compile(
    contents: Spans,
    place_indexes: Handles<PlaceIndex>,
    geography: Span,
    rows: Spans,
    earlier: Handle<ClientMap>,
    meter: Meter,
    mut reason: OutBuf,
) -> Handle<ClientMap> {
    let place_indexes = place_indexes.share();
    let progress = meter.progress();
    let compiled = caught(|| {
        let geography = read(geography)?;
        let databases = opened(&contents, &place_indexes)?;
        let rows = prefix_rows(rows.items())?;
        compile(&databases, &geography, rows, earlier.get(), |part| {
            progress.tell(part);
        })
    });
    match compiled {
        Ok(map) => Handle::give(Arc::new(map)),
        Err(Refused(why)) => {
            reason.write(&why);
            Handle::null()
        }
    }
}

/// Count where the pins of a geography hold: for no pin, and then for each, the share of IPv4 and of
/// IPv6 that the databases place and that it holds in, as the bits of doubles. The number of shares
/// written; negative with the reason where that cannot be.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_coverage(
    contents: Spans,
    place_indexes: Handles<PlaceIndex>,
    geography: Span,
    meter: Meter,
    mut shares: Numbers,
    mut reason: OutBuf,
) -> isize {
    let place_indexes = place_indexes.share();
    let progress = meter.progress();
    let counted = caught(|| {
        let geography = read(geography)?;
        let databases = opened(&contents, &place_indexes)?;
        coverage(&databases, geography, |part| progress.tell(part))
    });
    match counted {
        Ok(counted) => {
            let all = counted.iter().flatten();
            let written = shares.numbers().iter_mut().zip(all);
            let count = written.map(|(to, share)| *to = share.to_bits()).count();
            isize::try_from(count).unwrap_or(-1)
        }
        Err(Refused(why)) => {
            reason.write(&why);
            -1
        }
    }
}

fn read(geography: Span) -> Result<Geography, Refused> {
    Geography::read(geography.octets())
        .ok_or_else(|| Refused::because("the geography is not one that this library reads"))
}

fn opened<'a>(
    contents: &'a Spans,
    place_indexes: &'a [Arc<PlaceIndex>],
) -> Result<Vec<(File<'a>, &'a PlaceIndex)>, Refused> {
    (contents.items().iter())
        .zip(place_indexes)
        .map(|(content, place_index)| Ok((File::open(content.octets())?, place_index.as_ref())))
        .collect()
}

/// Write a map as octets for [`resolverd_map_restore`]: their number; negative without a map, or
/// where they do not fit into the buffer.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_save(map: Handle<ClientMap>, mut out: OutBuf) -> isize {
    let Some(map) = map.get() else {
        return -1;
    };
    let saved = kept::save(map);
    let Some(place) = out.octets().get_mut(..saved.len()) else {
        return -1;
    };
    place.copy_from_slice(&saved);
    isize::try_from(saved.len()).unwrap_or(-1)
}

/// The map that octets were saved of, for the geography that it was compiled for; null where they
/// are of no such map.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_restore(saved: Span, geography: Span) -> Handle<ClientMap> {
    let restored = caught(|| Ok(kept::load(saved.octets(), &read(geography)?)));
    match restored {
        Ok(Some(map)) => Handle::give(Arc::new(map)),
        Ok(None) | Err(_) => Handle::null(),
    }
}

/// Release a map.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_release(map: Handle<ClientMap>) {
    map.release();
}

/// Tell a map's rows, leaves and octets of memory.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_size(map: Handle<ClientMap>, mut size: Numbers) {
    let sizes = map.get().map_or([0; 3], ClientMap::size);
    for (to, from) in size.numbers().iter_mut().zip(sizes) {
        *to = from as u64;
    }
}

/// Look a client up: its address in 4 or 16 octets, and its prefix length.
///
/// Writes `scope u8 · regions u8 · pins u16 (big-endian) · region u8 each · pin u16 each` and
/// returns its length; negative without a map, or where the address or the buffer is unfit.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_lookup(
    map: Handle<ClientMap>,
    address: Span,
    length: u8,
    mut out: OutBuf,
) -> isize {
    let (Some(map), Some(client)) = (map.get(), prefix(address.octets(), length)) else {
        return -1;
    };
    SCRATCH.with_borrow_mut(|scratch| {
        let written = write(map.lookup(client, scratch), out.octets());
        written
            .and_then(|length| isize::try_from(length).ok())
            .unwrap_or(-1)
    })
}

/// Nanoseconds that one look-up takes, over `clients`: 18 octets each, family (4 or 6),
/// length, and the address left-aligned. Negative without a map.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_map_time(map: Handle<ClientMap>, clients: Span) -> f64 {
    let Some(map) = map.get() else {
        return -1.0;
    };
    let clients: Vec<Prefix> = clients
        .octets()
        .chunks_exact(18)
        .filter_map(client)
        .collect();
    SCRATCH.with_borrow_mut(|scratch| {
        let start = Instant::now();
        for client in &clients {
            let found = map.lookup(*client, scratch);
            black_box((found.preference.first(), found.scope));
        }
        start.elapsed().as_nanos() as f64 / clients.len() as f64
    })
}

fn prefix_rows(columns: &[Span]) -> Result<[PrefixRows<'_>; 2], Refused> {
    let octets: Vec<&[u8]> = columns.iter().map(Span::octets).collect();
    let Some((v4, rest)) = octets.split_first_chunk::<7>() else {
        return Ok(Default::default());
    };
    let v6 = rest.first_chunk::<7>().copied().unwrap_or_default();
    Ok([
        PrefixRows::read(*v4, Family::V4)?,
        PrefixRows::read(v6, Family::V6)?,
    ])
}

fn client(octets: &[u8]) -> Option<Prefix> {
    let ([family, length], address) = octets.split_first_chunk()?;
    let family = if *family == 4 { Family::V4 } else { Family::V6 };
    let address = u128::from_be_bytes(address.try_into().ok()?);
    Some(Prefix::new(family, address, *length))
}

fn prefix(address: &[u8], length: u8) -> Option<Prefix> {
    let (family, address) = match *address {
        [a, b, c, d] => (
            Family::V4,
            u128::from(u32::from_be_bytes([a, b, c, d])) << 96,
        ),
        _ => (Family::V6, u128::from_be_bytes(address.try_into().ok()?)),
    };
    Some(Prefix::new(family, address, length))
}

fn write(found: MapEntry<'_>, out: &mut [u8]) -> Option<usize> {
    let regions = u8::try_from(found.preference.count()).ok()?;
    let [high, low] = u16::try_from(found.pins.len()).ok()?.to_be_bytes();
    let pins = found.pins.iter().flat_map(|pin| pin.to_be_bytes());
    let head = [found.scope, regions, high, low]
        .into_iter()
        .chain(found.preference.iter())
        .chain(pins);
    let length = 4 + found.preference.count() + 2 * found.pins.len();
    for (to, from) in out.get_mut(..length)?.iter_mut().zip(head) {
        *to = from;
    }
    Some(length)
}
