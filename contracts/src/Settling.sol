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

    /// @dev What a call settled so far, the money under one token; what its certificate weighs; what a gas and a task are
    /// refunded at in that token, in wei. `_settleRun` and `_charge` find the fields by their offsets.
    struct Sums {
        uint256 signedStake;
        uint256 totalStake;
        address token;
        /// @dev fees << 128 and what was charged
        uint256 earned;
        /// @dev wei refunded << 128 and wei reserved
        uint256 gasPaid;
        uint256 gasPrice;
        uint256 refund;
        uint256 gasShare;
        uint256 refused;
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
    /// @dev Gas refunded for a batch, parted among its tasks, and for each task: less than what tasks of different jobs cost
    /// (Gas.t.sol), so that nobody gains by settling more than is due.
    uint256 private constant BATCH_GAS = 200_000;
    uint256 private constant TASK_GAS = 11_000;
    /// @dev What no escrow covers. Zero is a cost: a quarter of the smallest fees rounds to nothing.
    uint256 private constant TOO_MUCH = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    /// @dev Status.Active above a version, as JobWord.statusAndVersion has it; quorum and inactiveFrom in a schedule, and
    /// what they are in one without end with CertificateLib.MIN_QUORUM_BPS. Assembly takes numbers only; `_check` has names.
    uint256 private constant ACTIVE = 0x0100000000;
    uint256 private constant TERMS = 0xffff000000ffffffffff00000000000000000000000000000000000000;
    uint256 private constant PLAIN_TERMS = 0x1a0b000000000000000000000000000000000000000000000000000000;
    /// @dev RunLog.MAX_RUN and EXPIRY_SECONDS
    uint256 private constant LAST_RUN = 0xfffffffffe;
    uint256 private constant EXPIRY = 3600;
    /// @dev Wei above the base fee that submitters get back for a gas, at most: enough to be included.
    uint256 private constant TIP = 0.01 gwei;

    address public immutable taskManager;
    uint32 public immutable noticeSeconds;
    /// @inheritdoc IJobManager
    bytes32 public immutable forwarderCodeHash;

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Record) internal _jobs;
    /// @dev wei set aside for the callbacks of the transaction under way
    uint256 private transient _reserved;
    /// @dev what a gas is refunded at in the call under way, in wei
    uint256 private transient _gasPrice;

    constructor(address taskManager_, uint32 notice, bytes32 forwarderCodeHash_) {
        taskManager = taskManager_;
        noticeSeconds = notice;
        forwarderCodeHash = forwarderCodeHash_;
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
        returns (uint256 settled, bytes memory verdicts, bytes32 codeHash)
    {
        codeHash = forwarderCodeHash;
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
        sums.refund = sums.gasPrice * sums.gasShare;
        _gasPrice = sums.gasPrice;
        _settleAll(certified, sums, runs, verdicts);
        settled = count - sums.refused;
        _earn(certified.epoch, sums.token, sums.earned >> 128, uint128(sums.earned), certified.absent);
        if (sums.gasPaid == 0) return (settled, verdicts, codeHash);
        refunds[certified.submitter] += sums.gasPaid >> 128;
        _reserved += uint128(sums.gasPaid);
    }

    /// @dev Writes the verdicts: a word for each of `runs`.
    function _settleAll(Certified calldata certified, Sums memory sums, bytes calldata runs, bytes memory verdicts)
        private
    {
        uint256 from;
        uint256 to;
        uint256 end;
        assembly ("memory-safe") {
            from := runs.offset
            to := add(verdicts, 32)
            end := add(to, mload(verdicts))
        }
        while (to != end) {
            uint256 verdict = _settleRun(certified, sums, from);
            assembly ("memory-safe") {
                mstore(to, verdict)
                to := add(to, 32)
                from := add(from, 96)
            }
        }
    }

    /// @dev What a gas is refunded at, in wei: what it cost, but not more than base fee and tip, and nothing to those who
    /// are no operators. Whoever has refunds was an operator when it earned the first, and stays one for ever.
    function _refundPrice(address submitter) private view returns (uint256 price) {
        price = block.basefee + TIP;
        uint256 paid = _paidPrice();
        if (paid < price) price = paid;
        if (price > type(uint64).max) price = type(uint64).max;
        if (price != 0 && refunds[submitter] == 0 && !_registry.isOperator(submitter)) price = 0;
    }

    /// @dev What the transaction under way pays for a gas, in wei. Its own function for the measurements in Gas.t.sol: forge
    /// runs transactions of their own at no price, and a refund is part of what a settlement costs.
    function _paidPrice() internal view virtual returns (uint256) {
        return tx.gasprice;
    }

    /// @dev Settles a run and returns the verdict on it, see RunWord. In assembly, without the calls and masks that the
    /// compiler would add: for a task without a callback they cost more than all the rest but storage.
    function _settleRun(Certified calldata certified, Sums memory sums, uint256 from)
        private
        returns (uint256 verdict)
    {
        uint256 word;
        uint256 run;
        uint256 slot;
        uint256 account;
        uint256 schedule;
        uint256 secondsLate;
        assembly ("memory-safe") {
            word := calldataload(from)
            run := calldataload(add(from, 32))
            // the slot of _jobs[job id]; see Record: account, schedule, target
            mstore(0, shr(192, word))
            mstore(32, _jobs.slot)
            slot := keccak256(0, 64)
            account := sload(slot)
            schedule := sload(add(slot, 1))
            // as JobWord.secondsLate: huge for a run not due yet
            let due := add(and(shr(80, schedule), 0xffffffffff), mul(run, and(shr(120, schedule), 0xffffffff)))
            secondsLate := sub(timestamp(), due)
        }
        if (!_isPlain(account, schedule, word, run, secondsLate)) {
            verdict = _check(sums, account, schedule, word, run);
            if (verdict != 0) return verdict;
        }
        bool mayChangeToken;
        assembly ("memory-safe") {
            mayChangeToken := or(mload(add(sums, 0x40)), and(shr(136, account), 0xff))
        }
        if (mayChangeToken) _changeToken(certified, sums, word, account);
        account = _charge(sums, account, schedule, word, secondsLate);
        if (account == TOO_MUCH) return _refuse(sums, ITaskManager.Ineligible.Escrow);
        uint256 log = RunLog.settle(JobWord.runs(account), run);
        bool isExhausted;
        assembly ("memory-safe") {
            account := or(and(account, 0xffffffffffffffffffffffffffffffffffffff), shl(152, log))
            sstore(slot, account)
            isExhausted := lt(and(account, 0xffffffffffffffffffffffff), and(schedule, 0xffffffffffffffffffff))
            verdict := shl(40, secondsLate)
            // with a callback: where to, with how much gas, and whether to tell of it: its gas is paid, or earlier ones failed
            if iszero(and(word, 0xff)) {
                let metered := gt(or(mload(add(sums, 0xa0)), and(shr(144, account), 0xff)), 0)
                verdict := or(or(verdict, shl(8, metered)), shl(16, and(shr(192, schedule), 0xffffff)))
                verdict := or(verdict, shl(96, sload(add(slot, 2))))
            }
        }
        if (isExhausted) emit JobExhausted(RunWord.jobId(word), JobWord.escrow(account));
    }

    /// @dev Whether a run is what nearly all are: newer than all settled before, of an active job without end and of its
    /// version, due within the hour, content with the common quorum. `_check` refuses none of these; at all others it looks.
    function _isPlain(uint256 account, uint256 schedule, uint256 word, uint256 run, uint256 secondsLate)
        private
        pure
        returns (bool isPlain)
    {
        assembly ("memory-safe") {
            // bits that should not be there: of status and version, of quorum and end
            let wrong := and(xor(shr(96, account), or(ACTIVE, and(shr(160, word), 0xffffffff))), 0xffffffffff)
            wrong := or(wrong, and(xor(schedule, PLAIN_TERMS), TERMS))
            wrong := or(wrong, or(lt(run, shr(216, account)), gt(run, LAST_RUN)))
            isPlain := iszero(or(wrong, gt(secondsLate, EXPIRY)))
        }
    }

    /// @dev The account, less what a task costs it: the signers' part of the fee rounded up, the protocol's share, and where
    /// gas is refunded the submitter's and what the callback may use at most. TOO_MUCH, and nothing done, if the escrow
    /// does not cover the whole fee, which must be there also when absent keepers make the task cheaper.
    /// @dev Nothing here can overflow: fees have 80 bits, stakes 96, gas 32, its price 64.
    function _charge(Sums memory sums, uint256 account, uint256 schedule, uint256 word, uint256 secondsLate)
        private
        pure
        returns (uint256 left)
    {
        assembly ("memory-safe") {
            let isCall := iszero(and(word, 0xff))
            // a quarter for what was not called, half for what came too late
            let fee := shr(shl(1, iszero(isCall)), and(schedule, 0xffffffffffffffffffff))
            let punctualSeconds := and(shr(232, schedule), 0xffff)
            fee := shr(and(gt(punctualSeconds, 0), gt(secondsLate, punctualSeconds)), fee)
            let reserve := mul(isCall, mul(mload(add(sums, 0xa0)), and(shr(192, schedule), 0xffffff)))
            let refund := mload(add(sums, 0xc0))
            left := TOO_MUCH
            if iszero(gt(add(add(fee, reserve), refund), and(account, 0xffffffffffffffffffffffff))) {
                mstore(add(sums, 0x80), add(mload(add(sums, 0x80)), or(shl(128, refund), reserve)))
                left := sub(sub(account, refund), reserve)
                let protocol := div(mul(fee, PROTOCOL_BPS), 10000)
                fee := sub(fee, protocol)
                let total := mload(add(sums, 0x20))
                let cost := add(protocol, div(add(mul(fee, mload(sums)), sub(total, 1)), total))
                mstore(add(sums, 0x60), add(mload(add(sums, 0x60)), or(shl(128, fee), cost)))
                left := sub(left, cost)
            }
        }
    }

    /// @dev Sums are written when the token changes: once for all tasks paid in one token, if they follow each other.
    /// Only the chain's coin pays for gas.
    function _changeToken(Certified calldata certified, Sums memory sums, uint256 word, uint256 account) private {
        bool hasToken = JobWord.hasToken(account);
        address token = hasToken ? _jobs[RunWord.jobId(word)].token : address(0);
        if (token == sums.token) return;
        _earn(certified.epoch, sums.token, sums.earned >> 128, uint128(sums.earned), certified.absent);
        (sums.token, sums.earned) = (token, 0);
        sums.gasPrice = hasToken ? 0 : _gasPrice;
        sums.refund = sums.gasPrice * sums.gasShare;
    }

    /// @dev The verdict on a certified run that may not settle now; else zero.
    function _check(Sums memory sums, uint256 account, uint256 schedule, uint256 word, uint256 run)
        private
        view
        returns (uint256)
    {
        if (JobWord.status(account) == uint8(Status.None)) {
            return _refuse(sums, ITaskManager.Ineligible.JobUnknown);
        }
        if (JobWord.version(account) != RunWord.jobVersion(word)) {
            return _refuse(sums, ITaskManager.Ineligible.Version);
        }
        if (RunLog.isSettled(JobWord.runs(account), run)) return _refuse(sums, ITaskManager.Ineligible.Duplicate);
        if (run > RunLog.MAX_RUN) return _refuse(sums, ITaskManager.Ineligible.NotDue);
        uint256 due = JobWord.due(schedule, run);
        if (due > block.timestamp) return _refuse(sums, ITaskManager.Ineligible.NotDue);
        uint256 inactiveFrom = JobWord.inactiveFrom(schedule);
        if (inactiveFrom != 0 && due > inactiveFrom) return _refuse(sums, ITaskManager.Ineligible.Inactive);
        if (block.timestamp - due > EXPIRY_SECONDS) return _refuse(sums, ITaskManager.Ineligible.Expired);
        bool isCertified = CertificateLib.reachesQuorum(sums.signedStake, sums.totalStake, JobWord.quorumBps(schedule));
        return isCertified ? 0 : _refuse(sums, ITaskManager.Ineligible.Quorum);
    }

    function _refuse(Sums memory sums, ITaskManager.Ineligible reason) private pure returns (uint256) {
        ++sums.refused;
        return RunWord.ineligible(uint8(reason));
    }

    /* AFTER THE CALLBACKS */

    /// @inheritdoc IJobManager
    /// @dev What was reserved is parted between submitter and job, never more: the sum is kept for the transaction.
    function conclude(address submitter, bytes calldata callbacks) external onlyTaskManager {
        uint256 gasPrice = _gasPrice;
        uint256 gasReserved = 0;
        uint256 gasRefunded = 0;
        for (uint256 from = 0; from < callbacks.length; from += 32) {
            uint256 callback;
            assembly ("memory-safe") {
                callback := calldataload(add(callbacks.offset, from))
            }
            Record storage record = _jobs[RunWord.jobId(callback)];
            uint256 account = _load(record.account);
            if (gasPrice != 0 && !JobWord.hasToken(account)) {
                uint256 gasLimit = RunWord.gasLimit(callback);
                uint256 gasUsed = RunWord.gasUsed(callback);
                if (gasUsed > gasLimit) gasUsed = gasLimit;
                unchecked {
                    gasReserved += gasLimit;
                    gasRefunded += gasUsed;
                    // what comes back was taken from this escrow before, so it fits
                    account += gasPrice * (gasLimit - gasUsed);
                }
            }
            bool delivered = RunWord.delivered(callback);
            if (!delivered) account = _noteFailure(RunWord.jobId(callback), record, account);
            else if (JobWord.failures(account) != 0) account = JobWord.withFailures(account, 0);
            _store(record.account, account);
        }
        if (gasReserved == 0) return;
        _reserved -= gasPrice * gasReserved;
        refunds[submitter] += gasPrice * gasRefunded;
    }

    /// @dev A target that fails again and again pauses its job, at once: nobody is helped by paying for more.
    function _noteFailure(uint64 jobId, Record storage record, uint256 account) private returns (uint256) {
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
        uint256 account = _load(_jobs[jobId].account);
        uint256 version = JobWord.version(account);
        // an older version's runs can settle no more
        if (jobVersion != version) return jobVersion < version;
        return RunLog.isSettled(JobWord.runs(account), uint256(instanceKey));
    }
}
