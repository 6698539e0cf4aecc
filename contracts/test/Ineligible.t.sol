// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {World} from "./World.sol";

/// @notice What is skipped with a reason, and stays as it was.
contract IneligibleTest is World {
    function expectIneligible(Entry memory entry, ITaskManager.Ineligible reason) private {
        vm.recordLogs();
        equal(settle(one(entry), ALL), 0, "nothing settles");
        ITaskManager.Ineligible[] memory reasons = ineligible();
        check(reasons.length == 1 && reasons[0] == reason, "with the reason");
    }

    function test_ineligible_jobUnknown() public {
        expectIneligible(callEntry(99, 0), ITaskManager.Ineligible.JobUnknown);
    }

    function test_ineligible_version() public {
        Entry memory entry = callEntry(jobId, 0);
        entry.jobVersion = 2;
        expectIneligible(entry, ITaskManager.Ineligible.Version);
    }

    function test_ineligible_notDue() public {
        // the first run was due 900 s ago, runs are 10 s apart
        expectIneligible(callEntry(jobId, 91), ITaskManager.Ineligible.NotDue);
        equal(settleRun(jobId, 90, ALL), 1, "due this very second");
        Entry memory entry = callEntry(jobId, 0);
        entry.instanceKey = bytes32(uint256(1) << 64);
        expectIneligible(entry, ITaskManager.Ineligible.NotDue);
    }

    function test_ineligible_inactive() public {
        vm.prank(CREATOR);
        jobs.pause(jobId); // tasks due up to 30 s from now still run
        vm.warp(block.timestamp + 100);
        expectIneligible(callEntry(jobId, 94), ITaskManager.Ineligible.Inactive);
        equal(settleRun(jobId, 93, ALL), 1, "due at the very end of the notice");
    }

    function test_ineligible_escrow() public {
        uint64 poor = create(params(), FEE);
        vm.warp(block.timestamp + 1000);
        Entry[] memory entries = new Entry[](2);
        (entries[0], entries[1]) = (callEntry(poor, 0), callEntry(poor, 1));
        vm.recordLogs();
        equal(settle(entries, ALL), 1, "one is paid for");
        check(ineligible()[0] == ITaskManager.Ineligible.Escrow, "the other not");
    }

    /// The whole fee must be there, also when absent keepers would make the task cheaper.
    function test_ineligible_escrowBelowTheFee() public {
        uint64 poor = create(params(), uint256(FEE) * 4 / 5);
        vm.warp(block.timestamp + 1000);
        vm.recordLogs();
        equal(settleRun(poor, 0, 15), 0, "four of five");
        check(ineligible()[0] == ITaskManager.Ineligible.Escrow, "too little");
    }

    function test_ineligible_quorumOfTheJob() public {
        uint64 strict = createWithQuorum(10_000);
        vm.warp(block.timestamp + 1000);
        vm.recordLogs();
        equal(settleRun(strict, 0, 15), 0, "four of five");
        check(ineligible()[0] == ITaskManager.Ineligible.Quorum, "this job wants all");
        equal(settleRun(strict, 0, ALL), 1, "all five");
    }

    function createWithQuorum(uint16 bps) private returns (uint64) {
        IJobManager.JobParams memory p = params();
        p.quorumBps = bps;
        return create(p, 1 ether);
    }

    function test_ineligible_anchorReorganisedAway() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        anchors[0].hash = keccak256("a block of another fork");
        expectIneligibleAt(anchors, ITaskManager.Ineligible.AnchorUnknown);
    }

    function test_ineligible_anchorAhead() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        anchors[0] = ITaskManager.Anchor(uint64(block.number), 0);
        expectIneligibleAt(anchors, ITaskManager.Ineligible.AnchorUnknown);
    }

    function test_ineligible_anchorTooOld() public {
        vm.roll(1200);
        ITaskManager.Anchor[] memory anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(1099, blockhash(1099));
        expectIneligibleAt(anchors, ITaskManager.Ineligible.AnchorTooOld);
        anchors[0] = ITaskManager.Anchor(1100, blockhash(1100));
        Entry[] memory entries = one(callEntry(jobId, 0));
        uint256 settled = tasks.settle(certify(anchors, entries, ALL), batchOf(anchors, entries, new bytes32[](0)));
        equal(settled, 1, "100 blocks are allowed");
    }

    function expectIneligibleAt(ITaskManager.Anchor[] memory anchors, ITaskManager.Ineligible reason) private {
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.recordLogs();
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), 0, "nothing settles");
        check(ineligible()[0] == reason, "with the reason");
        check(!tasks.isSettled(jobId, 1, 0), "the run stays open for the next attempt");
    }

    /// One bad report holds up nobody: the others of its batch settle.
    function test_ineligible_doesNotHoldUpOthers() public {
        Entry[] memory entries = new Entry[](3);
        (entries[0], entries[1], entries[2]) = (callEntry(99, 0), callEntry(jobId, 0), callEntry(jobId, 5000));
        equal(settle(entries, ALL), 1, "the good one");
    }
}
