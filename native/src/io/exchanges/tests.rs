//! Exchanges with servers of these tests, on loopback.

use super::contract::{
    EXCHANGE_FAILED, EXCHANGE_NO_CONNECT, EXCHANGE_NUMBERS, EXCHANGE_OTHER, EXCHANGE_READ,
};
use super::{Exchanges, NOTHING_SHOWN, Page};
use crate::io::epoll::wait_for;
use crate::io::kernel::READABLE;
use crate::io::sys;
use crate::pages::Layout;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

const NAMES: &[u8] = b"vllm:running\nstarted_at\n";
const SERIES: &[u8] = b"vllm:running{engine=\"0\"}\nstarted_at\n";
const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\n\r\n";
const BODY: &str = "# HELP\nvllm:running{engine=\"0\"} 3.5\nstarted_at 7\n";
const LONG: Duration = Duration::from_secs(20);

struct World {
    exchanges: Exchanges,
    listener: TcpListener,
    page: Arc<Page>,
}

impl World {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            exchanges: Exchanges::new().unwrap(),
            listener,
            page: page(port),
        }
    }

    /// Begin one, and see it connected; its number, and the server's side, which was asked.
    fn begun(&self) -> (u64, TcpStream) {
        let number = self.exchanges.begin(Arc::clone(&self.page)).unwrap();
        assert_eq!(self.turn(), [] as [u64; 0], "it has connected, and no more");
        let (mut stream, _) = self.listener.accept().unwrap();
        let mut request = vec![0; REQUEST.len()];
        stream.read_exact(&mut request).unwrap();
        assert_eq!(request, REQUEST);
        (number, stream)
    }

    /// What is told once something is ready.
    fn turn(&self) -> Vec<u64> {
        let mut out = vec![0; 1 + EXCHANGE_NUMBERS];
        let epoll = self.exchanges.epoll.as_fd();
        assert!(wait_for(epoll, READABLE, LONG), "nothing has happened");
        let written = self.exchanges.turn(8, &mut out);
        assert_eq!(out[0], 1);
        out[1..written].to_vec()
    }
}

fn page(port: u16) -> Arc<Page> {
    let mut peer = [0; 16];
    peer[..2].copy_from_slice(&2_u16.to_ne_bytes());
    peer[2..4].copy_from_slice(&port.to_be_bytes());
    peer[4..8].copy_from_slice(&Ipv4Addr::LOCALHOST.octets());
    let layout = Arc::new(Layout::new(NAMES, SERIES).unwrap());
    Arc::new(Page::new(&peer, REQUEST, layout).unwrap())
}

fn response(body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body.as_bytes()].concat()
}

fn numbers() -> [u64; 2] {
    [3.5_f64.to_bits(), 7.0_f64.to_bits()]
}

#[test]
fn a_page_is_told_by_its_numbers() {
    let world = World::new();
    let (number, mut stream) = world.begun();
    stream.write_all(&response(BODY)).unwrap();
    let told = world.turn();
    assert_eq!((told[0], told[1], told[3]), (number, EXCHANGE_READ, 2));
    assert!(told[2] < LONG.as_nanos() as u64, "the handshake was timed");
    assert_eq!(&told[4..], numbers());
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0, "it is closed");
}

#[test]
fn a_page_in_parts_is_waited_for() {
    let world = World::new();
    let (number, mut stream) = world.begun();
    stream.set_nodelay(true).unwrap();
    let whole = response(BODY);
    let body = whole.len() - BODY.len();
    for part in [
        &whole[..body],
        &whole[body..body + 9],
        &whole[body + 9..body + 20],
    ] {
        stream.write_all(part).unwrap();
        assert_eq!(world.turn(), [] as [u64; 0]);
    }
    stream.write_all(&whole[body + 20..]).unwrap();
    let told = world.turn();
    assert_eq!((told[0], told[1]), (number, EXCHANGE_READ));
    assert_eq!(&told[4..], numbers());
}

#[test]
fn whatever_else_comes_is_given_with_its_octets_and_the_connection() {
    for body in ["# HELP\nstarted_at 7\n", "<html>", ""] {
        let world = World::new();
        let (number, mut stream) = world.begun();
        let whole = response(body);
        stream.write_all(&whole).unwrap();
        let told = world.turn();
        assert_eq!(&told[..2], [number, EXCHANGE_OTHER]);
        assert_eq!((told[3], told[5], told[6]), (whole.len() as u64, 0, 1));
        assert_eq!(world.exchanges.take(number), whole);
        let mut given = TcpStream::from(sys::own_fd(told[4] as i32));
        given.write_all(b"more").unwrap();
        let mut more = [0; 4];
        stream.read_exact(&mut more).unwrap();
        assert_eq!(&more, b"more");
        assert!(!wait_for(
            world.exchanges.epoll.as_fd(),
            READABLE,
            Duration::ZERO
        ));
    }
}

#[test]
fn an_end_before_the_end_is_told_with_what_has_come() {
    let world = World::new();
    let (number, mut stream) = world.begun();
    let whole = response(BODY);
    stream.write_all(&whole[..60]).unwrap();
    drop(stream);
    let mut told = world.turn();
    if told.is_empty() {
        told = world.turn();
    }
    assert_eq!(&told[..2], [number, EXCHANGE_OTHER]);
    assert_eq!((told[3], told[4], told[5]), (60, u64::MAX, 0));
    assert_eq!(world.exchanges.take(number), &whole[..60]);
    assert!(world.exchanges.take(number).is_empty());
}

#[test]
fn a_connection_that_is_refused_has_failed() {
    let World {
        exchanges, page, ..
    } = World::new();
    let number = exchanges.begin(page).unwrap();
    let mut out = vec![0; 1 + EXCHANGE_NUMBERS];
    assert!(wait_for(exchanges.epoll.as_fd(), READABLE, LONG));
    assert_eq!(exchanges.turn(1, &mut out), 5);
    assert_eq!(
        &out[1..5],
        [number, EXCHANGE_FAILED, EXCHANGE_NO_CONNECT, 111]
    );
}

#[test]
fn one_that_is_cancelled_is_closed_and_its_number_is_no_other_ones() {
    let world = World::new();
    let (first, mut stream) = world.begun();
    stream.write_all(b"HTTP/1.1 2").unwrap();
    let _what_it_has_shown = world.exchanges.cancel(first);
    let ended = stream.read(&mut [0; 8]);
    assert!(ended.is_err() || ended.is_ok_and(|length| length == 0));
    let (second, mut stream) = world.begun();
    assert_ne!(first, second);
    assert_eq!(world.exchanges.cancel(first), NOTHING_SHOWN);
    assert!(world.exchanges.take(first).is_empty());
    stream.write_all(&response(BODY)).unwrap();
    assert_eq!(&world.turn()[..2], [second, EXCHANGE_READ]);
}

#[test]
fn one_that_is_cancelled_tells_what_it_has_shown() {
    let world = World::new();
    let unseen = world.exchanges.begin(Arc::clone(&world.page)).unwrap();
    assert_eq!(world.exchanges.cancel(unseen), NOTHING_SHOWN);
    drop(world.listener.accept().unwrap());

    let (silent, _stream) = world.begun();
    let [connect, answered] = world.exchanges.cancel(silent);
    assert!(connect < LONG.as_nanos() as u64, "the handshake was timed");
    assert_eq!(answered, 0);

    let (begun, mut stream) = world.begun();
    let whole = response(BODY);
    stream.write_all(&whole[..whole.len() - 9]).unwrap();
    assert_eq!(world.turn(), [] as [u64; 0]);
    let [connect, answered] = world.exchanges.cancel(begun);
    assert!(connect < LONG.as_nanos() as u64, "the handshake was timed");
    assert_eq!(answered, 1);
    assert_eq!(world.exchanges.cancel(begun), NOTHING_SHOWN);
}

#[test]
fn one_is_looked_at_out_of_turn() {
    let world = World::new();
    let (number, mut stream) = world.begun();
    let mut out = vec![0; 1 + EXCHANGE_NUMBERS];
    assert_eq!((world.exchanges.look(number, &mut out), out[0]), (1, 0));
    stream.write_all(&response(BODY)).unwrap();
    assert!(wait_for(world.exchanges.epoll.as_fd(), READABLE, LONG));
    assert_eq!((world.exchanges.look(number, &mut out), out[0]), (7, 1));
    assert_eq!(&out[1..3], [number, EXCHANGE_READ]);
    assert_eq!((world.exchanges.look(number, &mut out), out[0]), (1, 0));
}

#[test]
fn what_has_no_room_to_be_told_waits() {
    let world = World::new();
    let (number, mut stream) = world.begun();
    stream.write_all(&response(BODY)).unwrap();
    assert!(wait_for(world.exchanges.epoll.as_fd(), READABLE, LONG));
    assert_eq!(world.exchanges.turn(8, &mut []), 0);
    assert_eq!(world.exchanges.turn(8, &mut [0; 5]), 1);
    assert_eq!(&world.turn()[..2], [number, EXCHANGE_READ]);
}
