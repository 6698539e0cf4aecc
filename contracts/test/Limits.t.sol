// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Reverting} from "./Targets.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// Where a job stops by itself
///   what could never be, or what its trigger has not, is refused when it is listed
///   so many runs in a rhythm are over at a moment; each version has as many
///   a pause, a cancellation or a broken circuit stops it earlier, never later
///   one that is over is not resumed, but may get other terms
///   its owner's money waits for runs that are due, not for the end
/// What was missed
///   is in nobody's way where the job gives it up
contract LimitsTest is KindWorld {
    bytes private wrong = abi.encodeWithSelector(IJobManager.InvalidLimits.selector);

    function refusesListing(IJobManager.JobParams memory p) private {
        refusesTo(abi.encodeCall(jobs.createJob, (p, 0, UNUSED)), wrong);
    }

    function test_list_refusesWhatNeverIs() public {
        for (uint256 kind = 0; kind < 6; ++kind) {
            IJobManager.JobParams memory p = anyOf(kind);
            p.until = uint64(block.timestamp);
            refusesListing(p);
            p.until = 1;
            refusesListing(p);
            p.until = uint64(type(uint40).max) + 1;
            refusesListing(p);
            p.until = type(uint40).max;
            create(p, 0);
        }
    }

    function test_list_refusesAnEndBeforeTheFirstRun() public {
        IJobManager.JobParams memory p = anyOf(uint256(IJobManager.Trigger.Interval));
        p.until = uint64(block.timestamp + 59);
        refusesListing(p);
        p = anyOf(uint256(IJobManager.Trigger.OneShot));
        p.until = uint64(block.timestamp + 59);
        refusesListing(p);
        p.until = uint64(block.timestamp + 60);
        create(p, 0);
        p = cron();
        uint256 first = (block.timestamp / MINUTE + 1) * MINUTE;
        p.until = uint64(first - 1);
        refusesListing(p);
        p.until = uint64(first);
        create(p, 0);
        for (uint256 kind = uint256(IJobManager.Trigger.Blocks); kind < 6; ++kind) {
            p = anyOf(kind);
            p.until = uint64(block.timestamp + 1);
            create(p, 0);
        }
    }

    function test_list_refusesWhatItsTriggerHasNot() public {
        for (uint256 kind = 0; kind < 6; ++kind) {
            bool isTimed = kind < uint256(IJobManager.Trigger.Blocks);
            IJobManager.JobParams memory p = anyOf(kind);
            p.punctualSeconds = 1;
            if (isTimed) create(p, 0);
            else refusesListing(p);
            p.punctualSeconds = 0;
            p.mostRuns = 1;
            if (kind == uint256(IJobManager.Trigger.Cron)) refusesListing(p);
            else create(p, 0);
            p.mostRuns = 0;
            p.missed = IJobManager.Missed(1 + kind % 2);
            p.mostGasPrice = 1 gwei;
            IJobManager.Limits memory kept = jobs.job(create(p, 0)).limits;
            check(kept.missed == p.missed && kept.mostGasPrice == 1 gwei, "kept for the keepers");
        }
    }

    /* SO MANY RUNS */

    function test_mostRuns_ofAnInterval(uint32 interval, uint16 most, bool endsBefore) public {
        interval = 1 + interval % 1000;
        most = 1 + most % 50;
        IJobManager.JobParams memory p =
            termsOf(IJobManager.Trigger.Interval, abi.encode(block.timestamp + 60, interval));
        p.mostRuns = most;
        uint256 last = block.timestamp + 60 + uint256(most - 1) * interval;
        if (endsBefore && most > 1) p.until = uint64(last - 1);
        uint64 id = create(p, 1 ether);
        equal(jobs.job(id).inactiveFrom, p.until != 0 ? p.until : last, "when the last run is due");
        vm.warp(last + interval);
        refused(numbered(id, most), ITaskManager.Ineligible.Inactive, "one more");
        vm.warp(last + 1);
        if (p.until == 0) settles(numbered(id, most - 1), "the last one");
        else refused(numbered(id, most - 1), ITaskManager.Ineligible.Inactive, "after the end");
    }

    function test_mostRuns_areOfAVersion() public {
        IJobManager.JobParams memory p = anyOf(uint256(IJobManager.Trigger.Interval));
        p.mostRuns = 3;
        uint64 id = create(p, 1 ether);
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        IJobManager.Job memory job = jobs.job(id);
        equal(job.inactiveFrom, job.start + 20, "three more");
        vm.warp(job.start + 100);
        settles(numbered(id, 2), "the third");
        refused(numbered(id, 3), ITaskManager.Ineligible.Inactive, "the fourth");
    }

    /// Numbers that no clock reaches are no end, and add up to nothing else.
    function test_mostRuns_withoutEnd() public {
        IJobManager.JobParams memory p =
            termsOf(IJobManager.Trigger.Interval, abi.encode(block.timestamp + 60, type(uint32).max));
        p.mostRuns = type(uint32).max;
        equal(jobs.job(create(p, 0)).inactiveFrom, type(uint40).max, "the end of time");
        p = anyOf(uint256(IJobManager.Trigger.OneShot));
        p.mostRuns = 1;
        uint64 id = create(p, 1 ether);
        pass(60, 3);
        settles(numbered(id, 0), "its one run");
    }

    /* STOPPED BEFORE */

    function ending(uint256 kind, uint256 in_) private returns (uint64) {
        IJobManager.JobParams memory p = anyOf(kind);
        p.until = uint64(block.timestamp + in_);
        return create(p, 1 ether);
    }

    function test_stop_isTheEarlier() public {
        for (uint256 kind = 0; kind < 6; ++kind) {
            uint64 soon = ending(kind, 90);
            uint64 late = ending(kind, 1000);
            uint64 cancelled = ending(kind, 90);
            pass(70, 3);
            vm.startPrank(CREATOR);
            vm.recordLogs();
            jobs.pause(soon);
            equal(abi.decode(logged(IJobManager.JobPaused.selector)[0], (uint64)), block.timestamp + 20, "its end");
            jobs.pause(late);
            equal(jobs.job(late).inactiveFrom, block.timestamp + NOTICE, "the notice");
            jobs.cancel(cancelled);
            equal(jobs.job(cancelled).inactiveFrom, block.timestamp + 20, "its end");
            pass(20 + 1 hours, 3);
            uint256 before = CREATOR.balance;
            jobs.withdraw(cancelled, CREATOR);
            equal(CREATOR.balance - before, 1 ether + DEPOSIT, "an hour later all is back");
            vm.stopPrank();
        }
    }

    function test_resume_notWhatIsOver() public {
        for (uint256 kind = 0; kind < 6; ++kind) {
            if (kind == uint256(IJobManager.Trigger.OneShot)) continue;
            uint64 id = ending(kind, 90);
            vm.prank(CREATOR);
            jobs.pause(id);
            pass(2 hours, 3);
            refusesTo(abi.encodeCall(jobs.resume, (id)), wrong);
            check(jobs.job(id).status == IJobManager.Status.Paused, "it stays as it was");
            IJobManager.JobParams memory p = anyOf(kind);
            if (kind == uint256(IJobManager.Trigger.Blocks)) p = blocks(block.number + NOTICE, 1);
            p.until = uint64(block.timestamp + NOTICE - 1);
            refusesTo(abi.encodeCall(jobs.update, (id, p)), wrong);
            p.until = uint64(block.timestamp + 1000);
            vm.prank(CREATOR);
            jobs.update(id, p);
            equal(jobs.job(id).inactiveFrom, p.until, "a new end");
            pass(200, 40);
            settles(dueRun(id), "it goes on");
        }
    }

    function test_resume_keepsTheEnd() public {
        uint64 id = ending(0, 10_000);
        pauseFully(id);
        check(jobs.job(id).inactiveFrom < block.timestamp, "stopped");
        vm.prank(CREATOR);
        jobs.resume(id);
        equal(jobs.job(id).inactiveFrom, jobs.job(id).limits.until, "the end is back");
    }

    /// The eighth failure, of a run that was due before the end, comes after it.
    function test_breaker_doesNotProlong() public {
        IJobManager.JobParams memory p = anyOf(0);
        p.until = uint64(block.timestamp + 150);
        p.target = address(new Reverting());
        uint64 id = create(p, 1 ether);
        pass(160, 3);
        for (uint256 run = 0; run < 8; ++run) {
            pass(1, 1);
            vm.recordLogs();
            equal(settle(one(numbered(id, run)), ALL), 1, "settles, and fails");
        }
        equal(abi.decode(logged(IJobManager.JobPaused.selector)[0], (uint64)), p.until, "told as it is");
        check(jobs.job(id).status == IJobManager.Status.Paused, "the circuit is broken");
        equal(jobs.job(id).inactiveFrom, p.until, "the end is where it was");
    }

    function test_withdraw_doesNotWaitForTheEnd() public {
        for (uint256 kind = 0; kind < 6; ++kind) {
            uint64 id = ending(kind, 100 days);
            vm.startPrank(CREATOR);
            jobs.requestWithdrawal(id, 1 ether, 0);
            (,, uint64 availableAt) = jobs.withdrawal(id);
            equal(availableAt, block.timestamp + 1 hours, "an hour, as without an end");
            jobs.pause(id);
            jobs.requestWithdrawal(id, 1 ether, 0);
            (,, availableAt) = jobs.withdrawal(id);
            equal(availableAt, block.timestamp + NOTICE + 1 hours, "paused, from when it stops");
            vm.stopPrank();
        }
    }

    /* MISSED */

    function test_missed_isInNobodysWay() public {
        for (uint256 missed = 0; missed < 3; ++missed) {
            for (uint256 kind = 0; kind < 4; kind += 3) {
                IJobManager.JobParams memory p = anyOf(kind);
                p.missed = IJobManager.Missed(missed);
                uint64 id = create(p, 1 ether);
                pass(60 + 100 * 10, 102);
                if (missed == 0) {
                    refused(numbered(id, 100), ITaskManager.Ineligible.OutOfOrder, "run 0 is to be made up for");
                    continue;
                }
                settles(numbered(id, 100), "what is given up is given up");
                over(numbered(id, 35), "with all that lies so far back");
                settles(numbered(id, 36), "the last that does not");
            }
        }
    }
}
