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
        uint64 id = create(params(), 1 ether);
        vm.warp(block.timestamp + 100 + 600); // runs are 10 s apart
        expectIneligible(callEntry(id, 61), ITaskManager.Ineligible.NotDue);
        equal(settleRun(id, 60, ALL), 1, "due this very second");
        Entry memory entry = callEntry(id, 0);
        entry.instanceKey = bytes32(uint256(1) << 64);
        expectIneligible(entry, ITaskManager.Ineligible.NotDue);
    }

    function test_ineligible_inactive() public {
        uint64 id = create(params(), 1 ether);
        vm.warp(block.timestamp + 100 + 300);
        vm.prank(CREATOR);
        jobs.pause(id); // tasks due up to 30 s from now still run
        vm.warp(block.timestamp + 100);
        expectIneligible(callEntry(id, 34), ITaskManager.Ineligible.Inactive);
        equal(settleRun(id, 33, ALL), 1, "due at the very end of the notice");
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
        uint256 settled = send(certify(anchors, entries, ALL), batchOf(anchors, entries, new bytes32[](0)));
        equal(settled, 1, "100 blocks are allowed");
    }

    function expectIneligibleAt(ITaskManager.Anchor[] memory anchors, ITaskManager.Ineligible reason) private {
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.recordLogs();
        equal(send(certificate, batchOf(anchors, entries, new bytes32[](0))), 0, "nothing settles");
        check(ineligible()[0] == reason, "with the reason");
        check(!tasks.isSettled(jobId, 1, 0), "the run stays open for the next attempt");
    }

    /// One bad report holds up nobody: the others of its batch settle.
    function test_ineligible_doesNotHoldUpOthers() public {
        Entry[] memory entries = new Entry[](3);
        (entries[0], entries[1], entries[2]) = (callEntry(99, 0), callEntry(jobId, 0), callEntry(jobId, 5000));
        equal(settle(entries, ALL), 1, "the good one");
    }

    /// Whoever sees a batch in a mempool may settle any part of it, but none that takes the rest away.
    function test_ineligible_outOfOrder() public {
        Entry[] memory entries = new Entry[](80);
        for (uint64 i = 0; i < 80; ++i) {
            entries[i] = callEntry(jobId, i);
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        bytes32[] memory leaves = leavesOf(anchors, entries);
        leaves[79] = 0;
        vm.recordLogs();
        equal(send(certificate, batchOf(anchors, one(entries[79]), leaves)), 0, "the newest alone");
        check(ineligible()[0] == ITaskManager.Ineligible.OutOfOrder, "takes 15 others away");
        check(!tasks.isSettled(jobId, 1, bytes32(uint256(0))), "run 0 can settle");
        equal(send(certificate, batchOf(anchors, entries, new bytes32[](0))), 80, "all of them");
        equal(jobs.job(jobId).escrow, 1 ether - 80 * uint256(FEE), "paid for once");
    }

    /// One that never settles holds the others up only until it has expired.
    function test_ineligible_outOfOrderUntilExpired() public {
        for (uint64 run = 1; run <= 64; ++run) {
            equal(settleRun(jobId, run, ALL), 1, "run 0 stays open");
        }
        expectIneligible(callEntry(jobId, 65), ITaskManager.Ineligible.OutOfOrder);
        uint256 expires = jobs.job(jobId).start + 1 hours;
        vm.warp(expires);
        expectIneligible(callEntry(jobId, 65), ITaskManager.Ineligible.OutOfOrder);
        vm.warp(expires + 1);
        equal(settleRun(jobId, 65, ALL), 1, "run 0 has expired");
        equal(settleRun(jobId, 66, ALL), 1, "run 1 was settled");
    }

    function test_ineligible_notOutOfOrderWhereTheRestHasExpired(uint32 interval) public {
        interval = 50 + interval % 12;
        IJobManager.JobParams memory p = params();
        p.triggerData = abi.encode(block.timestamp + 1, interval);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 1 + 70 * uint256(interval));
        bool closes = 65 * uint256(interval) <= 3600;
        if (closes) expectIneligible(callEntry(id, 70), ITaskManager.Ineligible.OutOfOrder);
        else equal(settleRun(id, 70, ALL), 1, "nothing open is 65 runs older");
    }
}
