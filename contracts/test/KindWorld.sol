// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {World} from "./World.sol";

/// @notice Jobs of every kind, and what becomes of their runs.
abstract contract KindWorld is World {
    address internal constant EMITTER = address(0xe317);
    uint256 internal constant MINUTE = 60;
    uint32 internal constant COOLDOWN = 5;

    /* TERMS */

    function termsOf(IJobManager.Trigger trigger, bytes memory data)
        internal
        view
        returns (IJobManager.JobParams memory p)
    {
        p = params();
        (p.trigger, p.triggerData) = (trigger, data);
    }

    function cron() internal view returns (IJobManager.JobParams memory) {
        return termsOf(IJobManager.Trigger.Cron, abi.encode("*/5 * * * *"));
    }

    function blocks(uint256 first, uint256 every) internal view returns (IJobManager.JobParams memory) {
        return termsOf(IJobManager.Trigger.Blocks, abi.encode(first, every));
    }

    function logs() internal view returns (IJobManager.JobParams memory) {
        return termsOf(IJobManager.Trigger.Log, filter(EMITTER, 1, keccak256("Rang(uint256,address)"), 0, 2, 16));
    }

    function filter(
        address emitter,
        uint256 which,
        bytes32 topic0,
        bytes32 topic1,
        uint256 confirmations,
        uint256 mostPerBlock
    ) internal pure returns (bytes memory) {
        return abi.encode(emitter, which, topic0, topic1, bytes32(0), bytes32(0), confirmations, mostPerBlock);
    }

    function condition() internal view returns (IJobManager.JobParams memory) {
        return termsOf(IJobManager.Trigger.Condition, abi.encode(EMITTER, bytes("isLow"), COOLDOWN));
    }

    /// @notice Terms of any kind, whose first run is about a minute away.
    function anyOf(uint256 kind) internal view returns (IJobManager.JobParams memory p) {
        p = params();
        if (kind == uint256(IJobManager.Trigger.Cron)) return cron();
        if (kind == uint256(IJobManager.Trigger.Blocks)) return blocks(block.number + 1, 1);
        if (kind == uint256(IJobManager.Trigger.Log)) return logs();
        if (kind == uint256(IJobManager.Trigger.Condition)) return condition();
        if (kind == uint256(IJobManager.Trigger.OneShot)) {
            return termsOf(IJobManager.Trigger.OneShot, abi.encode(block.timestamp + 60));
        }
        return termsOf(IJobManager.Trigger.Interval, abi.encode(block.timestamp + 60, 10));
    }

    /* RUNS */

    /// @notice The key of some log.
    function keyOf(string memory name) internal pure returns (bytes32) {
        return keccak256(bytes(name));
    }

    function keyed(uint64 id, bytes32 key) internal view returns (Entry memory entry) {
        entry = callEntry(id, 0);
        entry.instanceKey = key;
        entry.jobVersion = jobs.job(id).version;
    }

    function numbered(uint64 id, uint256 run) internal view returns (Entry memory) {
        return keyed(id, bytes32(run));
    }

    /// @notice A run of the job that is due, another one after every `further`.
    function dueRun(uint64 id) internal view returns (Entry memory) {
        IJobManager.Job memory job = jobs.job(id);
        if (job.trigger == IJobManager.Trigger.OneShot) return numbered(id, 0);
        if (job.trigger == IJobManager.Trigger.Cron) return numbered(id, block.timestamp / MINUTE);
        if (job.trigger == IJobManager.Trigger.Interval) {
            return numbered(id, (block.timestamp - job.start) / job.interval);
        }
        if (job.trigger == IJobManager.Trigger.Blocks) return numbered(id, (block.number - job.start) / job.interval);
        return keyed(id, keccak256(abi.encode("a hash", block.number)));
    }

    function further() internal {
        pass(MINUTE, COOLDOWN + 2);
    }

    function settles(Entry memory entry, string memory what) internal {
        vm.recordLogs();
        equal(settle(one(entry), ALL), 1, what);
        check(jobs.isSettled(entry.jobId, entry.jobVersion, entry.instanceKey), "and is known to be settled");
    }

    /// @notice Also with the reason, and nothing changes.
    function refused(Entry memory entry, ITaskManager.Ineligible reason, string memory what) internal {
        uint128 escrow = jobs.job(entry.jobId).escrow;
        vm.recordLogs();
        equal(settle(one(entry), ALL), 0, what);
        ITaskManager.Ineligible[] memory reasons = ineligible();
        check(reasons.length == 1, what);
        equal(uint256(reasons[0]), uint256(reason), what);
        equal(jobs.job(entry.jobId).escrow, escrow, "at no cost");
    }

    /// @notice Settled already: nobody has to verify anything.
    function over(Entry memory entry, string memory what) internal {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(STRANGER, STRANGER);
        try tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0))) {
            check(false, what);
        } catch (bytes memory why) {
            equal(why, abi.encodeWithSelector(ITaskManager.NothingToSettle.selector), what);
        }
    }

    function pass(uint256 seconds_, uint256 blocks_) internal {
        vm.warp(block.timestamp + seconds_);
        vm.roll(block.number + blocks_);
    }

    /// @notice Lets a job stop and every run of it end.
    function pauseFully(uint64 id) internal {
        vm.prank(CREATOR);
        jobs.pause(id);
        pass(NOTICE + 1 hours + 1, 5);
    }

    function refusesTo(bytes memory call, bytes memory reason) internal {
        vm.prank(CREATOR);
        (bool done, bytes memory why) = address(jobs).call(call);
        check(!done, "it is refused");
        equal(why, reason, "for the reason");
    }
}
