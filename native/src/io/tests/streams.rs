//! Connections: order, slow readers, limits, and the end.

use super::*;
use crate::io::slots::tcp_refused;
use std::io::ErrorKind;

#[test]
fn pipelined_queries_are_answered_in_their_order() {
    let (engine, address) = engine(1, limits());
    let mut stream = tcp(address);
    let packets: Vec<_> = (0..500_u32).map(u32::to_be_bytes).collect();
    let pipeline: Vec<u8> = packets.iter().flat_map(|packet| framed(packet)).collect();
    for piece in pipeline.chunks(1001) {
        stream.write_all(piece).unwrap();
    }
    for packet in &packets {
        assert_eq!(receive(&mut stream), numbered(packet, 0));
    }
    drop(stream);
    engine.stop(TIMEOUT).unwrap();
    assert_eq!(counted(&engine, tcp_refused::PEER_CLOSED), 0);
}

#[test]
fn a_reader_that_is_slow_delays_nobody_and_still_gets_everything() {
    let (engine, address) = engine(1, limits());
    let mut slow = tcp(address);
    let mut asked = 0_u32;
    slow.set_nonblocking(true).unwrap();
    let mut rest: Vec<u8> = Vec::new();
    loop {
        // Until the server reads no more, which is bounded by the buffers of both kernels.
        if rest.is_empty() {
            let mut packet = [&[LARGE][..], &asked.to_be_bytes()].concat();
            packet.resize(50_000, 0);
            rest = framed(&packet);
            asked += 1;
        }
        match slow.write(&rest) {
            Ok(count) => drop(rest.drain(..count)),
            Err(full) if full.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        if asked.is_multiple_of(5) {
            assert_eq!(ask(&udp(address), b"q"), numbered(b"q", 0));
        }
    }
    let mut quick = tcp(address);
    quick.write_all(&framed(b"quick")).unwrap();
    assert_eq!(receive(&mut quick), numbered(b"quick", 0));
    let answered = counted(&engine, Transport::Tcp as usize);
    assert!(
        answered < u64::from(asked) / 2,
        "{answered} of {asked} although nobody reads"
    );
    slow.set_nonblocking(false).unwrap();
    let mut writer = slow.try_clone().unwrap();
    let finished = thread::spawn(move || writer.write_all(&rest).unwrap());
    for number in 0..asked {
        let answer = receive(&mut slow);
        assert_eq!(answer.len(), 60_000);
        assert_eq!(answer[1..5], number.to_be_bytes());
    }
    finished.join().unwrap();
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn every_limit_is_counted_under_its_name() {
    // Longer than a busy host keeps a client or a worker waiting: else another limit is met first.
    let short = Duration::from_millis(500);
    let tight = Limits {
        idle: short,
        lifetime: short * 4,
        connections: 3,
        per_client: 2,
    };
    let (engine, address) = engine(1, tight);
    let mut idle = tcp(address);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    let _half = tcp(address).write_all(&[0]);
    until(|| counted(&engine, tcp_refused::PEER_CLOSED) == 1);
    let mut unanswered = tcp(address);
    unanswered.write_all(&framed(b"none")).unwrap();
    assert_eq!(unanswered.read(&mut [0]).unwrap(), 0);
    let held: Vec<_> = (0..2).map(|_| tcp(address)).collect();
    assert_eq!(tcp(address).read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(counted(&engine, tcp_refused::PER_CLIENT), 1);
    drop(held);
    let mut busy = tcp(address);
    while busy.write_all(&framed(b"q")).is_ok() && busy.read(&mut [0; 7]).is_ok_and(|n| n > 0) {}
    assert_eq!(counted(&engine, tcp_refused::LIFETIME), 1);
    assert!(counted(&engine, tcp_refused::IDLE) >= 1);
    engine.stop(TIMEOUT).unwrap();
}

#[test]
fn a_stop_lets_connections_take_their_answers() {
    let (engine, address) = engine(1, limits());
    let mut stream = tcp(address);
    for _ in 0..20 {
        stream.write_all(&framed(&[LARGE])).unwrap();
    }
    until(|| counted(&engine, Transport::Tcp as usize) > 0);
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        let _reset = stream.read_to_end(&mut all);
        all.len()
    });
    engine.stop(TIMEOUT).unwrap();
    let answered = counted(&engine, Transport::Tcp as usize) as usize;
    assert_eq!(reader.join().unwrap(), answered * 60_002);
}
