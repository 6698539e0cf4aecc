// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// What holds for a job whatever makes it due, one kind after the other
///   a run settles, once: not again by itself, in one batch, or as a skip; it is charged once
///   one of another version, at an unknown anchor or an old one, below the job's quorum, or unpaid stays open
///   nothing settles that came due after the end of a pause or of the job, or when all of it has expired
///   resumed or updated, the job has a new version, whose first run is a notice away
///   what is told of a run has its key in full, and how late it was where it can be
contract EveryKindTest is KindWorld {
    uint256 private constant KINDS = 6;
    uint256 private constant ONCE = uint256(IJobManager.Trigger.OneShot);

    function made(uint256 kind) private returns (uint64 id) {
        id = create(anyOf(kind), 1 ether);
        further();
    }

    function isUntimed(uint256 kind) private pure returns (bool) {
        return kind >= uint256(IJobManager.Trigger.Blocks);
    }

    function test_run_settlesOnce() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            check(uint256(jobs.job(id).trigger) == kind, "kept");
            Entry[] memory twice = new Entry[](2);
            (twice[0], twice[1]) = (dueRun(id), dueRun(id));
            twice[1].status = 1;
            vm.recordLogs();
            equal(settle(twice, ALL), 1, "one of two");
            // a condition's second run of a batch comes too early besides
            check(ineligible()[0] == ITaskManager.Ineligible.Duplicate, "the same again");
            over(twice[0], "nor by itself");
            equal(counter.counts(jobs.forwarderOf(id)), 1, "called once");
            equal(jobs.job(id).escrow, 1 ether - FEE, "paid once");
            if (kind == ONCE) continue;
            further();
            settles(dueRun(id), "the next one");
        }
    }

    function test_skip_settlesToo() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            Entry memory entry = dueRun(id);
            entry.status = 1;
            settles(entry, "a skip");
            equal(jobs.job(id).escrow, 1 ether - FEE / 4, "for a quarter");
            entry.status = 0;
            over(entry, "it is settled");
        }
    }

    function test_run_staysOpenWhereItMayNotSettle() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            Entry memory entry = dueRun(id);
            entry.jobVersion = 2;
            refused(entry, ITaskManager.Ineligible.Version, "another version");
            entry.jobVersion = 1;
            unknown(entry);
            check(!jobs.isSettled(id, 1, entry.instanceKey), "it stays open");
            settles(entry, "and settles at a better one");
        }
    }

    function unknown(Entry memory entry) private {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        anchors[0].hash = keccak256("a block of another fork");
        vm.recordLogs();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        equal(send(certificate, batchOf(anchors, one(entry), new bytes32[](0))), 0, "reorganised away");
        check(ineligible()[0] == ITaskManager.Ineligible.AnchorUnknown, "the anchor");
        uint64 number = uint64(block.number - 101);
        anchors[0] = ITaskManager.Anchor(number, blockhash(number));
        certificate = certify(anchors, one(entry), ALL);
        equal(send(certificate, batchOf(anchors, one(entry), new bytes32[](0))), 0, "too old");
    }

    function test_run_thatIsUnpaidStaysOpen() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = create(anyOf(kind), FEE - 1);
            further();
            Entry memory entry = dueRun(id);
            refused(entry, ITaskManager.Ineligible.Escrow, "a wei too little");
            check(!jobs.isSettled(id, 1, entry.instanceKey), "open");
            vm.deal(address(this), 1);
            jobs.fund{value: 1}(id, 1);
            settles(entry, "with that wei");
        }
    }

    function test_quorum_ofTheJob() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            IJobManager.JobParams memory p = anyOf(kind);
            p.quorumBps = 10_000;
            uint64 id = create(p, 1 ether);
            further();
            Entry memory entry = dueRun(id);
            vm.recordLogs();
            equal(settle(one(entry), 15), 0, "four of five");
            check(ineligible()[0] == ITaskManager.Ineligible.Quorum, "this job wants all");
            check(!jobs.isSettled(id, 1, entry.instanceKey), "open");
            settles(entry, "all five");
        }
    }

    function test_lateness_isOfMoments() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            IJobManager.JobParams memory p = anyOf(kind);
            if (!isUntimed(kind)) p.punctualSeconds = 1;
            uint64 id = create(p, 1 ether);
            pass(120, COOLDOWN + 2);
            Entry memory entry = dueRun(id);
            pass(5, 1);
            settles(entry, "a bit late");
            bytes[] memory found = logged(ITaskManager.TaskSettled.selector);
            (uint256 fact, bytes32 key,) = abi.decode(found[0], (uint256, bytes32, bytes32));
            equal(key, entry.instanceKey, "the key in full");
            equal(fact >> 192, id, "the job");
            uint256 late = (fact >> 16) & type(uint40).max;
            check(isUntimed(kind) ? late == 0 : late >= 5, "how late, where that can be said");
            equal(jobs.job(id).escrow, 1 ether - (isUntimed(kind) ? FEE : FEE / 2), "half where it was late");
        }
    }

    /* PAUSED AND OVER */

    function test_pause_endsWithTheLastRun() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            vm.prank(CREATOR);
            jobs.pause(id);
            pass(NOTICE, 1);
            settles(dueRun(id), "what came due before");
            if (kind == ONCE) continue;
            pass(2 * MINUTE, COOLDOWN + 2);
            Entry memory entry = dueRun(id);
            if (!isUntimed(kind)) {
                refused(entry, ITaskManager.Ineligible.Inactive, "due after it");
                continue;
            }
            // the chain cannot tell when an old block was: which runs are still the job's is the keepers' to know
            vm.warp(jobs.job(id).inactiveFrom + 1 hours);
            settles(entry, "in the last second");
            pass(1, COOLDOWN + 2);
            refused(dueRun(id), ITaskManager.Ineligible.Inactive, "and nothing after it");
        }
    }

    function test_until_isTheEnd() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            IJobManager.JobParams memory p = anyOf(kind);
            uint64 until = uint64(block.timestamp + 150);
            p.until = until;
            uint64 id = create(p, 1 ether);
            equal(jobs.job(id).limits.until, until, "kept");
            further();
            settles(dueRun(id), "before");
            if (kind == ONCE) continue;
            vm.warp(isUntimed(kind) ? until + 1 hours : until + MINUTE);
            vm.roll(block.number + COOLDOWN + 2);
            if (isUntimed(kind)) settles(dueRun(id), "in the last second");
            pass(1, COOLDOWN + 2);
            refused(dueRun(id), ITaskManager.Ineligible.Inactive, "after");
        }
    }

    function test_unresumed_expires() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            Entry memory entry = dueRun(id);
            pass(1 hours + 2 minutes, 3_601);
            bool isKeyed = kind > uint256(IJobManager.Trigger.Blocks);
            if (isKeyed) settles(entry, "the chain cannot tell how old a key is");
            else refused(entry, ITaskManager.Ineligible.Expired, "an hour is over, or as many blocks");
        }
    }

    /// Whoever follows the chain knows without another question what makes a run due, and what came too early.
    function test_create_tellsFromWhenOn() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            vm.recordLogs();
            uint64 id = create(anyOf(kind), 1 ether);
            bytes memory told = logged(IJobManager.JobCreated.selector)[0];
            (,, uint64 from) = abi.decode(told, (address, IJobManager.JobParams, uint64));
            equal(from, jobs.job(id).start, "from when on");
            bool isKeyed = kind > uint256(IJobManager.Trigger.Blocks);
            if (isKeyed) equal(from, block.timestamp, "at once");
        }
    }

    /* AGAIN */

    function test_resume_isANewVersion() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            if (kind == ONCE) continue;
            uint64 id = made(kind);
            Entry memory old = dueRun(id);
            pauseFully(id);
            vm.recordLogs();
            vm.prank(CREATOR);
            jobs.resume(id);
            (uint32 version, uint64 from) = abi.decode(logged(IJobManager.JobResumed.selector)[0], (uint32, uint64));
            equal(version, 2, "the second");
            equal(from, jobs.job(id).start, "from when on");
            uint256 now_ = kind == uint256(IJobManager.Trigger.Blocks) ? block.number : block.timestamp;
            check(from >= now_ + NOTICE && from <= now_ + NOTICE + MINUTE, "a notice away");
            begins(id, old);
        }
    }

    function test_update_isANewVersion() public {
        for (uint256 kind = 0; kind < KINDS; ++kind) {
            uint64 id = made(kind);
            Entry memory old = dueRun(id);
            pauseFully(id);
            IJobManager.JobParams memory p = anyOf(kind);
            if (kind == uint256(IJobManager.Trigger.Blocks)) {
                uint256 earliest = block.number + NOTICE;
                p = blocks(earliest - 1, 1);
                refusesTo(
                    abi.encodeCall(jobs.update, (id, p)),
                    abi.encodeWithSelector(IJobManager.TooEarly.selector, earliest)
                );
                p = blocks(earliest, 1);
            }
            p.trigger = IJobManager.Trigger((kind + 1) % KINDS);
            refusesTo(abi.encodeCall(jobs.update, (id, p)), abi.encodeWithSelector(IJobManager.InvalidTrigger.selector));
            p.trigger = IJobManager.Trigger(kind);
            vm.recordLogs();
            vm.prank(CREATOR);
            jobs.update(id, p);
            (uint32 version,, uint64 from) = abi.decode(
                logged(IJobManager.JobUpdated.selector)[0], (uint32, IJobManager.JobParams, uint64)
            );
            equal(version, 2, "the second");
            equal(from, jobs.job(id).start, "from when on");
            begins(id, old);
        }
    }

    /// Nothing settles before the notice is over, something does after it, and what was is over.
    function begins(uint64 id, Entry memory old) private {
        over(old, "what was before");
        refused(firstRun(id), ITaskManager.Ineligible.NotDue, "nothing yet");
        pass(NOTICE + 2 * MINUTE, NOTICE + COOLDOWN + 2);
        settles(dueRun(id), "a new run");
        check(jobs.isSettled(id, 1, keyOf("anything")), "the first version is over");
        check(!jobs.isSettled(id, 3, keyOf("anything")), "a third is to come");
    }

    function firstRun(uint64 id) private view returns (Entry memory) {
        IJobManager.Trigger trigger = jobs.job(id).trigger;
        bool hasHashes = trigger == IJobManager.Trigger.Log || trigger == IJobManager.Trigger.Condition;
        if (hasHashes) return dueRun(id);
        return numbered(id, trigger == IJobManager.Trigger.Cron ? jobs.job(id).start / MINUTE : 0);
    }
}
