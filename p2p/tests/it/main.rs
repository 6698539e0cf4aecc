//! Real swarms on loopback TCP.

mod admission;
mod code;
mod discovery;
mod endurance;
mod faults;
mod flood;
mod gossip;
mod hostile;
mod node;
mod proxy;
mod raw;
mod records;
mod requests;
mod restart;
mod straight;
mod table;
mod versions;
