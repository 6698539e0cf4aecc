// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Earnings} from "./Earnings.sol";

/// @title Settling
/// @notice The jobs as stored, and what a settlement does to them: each run once, charged, credited.
/// @dev A settlement reads two slots of a job and writes one; with a callback it reads the target's too.
abstract contract Settling is Earnings {
    /// @dev Written by every settlement: one slot, see JobWord.
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

    /// @dev Read by every settlement: one slot, see JobWord.
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

    /// @dev What a call settled so far, the money under one token; what its certificate weighs, and a gas is refunded at.
    struct Sums {
        uint256 settled;
        uint256 signedStake;
        uint256 totalStake;
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
    /// @dev What no escrow covers. Zero is a cost: a quarter of the smallest fees rounds to nothing.
    uint256 private constant TOO_MUCH = type(uint256).max;
    /// @dev Wei above the base fee that submitters get back for a gas, at most: enough to be included.
    uint256 private constant TIP = 0.01 gwei;

    address public immutable taskManager;
    uint32 public immutable noticeSeconds;

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Record) internal _jobs;
    /// @dev wei set aside for the callbacks of the transaction under way
    uint256 private transient _reserved;
    /// @dev what a gas is refunded at in the call under way, in wei
    uint256 private transient _gasPrice;

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
    function settle(Certified calldata certified, bytes calldata runs)
        external
        onlyTaskManager
        returns (uint256 settled, bytes memory verdicts)
    {
        uint256 count = runs.length / RunWord.RUN_BYTES;
        // a word for each whole run
        // slither-disable-next-line divide-before-multiply
        verdicts = new bytes(32 * count);
        // sums begin at zero
        // slither-disable-next-line uninitialized-local
        Sums memory sums;
        (sums.signedStake, sums.totalStake) = (certified.signedStake, certified.totalStake);
        sums.gasPrice = _refundPrice(certified.submitter);
        sums.gasShare = BATCH_GAS / count + TASK_GAS;
        for (uint256 i = 0; i < count;) {
            uint256 word;
            uint256 run;
            assembly ("memory-safe") {
                let from := add(runs.offset, mul(i, 96))
                word := calldataload(from)
                run := calldataload(add(from, 32))
            }
            uint256 verdict = _settleRun(certified, sums, word, run);
            assembly ("memory-safe") {
                mstore(add(add(verdicts, 32), shl(5, i)), verdict)
            }
            unchecked {
                ++i;
            }
        }
        settled = sums.settled;
        _earn(certified.epoch, sums.token, sums.fees, sums.charged, certified.absent);
        if (sums.refunded != 0) refunds[certified.submitter] += sums.refunded;
        _gasPrice = sums.gasPrice;
        if (sums.reserved != 0) _reserved += sums.reserved;
    }

    /// @dev What a gas is refunded at, in wei: what it cost, but not more than base fee and tip, and nothing to those who
    /// are no operators.
    function _refundPrice(address submitter) private view returns (uint256 price) {
        price = block.basefee + TIP;
        if (tx.gasprice < price) price = tx.gasprice;
        if (price != 0 && !_registry.isOperator(submitter)) price = 0;
    }

    function _settleRun(Certified calldata certified, Sums memory sums, uint256 word, uint256 run)
        private
        returns (uint256)
    {
        Record storage record = _jobs[RunWord.jobId(word)];
        (uint256 account, uint256 schedule) = (_load(record.account), _load(record.schedule));
        (uint256 refusal, uint256 secondsLate) = _check(sums, account, schedule, word, run);
        if (refusal != 0) return refusal;

        uint256 gasPrice = sums.gasPrice;
        if (JobWord.hasToken(account)) {
            gasPrice = 0;
            _changeToken(certified, sums, record.token);
        } else if (sums.token != address(0)) {
            _changeToken(certified, sums, address(0));
        }
        bool isCall = RunWord.isCall(word);
        uint256 fee = _fee(schedule, isCall, secondsLate);
        uint256 cost = _charge(sums, account, fee, gasPrice, isCall ? JobWord.callbackGas(schedule) : 0);
        if (cost == TOO_MUCH) return _refuse(ITaskManager.Ineligible.Escrow);
        unchecked {
            account = JobWord.withRuns(account, RunLog.settle(JobWord.runs(account), run)) - cost;
            ++sums.settled;
        }
        _store(record.account, account);
        if (JobWord.escrow(account) < JobWord.fee(schedule)) {
            emit JobExhausted(RunWord.jobId(word), JobWord.escrow(account));
        }
        if (!isCall) return RunWord.settled(address(0), secondsLate, 0, false);
        bool metered = gasPrice != 0 || JobWord.failures(account) != 0;
        return RunWord.settled(record.target, secondsLate, JobWord.callbackGas(schedule), metered);
    }

    function _fee(uint256 schedule, bool isCall, uint256 secondsLate) private pure returns (uint256 fee) {
        fee = JobWord.fee(schedule);
        if (!isCall) fee /= SKIP_DIVISOR;
        uint256 punctualSeconds = JobWord.punctualSeconds(schedule);
        if (punctualSeconds != 0 && secondsLate > punctualSeconds) fee /= 2;
    }

    /// @dev What a task costs its escrow: the signers' part of the fee rounded up, the protocol's share, the submitter's
    /// gas, and what the callback may use at most. TOO_MUCH, and nothing done, if the escrow does not cover the whole fee,
    /// which must be there also when absent keepers make the task cheaper.
    /// @dev Nothing here can overflow: fees have 80 bits, stakes 96, gas 24; but for the gas price, which is checked.
    function _charge(Sums memory sums, uint256 account, uint256 fee, uint256 gasPrice, uint256 callbackGas)
        private
        pure
        returns (uint256 cost)
    {
        uint256 refund = gasPrice * sums.gasShare;
        uint256 reserve = gasPrice * callbackGas;
        if (JobWord.escrow(account) < fee + refund + reserve) return TOO_MUCH;
        unchecked {
            cost = fee * PROTOCOL_BPS / 10_000;
            fee -= cost;
            uint256 total = sums.totalStake;
            cost += (fee * sums.signedStake + total - 1) / total;
            sums.fees += fee;
            sums.charged += cost;
            if (gasPrice == 0) return cost;
            sums.refunded += refund;
            sums.reserved += reserve;
            cost += refund + reserve;
        }
    }

    /// @dev Sums are written when the token changes: once for all tasks paid in one token, if they follow each other.
    function _changeToken(Certified calldata certified, Sums memory sums, address token) private {
        if (token == sums.token) return;
        _earn(certified.epoch, sums.token, sums.fees, sums.charged, certified.absent);
        (sums.token, sums.fees, sums.charged) = (token, 0, 0);
    }

    /// @dev The verdict on a certified run that may not settle now; else zero, and how late it is.
    function _check(Sums memory sums, uint256 account, uint256 schedule, uint256 word, uint256 run)
        private
        view
        returns (uint256 refusal, uint256 secondsLate)
    {
        if (JobWord.status(account) == uint8(Status.None)) return (_refuse(ITaskManager.Ineligible.JobUnknown), 0);
        if (JobWord.version(account) != RunWord.jobVersion(word)) return (_refuse(ITaskManager.Ineligible.Version), 0);
        if (RunLog.isSettled(JobWord.runs(account), run)) return (_refuse(ITaskManager.Ineligible.Duplicate), 0);
        if (run > RunLog.MAX_RUN) return (_refuse(ITaskManager.Ineligible.NotDue), 0);
        unchecked {
            uint256 due = JobWord.start(schedule) + run * JobWord.interval(schedule);
            if (due > block.timestamp) return (_refuse(ITaskManager.Ineligible.NotDue), 0);
            secondsLate = block.timestamp - due;
            uint256 inactiveFrom = JobWord.inactiveFrom(schedule);
            if (inactiveFrom != 0 && due > inactiveFrom) return (_refuse(ITaskManager.Ineligible.Inactive), 0);
        }
        if (secondsLate > EXPIRY_SECONDS) return (_refuse(ITaskManager.Ineligible.Expired), 0);
        uint16 quorumBps = JobWord.quorumBps(schedule);
        if (
            quorumBps != CertificateLib.MIN_QUORUM_BPS
                && !CertificateLib.reachesQuorum(sums.signedStake, sums.totalStake, quorumBps)
        ) return (_refuse(ITaskManager.Ineligible.Quorum), 0);
    }

    function _refuse(ITaskManager.Ineligible reason) private pure returns (uint256) {
        return RunWord.ineligible(uint8(reason));
    }

    /* AFTER THE CALLBACKS */

    /// @inheritdoc IJobManager
    /// @dev What was reserved is parted between submitter and job, never more: the sum is kept for the transaction.
    function conclude(address submitter, uint256[] calldata callbacks) external onlyTaskManager {
        uint256 gasPrice = _gasPrice;
        uint256 reserved = _reserved;
        uint256 refunded = 0;
        for (uint256 i = 0; i < callbacks.length; ++i) {
            uint64 jobId = RunWord.jobId(callbacks[i]);
            Record storage record = _jobs[jobId];
            uint256 account = _load(record.account);
            if (!JobWord.hasToken(account) && gasPrice != 0) {
                uint256 gasLimit = JobWord.callbackGas(_load(record.schedule));
                uint256 gasUsed = RunWord.gasUsed(callbacks[i]);
                if (gasUsed > gasLimit) gasUsed = gasLimit;
                reserved -= gasPrice * gasLimit;
                refunded += gasPrice * gasUsed;
                // what comes back was taken from this escrow before, so it fits
                account += gasPrice * (gasLimit - gasUsed);
            }
            _store(record.account, _noteCallback(jobId, record, account, RunWord.delivered(callbacks[i])));
        }
        _reserved = reserved;
        if (refunded != 0) refunds[submitter] += refunded;
    }

    /// @dev A target that fails again and again pauses its job, at once: nobody is helped by paying for more.
    function _noteCallback(uint64 jobId, Record storage record, uint256 account, bool delivered)
        private
        returns (uint256)
    {
        if (delivered) return JobWord.withFailures(account, 0);
        uint256 failures = JobWord.failures(account);
        if (failures == MAX_FAILURES) return account;
        account = JobWord.withFailures(account, failures + 1);
        if (failures + 1 != MAX_FAILURES || JobWord.status(account) != uint8(Status.Active)) return account;
        record.schedule.inactiveFrom = uint40(block.timestamp);
        emit JobPaused(jobId, uint64(block.timestamp));
        emit CircuitBroken(jobId, MAX_FAILURES);
        return JobWord.withStatus(account, uint8(Status.Paused));
    }

    function _load(Account storage from) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(from.slot)
        }
    }

    function _load(Schedule storage from) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(from.slot)
        }
    }

    function _store(Account storage to, uint256 word) private {
        assembly ("memory-safe") {
            sstore(to.slot, word)
        }
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
