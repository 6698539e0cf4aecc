// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {KeyLog} from "../src/libraries/KeyLog.sol";
import {KindWorld} from "./KindWorld.sol";
import {Test} from "./Vm.sol";

/// @notice
/// A job by a condition: its keys are the hashes of blocks
///   one settles at an anchor that lies the cooldown or more after the block in which the last one settled, and not before
///   so never twice what was seen before that: the chain knows the last one by its key, and all by their anchors
///   so many at most: counted as they settle
contract ConditionsTest is KindWorld {
    function anchoredAt(Entry memory entry, uint256 number) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(uint64(number), blockhash(number));
        vm.recordLogs();
        return send(certify(anchors, one(entry), ALL), batchOf(anchors, one(entry), new bytes32[](0)));
    }

    function expectNotDue(Entry memory entry, uint256 number) private {
        equal(anchoredAt(entry, number), 0, "too early");
        check(ineligible()[0] == ITaskManager.Ineligible.NotDue, "as its anchor says");
    }

    function test_cooldown_isFromSettlementToAnchor(uint256 cooldown, uint256 first, uint256 wait) public {
        cooldown = 1 + cooldown % 60;
        uint64 id = create(termsOf(IJobManager.Trigger.Condition, abi.encode(EMITTER, bytes(""), cooldown)), 1 ether);
        equal(jobs.job(id).interval, cooldown, "kept");
        equal(jobs.job(id).start, block.timestamp, "from now on");
        uint256 settledIn = block.number;
        equal(anchoredAt(keyed(id, keyOf("first")), block.number - 1 - first % 60), 1, "the first, at any anchor");
        vm.roll(settledIn + cooldown + 1 + wait % 30);
        expectNotDue(keyed(id, keyOf("second")), settledIn + cooldown - 1);
        equal(anchoredAt(keyed(id, keyOf("second")), settledIn + cooldown), 1, "the cooldown is over");
    }

    function test_batch_settlesOne() public {
        uint64 id = create(condition(), 1 ether);
        Entry[] memory entries = new Entry[](2);
        (entries[0], entries[1]) = (keyed(id, keyOf("one")), keyed(id, keyOf("other")));
        vm.recordLogs();
        equal(settle(entries, ALL), 1, "one of two that were seen");
        check(ineligible()[0] == ITaskManager.Ineligible.NotDue, "the other came too soon");
    }

    /// The same task at a later anchor; and one that settled before the last, which the chain knows by its anchor alone.
    function test_key_isKnownWhileItIsTheLast() public {
        uint64 id = create(condition(), 1 ether);
        Entry memory first = keyed(id, keyOf("first"));
        Entry memory second = keyed(id, keyOf("second"));
        settles(first, "first");
        uint256 old = block.number - 2;
        further();
        over(first, "at a later anchor");
        settles(second, "second");
        check(!jobs.isSettled(id, 1, first.instanceKey), "no word is kept of the first");
        expectNotDue(first, old);
        expectNotDue(first, block.number - 1);
        over(second, "nor again the second");
    }

    /// Of hashes that end alike the second is taken for the first: once in four billion.
    function test_key_isKnownByItsEnd() public {
        uint64 id = create(condition(), 1 ether);
        settles(keyed(id, bytes32(uint256(7) << 200 | 0xabcdef12)), "one");
        over(keyed(id, bytes32(uint256(9) << 200 | 0xabcdef12)), "one that ends alike");
        check(!jobs.isSettled(id, 1, bytes32(uint256(7) << 200 | 0xabcdef13)), "another");
        uint64 fresh = create(condition(), 1 ether);
        check(!jobs.isSettled(fresh, 1, bytes32(uint256(1) << 200)), "of none nothing is said");
        settles(keyed(fresh, bytes32(uint256(1) << 200)), "a hash that ends in zeros");
    }

    function test_key_isAHash() public {
        uint64 id = create(condition(), 1 ether);
        refused(numbered(id, 0), ITaskManager.Ineligible.NotDue, "a number");
        refused(numbered(id, (1 << 40) - 2), ITaskManager.Ineligible.NotDue, "the highest run");
    }

    function test_mostRuns_areCounted() public {
        IJobManager.JobParams memory p = condition();
        p.mostRuns = 2;
        uint64 id = create(p, 1 ether);
        for (uint256 version = 1; version < 3; ++version) {
            settles(dueRun(id), "one");
            further();
            settles(dueRun(id), "two");
            further();
            refused(dueRun(id), ITaskManager.Ineligible.Inactive, "three");
            pauseFully(id);
            vm.prank(CREATOR);
            jobs.resume(id);
            pass(NOTICE, COOLDOWN + 2);
        }
    }

    /// A new version does not wait for the cooldown of the last: an hour has passed.
    function test_resume_beginsAnew() public {
        uint64 id = create(condition(), 1 ether);
        settles(dueRun(id), "of the first version");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        refused(dueRun(id), ITaskManager.Ineligible.NotDue, "not active yet");
        pass(NOTICE - 1, 5);
        refused(dueRun(id), ITaskManager.Ineligible.NotDue, "a second too early");
        pass(1, 1);
        settles(dueRun(id), "of the second version");
    }
}

contract KeyLogTest is Test {
    function test_settle_keepsEachInItsPlace(uint40 number, uint32 most, uint256 key) public pure {
        uint256 log = KeyLog.begin(most);
        equal(KeyLog.lastBlock(log), 0, "none settled");
        check(!KeyLog.isLast(log, key), "nor this one");
        uint256 after_ = KeyLog.settle(log, key, number);
        check(after_ >> 104 == 0, "104 bits");
        equal(KeyLog.lastBlock(after_), number, "in that block");
        check(KeyLog.isLast(after_, key) == (number != 0), "by that key");
        bool counts = most != 0 && most != type(uint32).max;
        equal(KeyLog.left(log) - KeyLog.left(after_), counts ? 1 : 0, "one less, if there is an end");
    }
}
