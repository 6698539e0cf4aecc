// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// A job by logs: each has a hash for its key and a slot of its own
///   it settles once, in whatever order and however late, also where its version has changed meanwhile
///   what is no hash is no log
///   what could not be paid is not kept, and the chain's price of a slot is not charged for it
///   so many at most: counted as they settle
contract LogsTest is KindWorld {
    uint256 private constant PRICE = 10.01 gwei;

    function test_log_settlesOnceInAnyOrder(uint256 seed) public {
        uint64 id = create(logs(), 1 ether);
        bytes32[8] memory keys;
        for (uint256 i = 0; i < 8; ++i) {
            keys[i] = keccak256(abi.encode(seed % 1000, i));
        }
        for (uint256 i = 0; i < 24; ++i) {
            bytes32 key = keys[uint256(keccak256(abi.encode(seed, i))) % 8];
            if (jobs.isSettled(id, 1, key)) over(keyed(id, key), "settled already");
            else settles(keyed(id, key), "for the first time");
            if (i % 5 == 4) pass(1 hours, 40);
        }
    }

    function test_log_hasAHash() public {
        uint64 id = create(logs(), 1 ether);
        refused(numbered(id, 0), ITaskManager.Ineligible.NotDue, "a number");
        refused(numbered(id, (1 << 40) - 2), ITaskManager.Ineligible.NotDue, "the highest run");
        settles(numbered(id, (1 << 40) - 1), "anything above");
        settles(keyed(id, bytes32(type(uint256).max)), "the highest");
    }

    /// One log is one reason to call, whatever the terms were when.
    function test_log_settlesOnceForAllVersions() public {
        uint64 id = create(logs(), 1 ether);
        settles(keyed(id, keyOf("a log")), "under the first");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        over(keyed(id, keyOf("a log")), "not under the second");
        refused(keyed(id, keyOf("another")), ITaskManager.Ineligible.NotDue, "which has not begun");
        pass(NOTICE, 5);
        settles(keyed(id, keyOf("another")), "now it has");
        uint64 other = create(logs(), 1 ether);
        settles(keyed(other, keyOf("a log")), "each job by itself");
    }

    function test_job_beginsWhenItIsListed() public {
        uint64 id = create(logs(), 1 ether);
        IJobManager.Job memory job = jobs.job(id);
        equal(job.start, block.timestamp, "now");
        equal(job.interval, 0, "no rhythm");
        settles(keyed(id, keyOf("a log")), "at once");
    }

    function test_mostRuns_areCounted() public {
        IJobManager.JobParams memory p = logs();
        p.mostRuns = 2;
        uint64 id = create(p, 1 ether);
        Entry[] memory entries = new Entry[](3);
        for (uint256 i = 0; i < 3; ++i) {
            entries[i] = keyed(id, keccak256(abi.encode(i)));
        }
        entries[0].status = 1; // a skip counts like any other
        vm.recordLogs();
        equal(settle(entries, ALL), 2, "two of three");
        check(ineligible()[0] == ITaskManager.Ineligible.Inactive, "that was all");
        refused(keyed(id, keyOf("one more")), ITaskManager.Ineligible.Inactive, "later too");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        pass(NOTICE, 5);
        settles(keyed(id, keyOf("a third")), "a new version has two more");
        settles(keyed(id, keyOf("a fourth")), "as many");
        refused(keyed(id, keyOf("a fifth")), ITaskManager.Ineligible.Inactive, "and no third");
    }

    /* MONEY */

    function settleAs(address submitter, Entry[] memory entries) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.prank(submitter, submitter);
        return tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }

    /// Three that cannot be paid: the first costs its job what bringing it cost, but for the slot, and nothing is kept of any.
    function test_unpaid_isNotKept() public {
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
        uint64 poor = create(logs(), FEE / 2 + 60_000 * PRICE);
        Entry[] memory entries = new Entry[](3);
        for (uint256 i = 0; i < 3; ++i) {
            entries[i] = keyed(poor, keccak256(abi.encode(i)));
        }
        uint256 before = jobs.job(poor).escrow;
        vm.fee(100 gwei);
        vm.txGasPrice(100.01 gwei);
        vm.recordLogs();
        equal(settleAs(operatorOf(1), entries), 0, "none");
        equal(ineligible().length, 3, "all for the same reason");
        uint256 taken = before - jobs.job(poor).escrow;
        check(taken <= 16_000 * 100.01 gwei, "no slot is paid for");
        for (uint256 i = 0; i < 3; ++i) {
            check(!jobs.isSettled(poor, 1, entries[i].instanceKey), "nor kept");
        }
        vm.deal(address(this), 1 ether);
        jobs.fund{value: 1 ether}(poor, 1 ether);
        equal(settleAs(operatorOf(1), entries), 3, "with money all settle");
    }

    /// What a log costs more than a run with a number is within what the job must have for its next one.
    function test_cover_holdsASlot() public {
        uint64 id = create(logs(), 0);
        (uint256 fee, uint256 gas) = jobs.mostCost(id, PRICE);
        (, uint256 gasOfOthers) = jobs.mostCost(jobId, PRICE);
        equal(gas - gasOfOthers, 23_000 * PRICE, "a slot more");
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
        vm.deal(address(this), 2 ether);
        jobs.fund{value: fee + gas - 1}(id, fee + gas - 1);
        check(!jobs.canPay(id), "a wei too little");
        jobs.fund{value: 1}(id, 1);
        check(jobs.canPay(id), "enough");
        equal(settleAs(operatorOf(1), one(keyed(id, keyOf("a log")))), 1, "for a batch of its own");
        check(!jobs.canPay(id), "and no more");
    }
}
