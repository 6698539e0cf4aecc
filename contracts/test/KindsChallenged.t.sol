// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Challenged} from "./Challenged.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// Two statements at one task, whatever makes it due
///   convict where the task may have been: its moment, minute or block has come, or its key is a hash
///   are of no task, and convict nobody, where it never was: still to come, before the job, beyond its runs, no key of its kind
///   of an earlier version, convict: what that was due at is not kept
contract KindsChallengedTest is Challenged, KindWorld {
    function accuse(uint64 id, uint32 version, bytes32 key) private returns (bool convicted) {
        ReportLib.Report memory one_ = report(0, 1);
        ReportLib.Report memory other = report(0, 2);
        (one_.jobId, one_.jobVersion, one_.instanceKey) = (id, version, key);
        (other.jobId, other.jobVersion, other.instanceKey) = (id, version, key);
        IChallenger.Statement memory first = statement(one_, none(), 1);
        IChallenger.Statement memory second = statement(other, none(), 1);
        vm.prank(REPORTER);
        try challenger.proveEquivocation(1, first, second) returns (uint256 count) {
            return count == 1;
        } catch (bytes memory why) {
            // one operator is convicted three times an epoch at most: that it was a task is what counts here
            if (bytes4(why) == IChallenger.AlreadyProven.selector) return true;
            equal(why, abi.encodeWithSelector(IChallenger.UnknownTask.selector, id, version, key), "of no task");
        }
    }

    function isKeyTask(uint64 id, bytes32 key, bool expected, string memory what) private {
        check(accuse(id, 1, key) == expected, what);
    }

    function isTask(uint64 id, uint256 run, bool expected, string memory what) private {
        isKeyTask(id, bytes32(run), expected, what);
    }

    function test_interval() public {
        IJobManager.JobParams memory p = anyOf(uint256(IJobManager.Trigger.Interval));
        p.mostRuns = 3;
        uint64 id = create(p, 0);
        pass(60 + 100, 5);
        isTask(id, 2, true, "the last");
        isTask(id, 3, false, "one too many");
        isKeyTask(id, keyOf("a hash"), false, "no number");
    }

    function test_once() public {
        uint64 id = create(anyOf(uint256(IJobManager.Trigger.OneShot)), 0);
        pass(59, 5);
        isTask(id, 0, false, "still to come");
        pass(1, 1);
        isTask(id, 1, false, "there is no second");
        isTask(id, 0, true, "its run");
    }

    function test_cron() public {
        uint64 id = create(cron(), 0);
        uint256 first = jobs.job(id).start / MINUTE;
        vm.warp((first + 5) * MINUTE);
        vm.roll(block.number + 5);
        isTask(id, first - 1, false, "before the job");
        isTask(id, first, true, "its first minute");
        isTask(id, first + 5, true, "this one");
        isTask(id, first + 6, false, "the next");
        isTask(id, 0, false, "1970");
    }

    function test_blocks() public {
        IJobManager.JobParams memory p = blocks(block.number + 1, 3);
        p.mostRuns = 4;
        uint64 id = create(p, 0);
        pass(365 days, 7);
        isTask(id, 2, true, "its block is there");
        isTask(id, 3, false, "still to come");
        pass(1, 100);
        isTask(id, 3, true, "now it is there");
        isTask(id, 4, false, "one too many");
        isKeyTask(id, keyOf("a hash"), false, "no number");
    }

    function test_hashes() public {
        uint64[2] memory ids = [create(logs(), 0), create(condition(), 0)];
        pass(1, 5);
        for (uint256 i = 0; i < 2; ++i) {
            isKeyTask(ids[i], keyOf("a log, or a block"), true, "any hash");
            isTask(ids[i], 5, false, "no number");
            isTask(ids[i], (1 << 40) - 2, false, "the highest");
            pauseFully(ids[i]);
            vm.prank(CREATOR);
            jobs.resume(ids[i]);
            check(!accuse(ids[i], 2, keyOf("a log, or a block")), "its second version has not begun");
            check(accuse(ids[i], 1, bytes32(uint256(5))), "of the first nothing is kept");
            check(!accuse(ids[i], 3, keyOf("a log, or a block")), "there is no third");
        }
    }
}
