use alloy_primitives::{Address, B256};

use super::*;
use crate::bls::{SecretKey, aggregate_signatures};
use crate::certificate::batch_root;
use crate::committee::tests::committee_of;
use crate::committee::{KeeperIndex, QUORUM_BPS};
use crate::report::Anchor;
use crate::task::{InstanceKey, JobId, Status, Task};

const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
/// Epoch of `committee_of`.
const EPOCH: u32 = 3;

fn reports(count: u64) -> Vec<Report> {
    (0..count)
        .map(|job| Report {
            task: Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(2) },
            anchor: Anchor { number: 9, hash: B256::repeat_byte(9) },
            input_set: B256::ZERO,
            status: Status::Call,
            outcome_hash: B256::repeat_byte(job as u8),
        })
        .collect()
}

fn certificate(domain: &Domain, epoch: u32, signers: &[u16]) -> Certificate {
    let reports = reports(3);
    let digest = domain.batch_digest(epoch, batch_root(&reports));
    let partials: Vec<_> =
        signers.iter().map(|&k| SecretKey::generate(&[k as u8 + 1; 32]).sign(digest.as_slice())).collect();
    let signers = signers.iter().map(|&index| KeeperIndex(index)).collect();
    Certificate { epoch, reports, signers, signature: aggregate_signatures(&partials).unwrap() }
}

fn check(certificate: &Certificate) -> Result<(), CertificateError> {
    check_message(&CertificateMessage::new(certificate, 5))
}

fn check_message(message: &CertificateMessage) -> Result<(), CertificateError> {
    message.verify(&committee_of(&[100; 5]), &DOMAIN, QUORUM_BPS).map(drop)
}

#[test]
fn four_of_five_equal_stakes_certify_and_three_do_not() {
    assert_eq!(check(&certificate(&DOMAIN, EPOCH, &[0, 1, 2, 3, 4])), Ok(()));
    assert_eq!(check(&certificate(&DOMAIN, EPOCH, &[0, 2, 3, 4])), Ok(()));
    assert_eq!(check(&certificate(&DOMAIN, EPOCH, &[0, 2, 3])), Err(CertificateError::Quorum));
}

#[test]
fn a_certificate_is_bound_to_chain_contract_and_epoch() {
    let other_chain = Domain { chain_id: 1, ..DOMAIN };
    assert_eq!(check(&certificate(&other_chain, EPOCH, &[0, 1, 2, 3])), Err(CertificateError::Signature));
    let other_contract = Domain { task_manager: Address::repeat_byte(0x12), ..DOMAIN };
    assert_eq!(check(&certificate(&other_contract, EPOCH, &[0, 1, 2, 3])), Err(CertificateError::Signature));
    assert_eq!(check(&certificate(&DOMAIN, 4, &[0, 1, 2, 3])), Err(CertificateError::Epoch));
    let relabelled = Certificate { epoch: EPOCH, ..certificate(&DOMAIN, 4, &[0, 1, 2, 3]) };
    assert_eq!(check(&relabelled), Err(CertificateError::Signature));
}

#[test]
fn a_bitmap_that_claims_other_signers_is_refused() {
    let honest = certificate(&DOMAIN, EPOCH, &[0, 1, 2]);
    let claims: SignerSet = [0, 1, 2, 3].map(KeeperIndex).into_iter().collect();
    assert_eq!(check(&Certificate { signers: claims, ..honest.clone() }), Err(CertificateError::Signature));
    let mut stray = CertificateMessage::new(&certificate(&DOMAIN, EPOCH, &[0, 1, 2, 3]), 5);
    stray.signers = ByteBuf::from([0b0010_1111]);
    assert_eq!(check_message(&stray), Err(CertificateError::Bitmap));
    stray.signers = ByteBuf::from([0b1111, 0]);
    assert_eq!(check_message(&stray), Err(CertificateError::Bitmap));
    stray.signers = ByteBuf::from([0]);
    assert_eq!(check_message(&stray), Err(CertificateError::Quorum));
    // A row without stake cannot sign.
    let committee = committee_of(&[100, 100, 100, 0, 100]);
    let zero = certificate(&DOMAIN, EPOCH, &[0, 1, 2, 3]);
    assert_eq!(zero.verify(&committee, &DOMAIN, QUORUM_BPS), Err(CertificateError::Bitmap));
}

#[test]
fn a_tampered_report_or_order_is_refused() {
    let good = certificate(&DOMAIN, EPOCH, &[0, 1, 2, 3]);
    let mut tampered = good.clone();
    tampered.reports[1].outcome_hash = B256::repeat_byte(0xee);
    assert_eq!(check(&tampered), Err(CertificateError::Signature));
    let mut swapped = good.clone();
    swapped.reports.rotate_left(1);
    assert_eq!(check(&swapped), Err(CertificateError::Signature));
    let mut doubled = good.clone();
    doubled.reports[2] = doubled.reports[0];
    assert_eq!(check(&doubled), Err(CertificateError::Batch));
    let mut none = good.clone();
    none.reports.clear();
    assert_eq!(check(&none), Err(CertificateError::Batch));
    let mut unknown_status = CertificateMessage::new(&good, 5);
    unknown_status.reports[0].status = 3;
    assert_eq!(check_message(&unknown_status), Err(CertificateError::Batch));
}

#[test]
fn signatures_that_are_no_points_are_refused() {
    let mut infinity = CertificateMessage::new(&certificate(&DOMAIN, EPOCH, &[0, 1, 2, 3]), 5);
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    infinity.signature = ByteArray::new(bytes);
    assert_eq!(check_message(&infinity), Err(CertificateError::Point));
    infinity.signature = ByteArray::new([0xff; 48]);
    assert_eq!(check_message(&infinity), Err(CertificateError::Point));
}
