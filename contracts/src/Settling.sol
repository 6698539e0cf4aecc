// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Earnings} from "./Earnings.sol";

/// @title Settling
/// @notice The jobs as stored, and what a settlement does to them: each run once, charged, credited.
/// @dev A settlement reads two slots of a job and writes one; with a callback it reads the target's too.
abstract contract Settling is Earnings {
    /// @dev Written by every settlement: one slot.
    struct Account {
        uint96 escrow;
        uint32 version;
        Status status;
        bool hasToken;
        /// @dev callbacks that failed since one succeeded
        uint8 failures;
        /// @dev see RunLog
        uint104 runs;
    }

    /// @dev Read by every settlement: one slot.
    struct Schedule {
        uint80 fee;
        uint40 start;
        uint32 interval;
        uint40 inactiveFrom;
        uint24 callbackGas;
        uint16 quorumBps;
        uint16 punctualSeconds;
        Trigger trigger;
    }

    struct Record {
        Account account;
        Schedule schedule;
        address target;
        Action action;
        address token;
        address owner;
        bytes32 codeHash;
    }

    /// @dev What a call settled so far under one token, and what a gas is refunded at.
    struct Sums {
        address token;
        uint256 fees;
        uint256 charged;
        uint256 refunded;
        uint256 reserved;
        uint256 gasPrice;
        uint256 gasShare;
    }

    /* CONSTANTS */

    /// @dev An hour: takeovers and later attempts take minutes, so only an outage of the whole mesh loses tasks.
    uint32 public constant EXPIRY_SECONDS = 1 hours;
    /// @notice The protocol's share of a fee.
    uint256 public constant PROTOCOL_BPS = 500;
    /// @notice A skip or a job error costs this part of the fee: the code ran and was agreed on, nothing was called.
    uint256 public constant SKIP_DIVISOR = 4;
    /// @notice Failed callbacks in a row after which a job is paused.
    uint8 public constant MAX_FAILURES = 8;
    /// @dev Gas refunded for a batch, parted among its tasks, and for each task; see snapshots/gas.json.
    uint256 private constant BATCH_GAS = 175_000;
    uint256 private constant TASK_GAS = 12_000;
    /// @dev Wei above the base fee that submitters get back for a gas, at most: enough to be included.
    uint256 private constant TIP = 0.01 gwei;

    address public immutable taskManager;
    uint32 public immutable noticeSeconds;

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Record) internal _jobs;
    /// @dev wei set aside for the callbacks of the transaction under way
    uint256 private transient _reserved;

    constructor(address taskManager_, uint32 notice) {
        taskManager = taskManager_;
        noticeSeconds = notice;
    }

    modifier onlyTaskManager() {
        if (msg.sender != taskManager) revert OnlyTaskManager();
        _;
    }

    /* SETTLING */

    /// @inheritdoc IJobManager
    function settle(Batch calldata batch, uint256[] calldata runs)
        external
        onlyTaskManager
        returns (uint256[] memory verdicts)
    {
        uint256 count = runs.length / 2;
        verdicts = new uint256[](count);
        // sums begin at zero
        // slither-disable-next-line uninitialized-local
        Sums memory sums;
        sums.gasPrice = _refundPrice(batch.submitter);
        sums.gasShare = BATCH_GAS / count + TASK_GAS;
        for (uint256 i = 0; i < count; ++i) {
            verdicts[i] = _settleRun(batch, sums, runs[2 * i], runs[2 * i + 1]);
        }
        _earn(batch.epoch, sums.token, sums.fees, sums.charged, batch.absent);
        if (sums.refunded != 0) refunds[batch.submitter] += sums.refunded;
        if (sums.reserved != 0) _reserved += sums.reserved;
    }

    /// @dev What a gas is refunded at, in wei: what it cost, but not more than base fee and tip, and nothing to those who
    /// are no operators.
    function _refundPrice(address submitter) private view returns (uint256 price) {
        price = block.basefee + TIP;
        if (tx.gasprice < price) price = tx.gasprice;
        if (price != 0 && !_registry.isOperator(submitter)) price = 0;
    }

    function _settleRun(Batch calldata batch, Sums memory sums, uint256 word, uint256 run) private returns (uint256) {
        uint64 jobId = RunWord.jobId(word);
        Record storage record = _jobs[jobId];
        Account memory account = _load(record.account);
        Schedule memory schedule = _load(record.schedule);
        (uint256 refusal, uint256 secondsLate) = _check(batch, account, schedule, word, run);
        if (refusal != 0) return refusal;

        bool calls = RunWord.status(word) == 0;
        uint256 fee = calls ? schedule.fee : schedule.fee / SKIP_DIVISOR;
        if (schedule.punctualSeconds != 0 && secondsLate > schedule.punctualSeconds) fee /= 2;
        if (account.hasToken || sums.token != address(0)) _changeToken(batch, sums, record);
        uint256 gasPrice = account.hasToken ? 0 : sums.gasPrice;
        if (!_charge(batch, sums, account, fee, gasPrice, calls ? schedule.callbackGas : 0)) {
            return _refuse(ITaskManager.Ineligible.Escrow);
        }
        account.runs = RunLog.settle(account.runs, run);
        _store(record.account, account);
        if (account.escrow < schedule.fee) emit JobExhausted(jobId, account.escrow);
        if (!calls) return RunWord.settled(address(0), secondsLate, 0, false);
        bool metered = gasPrice != 0 || account.failures != 0;
        return RunWord.settled(record.target, secondsLate, schedule.callbackGas, metered);
    }

    /// @dev Takes what a task costs from the escrow: the signers' part of the fee rounded up, the protocol's share, the
    /// submitter's gas, and what the callback may use at most. False, and nothing done, if the escrow does not cover the
    /// whole fee, which must be there also when absent keepers make the task cheaper.
    function _charge(
        Batch calldata batch,
        Sums memory sums,
        Account memory account,
        uint256 fee,
        uint256 gasPrice,
        uint256 callbackGas
    ) private pure returns (bool) {
        uint256 refund = gasPrice * sums.gasShare;
        uint256 reserve = gasPrice * callbackGas;
        if (account.escrow < fee + refund + reserve) return false;
        uint256 price = fee * PROTOCOL_BPS / 10_000;
        fee -= price;
        price += (fee * batch.signedStake + batch.totalStake - 1) / batch.totalStake;
        sums.fees += fee;
        sums.charged += price;
        sums.refunded += refund;
        sums.reserved += reserve;
        account.escrow -= uint96(price + refund + reserve);
        return true;
    }

    /// @dev Sums are written when the token changes: once for all tasks paid in one token, if they follow each other.
    function _changeToken(Batch calldata batch, Sums memory sums, Record storage record) private {
        address token = record.token;
        if (token == sums.token) return;
        _earn(batch.epoch, sums.token, sums.fees, sums.charged, batch.absent);
        (sums.token, sums.fees, sums.charged) = (token, 0, 0);
    }

    /// @dev The verdict on a certified run that may not settle now; else zero, and how late it is.
    function _check(Batch calldata batch, Account memory account, Schedule memory schedule, uint256 word, uint256 run)
        private
        view
        returns (uint256 refusal, uint256 secondsLate)
    {
        if (account.status == Status.None) return (_refuse(ITaskManager.Ineligible.JobUnknown), 0);
        if (account.version != RunWord.jobVersion(word)) return (_refuse(ITaskManager.Ineligible.Version), 0);
        if (RunLog.isSettled(account.runs, run)) return (_refuse(ITaskManager.Ineligible.Duplicate), 0);
        if (run > RunLog.MAX_RUN) return (_refuse(ITaskManager.Ineligible.NotDue), 0);
        unchecked {
            uint256 due = schedule.start + run * schedule.interval;
            if (due > block.timestamp) return (_refuse(ITaskManager.Ineligible.NotDue), 0);
            secondsLate = block.timestamp - due;
            if (schedule.inactiveFrom != 0 && due > schedule.inactiveFrom) {
                return (_refuse(ITaskManager.Ineligible.Inactive), 0);
            }
        }
        if (secondsLate > EXPIRY_SECONDS) return (_refuse(ITaskManager.Ineligible.Expired), 0);
        if (
            schedule.quorumBps != CertificateLib.MIN_QUORUM_BPS
                && !CertificateLib.reachesQuorum(batch.signedStake, batch.totalStake, schedule.quorumBps)
        ) return (_refuse(ITaskManager.Ineligible.Quorum), 0);
        return (0, secondsLate);
    }

    function _refuse(ITaskManager.Ineligible reason) private pure returns (uint256) {
        return RunWord.ineligible(uint8(reason));
    }

    /* AFTER THE CALLBACKS */

    /// @inheritdoc IJobManager
    /// @dev What was reserved is parted between submitter and job, never more: the sum is kept for the transaction.
    function conclude(address submitter, uint256[] calldata callbacks) external onlyTaskManager {
        uint256 gasPrice = _refundPrice(submitter);
        uint256 reserved = _reserved;
        uint256 refunded = 0;
        for (uint256 i = 0; i < callbacks.length; ++i) {
            uint64 jobId = RunWord.jobId(callbacks[i]);
            Record storage record = _jobs[jobId];
            Account memory account = _load(record.account);
            if (!account.hasToken && gasPrice != 0) {
                uint256 gasLimit = record.schedule.callbackGas;
                uint256 gasUsed = RunWord.gasUsed(callbacks[i]);
                if (gasUsed > gasLimit) gasUsed = gasLimit;
                reserved -= gasPrice * gasLimit;
                refunded += gasPrice * gasUsed;
                account.escrow += uint96(gasPrice * (gasLimit - gasUsed));
            }
            _noteCallback(jobId, record, account, RunWord.delivered(callbacks[i]));
            _store(record.account, account);
        }
        _reserved = reserved;
        if (refunded != 0) refunds[submitter] += refunded;
    }

    /// @dev A target that fails again and again pauses its job, at once: nobody is helped by paying for more.
    function _noteCallback(uint64 jobId, Record storage record, Account memory account, bool delivered) private {
        if (delivered) {
            account.failures = 0;
        } else if (account.failures < MAX_FAILURES) {
            ++account.failures;
            if (account.failures != MAX_FAILURES || account.status != Status.Active) return;
            account.status = Status.Paused;
            record.schedule.inactiveFrom = uint40(block.timestamp);
            emit JobPaused(jobId, uint64(block.timestamp));
            emit CircuitBroken(jobId, MAX_FAILURES);
        }
    }

    /* SLOTS: each read and written at once; the compiler would do so field by field */

    function _load(Account storage from) private view returns (Account memory account) {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(from.slot)
        }
        account.escrow = uint96(word);
        account.version = uint32(word >> 96);
        account.status = Status(uint8(word >> 128));
        account.hasToken = uint8(word >> 136) != 0;
        account.failures = uint8(word >> 144);
        account.runs = uint104(word >> 152);
    }

    function _store(Account storage to, Account memory account) private {
        uint256 word = account.escrow | (uint256(account.version) << 96) | (uint256(account.status) << 128)
            | (account.hasToken ? 1 << 136 : 0) | (uint256(account.failures) << 144) | (uint256(account.runs) << 152);
        assembly ("memory-safe") {
            sstore(to.slot, word)
        }
    }

    function _load(Schedule storage from) private view returns (Schedule memory schedule) {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(from.slot)
        }
        schedule.fee = uint80(word);
        schedule.start = uint40(word >> 80);
        schedule.interval = uint32(word >> 120);
        schedule.inactiveFrom = uint40(word >> 152);
        schedule.callbackGas = uint24(word >> 192);
        schedule.quorumBps = uint16(word >> 216);
        schedule.punctualSeconds = uint16(word >> 232);
        schedule.trigger = Trigger(uint8(word >> 248));
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool) {
        Account storage account = _jobs[jobId].account;
        uint32 version = account.version;
        // an older version's runs can settle no more
        if (jobVersion != version) return jobVersion < version;
        return RunLog.isSettled(account.runs, uint256(instanceKey));
    }
}
