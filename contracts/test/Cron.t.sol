// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// A job by the calendar: run k is minute k since 1970, whatever its pattern says
///   of a version that begins, every minute is over up to the first whole one after now, or after the notice
///   run k settles from its minute on, for an hour, before or after other minutes; none is in another's way
///   what lies between two versions belongs to neither
///   what is late costs half
contract CronTest is KindWorld {
    function minuteNow() private view returns (uint256) {
        return block.timestamp / MINUTE;
    }

    function test_begin_withTheNextMinute(uint256 second) public {
        second %= 3 * MINUTE;
        vm.warp(1_800_000_000 + second);
        uint64 id = create(cron(), 1 ether);
        uint256 first = minuteNow() + 1;
        equal(jobs.job(id).start, first * MINUTE, "the first moment");
        equal(jobs.job(id).interval, MINUTE, "and from minute to minute");
        for (uint256 back = 1; back < 130; ++back) {
            check(jobs.isSettled(id, 1, bytes32(first - back)), "all before are over");
        }
        check(jobs.isSettled(id, 1, 0), "the first of them too");
        check(!jobs.isSettled(id, 1, bytes32(first)), "none after is");
        refused(numbered(id, first), ITaskManager.Ineligible.NotDue, "not yet");
        over(numbered(id, first - 1), "the one under way came too early");
        vm.warp(first * MINUTE);
        settles(numbered(id, first), "in its first second");
    }

    function test_run_settlesForAnHour() public {
        uint64 id = create(cron(), 1 ether);
        uint256 first = jobs.job(id).start / MINUTE;
        vm.warp((first + 10) * MINUTE + 1 hours);
        settles(numbered(id, first + 10), "in its last second");
        refused(numbered(id, first + 9), ITaskManager.Ineligible.Expired, "an hour and a minute");
        refused(numbered(id, first + 71), ITaskManager.Ineligible.NotDue, "the next minute");
        settles(numbered(id, first + 70), "this one");
        settles(numbered(id, first + 33), "one between");
        refused(numbered(id, uint256(1) << 40), ITaskManager.Ineligible.NotDue, "the end of time");
        refused(keyed(id, keyOf("a hash")), ITaskManager.Ineligible.NotDue, "no minute at all");
    }

    /// Once a day, or once an hour: what was not asked for is not waited for.
    function test_run_waitsForNoOther() public {
        uint64 id = create(cron(), 1 ether);
        uint256 run = jobs.job(id).start / MINUTE;
        for (uint256 i = 0; i < 20; ++i) {
            run += 1 + 37 * i;
            vm.warp(run * MINUTE + 5);
            settles(numbered(id, run), "the next one asked for");
            over(numbered(id, run), "once");
        }
    }

    /// Never out of order: 64 minutes back is longer than an hour.
    function test_run_closesNoneThatCouldSettle(uint8 step, uint8 back) public {
        uint64 id = create(cron(), 1 ether);
        uint256 first = jobs.job(id).start / MINUTE;
        vm.warp((first + step) * MINUTE);
        settles(numbered(id, first + step), "the newest");
        uint256 age = back % 62;
        if (age == 0 || age > step) return;
        if (age <= 60) settles(numbered(id, first + step - age), "and any of the last hour");
        else refused(numbered(id, first + step - age), ITaskManager.Ineligible.Expired, "none before");
    }

    function test_resume_leavesOutWhatLiesBetween() public {
        uint64 id = create(cron(), 1 ether);
        further();
        settles(numbered(id, minuteNow()), "of the first version");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        uint256 first = (block.timestamp + NOTICE) / MINUTE + 1;
        equal(jobs.job(id).start, first * MINUTE, "the first minute after the notice");
        for (uint256 run = first - 70; run < first; ++run) {
            over(numbered(id, run), "none before");
        }
        vm.warp(first * MINUTE);
        settles(numbered(id, first), "the first one");
    }

    function test_late_costsHalf() public {
        IJobManager.JobParams memory p = cron();
        p.punctualSeconds = 30;
        uint64 id = create(p, 1 ether);
        uint256 first = jobs.job(id).start / MINUTE;
        vm.warp((first + 1) * MINUTE + 30);
        settles(numbered(id, first + 1), "in time");
        equal(jobs.job(id).escrow, 1 ether - FEE, "the fee");
        settles(numbered(id, first), "late");
        equal(jobs.job(id).escrow, 1 ether - FEE - FEE / 2, "half of it");
    }
}
