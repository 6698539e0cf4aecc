// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {EpochTable} from "../src/libraries/EpochTable.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Signing} from "./Signing.sol";
import {World} from "./World.sol";

/// @notice Certificates that prove nothing revert the whole call.
contract SettleRefusalsTest is World {
    ITaskManager.Anchor[] internal anchors;
    Entry[] internal entries;
    ITaskManager.Certificate internal certificate;
    bytes32[] internal leaves;

    function setUp() public override {
        super.setUp();
        anchors.push(recentAnchors()[0]);
        entries.push(callEntry(jobId, 0));
        certificate = certify(anchors, entries, ALL);
    }

    function refuses(bytes4 reason) private {
        refuses(abi.encodeWithSelector(reason));
    }

    function refuses(bytes memory reason) private {
        vm.expectRevert(reason);
        send(certificate, batchOf(anchors, entries, leaves));
        check(!tasks.isSettled(jobId, 1, 0), "nothing settled");
    }

    /* SIGNATURES */

    function test_refuses_tamperedAggregate() public {
        certificate.signature[95] ^= 0x01;
        refuses(ITaskManager.InvalidSignature.selector);
    }

    /// One keeper's partial on another root, within an otherwise good aggregate.
    function test_refuses_tamperedPartial() public {
        bytes32 root = ReportLib.root(leavesOf(anchors, entries));
        uint256 four = secretOf(0) + secretOf(1) + secretOf(2) + secretOf(3);
        bytes memory good = Signing.sign(four, tasks.batchDigest(1, root), BLS12381.SIGNATURE_DST);
        bytes memory bad = Signing.sign(secretOf(4), tasks.batchDigest(1, ~root), BLS12381.SIGNATURE_DST);
        (, bytes memory sum) = address(0x0b).staticcall(bytes.concat(BLS12381.pad(good), BLS12381.pad(bad)));
        certificate.signature = Signing.unpad(sum);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_signersWhoDidNotSign() public {
        certificate = certify(anchors, entries, 15);
        certificate.signers[0] = ALL;
        refuses(ITaskManager.InvalidSignature.selector);
        certificate = certify(anchors, entries, ALL);
        certificate.signers[0] = 15;
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_infinitySignature() public {
        certificate.signature = new bytes(96);
        refuses(ITaskManager.InfinitySignature.selector);
    }

    function test_refuses_wrongLength() public {
        certificate.signature = new bytes(95);
        refuses(ITaskManager.InvalidSignatureLength.selector);
        certificate.signature = "";
        refuses(ITaskManager.InvalidSignatureLength.selector);
    }

    /// Coordinates that are no field elements: the precompile refuses, the contract says so, and little gas is lost.
    function test_refuses_coordinatesOutOfRange() public {
        for (uint256 i = 0; i < 96; ++i) {
            certificate.signature[i] = 0xff;
        }
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_anotherEncodingOfTheSignature() public {
        certificate.signature = Signing.uncanonical(certificate.signature);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_signatureUnderThePossessionDomain() public {
        bytes32 root = ReportLib.root(leavesOf(anchors, entries));
        uint256 all = secretOf(0) + secretOf(1) + secretOf(2) + secretOf(3) + secretOf(4);
        certificate.signature = Signing.sign(all, tasks.batchDigest(1, root), BLS12381.POSSESSION_DST);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    /* STAKE */

    function test_refuses_tooFewSigners() public {
        certificate = certify(anchors, entries, 7);
        refuses(abi.encodeWithSelector(ITaskManager.QuorumNotReached.selector, 300 ether, 500 ether));
        certificate.signers[0] = 0;
        refuses(EpochTable.NoSigners.selector);
    }

    /// Four of five sign, but the fifth holds most of the stake: heads do not count.
    function test_refuses_manySignersWithLittleStake() public {
        allocations.setDeposit(operatorOf(4), 10_000 ether);
        registry.snapshot();
        vm.roll(block.number + 3);
        anchors[0] = recentAnchors()[0];
        certificate = certify(anchors, entries, 15);
        refuses(abi.encodeWithSelector(ITaskManager.QuorumNotReached.selector, 400 ether, 10_400 ether));
    }

    function test_refuses_strayBits() public {
        certificate.signers[0] = ALL | (1 << 5);
        refuses(EpochTable.StrayBits.selector);
        certificate.signers = new uint256[](2);
        certificate.signers[0] = ALL;
        refuses(EpochTable.StrayBits.selector);
    }

    /* DOMAIN */

    function test_refuses_certificateOfAnotherChain() public {
        vm.chainId(1);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_certificateOfAnotherContract() public {
        bytes32 root = ReportLib.root(leavesOf(anchors, entries));
        bytes32 digest = ReportLib.digest(ReportLib.domainSeparator(address(0xbad)), 1, root);
        uint256 all = secretOf(0) + secretOf(1) + secretOf(2) + secretOf(3) + secretOf(4);
        certificate.signature = Signing.sign(all, digest, BLS12381.SIGNATURE_DST);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    /* EPOCH */

    function test_refuses_signatureUnderAnotherEpoch() public {
        certificate = certifyRoot(2, ReportLib.root(leavesOf(anchors, entries)), ALL);
        certificate.epoch = 1;
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_epochThatIsNotActiveAtTheAnchor() public {
        allocate(operatorOf(0), 5e17);
        registry.snapshot(); // at block 1100: epoch 2 is active from 1101
        certificate = certifyRoot(2, ReportLib.root(leavesOf(anchors, entries)), ALL);
        refuses(abi.encodeWithSelector(ITaskManager.EpochNotActive.selector, 2, anchors[0].number));
        // the old epoch is the right one for this anchor, also now
        certificate = certifyRoot(1, ReportLib.root(leavesOf(anchors, entries)), ALL);
        equal(send(certificate, batchOf(anchors, entries, leaves)), 1, "epoch 1 at an anchor of epoch 1");
    }

    function test_refuses_oldEpochAtNewAnchor() public {
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        vm.roll(block.number + 5);
        anchors[0] = recentAnchors()[0];
        certificate = certifyRoot(1, ReportLib.root(leavesOf(anchors, entries)), ALL);
        refuses(abi.encodeWithSelector(ITaskManager.EpochNotActive.selector, 1, anchors[0].number));
    }

    /* SHAPE */

    function test_refuses_emptyBatch() public {
        delete entries;
        refuses(ITaskManager.EmptyBatch.selector);
    }

    function test_refuses_unknownStatus() public {
        entries[0].status = 3;
        refuses(abi.encodeWithSelector(ITaskManager.InvalidStatus.selector, 3));
    }

    function test_refuses_anchorThatIsNotListed() public {
        entries[0].anchor = 1;
        refuses(abi.encodeWithSelector(ITaskManager.InvalidAnchor.selector, 1));
    }

    function test_refuses_leavesThatDoNotFit() public {
        leaves = new bytes32[](2); // two holes, one entry
        refuses(ITaskManager.InvalidLeaves.selector);
        leaves[0] = keccak256("a");
        leaves[1] = keccak256("b"); // no hole
        refuses(ITaskManager.InvalidLeaves.selector);
        leaves[1] = 0; // a hole, but not of the batch that was signed
        refuses(ITaskManager.InvalidSignature.selector);
    }

    /// Every call has its outcome, in full and nowhere else; nothing else has one.
    function test_refuses_deliveriesThatDoNotFit() public {
        ITaskManager.Batch memory batch = batchOf(anchors, entries, leaves);
        batch.deliveries = new ITaskManager.Delivery[](0);
        refusesBatch(batch, ITaskManager.InvalidDeliveries.selector);
        batch.deliveries = new ITaskManager.Delivery[](2);
        refusesBatch(batch, ITaskManager.InvalidDeliveries.selector);
        batch = batchOf(anchors, entries, leaves);
        batch.entries[0].outcomeHash = outcomeHashOf(entries[0]);
        refusesBatch(batch, ITaskManager.InvalidDeliveries.selector);
        batch.entries[0].run |= 1; // a skip
        refusesBatch(batch, ITaskManager.InvalidDeliveries.selector);
    }

    /// The unused bits of a run's word are none that a submitter may write on.
    function test_refuses_strayBitsInARun() public {
        ITaskManager.Batch memory batch = batchOf(anchors, entries, leaves);
        batch.entries[0].run |= 1 << 8;
        vm.expectRevert(abi.encodeWithSelector(ITaskManager.InvalidStatus.selector, 256));
        send(certificate, batch);
        batch.entries[0].run ^= (1 << 8) | (1 << 159);
        vm.expectRevert(abi.encodeWithSelector(ITaskManager.InvalidAnchor.selector, 1 << 63));
        send(certificate, batch);
    }

    function test_refuses_tooManyAnchors() public {
        ITaskManager.Batch memory batch = batchOf(anchors, entries, leaves);
        batch.anchors = new ITaskManager.Anchor[](257);
        refusesBatch(batch, ITaskManager.TooManyReports.selector);
    }

    function refusesBatch(ITaskManager.Batch memory batch, bytes4 reason) private {
        vm.expectRevert(reason);
        send(certificate, batch);
    }

    function test_refuses_oversizeOutcome() public {
        entries[0].outcome = new bytes(tasks.MAX_OUTCOME_BYTES() + 1);
        certificate = certify(anchors, entries, ALL);
        refuses(abi.encodeWithSelector(ITaskManager.OutcomeTooLong.selector, tasks.MAX_OUTCOME_BYTES()));
        entries[0].outcome = new bytes(tasks.MAX_OUTCOME_BYTES());
        certificate = certify(anchors, entries, ALL);
        equal(send(certificate, batchOf(anchors, entries, leaves)), 1, "as long as allowed");
    }

    /// The tree is built in the order of the reports: another one has another root, unless it only swaps siblings.
    function test_refuses_anotherOrder() public {
        for (uint64 run = 1; run < 4; ++run) {
            entries.push(callEntry(jobId, run));
        }
        certificate = certify(anchors, entries, ALL);
        (entries[0].instanceKey, entries[3].instanceKey) = (entries[3].instanceKey, entries[0].instanceKey);
        refuses(ITaskManager.InvalidSignature.selector);
    }

    /* EVERY FIELD IS SIGNED */

    function test_refuses_changedOutcome() public {
        entries[0].outcome = hex"00";
        refuses(ITaskManager.InvalidSignature.selector);
    }

    function test_refuses_changedFields() public {
        entries[0].status = 1;
        refuses(ITaskManager.InvalidSignature.selector);
        entries[0].status = 0;
        entries[0].inputHash = bytes32(uint256(1));
        refuses(ITaskManager.InvalidSignature.selector);
        entries[0].inputHash = 0;
        entries[0].stateAfterRoot = bytes32(uint256(1));
        refuses(ITaskManager.InvalidSignature.selector);
        entries[0].stateAfterRoot = 0;
        entries[0].transcriptRoot = bytes32(uint256(1));
        refuses(ITaskManager.InvalidSignature.selector);
        entries[0].transcriptRoot = 0;
        entries[0].instanceKey = bytes32(uint256(1));
        refuses(ITaskManager.InvalidSignature.selector);
        entries[0].instanceKey = 0;
        anchors[0].number -= 1;
        refuses(ITaskManager.InvalidSignature.selector);
    }
}
