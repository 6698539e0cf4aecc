use std::io::ErrorKind;

use libp2p::futures::executor::block_on;
use libp2p::futures::io::Cursor;

use super::{Protocol, RequestLimits, Sizes, is_too_long, read_message, write_message};
use crate::error::ConfigError;

fn read(bytes: &[u8], most: usize) -> std::io::Result<Vec<u8>> {
    block_on(read_message(&mut Cursor::new(bytes.to_vec()), most))
}

#[test]
fn what_is_written_is_read_at_every_boundary() {
    for length in [0, 1, 255, 1023, 1024] {
        let message = vec![7; length];
        let mut wire = Cursor::new(Vec::new());
        block_on(write_message(&mut wire, &message, 1024)).expect("within the limit");
        let wire = wire.into_inner();
        assert_eq!(wire.len(), 4 + length);
        assert_eq!(read(&wire, 1024).expect("round trip"), message);
    }
}

#[test]
fn one_byte_too_many_is_refused_on_both_sides() {
    let mut wire = Cursor::new(Vec::new());
    let error = block_on(write_message(&mut wire, &[0; 1025], 1024)).expect_err("too long to write");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(wire.into_inner().is_empty(), "nothing may leave");
    let mut claim = 1025_u32.to_be_bytes().to_vec();
    claim.extend([0; 1025]);
    let error = read(&claim, 1024).expect_err("too long to read");
    assert!(error.kind() == ErrorKind::InvalidData && is_too_long(&error), "{error}");
    assert_eq!(read(&[0xff; 4], 1024).expect_err("4 GiB claimed").kind(), ErrorKind::InvalidData);
}

#[test]
fn torn_messages_are_errors() {
    for wire in [&b""[..], &[0, 0], &[0, 0, 0, 2, 9]] {
        let error = read(wire, 1024).expect_err("torn");
        assert!(error.kind() == ErrorKind::UnexpectedEof && !is_too_long(&error), "{error}");
    }
}

#[test]
fn names_carry_the_network() {
    assert_eq!(Protocol::Status.name("00112233aabbccdd"), "/kpr/00112233aabbccdd/status/1");
    assert_eq!(Protocol::Want.name("00112233aabbccdd"), "/kpr/00112233aabbccdd/want/1");
    assert_eq!(Protocol::Code.name("00112233aabbccdd"), "/kpr/00112233aabbccdd/code/1");
}

#[test]
fn limits_are_those_of_the_protocol_and_bounded() {
    let [status, want, code] = [1, 3, 5].map(|request| Sizes { request, answer: request + 1 });
    let limits = RequestLimits { status, want, code };
    for (protocol, sizes) in [(Protocol::Status, status), (Protocol::Want, want), (Protocol::Code, code)] {
        assert_eq!(limits.of(protocol), sizes);
    }
    limits.validate().expect("small");
    let most = 1024 * 1024;
    for request in [most, most + 1] {
        let sizes = Sizes { request: 1, answer: request };
        for limits in [RequestLimits { want: sizes, ..limits }, RequestLimits { code: sizes, ..limits }] {
            let checked = limits.validate();
            assert_eq!(matches!(checked, Err(ConfigError::TooLongRequests { .. })), request > most, "{checked:?}");
        }
    }
}
