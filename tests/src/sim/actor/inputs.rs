//! What hostile keepers make of observations, and hostile leaders of sets of them.

use consensus::codec;
use consensus::committee::KeeperIndex;
use consensus::leader::{Stage, Window};
use consensus::message::{ASSIGNMENTS_MAX, Assignment, Channel, Listed, Message, Observation, PlannedBatch};
use serde_bytes::{ByteArray, ByteBuf};

use super::Means;
use crate::sim::keys::DOMAIN;

/// Something else than it said, under the keeper's own signature.
pub(super) fn second_sight(observation: &Observation, means: &mut Means<'_>) -> Vec<u8> {
    let place = (observation.task.into(), observation.attempt, observation.anchor());
    let signer = (observation.epoch, KeeperIndex(observation.keeper));
    codec::encode(&Observation::signed(&DOMAIN, &means.keys.signing, place, signer, means.random.bytes(8)))
}

/// What nobody saw, and sets that are none.
pub(super) fn forgeries(message: &Message, means: &mut Means<'_>) -> Vec<(Channel, Vec<u8>)> {
    match message {
        Message::Observation(observation) => {
            let somebody = means.random.below(means.keepers as u64) as u16;
            let forged = Observation { keeper: somebody, ..observation.clone() };
            let other = Observation { seen: ByteBuf::from(means.random.bytes(8)), ..observation.clone() };
            [forged, other].map(|forged| (Channel::Observations, codec::encode(&forged))).to_vec()
        }
        Message::Assignment(assignment) => {
            unfit(assignment, means).map(|bytes| (Channel::Assignments, bytes)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// A further assignment of what looks outside, with sets that are too small, of somebody who is none, or of what nobody said.
fn unfit(assignment: &Assignment, means: &mut Means<'_>) -> Option<Vec<u8>> {
    let observing = assignment.batches.iter().filter(|batch| !batch.inputs.is_empty());
    let batches: Vec<PlannedBatch> = observing.map(|batch| spoilt(batch, means)).collect();
    let number = Some(assignment.number + 1).filter(|number| *number < ASSIGNMENTS_MAX && !batches.is_empty())?;
    let place = (Window(assignment.window), Stage(assignment.stage), number);
    let leader = KeeperIndex(assignment.leader);
    Some(codec::encode(&Assignment::signed(&DOMAIN, &means.keys.signing, place, leader, batches)))
}

fn spoilt(batch: &PlannedBatch, means: &mut Means<'_>) -> PlannedBatch {
    let mut inputs = batch.inputs.clone();
    match means.random.below(3) {
        0 => inputs.truncate(1 + means.random.below(2) as usize),
        1 => {
            let digest = ByteArray::new([means.random.next() as u8; 32]);
            inputs.push(Listed { keeper: 250, digest });
        }
        _ => inputs[0].digest = ByteArray::new([means.random.next() as u8; 32]),
    }
    PlannedBatch { inputs, ..batch.clone() }
}
