//! Real swarms on loopback, over TCP and QUIC.

mod admission;
mod code;
mod discovery;
mod endurance;
mod faults;
mod flood;
mod foreign;
mod gossip;
mod hostile;
mod node;
mod proxy;
mod quic;
mod raw;
mod reachable;
mod records;
mod requests;
mod restart;
mod straight;
mod table;
mod udp;
mod versions;
