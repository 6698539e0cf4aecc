// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {Covering} from "./Covering.sol";
import {Escrow} from "./Escrow.sol";
import {Records} from "./Records.sol";
import {Terms} from "./Terms.sol";

/// @title Desk
/// @notice Where creators list, change and end their jobs; what goes in and out of them is {Escrow}'s.
/// @dev The JobManager's own code in a contract of its own, which every JobManager makes for itself and calls by DELEGATECALL:
/// code that may hold 24,576 bytes is kept for settling. It has no storage but Records', which lies where the JobManager's does,
/// and no locks: those are the JobManager's too, which alone may call.
contract Desk is Escrow, Terms {
    constructor(address taskManager_, address registry_, address serviceManager_, uint32 notice, uint256 tip_)
        Records(taskManager_, notice)
        Covering(tip_)
        Terms(taskManager_, registry_, serviceManager_)
    {}

    /* CREATION */

    /// @dev See {IJobManager}. The forwarder stands before the target is looked at, which may be none.
    function createJob(IJobManager.JobParams calldata params, uint256 funding, bytes32 salt)
        external
        payable
        onlyDelegated
        returns (uint64 jobId)
    {
        jobId = ++_jobCount;
        Record storage record = _jobs[jobId];
        record.salt = _saltOf(msg.sender, salt);
        address forwarder = _forwarderAt(record.salt);
        if (forwarder.code.length != 0) revert IJobManager.SaltTaken(forwarder);
        // it is there or the call reverts, so what it returns is `forwarder`
        // slither-disable-next-line unused-return
        Create2.deploy(0, bytes32(uint256(record.salt)), _forwarderCode(_taskManager));
        record.account.version = 1;
        record.account.status = IJobManager.Status.Active;
        if (params.token != address(0)) record.account.marks = 1;
        record.token = params.token;
        record.owner = msg.sender;
        if (params.trigger == IJobManager.Trigger.Log) record.account.marks |= JobWord.LOGS;
        if (params.trigger == IJobManager.Trigger.Condition) record.account.marks |= JobWord.SEEN;
        _write(record, params, forwarder);
        emit IJobManager.JobCreated(jobId, msg.sender, forwarder, params, _begin(record, 0));
        uint96 deposit = _listingDeposit;
        if (msg.value < deposit) revert IJobManager.DepositMissing(deposit);
        record.deposit = deposit;
        _receive(jobId, record, funding, msg.value - deposit);
    }

    /// @dev What an update may change.
    function _write(Record storage record, IJobManager.JobParams calldata params, address forwarder) private {
        (uint256 start, uint256 interval) = _check(params, forwarder);
        uint96 least = _leastFeeOf(params.token);
        if (params.fee < least) revert IJobManager.FeeTooLow(least);
        Schedule storage schedule = record.schedule;
        schedule.fee = uint80(params.fee);
        schedule.start = uint40(start);
        schedule.interval = uint32(interval);
        schedule.kind = _kindOf(params);
        schedule.callbackGas = uint24(params.callbackGas);
        schedule.quorumBps = params.quorumBps;
        schedule.punctualSeconds = params.punctualSeconds;
        record.target = params.target;
        record.action = params.action;
        record.codeHash = params.codeHash;
        record.until = uint40(params.until);
        record.mostRuns = params.mostRuns;
        record.mostGasPrice = params.mostGasPrice;
        record.missed = params.missed;
    }

    /* LIFE */

    /// @dev See {IJobManager}.
    function pause(uint64 jobId) external onlyDelegated {
        Record storage record = _owned(jobId);
        _requireStatus(record, IJobManager.Status.Active);
        record.account.status = IJobManager.Status.Paused;
        _stop(record);
        emit IJobManager.JobPaused(jobId, record.schedule.inactiveFrom);
    }

    /// @dev See {IJobManager}.
    function resume(uint64 jobId) external onlyDelegated {
        Record storage record = _owned(jobId);
        _requireClosed(record);
        _restart(record);
        uint64 from = _begin(record, _noticeSeconds);
        emit IJobManager.JobResumed(jobId, _nextVersion(record), from);
        if (_isCovered(jobId, record)) _setCovered(jobId, record, true);
    }

    /// @dev See {IJobManager}.
    function update(uint64 jobId, IJobManager.JobParams calldata params) external onlyDelegated {
        Record storage record = _owned(jobId);
        _requireClosed(record);
        if (params.token != record.token) revert IJobManager.TokenFixed(record.token);
        if (params.trigger != _triggerOf(record)) revert IJobManager.InvalidTrigger();
        _write(record, params, _forwarderAt(record.salt));
        uint256 earliest = _earliest(record);
        uint64 from = _begin(record, _noticeSeconds);
        if (from < earliest) revert IJobManager.TooEarly(uint64(earliest));
        emit IJobManager.JobUpdated(jobId, _nextVersion(record), params, from);
        _tellCovered(jobId, record);
    }

    /// @dev A job that is to stop after the notice, unless it ends before.
    function _stop(Record storage record) private {
        uint256 end = record.schedule.inactiveFrom;
        uint256 stop = block.timestamp + _noticeSeconds;
        if (end == 0 || stop < end) record.schedule.inactiveFrom = uint40(stop);
    }

    /// @dev When a new version may have its first run: after the notice, which where runs are counted in blocks is as many of them.
    function _earliest(Record storage record) private view returns (uint256) {
        bool inBlocks = _triggerOf(record) == IJobManager.Trigger.Blocks;
        return (inBlocks ? Chain.number(_chainKind) : block.timestamp) + _noticeSeconds;
    }

    /// @dev Where runs have a rhythm, the first run of it that is far enough ahead. What is past of a single run does not come again.
    function _restart(Record storage record) private {
        Schedule storage schedule = record.schedule;
        IJobManager.Trigger trigger = _triggerOf(record);
        uint256 earliest = _earliest(record);
        uint256 start = schedule.start;
        if (start >= earliest) return;
        if (trigger == IJobManager.Trigger.OneShot) revert IJobManager.TooEarly(uint64(earliest));
        if (trigger != IJobManager.Trigger.Interval && trigger != IJobManager.Trigger.Blocks) return;
        uint256 interval = schedule.interval;
        // up to a whole number of intervals
        // slither-disable-next-line divide-before-multiply
        schedule.start = uint40(start + (earliest - start + interval - 1) / interval * interval);
    }

    /// @dev A new version may begin when no task of the old one can settle any more.
    function _requireClosed(Record storage record) private view {
        _requireStatus(record, IJobManager.Status.Paused);
        uint64 closedAt = _closedAt(record);
        if (block.timestamp < closedAt) revert IJobManager.TooEarly(closedAt);
    }

    function _nextVersion(Record storage record) private returns (uint32 version) {
        Account storage account = record.account;
        version = ++account.version;
        account.status = IJobManager.Status.Active;
        account.failures = 0;
    }

    /// @dev See {IJobManager}.
    function cancel(uint64 jobId) external onlyDelegated {
        Record storage record = _owned(jobId);
        IJobManager.Status status = record.account.status;
        if (status == IJobManager.Status.Cancelled) revert IJobManager.WrongStatus(status);
        if (status == IJobManager.Status.Active) _stop(record);
        record.account.status = IJobManager.Status.Cancelled;
        emit IJobManager.JobCancelled(jobId, record.schedule.inactiveFrom);
    }

    /* PRICES */

    /// @dev See {IJobManager}.
    function setLeastFee(address token, uint96 leastFee) external onlyDelegated {
        if (token == address(0) && leastFee == 0) revert IJobManager.ZeroFee();
        if (leastFee != 0 && token != address(0) && token.code.length == 0) revert IJobManager.NoToken(token);
        if (leastFee > type(uint80).max) revert IJobManager.FeeTooHigh(type(uint80).max);
        _leastFee[token] = leastFee;
        emit IJobManager.LeastFeeChanged(token, leastFee);
    }

    /// @dev See {IJobManager}.
    function setListingDeposit(uint96 deposit) external onlyDelegated {
        _listingDeposit = deposit;
        emit IJobManager.ListingDepositChanged(deposit);
    }
}
