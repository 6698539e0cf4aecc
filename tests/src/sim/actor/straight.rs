//! What hostile keepers send straight.

use consensus::committee::PeerKey;
use consensus::effect::BatchKey;
use consensus::message::{Channel, Message};
use keeper::driver::Order;

use super::{Actor, Audience, Deed, Means, Role, forge};

impl Actor {
    /// What it says to all in the place of its own partial, to those who lead instead, or to all the same; two words go to one leader
    /// each, and a signature that nobody made in its own name.
    pub(super) fn on_send(
        &mut self,
        key: BatchKey,
        peers: &[PeerKey],
        bytes: Vec<u8>,
        means: &mut Means<'_>,
    ) -> Vec<Deed> {
        let unsigned = match (self.role, Message::decode(Channel::Partials, &bytes)) {
            (Role::Forger | Role::Impersonator, Ok(Message::Partial(partial))) if means.random.chance(500) => {
                forge::unsigned(&partial, means)
            }
            _ => None,
        };
        self.deeds += u64::from(unsigned.is_some());
        let straight = |peers: Vec<PeerKey>, bytes| Deed::Carry(Box::new(Order::Send { key, peers, bytes }));
        let some = |odd: usize| peers.iter().skip(odd).step_by(2).copied().collect::<Vec<_>>();
        let mut deeds: Vec<Deed> = unsigned.into_iter().map(|bytes| straight(peers.to_vec(), bytes)).collect();
        for deed in self.on_publish(Channel::Partials, bytes, means) {
            deeds.push(match deed {
                Deed::Carry(order) => match *order {
                    Order::Publish { channel: Channel::Partials, bytes } => straight(peers.to_vec(), bytes),
                    other => Deed::Carry(Box::new(other)),
                },
                Deed::Send { channel: Channel::Partials, bytes, to: Audience::Even, after: 0 } => {
                    straight(some(0), bytes)
                }
                Deed::Send { channel: Channel::Partials, bytes, to: Audience::Odd, after: 0 } => {
                    straight(some(1), bytes)
                }
                Deed::Send { channel: Channel::Partials, bytes, after: 0, .. } if means.random.chance(500) => {
                    straight(peers.to_vec(), bytes)
                }
                other => other,
            });
        }
        deeds
    }
}
