//! What peers send: gossip, questions and answers, points on the curve.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256};
use consensus::bls::{PublicKey, SecretKey, Signature, aggregate_signatures};
use consensus::certificate::{Certificate, batch_root};
use consensus::codec;
use consensus::committee::{Committee, KeeperIndex, Member, PeerKey, SignerSet};
use consensus::evidence::{Evidence, of_partial};
use consensus::leader::{Stage, Window};
use consensus::message::{
    self, Assignment, CERTIFICATE_LIMIT, CertificateMessage, Channel, Finding, HAVE_LIMIT, Have, Listed, Message,
    Observation, Partial, PlannedBatch, PlannedTask, Ruling, WANT_LIMIT, Want,
};
use consensus::report::{Anchor, Domain, Report};
use consensus::task::{InstanceKey, JobId, Status, Task};
use ed25519_dalek::SigningKey;
use keeper::driver::PeerStatus;
use keeper::heartbeat::{HEARTBEAT_LIMIT, Heartbeat, Link};
use serde::Serialize;
use serde_bytes::{ByteArray, ByteBuf};

/// The network of all targets.
pub(crate) const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
/// Keepers in it.
pub(crate) const KEEPERS: u16 = 4;

pub(crate) fn secret(keeper: u16) -> SecretKey {
    SecretKey::generate(&[keeper.to_le_bytes()[0] + 1; 32])
}

pub(crate) fn peer(keeper: u16) -> SigningKey {
    SigningKey::from_bytes(&[keeper.to_le_bytes()[0] + 1; 32])
}

pub(crate) fn peer_key(keeper: u16) -> PeerKey {
    PeerKey(peer(keeper).verifying_key().to_bytes())
}

/// The committee of epoch 1, from the first block on.
pub(crate) static COMMITTEE: LazyLock<Committee> = LazyLock::new(|| {
    let members = (0..KEEPERS).map(|k| Member {
        operator: Address::repeat_byte(k.to_le_bytes()[0] + 1),
        stake: 100,
        peer_key: peer_key(k),
        key: secret(k).public_key(),
    });
    Committee::new(1, 1, B256::repeat_byte(5), members.collect()).expect("four equal stakes")
});

fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(5) }
}

fn report(job: u64, outcome: u8) -> Report {
    Report {
        task: task(job),
        anchor: Anchor { number: 9, hash: B256::repeat_byte(9) },
        input_set: B256::ZERO,
        status: [Status::Call, Status::Skip, Status::JobError][usize::from(outcome % 3)],
        outcome_hash: B256::repeat_byte(outcome),
    }
}

/// Reads a message of this channel; one that is read is written as the same bytes again.
fn read(channel: Channel, bytes: &[u8]) -> Option<Message> {
    let message = Message::decode(channel, bytes).ok()?;
    let again = match &message {
        Message::Assignment(it) => codec::encode(it),
        Message::Partial(it) => codec::encode(it),
        Message::Certificate(it) => codec::encode(it),
        Message::Evidence(it) => codec::encode(it),
        Message::Observation(it) => codec::encode(it),
        Message::Ruling(it) => codec::encode(it),
    };
    assert_eq!(again, bytes, "a message has one encoding");
    Some(message)
}

/// A leader's plan.
pub fn assignment(bytes: &[u8]) {
    if let Some(Message::Assignment(plan)) = read(Channel::Assignments, bytes) {
        let hash = plan.hash(&DOMAIN);
        let is_signed = COMMITTEE.members().iter().any(|member| member.peer_key.has_signed(hash, &plan.signature));
        assert!(!is_signed || !plan.batches.is_empty() || !plan.is_well_formed());
        for batch in &plan.batches {
            let _ = message::input_set(&batch.inputs, &DOMAIN);
        }
    }
}

/// Plans as leaders sign them.
#[must_use]
pub fn assignment_seeds() -> Vec<Vec<u8>> {
    let planned = |job| PlannedTask::from(task(job));
    let listed = |keeper| Listed { keeper, digest: ByteArray::new([7; 32]) };
    let plain = PlannedBatch::of(0, (1..4).map(planned).collect());
    let looking = PlannedBatch { attempt: 1, tasks: vec![planned(9)], inputs: vec![listed(0), listed(2)] };
    let late = PlannedBatch::of(200, vec![planned(u64::MAX)]);
    [vec![plain.clone()], vec![plain, looking, late]]
        .map(|batches| {
            let place = (Window(500_000), Stage(1), 2);
            codec::encode(&Assignment::signed(&DOMAIN, &peer(1), place, KeeperIndex(1), batches))
        })
        .to_vec()
}

/// A keeper's signature.
pub fn partial(bytes: &[u8]) {
    if let Some(Message::Partial(it)) = read(Channel::Partials, bytes) {
        let _ = (it.abstention_hash(&DOMAIN), it.abstains(), it.key());
        let tasks: Vec<Task> = (1..=256).map(task).collect();
        let anchors = vec![report(1, 0).anchor; tasks.len()];
        let reports = message::reports(&tasks, &anchors, B256::ZERO, &it.findings);
        assert!(reports.is_none() || !it.findings.iter().take(tasks.len()).any(Finding::abstains));
    }
}

/// Partials that sign, and one that abstains.
#[must_use]
pub fn partial_seeds() -> Vec<Vec<u8>> {
    let all = |findings: Vec<Finding>, signature: Vec<u8>| Partial {
        assignment: ByteArray::new([1; 32]),
        batch: 0,
        keeper: 2,
        root: ByteArray::new([4; 32]),
        findings,
        execution_tag: ByteArray::new([2; 32]),
        signature: ByteBuf::from(signature),
    };
    let said = |outcome: u8| Finding::reported(Status::Call, B256::repeat_byte(outcome));
    let signature = secret(2).sign(b"it").to_bytes().to_vec();
    let both = vec![said(1), Finding::abstained(3)];
    [all(vec![said(1)], signature.clone()), all((0..5).map(said).collect(), signature), all(both, vec![3; 64])]
        .iter()
        .map(codec::encode)
        .collect()
}

fn certificate_of(reports: Vec<Report>, signers: &[u16]) -> Certificate {
    let digest = DOMAIN.batch_digest(1, batch_root(&reports));
    let partials: Vec<Signature> = signers.iter().map(|&k| secret(k).sign(digest.as_slice())).collect();
    Certificate {
        epoch: 1,
        reports,
        signers: signers.iter().map(|&k| KeeperIndex(k)).collect(),
        signature: aggregate_signatures(&partials).expect("they do not cancel each other"),
    }
}

/// A quorum's signature.
pub fn certificate(bytes: &[u8]) {
    if let Some(Message::Certificate(it)) = read(Channel::Certificates, bytes)
        && let Ok(certificate) = it.verify(&COMMITTEE, &DOMAIN, 6667)
    {
        assert!(certificate.signers.count() >= 3, "three of four equal stakes are a quorum");
        assert_eq!(CertificateMessage::new(&certificate, COMMITTEE.size()), it, "one certificate, one message");
    }
    assert!(bytes.len() <= CERTIFICATE_LIMIT || Message::decode(Channel::Certificates, bytes).is_err());
}

/// Certificates of one task and of many.
#[must_use]
pub fn certificate_seeds() -> Vec<Vec<u8>> {
    let many = (1..20).map(|job| report(job, job.to_le_bytes()[0])).collect();
    [certificate_of(vec![report(1, 1)], &[0, 1, 2, 3]), certificate_of(many, &[0, 2, 3])]
        .map(|certificate| codec::encode(&CertificateMessage::new(&certificate, COMMITTEE.size())))
        .to_vec()
}

/// Proof of two contradicting signatures.
pub fn evidence(bytes: &[u8]) {
    if let Some(Message::Evidence(it)) = read(Channel::Evidence, bytes) {
        let _ = (it.task(), it.accused(&COMMITTEE));
        if let Ok(guilty) = it.verify(&COMMITTEE, &DOMAIN) {
            // What the seeds hold against keeper 3 is all that there is to hold against anybody.
            assert_eq!(guilty.iter().collect::<Vec<_>>(), [KeeperIndex(3)], "nobody can be framed");
        }
    }
}

/// Evidence against keeper 3, from two partials and from longer batches.
#[must_use]
pub fn evidence_seeds() -> Vec<Vec<u8>> {
    let statement = |reports: Vec<Report>| {
        let digest = DOMAIN.batch_digest(1, batch_root(&reports));
        of_partial(&reports, 0, COMMITTEE.size(), KeeperIndex(3), secret(3).sign(digest.as_slice()))
    };
    let pairs = [
        (vec![report(1, 1)], vec![report(1, 2)]),
        (vec![report(1, 1), report(2, 1)], (0..9).map(|k| report(1 + u64::from(k), 4 + k)).collect()),
    ];
    let evidence = |(one, other)| Evidence::new(1, statement(one)?, statement(other)?).map(|it| codec::encode(&it));
    pairs.into_iter().filter_map(evidence).collect()
}

/// What a keeper saw outside.
pub fn observation(bytes: &[u8]) {
    if let Some(Message::Observation(it)) = read(Channel::Observations, bytes) {
        let _ = (it.digest(&DOMAIN), it.is_well_formed(), it.anchor());
        let _ = executor::seen::decode(&it.seen);
    }
}

/// Observations of two numbers, and of nothing.
#[must_use]
pub fn observation_seeds() -> Vec<Vec<u8>> {
    let row = |key: &str, value: &[u8]| executor::Observation { key: key.to_owned(), value: value.to_vec() };
    let seen = [vec![row("price", &[1, 2]), row("volume", b"")], Vec::new()];
    let of = |rows: &Vec<executor::Observation>| executor::seen::encode(rows).expect("short");
    let signed = |seen| {
        let anchor = report(1, 0).anchor;
        Observation::signed(&DOMAIN, &peer(2), (task(9), 0, anchor), (1, KeeperIndex(2)), seen)
    };
    seen.iter().map(|rows| codec::encode(&signed(of(rows)))).collect()
}

/// A keeper's word on a dispute.
pub fn ruling(bytes: &[u8]) {
    if let Some(Message::Ruling(it)) = read(Channel::Rulings, bytes)
        && let Some(answer) = it.answer()
    {
        let _ = DOMAIN.ruling_digest(it.epoch, it.dispute, B256::from(it.report.into_array()), answer);
    }
}

/// A ruling.
#[must_use]
pub fn ruling_seeds() -> Vec<Vec<u8>> {
    let ruling = Ruling {
        dispute: 7,
        report: ByteArray::new([1; 32]),
        table: ByteArray::new([5; 32]),
        epoch: 1,
        keeper: 3,
        status: 1,
        outcome_hash: ByteArray::new([2; 32]),
        signature: ByteArray::new(secret(3).sign(b"it").to_bytes()),
    };
    vec![codec::encode(&ruling)]
}

/// Reads what has one encoding.
fn canonical<T: Serialize + serde::de::DeserializeOwned>(bytes: &[u8], limit: usize) -> Option<T> {
    let read: Option<T> = codec::decode(bytes, limit).ok();
    if let Some(it) = &read {
        assert!(bytes.len() <= limit, "over its limit");
        assert_eq!(codec::encode(it), bytes, "a message has one encoding");
    }
    read
}

/// A question for what a peer holds.
pub fn want(bytes: &[u8]) {
    let _ = canonical::<Want>(bytes, WANT_LIMIT);
}

/// Questions of every kind.
#[must_use]
pub fn want_seeds() -> Vec<Vec<u8>> {
    let assignment = ByteArray::new([5; 32]);
    [
        Want::Assignment(assignment),
        Want::Partials { assignment, batch: 3, known: ByteBuf::from([1]) },
        Want::Observations { assignment, batch: 255, known: ByteBuf::from([0xff; 32]) },
        Want::SignedBy(7),
    ]
    .iter()
    .map(codec::encode)
    .collect()
}

/// An answer to such a question.
pub fn have(bytes: &[u8]) {
    if let Some(it) = canonical::<Have>(bytes, HAVE_LIMIT) {
        it.assignments.iter().for_each(|bytes| assignment(bytes));
        it.partials.iter().for_each(|bytes| partial(bytes));
        it.observations.iter().for_each(|bytes| observation(bytes));
    }
}

/// Answers with nothing, with partials, and with a certificate.
#[must_use]
pub fn have_seeds() -> Vec<Vec<u8>> {
    let all = |seeds: Vec<Vec<u8>>| seeds.into_iter().map(ByteBuf::from).collect::<Vec<_>>();
    let certificate = certificate_seeds().into_iter().next().map(ByteBuf::from);
    [
        Have::default(),
        Have { head: 9, assignments: all(assignment_seeds()), partials: all(partial_seeds()), ..Have::default() },
        Have { head: u64::MAX, certificate, observations: all(observation_seeds()), ..Have::default() },
    ]
    .iter()
    .map(codec::encode)
    .collect()
}

/// What a keeper says of itself to the mesh.
pub fn heartbeat(bytes: &[u8]) {
    if let Ok(it) = Heartbeat::decode(bytes) {
        assert!(bytes.len() <= HEARTBEAT_LIMIT, "over its limit");
        assert_eq!(codec::encode(&it), bytes, "a message has one encoding");
        let _ = (it.is_well_formed(), it.is_signed(&DOMAIN.separator()));
    }
}

/// A bare heartbeat, and one that has all there is.
#[must_use]
pub fn heartbeat_seeds() -> Vec<Vec<u8>> {
    let full = Heartbeat {
        boot: 1,
        stamp_ms: 1_700_000_000_000,
        version: "1.2.3".to_owned(),
        region: "eu central".to_owned(),
        head: 9,
        head_time: 1_700_000_000,
        epoch: 2,
        queue: 3,
        runway_seconds: Some(86_400),
        failing: vec!["clock".to_owned(), "disk".to_owned()],
        links: vec![Link { peer: 1, rtt_ms: None }, Link { peer: u64::MAX, rtt_ms: Some(60_000) }],
        ..Heartbeat::default()
    };
    [Heartbeat::default(), full].map(|it| it.seal(&DOMAIN.separator(), &peer(1))).to_vec()
}

/// What keepers tell each other in the status protocol.
pub fn peer_status(bytes: &[u8]) {
    if let Some(it) = PeerStatus::decode(bytes) {
        assert_eq!(PeerStatus::decode(&it.encode()), Some(it), "it reads what it writes");
    }
}

/// A status.
#[must_use]
pub fn peer_status_seeds() -> Vec<Vec<u8>> {
    let status = PeerStatus {
        version: "1.2.3".to_owned(),
        domain: "0123456789abcdef".to_owned(),
        head: 9,
        epoch: 1,
        table_root: B256::repeat_byte(5),
        unix_ms: 1_700_000_000_000,
    };
    vec![status.encode()]
}

/// A public key as it is registered: compressed.
pub fn bls_key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_bytes(bytes) {
        assert_eq!(key.to_bytes(), bytes, "one point, one encoding");
        assert_eq!(
            PublicKey::from_chain_bytes(&key.to_chain_bytes()),
            Ok(key),
            "the chain's form is of the same point"
        );
    }
}

/// Keys.
#[must_use]
pub fn bls_key_seeds() -> Vec<Vec<u8>> {
    let infinity = [&[0xc0][..], &[0; 95]].concat();
    vec![secret(0).public_key().to_bytes().to_vec(), secret(1).public_key().to_bytes().to_vec(), infinity]
}

/// A public key in the chain's form.
pub fn bls_chain_key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_chain_bytes(bytes) {
        assert_eq!(key.to_chain_bytes(), bytes, "one point, one encoding");
        assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key), "the compressed form is of the same point");
    }
}

/// Keys in the chain's form.
#[must_use]
pub fn bls_chain_key_seeds() -> Vec<Vec<u8>> {
    vec![secret(0).public_key().to_chain_bytes().to_vec(), vec![0; 192]]
}

/// A compressed signature.
pub fn bls_signature(bytes: &[u8]) {
    if let Ok(signature) = Signature::from_bytes(bytes) {
        assert_eq!(signature.to_bytes(), bytes, "one point, one encoding");
    }
}

/// Signatures, and infinity, which is none.
#[must_use]
pub fn bls_signature_seeds() -> Vec<Vec<u8>> {
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    vec![secret(0).sign(b"it").to_bytes().to_vec(), secret(1).sign(b"").to_bytes().to_vec(), infinity]
}

/// A bitmap of signers; its first byte is the size of the committee.
pub fn signers(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let size = usize::from(*size) + 1;
    if let Some(set) = SignerSet::from_bytes(bytes, size) {
        assert_eq!(set.to_bytes(size), bytes, "one set, one bitmap");
        assert!(set.count() <= size && set.iter().all(|index| usize::from(index.0) < size), "a bit that names nobody");
    }
}

/// Bitmaps of small and large committees.
#[must_use]
pub fn signers_seeds() -> Vec<Vec<u8>> {
    let of = |size: u8, indices: &[u16]| {
        let set: SignerSet = indices.iter().map(|&index| KeeperIndex(index)).collect();
        [&[size - 1][..], &set.to_bytes(size.into())].concat()
    };
    vec![of(4, &[0, 2, 3]), of(7, &[6]), of(64, &[0, 63]), of(255, &[254])]
}
