// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Vm} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice What settles, and what is skipped with a reason.
contract SettleTest is World {
    /* ONE TASK */

    function test_settle_callsTheTargetAndMarksTheRun() public {
        address forwarder = jobs.forwarderOf(jobId);
        check(!tasks.isSettled(jobId, 1, bytes32(uint256(3))), "open before");
        vm.recordLogs();
        equal(settleRun(jobId, 3, ALL), 1, "one settled");
        bytes[] memory events = logged(ITaskManager.TaskSettled.selector);
        equal(events.length, 1, "one event");
        check(deliveredOf(events[0]), "delivered");
        equal(counter.counts(forwarder), 1, "the target saw the job's forwarder");
        check(tasks.isSettled(jobId, 1, bytes32(uint256(3))), "settled");
        check(!tasks.isSettled(jobId, 1, bytes32(uint256(2))), "the run before is still open");
        check(!tasks.isSettled(jobId, 2, bytes32(uint256(3))), "another version's runs are others");
        equal(jobs.job(jobId).escrow, 1 ether - FEE, "paid");
    }

    function test_settle_skipAndJobErrorCostAQuarterWithoutACall() public {
        for (uint8 status = 1; status <= 2; ++status) {
            Entry memory entry = callEntry(jobId, status);
            entry.status = status;
            entry.outcome = "nothing to do";
            vm.recordLogs();
            equal(settle(one(entry), ALL), 1, "settled");
            bytes32[] memory words = abi.decode(logged(ITaskManager.TasksSkipped.selector)[0], (bytes32[]));
            equal(words.length, 3, "one of them");
            uint256 fact = uint256(words[0]);
            equal(fact >> 192, jobId, "job");
            equal(uint32(fact >> 160), 1, "version");
            equal(uint64(fact >> 96), block.number - 2, "anchor");
            equal(uint40(fact >> 16), 900 - 10 * uint256(status), "seconds late");
            equal(uint16(fact), status, "status, not delivered");
            equal(words[1], bytes32(uint256(status)), "run");
        }
        equal(counter.counts(jobs.forwarderOf(jobId)), 0, "the target saw nothing");
        equal(jobs.job(jobId).escrow, 1 ether - uint256(FEE) / 2, "two quarters");
    }

    /// A quarter of the smallest fee rounds to nothing, which any escrow covers.
    function test_settle_skipThatCostsNothing() public {
        IJobManager.JobParams memory p = params();
        p.fee = 3;
        uint64 id = create(p, 2);
        vm.warp(block.timestamp + 1000);
        Entry memory entry = callEntry(id, 0);
        entry.status = 1;
        equal(settle(one(entry), ALL), 1, "settled");
        equal(jobs.job(id).escrow, 2, "for nothing");
        equal(settle(one(callEntry(id, 1)), ALL), 0, "a call costs three");
    }

    function test_settle_anySubsetOfAtLeastTwoThirds(uint8 pick) public {
        uint256 signers = pick & ALL;
        uint256 count = 0;
        for (uint256 i = 0; i < KEEPERS; ++i) {
            count += (signers >> i) & 1;
        }
        vm.assume(count >= 4);
        equal(settleRun(jobId, 0, signers), 1, "settled");
        equal(
            jobs.job(jobId).escrow,
            1 ether - (FEE - NET) - uint256(NET) * count / 5,
            "absent keepers' part stays with the job"
        );
    }

    function test_settle_lateRunAfterNewerOne() public {
        settleRun(jobId, 5, ALL);
        equal(settleRun(jobId, 4, ALL), 1, "4 after 5");
        equal(settleRun(jobId, 6, ALL), 1, "then 6");
    }

    function test_settle_replayRefused() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
        vm.expectRevert(ITaskManager.NothingToSettle.selector);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
        // nor with other signers, at another anchor
        vm.roll(block.number + 1);
        anchors = recentAnchors();
        certificate = certify(anchors, entries, 30);
        vm.expectRevert(ITaskManager.NothingToSettle.selector);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }

    /// What a task costs, in plain words: against the same rules in assembly.
    function test_settle_costsWhatTheRulesSay(uint80 fee, uint8 pick, uint16 late, uint8 status, uint16 punctual)
        public
    {
        uint256 absent = pick % 6; // 5: nobody
        status %= 3;
        late %= 3700;
        IJobManager.JobParams memory p = params();
        p.fee = fee == 0 ? 1 : fee;
        p.punctualSeconds = punctual;
        vm.deal(CREATOR, 4 * uint256(p.fee) + DEPOSIT);
        uint64 id = create(p, 2 * uint256(p.fee));
        vm.warp(block.timestamp + 100 + late);
        Entry memory entry = callEntry(id, 0);
        entry.status = status;

        uint256 due = status == 0 ? p.fee : p.fee / 4;
        if (punctual != 0 && late > punctual) due /= 2;
        uint256 protocol = due / 20;
        uint256 signed = absent == 5 ? 5 : 4;
        uint256 cost = protocol + ((due - protocol) * signed + 4) / 5;
        bool expired = late > 3600;
        equal(settle(one(entry), ALL & ~(uint256(1) << absent)), expired ? 0 : 1, "unless it came too late");
        equal(jobs.job(id).escrow, 2 * uint256(p.fee) - (expired ? 0 : cost), "what is left");
        equal(counter.counts(jobs.forwarderOf(id)), status == 0 && !expired ? 1 : 0, "called, if it is a call");
        check(tasks.isSettled(id, 1, 0) != expired, "marked");
    }

    /* BATCHES */

    /// Calls, skips and what cannot settle, in any order: each is told of once, and as what it is.
    function test_settle_mixedBatch(uint256 seed) public {
        Entry[] memory entries = new Entry[](12);
        bytes32[] memory words = new bytes32[](36);
        uint256 skipped = 0;
        uint256 called = 0;
        for (uint64 i = 0; i < 12; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            entries[i] = callEntry(jobId, i);
            entries[i].status = uint8(dice % 3);
            if ((dice >> 8) % 4 == 0) {
                entries[i].jobVersion = 2; // there is none
            } else if (entries[i].status == 0) {
                ++called;
            } else {
                words[skipped++] = bytes32(
                    (uint256(jobId) << 192) | (1 << 160) | ((block.number - 2) << 96) | ((900 - 10 * i) << 16)
                        | entries[i].status
                );
                words[skipped++] = bytes32(uint256(i));
                words[skipped++] = outcomeHashOf(entries[i]);
            }
        }
        assembly ("memory-safe") {
            mstore(words, skipped)
        }
        vm.recordLogs();
        equal(settle(entries, ALL), called + skipped / 3, "those that can");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes[] memory told = filter(logs, ITaskManager.TasksSkipped.selector);
        equal(told.length, skipped == 0 ? 0 : 1, "one event for all skips");
        if (skipped != 0) equal(keccak256(told[0]), keccak256(abi.encode(words)), "which names each");
        equal(filter(logs, ITaskManager.TaskSettled.selector).length, called, "one for each call");
        equal(filter(logs, ITaskManager.ReportIneligible.selector).length, 12 - called - skipped / 3, "and the rest");
        equal(counter.counts(jobs.forwarderOf(jobId)), called, "delivered");
    }

    function batch(uint256 size) private view returns (Entry[] memory entries) {
        entries = new Entry[](size);
        for (uint64 i = 0; i < size; ++i) {
            entries[i] = callEntry(jobId, i);
        }
    }

    function test_settle_batches() public {
        uint8[5] memory sizes = [2, 3, 5, 7, 8];
        uint64 run = 0;
        for (uint256 i = 0; i < sizes.length; ++i) {
            Entry[] memory entries = batch(sizes[i]);
            for (uint256 j = 0; j < entries.length; ++j) {
                entries[j].instanceKey = bytes32(uint256(run++));
            }
            equal(settle(entries, ALL), sizes[i], "all of the batch");
        }
        equal(counter.counts(jobs.forwarderOf(jobId)), run, "every one delivered");
    }

    /// A batch in two calls: the second need not prove the signature again, only name the same signers.
    function test_settle_subsetThenTheRest() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = batch(3);
        ITaskManager.Certificate memory certificate = certify(anchors, entries, 15);
        bytes32[] memory leaves = leavesOf(anchors, entries);
        leaves[1] = 0;
        equal(send(certificate, batchOf(anchors, one(entries[1]), leaves)), 1, "the middle one first");

        leaves = leavesOf(anchors, entries);
        (leaves[0], leaves[2]) = (0, 0);
        Entry[] memory rest = new Entry[](2);
        (rest[0], rest[1]) = (entries[0], entries[2]);
        certificate.signature = new bytes(96);
        equal(send(certificate, batchOf(anchors, rest, leaves)), 2, "then the others, unsigned");
        equal(counter.counts(jobs.forwarderOf(jobId)), 3, "three delivered");
    }

    /// What was verified was verified for its signers: others cannot be put in their place to be paid.
    function test_settle_restOfABatchWithOtherSignersNeedsTheirSignature() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = batch(2);
        ITaskManager.Certificate memory certificate = certify(anchors, entries, 15);
        bytes32[] memory leaves = leavesOf(anchors, entries);
        leaves[0] = 0;
        send(certificate, batchOf(anchors, one(entries[0]), leaves));
        leaves = leavesOf(anchors, entries);
        leaves[1] = 0;
        certificate.signers[0] = 30;
        vm.expectRevert(ITaskManager.InvalidSignature.selector);
        send(certificate, batchOf(anchors, one(entries[1]), leaves));
    }

    function test_settle_sameTaskTwiceInABatchSettlesOnce() public {
        Entry[] memory entries = new Entry[](2);
        entries[0] = callEntry(jobId, 0);
        entries[1] = callEntry(jobId, 0);
        entries[1].outcome = "another outcome";
        vm.recordLogs();
        equal(settle(entries, ALL), 1, "one of them");
        check(ineligible()[0] == ITaskManager.Ineligible.Duplicate, "the other is a duplicate");
    }

    function test_settle_256Reports() public {
        IJobManager.JobParams memory p = params();
        p.triggerData = abi.encode(block.timestamp + 100, 60);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 100 + 255 * 60);
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = batch(256);
        bytes32[] memory leaves = new bytes32[](256);
        for (uint256 i = 0; i < 256; ++i) {
            entries[i].jobId = id;
            if (i != 255) leaves[i] = leafOf(anchors, entries[i]);
        }
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        equal(send(certificate, batchOf(anchors, one(entries[255]), leaves)), 1, "the last of 256");
        vm.expectRevert(ITaskManager.TooManyReports.selector);
        send(certificate, batchOf(anchors, one(entries[254]), new bytes32[](257)));
        entries = batch(257);
        vm.expectRevert(ITaskManager.TooManyReports.selector);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }
}
