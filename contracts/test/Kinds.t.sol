// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Counter} from "../src/examples/Counter.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {World} from "./World.sol";

/// What is particular to a kind of trigger or action.
contract KindsTest is World {
    function test_call_bringsNoCode() public {
        IJobManager.JobParams memory p = params();
        p.action = IJobManager.Action.Call;
        p.params = abi.encodeCall(Counter.increment, ());
        bytes memory wrong = abi.encodeWithSelector(IJobManager.InvalidCode.selector);
        refuses(p, wrong);
        p.codeHash = 0;
        refuses(p, wrong);
        (p.codeHash, p.codeUrl) = (CODE_HASH, "");
        refuses(p, wrong);
        p.codeHash = 0;
        uint64 id = create(p, 1 ether);
        check(jobs.job(id).action == IJobManager.Action.Call, "a call");
        vm.warp(block.timestamp + 100);
        Entry memory entry = callEntry(id, 0);
        entry.codeHash = 0;
        equal(settle(one(entry), ALL), 1, "settled");
        equal(counter.counts(jobs.forwarderOf(id)), 1, "the forwarder called");
    }

    /* ONE SHOT */

    function once(uint256 moment) private view returns (IJobManager.JobParams memory p) {
        p = params();
        p.trigger = IJobManager.Trigger.OneShot;
        p.triggerData = abi.encode(moment);
    }

    function test_once_refusals() public {
        bytes memory wrong = abi.encodeWithSelector(IJobManager.InvalidTrigger.selector);
        refuses(once(block.timestamp), wrong);
        refuses(once(0), wrong);
        refuses(once(uint256(type(uint40).max) + 1), wrong);
        IJobManager.JobParams memory p = once(block.timestamp + 1);
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        refuses(p, wrong);
        p.triggerData = hex"";
        refuses(p, wrong);
        uint64 id = create(once(type(uint40).max), 0);
        equal(jobs.job(id).start, type(uint40).max, "the last moment there is");
        equal(jobs.job(id).interval, 0, "no interval");
    }

    function test_once_settlesRunZeroAlone() public {
        uint256 moment = block.timestamp + 100;
        uint64 id = create(once(moment), 1 ether);
        vm.recordLogs();
        equal(settleRun(id, 0, ALL), 0, "not due");
        vm.warp(moment);
        equal(settleRun(id, 1, ALL), 0, "there is no run 1");
        ITaskManager.Ineligible[] memory reasons = ineligible();
        check(reasons[0] == ITaskManager.Ineligible.NotDue && reasons[1] == ITaskManager.Ineligible.NotDue, "not due");
        equal(settleRun(id, 0, ALL), 1, "due");
        equal(counter.counts(jobs.forwarderOf(id)), 1, "called once");
        vm.expectRevert(ITaskManager.NothingToSettle.selector);
        this.settleRunAs(id, 0);
        vm.warp(moment + 365 days);
        vm.recordLogs();
        equal(settleRun(id, 1, ALL), 0, "nor a year later");
        check(ineligible()[0] == ITaskManager.Ineligible.NotDue, "not due");
    }

    function test_once_expires() public {
        uint256 moment = block.timestamp + 100;
        uint64 id = create(once(moment), 1 ether);
        vm.warp(moment + 1 hours + 1);
        vm.recordLogs();
        equal(settleRun(id, 0, ALL), 0, "too late");
        check(ineligible()[0] == ITaskManager.Ineligible.Expired, "expired");
    }

    function settleRunAs(uint64 id, uint64 run) external {
        settleRun(id, run, ALL);
    }

    /// What is past does not come again: only new terms let such a job run once more.
    function test_once_resumesOnlyWithAMomentThatLiesAhead() public {
        uint64 far = uint64(block.timestamp + 100_000);
        uint64 ahead = create(once(far), 0);
        uint64 past = create(once(block.timestamp + 1), 0);
        vm.startPrank(CREATOR);
        jobs.pause(ahead);
        jobs.pause(past);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.resume(ahead);
        equal(jobs.job(ahead).start, far, "as it was");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TooEarly.selector, block.timestamp + NOTICE));
        jobs.resume(past);
        jobs.update(past, once(block.timestamp + NOTICE));
        equal(jobs.job(past).version, 2, "a new version");
        vm.stopPrank();
    }

    function refuses(IJobManager.JobParams memory p, bytes memory reason) private {
        vm.prank(CREATOR);
        vm.expectRevert(reason);
        jobs.createJob(p, 0, UNUSED);
    }
}
