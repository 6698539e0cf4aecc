// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Words} from "./libraries/Words.sol";
import {Covering} from "./Covering.sol";
import {Earnings} from "./Earnings.sol";

/// @title Concluding
/// @notice What follows from a settlement's callbacks: who gets what was set aside for them, and which jobs' targets fail.
abstract contract Concluding is Covering, Earnings {
    /// @notice Failed callbacks in a row after which a job is paused.
    uint8 public constant MAX_FAILURES = 8;

    address public immutable taskManager;

    /* STORAGE */

    /// @dev wei set aside for the callbacks of the transaction under way
    uint256 internal transient _reserved;
    /// @dev what a gas is refunded at in the call under way, in wei
    uint256 internal transient _gasPrice;

    constructor(address taskManager_) {
        taskManager = taskManager_;
    }

    modifier onlyTaskManager() {
        if (msg.sender != taskManager) revert OnlyTaskManager();
        _;
    }

    /// @inheritdoc IJobManager
    /// @dev What was reserved is parted between submitter and job, never more: the sum is kept for the transaction.
    function conclude(address submitter, bytes calldata callbacks, uint256 refunded, uint256 gasUsed, uint256 dataFee)
        external
        onlyTaskManager
    {
        uint256 gasPrice = _gasPrice;
        (uint256 gasReserved, uint256 gasRefunded) = _concludeAll(callbacks, gasPrice, dataFee);
        if (gasReserved != 0) _reserved -= gasPrice * gasReserved;
        // all that the jobs paid, and no more than the submitter did
        uint256 due = gasPrice * gasRefunded;
        uint256 most = gasPrice * gasUsed + dataFee;
        if (refunded + due > most) {
            uint256 excess = refunded + due - most;
            protocolOwed[address(0)] += excess;
            refunds[submitter] = refunds[submitter] + due - excess;
        } else if (due != 0) {
            refunds[submitter] += due;
        }
    }

    /// @dev Gas that was reserved for the callbacks and that they used.
    function _concludeAll(bytes calldata callbacks, uint256 gasPrice, uint256 dataFee)
        private
        returns (uint256 gasReserved, uint256 gasRefunded)
    {
        for (uint256 from = 0; from < callbacks.length; from += 32) {
            uint256 callback = Words.inCalldata(callbacks, from);
            Record storage record = _jobs[RunWord.jobId(callback)];
            uint256 account = _load(record.account);
            if (gasPrice != 0) {
                uint256 gasLimit = RunWord.gasLimit(callback);
                uint256 used = RunWord.gasUsed(callback);
                if (used > gasLimit) used = gasLimit;
                unchecked {
                    gasReserved += gasLimit;
                    gasRefunded += used;
                    account = _giveBack(record, account, gasPrice * (gasLimit - used));
                }
                if (!JobWord.isCovered(account)) account = _lookAgain(record, account, callback, dataFee);
            }
            bool delivered = RunWord.delivered(callback);
            if (!delivered) account = _noteFailure(RunWord.jobId(callback), record, account);
            else if (JobWord.failures(account) != 0) account = JobWord.withFailures(account, 0);
            _store(record.account, account);
        }
    }

    /// @dev What comes back was taken from there before, so it fits.
    function _giveBack(Record storage record, uint256 account, uint256 amount) private returns (uint256) {
        unchecked {
            if (!JobWord.hasToken(account)) return account + amount;
            record.gas += uint96(amount);
            return account;
        }
    }

    /// @dev What was set aside for a callback may have been all that was missing. Told in any case: `settle` may just have taken
    /// the mark away without a word.
    function _lookAgain(Record storage record, uint256 account, uint256 callback, uint256 dataFee)
        private
        returns (uint256)
    {
        (, uint256 schedule) = _load(record);
        uint64 jobId = RunWord.jobId(callback);
        bool covered = _coversBesides(jobId, record, account, schedule, _mostGas(schedule, _mostPrice(), dataFee));
        emit JobCovered(jobId, covered);
        return JobWord.withCovered(account, covered);
    }

    /// @dev A target that fails again and again pauses its job, at once: nobody is helped by paying for more. Failures of one
    /// second count as one: they may have one cause, or be one's doing.
    function _noteFailure(uint64 jobId, Record storage record, uint256 account) private returns (uint256) {
        uint256 failures = JobWord.failures(account);
        // the same second is what is meant
        // slither-disable-next-line incorrect-equality
        if (failures == MAX_FAILURES || record.failedAt == block.timestamp) return account;
        record.failedAt = uint40(block.timestamp);
        account = JobWord.withFailures(account, failures + 1);
        if (failures + 1 != MAX_FAILURES || JobWord.status(account) != uint8(Status.Active)) return account;
        // at once, unless it has ended already
        uint256 end = record.schedule.inactiveFrom;
        // zero: it has no end yet
        // slither-disable-next-line incorrect-equality
        if (end == 0 || end > block.timestamp) record.schedule.inactiveFrom = uint40(block.timestamp);
        emit JobPaused(jobId, record.schedule.inactiveFrom);
        emit CircuitBroken(jobId, MAX_FAILURES);
        return JobWord.withStatus(account, uint8(Status.Paused));
    }
}
