//! Whole engines on loopback sockets, answering from toy `Answers`.

mod streams;

use super::Answers;
use super::control::Command;
use super::engine::Engine;
use super::tcp::Limits;
use super::worker::{BoundUdp, WorkerSockets};
use crate::io::counters::Counters;
use crate::io::slots::Transport;
use crate::wire::prefix::Prefix;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);
/// A length that no query has, so a toy answer holds how large it is to be.
const LARGE: u8 = b'L';

static ALIVE: LazyLock<Arc<()>> = LazyLock::new(|| Arc::new(()));

/// Answers with the query and this number behind it; b"none" gets nothing, b"L…" 60,000 octets.
struct Toy {
    number: u32,
    share: f64,
    _alive: Arc<()>,
}

impl Toy {
    fn new(number: u32) -> Arc<Self> {
        Self::sampled(number, 0.0)
    }

    fn sampled(number: u32, share: f64) -> Arc<Self> {
        let _alive = Arc::clone(&ALIVE);
        Arc::new(Self {
            number,
            share,
            _alive,
        })
    }
}

impl Answers for Toy {
    type Scratch = u64;

    fn respond(
        &self,
        packet: &[u8],
        _: &Prefix,
        transport: Transport,
        counters: &Counters,
        scratch: &mut u64,
        out: &mut [u8],
    ) -> Option<usize> {
        *scratch += 1;
        counters.add(transport as usize, 1);
        if packet == b"none" {
            return None;
        }
        let mut answer = [packet, &self.number.to_be_bytes()].concat();
        if packet.first() == Some(&LARGE) {
            answer.resize(60_000, 0);
        }
        out.get_mut(..answer.len())?.copy_from_slice(&answer);
        Some(answer.len())
    }

    fn self_check(&self, _: &mut u64) -> Result<(), String> {
        match self.number {
            13 => Err("thirteen".into()),
            _ => Ok(()),
        }
    }

    fn query_log(&self) -> f64 {
        self.share
    }
}

fn limits() -> Limits {
    Limits {
        idle: TIMEOUT,
        lifetime: TIMEOUT,
        connections: 100,
        per_client: 100,
    }
}

/// Workers that all have the same sockets, and the address of those.
fn sockets(workers: usize) -> (Vec<WorkerSockets>, SocketAddr) {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind(tcp.local_addr().unwrap()).unwrap();
    tcp.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    let one = || WorkerSockets {
        udp: vec![BoundUdp {
            socket: udp.try_clone().unwrap().into(),
            pktinfo: false,
            shared: workers > 1,
        }],
        tcp: vec![tcp.try_clone().unwrap().into()],
    };
    (
        (0..workers).map(|_| one()).collect(),
        tcp.local_addr().unwrap(),
    )
}

fn engine(workers: usize, limits: Limits) -> (Engine<Toy>, SocketAddr) {
    let (sockets, address) = sockets(workers);
    let engine = Engine::start(sockets, limits, &Toy::new(0)).unwrap();
    (engine, address)
}

fn udp(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket
}

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

fn ask(socket: &UdpSocket, packet: &[u8]) -> Vec<u8> {
    socket.send(packet).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes(), packet].concat()
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

fn counted(engine: &Engine<Toy>, slot: usize) -> u64 {
    (0..)
        .map_while(|worker| engine.counters(worker))
        .map(|row| row.get(slot))
        .sum()
}

fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < TIMEOUT);
        thread::sleep(Duration::from_millis(1));
    }
}

fn numbered(packet: &[u8], number: u32) -> Vec<u8> {
    [packet, &number.to_be_bytes()].concat()
}

#[test]
fn datagrams_and_connections_are_answered_and_counted() {
    let (engine, address) = engine(2, limits());
    let mut stream = tcp(address);
    for number in 0..50_u32 {
        let packet = number.to_be_bytes();
        assert_eq!(ask(&udp(address), &packet), numbered(&packet, 0));
        stream.write_all(&framed(&packet)).unwrap();
        assert_eq!(receive(&mut stream), numbered(&packet, 0));
    }
    assert_eq!(counted(&engine, Transport::Udp as usize), 50);
    assert_eq!(counted(&engine, Transport::Tcp as usize), 50);
    engine.check(TIMEOUT).unwrap();
    engine.stop(TIMEOUT).unwrap();
    assert_eq!(engine.take_failure(), None);
}

#[test]
fn a_publication_under_load_loses_nothing_and_leaves_nothing() {
    let (engine, address) = engine(2, limits());
    let over = AtomicBool::new(false);
    let (oldest, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let socket = udp(address);
                while !over.load(SeqCst) {
                    let before = oldest.load(SeqCst);
                    let answer = ask(&socket, b"query");
                    let (packet, number) = answer.split_at(5);
                    let number = u32::from_be_bytes(number.try_into().unwrap()) as usize;
                    assert_eq!(packet, b"query");
                    assert!(number >= before, "{number} after {before} was published");
                    asked.fetch_add(1, SeqCst);
                }
            });
        }
        for number in 1..=300 {
            engine.publish(&Toy::new(number), TIMEOUT).unwrap();
            oldest.store(number as usize, SeqCst);
        }
        let so_far = asked.load(SeqCst);
        until(|| asked.load(SeqCst) > so_far + 10);
        over.store(true, SeqCst);
    });
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn what_is_replaced_is_freed() {
    let (engine, address) = engine(2, limits());
    let first = Toy::new(1);
    let gone = Arc::downgrade(&first);
    engine.publish(&first, TIMEOUT).unwrap();
    drop(first);
    assert_eq!(ask(&udp(address), b"q"), numbered(b"q", 1));
    assert!(gone.upgrade().is_some());
    engine.publish(&Toy::new(2), TIMEOUT).unwrap();
    assert!(gone.upgrade().is_none());
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn a_worker_that_panics_tells_why_at_once() {
    let (engine, address) = engine(1, limits());
    assert_eq!(ask(&udp(address), b"q"), numbered(b"q", 0));
    engine.inject_fault(0, Command::Panic);
    until(|| {
        engine.take_failure().is_some_and(|reason| {
            assert!(
                reason.starts_with("worker thread serve-0 ended: panic at src"),
                "{reason}"
            );
            reason.ends_with("a command of a test")
        })
    });
    let reason = engine.publish(&Toy::new(1), TIMEOUT).unwrap_err();
    assert_eq!(reason, "worker thread serve-0 has ended");
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn a_worker_that_hangs_fails_its_check_and_then_goes_on() {
    let (engine, address) = engine(2, limits());
    engine.inject_fault(1, Command::Hang(1000));
    let reason = engine.check(Duration::from_millis(20)).unwrap_err();
    assert!(
        reason.ends_with("serve-1 does not follow in time"),
        "{reason}"
    );
    let reason = engine
        .publish(&Toy::new(5), Duration::from_millis(1))
        .unwrap_err();
    assert!(
        reason.ends_with("serve-1 does not follow in time"),
        "{reason}"
    );
    engine.check(TIMEOUT).unwrap();
    assert_eq!(ask(&udp(address), b"q"), numbered(b"q", 5));
    engine.publish(&Toy::new(13), TIMEOUT).unwrap();
    let reason = engine.check(TIMEOUT).unwrap_err();
    assert_eq!(
        reason,
        "worker thread serve-0: thirteen; worker thread serve-1: thirteen"
    );
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn samples_are_told_with_their_answers() {
    let (sockets, address) = sockets(1);
    let engine = Engine::start(sockets, limits(), &Toy::sampled(7, 1.0)).unwrap();
    let socket = udp(address);
    ask(&socket, b"query");
    socket.send(b"none").unwrap();
    ask(&socket, b"last");
    engine.publish(&Toy::new(8), TIMEOUT).unwrap();
    ask(&socket, b"unsampled");
    let samples: Vec<_> = std::iter::from_fn(|| engine.samples().take()).collect();
    let packets: Vec<&[u8]> = samples.iter().map(|sample| &*sample.packet).collect();
    assert_eq!(packets, [&b"query"[..], b"none", b"last"]);
    assert_eq!(samples[0].answer, Some((b'r' & 0xF, 9)));
    assert_eq!(samples[1].answer, None);
    assert_eq!(samples[0].source, Prefix::host_v4([127, 0, 0, 1]));
    assert_eq!(engine.samples().take_dropped(), 0);
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn a_stop_answers_what_was_read_and_leaves_the_rest() {
    for _ in 0..20 {
        let (sockets, address) = sockets(1);
        let owner: UdpSocket = sockets[0].udp[0].socket.try_clone().unwrap().into();
        let engine = Engine::start(sockets, limits(), &Toy::new(0)).unwrap();
        let socket = udp(address);
        for number in 0..200_u32 {
            socket.send(&number.to_be_bytes()).unwrap();
        }
        engine.stop(TIMEOUT).unwrap();
        for each in [&socket, &owner] {
            each.set_nonblocking(true).unwrap();
        }
        let waiting =
            |socket: &UdpSocket| (0..).find(|_| socket.recv(&mut [0; 9]).is_err()).unwrap();
        assert_eq!(waiting(&socket) + waiting(&owner), 200);
    }
}

#[test]
fn a_worker_with_work_asks_whether_the_event_loop_turns() {
    let (engine, address) = engine(1, limits());
    let socket = udp(address);
    let asked = || engine.events().wait(Duration::ZERO);
    assert!(!asked());
    for _ in 0..2 {
        let until = Instant::now() + TIMEOUT;
        while !asked() {
            assert!(Instant::now() < until, "it has asked nobody");
            let _answer = ask(&socket, b"one");
        }
        engine.clear_events();
    }
    engine.stop(TIMEOUT).unwrap();
}
