//! Hostile keepers. Each has a real core, and does with its orders as it pleases: drops them, changes them, says other
//! things to others. They hold their own keys and nobody else's.

mod forge;
mod inputs;
mod straight;

use std::collections::VecDeque;

use consensus::Engine;
use consensus::message::{Channel, Message};
use consensus::time::Pace;
use keeper::driver::{Order, PeerStatus};

use super::keys::Keys;
use super::random::Random;
use super::role::Role;

/// Messages of others that a hostile keeper remembers.
const MEMORY: usize = 48;
/// Junk messages in one burst of a flooder.
const BURST: u64 = 12;
/// Impersonations of a thousand messages, by all keepers together, were all of them impersonators.
const IMPERSONATIONS: u64 = 1_400;

/// To whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    All,
    Even,
    Odd,
}

/// What a hostile keeper does.
#[derive(Debug)]
pub(super) enum Deed {
    /// What an honest one would.
    Carry(Box<Order>),
    /// Sends a message, so many milliseconds later.
    Send { channel: Channel, bytes: Vec<u8>, to: Audience, after: u64 },
}

/// What a hostile keeper has at hand.
pub(super) struct Means<'a> {
    pub(super) keys: &'a Keys,
    pub(super) index: usize,
    pub(super) keepers: usize,
    pub(super) pace: Pace,
    pub(super) engine: &'a Engine,
    pub(super) random: &'a mut Random,
}

/// A hostile keeper's mind.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) role: Role,
    memory: VecDeque<(Channel, Vec<u8>)>,
    /// Misdeeds so far.
    pub(super) deeds: u64,
}

fn send(channel: Channel, bytes: Vec<u8>) -> Deed {
    Deed::Send { channel, bytes, to: Audience::All, after: 0 }
}

impl Actor {
    pub(super) fn new(role: Role) -> Self {
        Self { role, memory: VecDeque::new(), deeds: 0 }
    }

    /// What becomes of something its core wants done.
    pub(super) fn on_order(&mut self, order: Order, means: &mut Means<'_>) -> Vec<Deed> {
        match (self.role, order) {
            (
                Role::Silent,
                Order::Publish { .. }
                | Order::Send { .. }
                | Order::Submit { .. }
                | Order::Ask { .. }
                | Order::AskStatus { .. },
            ) => self.did(Vec::new()),
            (Role::Silent, Order::Respond { .. }) => Vec::new(),
            (Role::Late, Order::Publish { channel, bytes }) => {
                let after = means.random.between(1_500, 12_000);
                self.did(vec![Deed::Send { channel, bytes, to: Audience::All, after }])
            }
            (Role::Late, Order::Send { bytes, .. }) => {
                let after = means.random.between(1_500, 12_000);
                self.did(vec![Deed::Send { channel: Channel::Partials, bytes, to: Audience::All, after }])
            }
            (Role::Swallower, Order::Submit { .. } | Order::Publish { channel: Channel::Certificates, .. }) => {
                self.did(Vec::new())
            }
            (Role::Copier, Order::Run { .. }) => Vec::new(),
            (Role::Forger, Order::Respond { request, bytes }) => {
                let bytes = match PeerStatus::decode(&bytes) {
                    Some(status) => forge::other_table(status, means),
                    None => forge::spoilt(bytes, means),
                };
                vec![Deed::Carry(Box::new(Order::Respond { request, bytes }))]
            }
            (_, Order::Publish { channel, bytes }) => self.on_publish(channel, bytes, means),
            (_, Order::Send { key, peers, bytes }) => self.on_send(key, &peers, bytes, means),
            (_, order) => vec![Deed::Carry(Box::new(order))],
        }
    }

    fn did(&mut self, deeds: Vec<Deed>) -> Vec<Deed> {
        self.deeds += 1;
        deeds
    }

    fn on_publish(&mut self, channel: Channel, bytes: Vec<u8>, means: &mut Means<'_>) -> Vec<Deed> {
        let honest = Deed::Carry(Box::new(Order::Publish { channel, bytes: bytes.clone() }));
        let mut deeds = vec![honest];
        match (self.role, Message::decode(channel, &bytes)) {
            (Role::Equivocator, Ok(Message::Partial(partial))) => {
                if let Some(other) = forge::second_word(&partial, means) {
                    self.deeds += 1;
                    if means.random.chance(500) {
                        deeds = vec![Deed::Send { channel, bytes, to: Audience::Even, after: 0 }];
                        deeds.push(Deed::Send { channel, bytes: other, to: Audience::Odd, after: 0 });
                    } else {
                        deeds.push(send(channel, other));
                    }
                }
            }
            (Role::Forger, Ok(message)) => {
                let mut forged = forge::forgeries(&message, means);
                forged.extend(inputs::forgeries(&message, means));
                self.deeds += forged.len() as u64;
                deeds.extend(forged.into_iter().map(|(channel, bytes)| send(channel, bytes)));
            }
            (Role::Equivocator, Ok(Message::Ruling(ruling))) => {
                let other = forge::other_ruling(&ruling, means);
                deeds = vec![Deed::Send { channel, bytes, to: Audience::Even, after: 0 }];
                deeds.push(Deed::Send { channel, bytes: other, to: Audience::Odd, after: 0 });
                self.deeds += 1;
            }
            (Role::Equivocator, Ok(Message::Observation(observation))) => {
                let other = inputs::second_sight(&observation, means);
                deeds = vec![Deed::Send { channel, bytes, to: Audience::Even, after: 0 }];
                deeds.push(Deed::Send { channel, bytes: other, to: Audience::Odd, after: 0 });
                self.deeds += 1;
            }
            (Role::SplitBrain, Ok(Message::Assignment(assignment))) => {
                let other = forge::other_plan(&assignment, means);
                deeds = vec![Deed::Send { channel, bytes, to: Audience::Even, after: 0 }];
                deeds.push(Deed::Send { channel, bytes: other, to: Audience::Odd, after: 0 });
                self.deeds += 1;
            }
            (Role::Censor, Ok(Message::Assignment(assignment))) => {
                self.deeds += 1;
                deeds = forge::censored(&assignment, means).map(|bytes| send(channel, bytes)).into_iter().collect();
            }
            (Role::Spoiler, Ok(Message::Assignment(assignment))) => {
                self.deeds += 1;
                deeds = vec![send(channel, forge::spoilt_plan(&assignment, means))];
            }
            (Role::Crowder, Ok(Message::Assignment(assignment))) => {
                self.deeds += 1;
                deeds.extend(forge::crowded(&assignment, means).into_iter().map(|bytes| send(channel, bytes)));
            }
            (Role::Alarmist, Ok(Message::Assignment(assignment))) => {
                let alarms = forge::false_alarms(&assignment, means);
                self.deeds += alarms.len() as u64;
                deeds.extend(alarms.into_iter().map(|bytes| send(channel, bytes)));
            }
            (Role::Replayer, _) => deeds.extend(self.replay(means)),
            (Role::Flooder, _) => {
                self.deeds += 1;
                deeds.extend((0..BURST).map(|_| {
                    let (channel, bytes) = forge::junk(means);
                    send(channel, bytes)
                }));
            }
            _ => {}
        }
        deeds
    }

    fn replay(&mut self, means: &mut Means<'_>) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for _ in 0..3.min(self.memory.len()) {
            let (channel, bytes) = self.memory[means.random.below(self.memory.len() as u64) as usize].clone();
            let bytes = if means.random.chance(500) { forge::rewrapped(channel, bytes, means) } else { bytes };
            let after = [0, 0, means.random.between(0, 20_000)][means.random.below(3) as usize];
            deeds.push(Deed::Send { channel, bytes, to: Audience::All, after });
            self.deeds += 1;
        }
        deeds
    }

    /// What it does when somebody else has spoken.
    pub(super) fn on_message(&mut self, channel: Channel, bytes: &[u8], means: &mut Means<'_>) -> Vec<Deed> {
        if self.role == Role::Replayer {
            if self.memory.len() >= MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back((channel, bytes.to_vec()));
        }
        if !matches!(self.role, Role::Impersonator | Role::Copier | Role::Spoiler) {
            return Vec::new();
        }
        let forged = match (self.role, Message::decode(channel, bytes)) {
            // Rarer in a larger mesh: they hear each other too, and noise that answers noise must die away.
            (Role::Impersonator, Ok(message)) if means.random.chance(IMPERSONATIONS / means.keepers as u64) => {
                forge::impersonation(&message, means)
            }
            (Role::Copier, Ok(Message::Partial(partial))) if self.is_new(&partial.assignment[..], partial.batch) => {
                let copy = forge::copied(&partial, means);
                if copy.is_none() {
                    self.memory.pop_back();
                }
                copy
            }
            // Only what stands first in line: two of them would answer each other for ever.
            (Role::Spoiler, Ok(Message::Assignment(assignment))) if assignment.stage == 0 => {
                forge::before_its_time(&assignment, means).map(|early| forge::spoilt_plan(&early, means))
            }
            _ => None,
        };
        self.deeds += u64::from(forged.is_some());
        forged.map(|bytes| send(channel, bytes)).into_iter().collect()
    }

    /// Whether a batch has not been copied yet.
    fn is_new(&mut self, assignment: &[u8], batch: u8) -> bool {
        let name = (Channel::Partials, [assignment, &[batch]].concat());
        let new = !self.memory.contains(&name);
        if new {
            if self.memory.len() >= MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back(name);
        }
        new
    }
}
