//! Whether a port is free. libp2p listens with SO_REUSEPORT, so that dials may leave from the listening port; with that, a
//! second node of the same user on the same port gets no error, and half of the first one's connections. UDP ports are looked at
//! as well, so that both are refused in the same words.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Takes the port without sharing it, and gives it back.
///
/// # Errors
/// What the operating system says, above all that somebody else listens there.
pub(crate) fn check_free(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => TcpListener::bind(SocketAddr::new(ip, port)).map(drop),
        Some(Protocol::Udp(port)) if port != 0 => UdpSocket::bind(SocketAddr::new(ip, port)).map(drop),
        _ => Ok(()),
    }
}
