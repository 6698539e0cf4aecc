//! The messages hostile keepers make.

use alloy::primitives::{B256, keccak256};
use consensus::anchor::BlockRef;
use consensus::bls::Signature;
use consensus::certificate::batch_root;
use consensus::codec;
use consensus::committee::{KeeperIndex, SignerSet};
use consensus::leader::{Stage, Window};
use consensus::message::{
    ASSIGNMENTS_MAX, Assignment, BATCHES_MAX, CertificateMessage, Channel, Finding, HAVE_LIMIT, Have, Message,
    PARTIAL_LIMIT, Partial, PlannedBatch, PlannedTask, Ruling, reports, sign,
};
use consensus::task::{ATTEMPTS_MAX, Status};
use consensus::time::Time;
use keeper::driver::PeerStatus;
use serde_bytes::{ByteArray, ByteBuf};

use super::Means;
use crate::sim::keys::DOMAIN;
use crate::sim::plan::CONDITION;

/// Signs findings on a batch with the hostile keeper's own key; `None` if it does not know the batch.
fn signed(partial: &Partial, findings: Vec<Finding>, keeper: u16, means: &Means<'_>) -> Option<Partial> {
    let basis = means.engine.inspect_batch(partial.key())?;
    let reports = reports(&basis.tasks, &basis.anchors, basis.input_set, &findings)?;
    let digest = DOMAIN.batch_digest(basis.committee.epoch(), batch_root(&reports));
    let signature = ByteBuf::from(means.keys.secret.sign(digest.as_slice()).to_bytes());
    let execution_tag = ByteArray::new(keccak256(digest).0);
    let root = ByteArray::new(batch_root(&reports).0);
    Some(Partial { keeper, root, findings, execution_tag, signature, ..partial.clone() })
}

/// Another partial on the batch of one, with another result for its first task.
pub(super) fn second_word(partial: &Partial, means: &mut Means<'_>) -> Option<Vec<u8>> {
    if partial.abstains() {
        return None;
    }
    let mut findings = partial.findings.clone();
    *findings.first_mut()? = Finding::reported(Status::Call, B256::from_slice(&means.random.bytes(32)));
    signed(partial, findings, partial.keeper, means).map(|other| codec::encode(&other))
}

fn random_signature(means: &mut Means<'_>) -> Signature {
    let message = means.random.bytes(32);
    means.keys.secret.sign(&message)
}

/// The partial with a signature that is nobody's, in its own name.
pub(super) fn unsigned(partial: &Partial, means: &mut Means<'_>) -> Option<Vec<u8>> {
    let signature = ByteBuf::from(random_signature(means).to_bytes());
    (!partial.abstains()).then(|| codec::encode(&Partial { signature, ..partial.clone() }))
}

/// Signatures nobody made, in the shape of a message of its own.
pub(super) fn forgeries(message: &Message, means: &mut Means<'_>) -> Vec<(Channel, Vec<u8>)> {
    let somebody = means.random.below(means.keepers as u64) as u16;
    match message {
        Message::Partial(partial) if !partial.abstains() => {
            let signature = ByteBuf::from(random_signature(means).to_bytes());
            let forged = Partial { keeper: somebody, signature, ..partial.clone() };
            let broken = Partial { signature: ByteBuf::from(means.random.bytes(48)), ..forged.clone() };
            let mut forged =
                vec![(Channel::Partials, codec::encode(&forged)), (Channel::Partials, codec::encode(&broken))];
            forged.extend(certificate(partial, means).map(|bytes| (Channel::Certificates, bytes)));
            forged
        }
        Message::Assignment(assignment) => {
            let signature = ByteArray::new([means.random.next() as u8; 64]);
            let forged = Assignment { stage: assignment.stage.wrapping_add(1), signature, ..assignment.clone() };
            vec![(Channel::Assignments, codec::encode(&forged))]
        }
        Message::Ruling(ruling) => {
            let signature = ByteArray::new(random_signature(means).to_bytes());
            let forged = Ruling { keeper: somebody, signature, ..ruling.clone() };
            vec![(Channel::Rulings, codec::encode(&forged))]
        }
        _ => Vec::new(),
    }
}

/// A ruling that says something else, under the keeper's own signature.
pub(super) fn other_ruling(ruling: &Ruling, means: &mut Means<'_>) -> Vec<u8> {
    // Which report the dispute is about is known to its engine alone; a signature on anything does for a lie.
    let outcome_hash = ByteArray::new(means.random.bytes(32).try_into().unwrap_or([0; 32]));
    let signature = ByteArray::new(random_signature(means).to_bytes());
    codec::encode(&Ruling { outcome_hash, signature, ..ruling.clone() })
}

/// A certificate out of the keeper's own signature alone: with its own bit, or with everybody's.
fn certificate(partial: &Partial, means: &mut Means<'_>) -> Option<Vec<u8>> {
    let basis = means.engine.inspect_batch(partial.key())?;
    let mut reports = reports(&basis.tasks, &basis.anchors, basis.input_set, &partial.findings)?;
    reports.first_mut()?.outcome_hash = B256::from_slice(&means.random.bytes(32));
    let digest = DOMAIN.batch_digest(basis.committee.epoch(), batch_root(&reports));
    let size = basis.committee.size();
    let everybody = (0..size as u16).map(KeeperIndex).filter(|&index| basis.committee.member(index).is_some());
    let signers: SignerSet = if means.random.chance(500) {
        everybody.collect()
    } else {
        std::iter::once(KeeperIndex(partial.keeper)).collect()
    };
    let message = CertificateMessage {
        epoch: basis.committee.epoch(),
        reports: reports.iter().map(Into::into).collect(),
        signers: ByteBuf::from(signers.to_bytes(size)),
        signature: ByteArray::new(means.keys.secret.sign(digest.as_slice()).to_bytes()),
    };
    Some(codec::encode(&message))
}

fn resigned(assignment: &Assignment, batches: Vec<PlannedBatch>, means: &Means<'_>) -> Vec<u8> {
    let place = (Window(assignment.window), Stage(assignment.stage), assignment.number);
    let leader = KeeperIndex(assignment.leader);
    codec::encode(&Assignment::signed(&DOMAIN, &means.keys.signing, place, leader, batches))
}

/// Another assignment under the same number: every task alone, and in the other order.
pub(super) fn other_plan(assignment: &Assignment, means: &Means<'_>) -> Vec<u8> {
    let single = |batch: &PlannedBatch| {
        let attempt = batch.attempt;
        batch
            .tasks
            .iter()
            .map(move |&task| PlannedBatch { inputs: Vec::new(), attempt, tasks: vec![task] })
            .collect::<Vec<_>>()
    };
    let mut batches: Vec<PlannedBatch> = assignment.batches.iter().flat_map(single).collect();
    batches.reverse();
    if batches == assignment.batches {
        batches.extend(batches.clone());
    }
    resigned(assignment, batches, means)
}

/// The assignment without one job; `None` if nothing else was in it.
pub(super) fn censored(assignment: &Assignment, means: &Means<'_>) -> Option<Vec<u8>> {
    let job = assignment.batches.first()?.tasks.first()?.job;
    let keep = |task: &&PlannedTask| task.job != job;
    let batches = assignment.batches.iter().map(|batch| PlannedBatch {
        inputs: Vec::new(),
        attempt: batch.attempt,
        tasks: batch.tasks.iter().filter(keep).copied().collect(),
    });
    let batches: Vec<PlannedBatch> = batches.filter(|batch| !batch.tasks.is_empty()).collect();
    (!batches.is_empty()).then(|| resigned(assignment, batches, means))
}

/// The assignment with every task beside ones that do not exist, twice for each attempt.
pub(super) fn spoilt_plan(assignment: &Assignment, means: &mut Means<'_>) -> Vec<u8> {
    let tasks: Vec<PlannedTask> = assignment.batches.iter().flat_map(|batch| &batch.tasks).copied().collect();
    let mut beside = |attempt: u8, task: PlannedTask| {
        let nobodys = PlannedTask { job: u64::MAX - means.random.below(1_000_000), ..task };
        PlannedBatch { inputs: Vec::new(), attempt, tasks: vec![task, nobodys] }
    };
    let catch_up = means.pace.catch_up_attempt(assignment.window);
    let attempts = catch_up.into_iter().chain(0..ATTEMPTS_MAX).flat_map(|attempt| [attempt, attempt]);
    let mut batches: Vec<PlannedBatch> = attempts
        .flat_map(|attempt| tasks.iter().map(move |&task| (attempt, task)))
        .map(|(a, t)| beside(a, t))
        .collect();
    batches.truncate(BATCHES_MAX);
    resigned(assignment, batches, means)
}

/// An assignment of the same tasks for the stage at which this keeper leads the window of one, whose time has not come.
pub(super) fn before_its_time(assignment: &Assignment, means: &Means<'_>) -> Option<Assignment> {
    let now = Time::from_seconds(means.engine.head()?.timestamp);
    let view = (0..4).filter_map(|ahead| means.engine.window(now, ahead)).find(|v| v.window == assignment.window)?;
    let mine = means.engine.committee()?.1?;
    let stage = view.order.iter().position(|&index| index == mine).filter(|&stage| stage > 0)?;
    Some(Assignment { stage: stage as u8, number: 0, leader: mine.0, ..assignment.clone() })
}

/// Further assignments that list every task of one alone, as often as they hold.
pub(super) fn crowded(assignment: &Assignment, means: &Means<'_>) -> Vec<Vec<u8>> {
    let alone = |batch: &PlannedBatch| {
        let attempt = batch.attempt;
        batch
            .tasks
            .iter()
            .map(move |&task| PlannedBatch { inputs: Vec::new(), attempt, tasks: vec![task] })
            .collect::<Vec<_>>()
    };
    let batches: Vec<PlannedBatch> = assignment.batches.iter().flat_map(alone).collect();
    let full: Vec<PlannedBatch> = batches.iter().cycle().take(BATCHES_MAX).cloned().collect();
    let numbers = assignment.number + 1..ASSIGNMENTS_MAX;
    numbers.map(|number| resigned(&Assignment { number, ..assignment.clone() }, full.clone(), means)).collect()
}

/// Further assignments in its window, of runs of the condition at the newest blocks: what they are due by, it has not asked.
pub(super) fn false_alarms(assignment: &Assignment, means: &Means<'_>) -> Vec<Vec<u8>> {
    let head = means.engine.head().map_or(0, |head| head.number);
    let pace = means.pace;
    let blocks = (head.saturating_sub(8)..=head).filter_map(|number| means.engine.block(number));
    let is_due = |block: &BlockRef, attempt: u8| {
        let due = pace.attempt_due(block.timestamp + pace.confirmed_seconds, attempt);
        pace.window_of(due) == assignment.window
    };
    let run = |block: &BlockRef, attempt: u8| PlannedBatch {
        inputs: Vec::new(),
        attempt,
        tasks: vec![PlannedTask { job: CONDITION, version: 1, instance: ByteArray::new(block.hash.0) }],
    };
    let runs = blocks.flat_map(|block| [0, 1].map(|attempt| (block, attempt)));
    let batches: Vec<PlannedBatch> =
        runs.filter(|(block, attempt)| is_due(block, *attempt)).map(|(block, attempt)| run(&block, attempt)).collect();
    let numbers = (assignment.number + 1..ASSIGNMENTS_MAX).take(usize::from(!batches.is_empty()));
    numbers.map(|number| resigned(&Assignment { number, ..assignment.clone() }, batches.clone(), means)).collect()
}

/// The same words in another wrapping: the execution tag is not signed, so a partial stays valid under another one.
pub(super) fn rewrapped(channel: Channel, bytes: Vec<u8>, means: &mut Means<'_>) -> Vec<u8> {
    match Message::decode(channel, &bytes) {
        Ok(Message::Partial(mut partial)) => {
            partial.execution_tag = ByteArray::new([means.random.next() as u8; 32]);
            codec::encode(&partial)
        }
        _ => bytes,
    }
}

/// Somebody else's message as the impersonator would have it.
pub(super) fn impersonation(message: &Message, means: &mut Means<'_>) -> Option<Vec<u8>> {
    let somebody = means.random.below(means.keepers as u64) as u16;
    match message {
        // Their signature under its own name.
        Message::Partial(partial) if means.random.chance(500) => {
            Some(codec::encode(&Partial { keeper: means.index as u16, ..partial.clone() }))
        }
        // Its own signature under somebody's name; or an abstention for them.
        Message::Partial(partial) if means.random.chance(500) && !partial.abstains() => {
            let forged = signed(partial, partial.findings.clone(), somebody, means)?;
            Some(codec::encode(&forged))
        }
        Message::Partial(partial) => {
            let findings = partial.findings.iter().map(|_| Finding::abstained(3)).collect();
            let mut forged = Partial { keeper: somebody, findings, ..partial.clone() };
            let hash = forged.abstention_hash(&DOMAIN);
            forged.signature = ByteBuf::from(sign(&means.keys.signing, hash));
            Some(codec::encode(&forged))
        }
        // Somebody's word under its own name.
        Message::Ruling(ruling) => Some(codec::encode(&Ruling { keeper: means.index as u16, ..ruling.clone() })),
        Message::Assignment(assignment) => {
            let mut batches = assignment.batches.clone();
            batches.reverse();
            batches.truncate(1);
            Some(resigned(assignment, batches, means))
        }
        _ => None,
    }
}

/// A status that shows another operator set than the chain has.
pub(super) fn other_table(status: PeerStatus, means: &mut Means<'_>) -> Vec<u8> {
    PeerStatus { table_root: B256::from_slice(&means.random.bytes(32)), ..status }.encode()
}

/// An answer with a signature in it that nobody made, or if it holds none to spoil, one that now and then cannot be read.
pub(super) fn spoilt(mut bytes: Vec<u8>, means: &mut Means<'_>) -> Vec<u8> {
    let have = codec::decode::<Have>(&bytes, HAVE_LIMIT).ok();
    let partial = have.as_ref().and_then(|have| codec::decode::<Partial>(have.partials.first()?, PARTIAL_LIMIT).ok());
    if let (Some(mut have), Some(partial)) = (have, partial) {
        let signature = ByteBuf::from(random_signature(means).to_bytes());
        have.partials[0] = ByteBuf::from(codec::encode(&Partial { signature, ..partial }));
        return codec::encode(&have);
    }
    if means.random.chance(200) {
        bytes.pop();
    }
    bytes
}

/// Somebody's findings, signed by the copier, who never ran the tasks.
pub(super) fn copied(partial: &Partial, means: &Means<'_>) -> Option<Vec<u8>> {
    if partial.abstains() || usize::from(partial.keeper) == means.index {
        return None;
    }
    let copy = signed(partial, partial.findings.clone(), means.index as u16, means)?;
    Some(codec::encode(&copy))
}

/// Something that costs whoever looks at it.
pub(super) fn junk(means: &mut Means<'_>) -> (Channel, Vec<u8>) {
    let channels = [
        Channel::Assignments,
        Channel::Partials,
        Channel::Certificates,
        Channel::Evidence,
        Channel::Rulings,
        Channel::Observations,
    ];
    let channel = channels[means.random.below(channels.len() as u64) as usize];
    match means.random.below(4) {
        0 => (channel, means.random.bytes(64)),
        1 => (channel, vec![0; 70_000]),
        // A partial of a batch that does not exist: to be held, and asked for.
        2 => {
            let partial = Partial {
                assignment: ByteArray::new([means.random.next() as u8; 32]),
                batch: 0,
                keeper: means.random.below(means.keepers as u64) as u16,
                root: ByteArray::new([0; 32]),
                findings: vec![Finding::reported(Status::Call, B256::ZERO)],
                execution_tag: ByteArray::new([0; 32]),
                signature: ByteBuf::from(random_signature(means).to_bytes()),
            };
            (Channel::Partials, codec::encode(&partial))
        }
        _ => {
            let task = PlannedTask { job: means.random.next(), version: 1, instance: ByteArray::new([7; 32]) };
            let window = means.engine.head().map_or(0, |head| head.timestamp / 2);
            let assignment = Assignment {
                window,
                stage: means.random.below(16) as u8,
                number: 0,
                leader: means.index as u16,
                batches: vec![PlannedBatch { inputs: Vec::new(), attempt: 0, tasks: vec![task] }],
                signature: ByteArray::new([1; 64]),
            };
            (Channel::Assignments, codec::encode(&assignment))
        }
    }
}
