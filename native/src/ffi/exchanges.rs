//! Requests for pages of metrics; `resolverd/abi/exchanges.py` declares the same.
#![expect(
    unsafe_code,
    reason = "exporting a symbol counts as unsafe; no unsafe block stands here"
)]

use crate::io::exchanges::{EXCHANGE_SERIES, Exchanges, NOTHING_SHOWN, Page};
use crate::io::sys::{Handle, Numbers, OutBuf, Span};
use crate::pages::Layout;
use std::sync::Arc;

/// None are under way; null with the reason where there can be none.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchanges_new(mut reason: OutBuf) -> Handle<Exchanges> {
    match Exchanges::new() {
        Ok(exchanges) => Handle::give(Arc::new(exchanges)),
        Err(error) => {
            reason.write(&error.to_string());
            Handle::null()
        }
    }
}

/// Release them, and end those that are under way.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchanges_release(exchanges: Handle<Exchanges>) {
    exchanges.release();
}

/// A descriptor that is readable while there is something to see to; -1 for none. It is theirs.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchanges_fd(exchanges: Handle<Exchanges>) -> i32 {
    exchanges.get().map_or(-1, Exchanges::descriptor)
}

/// A page to be asked for at `peer`, a `sockaddr_in` or `sockaddr_in6`, by the octets `request`, and
/// its layout; null where `peer` is no such address, or of series there are too many.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_page_new(
    peer: Span,
    request: Span,
    layout: Handle<Layout>,
) -> Handle<Page> {
    let layout = layout
        .share()
        .filter(|known| known.series() <= EXCHANGE_SERIES);
    let page = layout.and_then(|layout| Page::new(peer.octets(), request.octets(), layout));
    page.map_or_else(Handle::null, |page| Handle::give(Arc::new(page)))
}

/// Release a page; exchanges that ask for it go on.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_page_release(page: Handle<Page>) {
    page.release();
}

/// Ask for a page: the exchange's number, or a negative error number where this host cannot even
/// begin ([`Exchanges::begin`]).
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_begin(
    exchanges: Handle<Exchanges>,
    page: Handle<Page>,
) -> i64 {
    let (Some(exchanges), Some(page)) = (exchanges.get(), page.share()) else {
        return -1;
    };
    match exchanges.begin(page) {
        Ok(number) => number.cast_signed(),
        Err(error) => -i64::from(error.raw_os_error().unwrap_or(1)),
    }
}

/// End an exchange ([`Exchanges::cancel`]); `out` gets the two numbers of what it has shown.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_cancel(
    exchanges: Handle<Exchanges>,
    number: u64,
    mut out: Numbers,
) {
    let known = exchanges.get();
    let shown = known.map_or(NOTHING_SHOWN, |exchanges| exchanges.cancel(number));
    for (to, from) in out.numbers().iter_mut().zip(shown) {
        *to = from;
    }
}

/// See to at most so many that are ready ([`Exchanges::turn`]); how many numbers of `out` were
/// written.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchanges_turn(
    exchanges: Handle<Exchanges>,
    most: usize,
    mut out: Numbers,
) -> usize {
    exchanges
        .get()
        .map_or(0, |exchanges| exchanges.turn(most, out.numbers()))
}

/// See to one of them ([`Exchanges::look`]); how many numbers of `out` were written.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_look(
    exchanges: Handle<Exchanges>,
    number: u64,
    mut out: Numbers,
) -> usize {
    exchanges
        .get()
        .map_or(0, |exchanges| exchanges.look(number, out.numbers()))
}

/// What has come of one that is left to Python, which is forgotten here; how many octets.
#[unsafe(no_mangle)]
pub extern "C" fn resolverd_exchange_take(
    exchanges: Handle<Exchanges>,
    number: u64,
    mut out: OutBuf,
) -> usize {
    let received = exchanges.get().map(|exchanges| exchanges.take(number));
    received.map_or(0, |octets| out.write_octets(&octets))
}
