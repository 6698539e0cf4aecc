//! Real swarms on loopback TCP.

mod admission;
mod discovery;
mod faults;
mod flood;
mod gossip;
mod hostile;
mod node;
mod proxy;
mod requests;
mod restart;
mod table;
