// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {Covering} from "./Covering.sol";
import {Records} from "./Records.sol";
import {Terms} from "./Terms.sol";

/// @title Desk
/// @notice Where creators list, fund, change and end their jobs.
/// @dev The JobManager's own code in a contract of its own, which every JobManager makes for itself and calls by DELEGATECALL:
/// code that may hold 24,576 bytes is kept for settling. It has no storage but Records', which lies where the JobManager's does,
/// and no locks: those are the JobManager's too, which alone may call.
contract Desk is Covering, Terms {
    using SafeERC20 for IERC20;

    /* CONSTANTS */

    /// @dev Gas refunded to an operator that has a job looked at again: no more than that costs (LookAgain.t.sol).
    uint256 private constant LOOK_GAS = 45_000;
    /// @dev For how long an announced withdrawal can be made: kept for later, it would take the money of any run.
    uint256 private constant WITHDRAWAL_SECONDS = 1 days;

    address private immutable _self;

    constructor(address taskManager_, address registry_, address serviceManager_, uint32 notice, uint256 tip_)
        Records(taskManager_, notice)
        Covering(tip_)
        Terms(taskManager_, registry_, serviceManager_)
    {
        _self = address(this);
    }

    /// @dev What is sent here itself would be lost.
    modifier onlyDelegated() {
        if (address(this) == _self) revert IJobManager.OnlyJobManager();
        _;
    }

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
        _begin(record, 0);
        emit IJobManager.JobCreated(jobId, msg.sender, forwarder, params);
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

    function _leastFeeOf(address token) private view returns (uint96 least) {
        least = _leastFee[token];
        if (least == 0) revert IJobManager.TokenNotListed(token);
    }

    /* MONEY IN */

    /// @dev See {IJobManager}.
    function fund(uint64 jobId, uint256 amount) external payable onlyDelegated {
        Record storage record = _jobs[jobId];
        IJobManager.Status status = record.account.status;
        if (status == IJobManager.Status.None) revert IJobManager.UnknownJob(jobId);
        if (status == IJobManager.Status.Cancelled) revert IJobManager.WrongStatus(status);
        // what was listed runs on, and its gas is to be paid
        if (amount != 0) _leastFeeOf(record.token);
        _receive(jobId, record, amount, msg.value);
    }

    /// @dev See {IJobManager}.
    /// @param gasPrice what the caller is refunded for a gas, in wei
    /// @return taken what it is refunded, in wei
    function lookAgain(uint64 jobId, uint256 gasPrice) external onlyDelegated returns (uint256 taken) {
        Record storage record = _jobs[jobId];
        _requireStatus(record, IJobManager.Status.Active);
        (uint256 account,) = _load(record);
        if (JobWord.isCovered(account)) revert IJobManager.PaysAlready(jobId);
        taken = gasPrice * LOOK_GAS;
        bool hasToken = JobWord.hasToken(account);
        uint256 there = hasToken ? record.gas : record.account.escrow;
        if (taken > there) revert IJobManager.CannotPay(jobId);
        if (hasToken) record.gas = uint96(there - taken);
        else record.account.escrow = uint96(there - taken);
        if (!_isCovered(record)) revert IJobManager.CannotPay(jobId);
        _setCovered(jobId, record, true);
    }

    /// @dev Notes what comes, and has it looked at whether the job can pay now, before a token is called.
    function _receive(uint64 jobId, Record storage record, uint256 amount, uint256 coin) private {
        bool hasToken = record.token != address(0);
        if (!hasToken && coin != amount) revert IJobManager.WrongValue();
        if (amount != 0 || coin != 0) {
            uint256 escrow = record.account.escrow + amount;
            uint256 gas = hasToken ? record.gas + coin : 0;
            if (escrow > type(uint96).max || gas > type(uint96).max) {
                revert IJobManager.EscrowTooLarge(type(uint96).max);
            }
            record.account.escrow = uint96(escrow);
            record.gas = uint96(gas);
            emit IJobManager.JobFunded(jobId, msg.sender, amount, escrow, gas);
        }
        if (_isCovered(record)) _setCovered(jobId, record, true);
        if (hasToken && amount != 0) _pull(IERC20(record.token), amount);
    }

    /// @dev Tokens that deliver less than was sent are refused, for escrow must be covered in full.
    function _pull(IERC20 token, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert IJobManager.TokenTakesFees(amount, received);
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
        if (_isCovered(record)) _setCovered(jobId, record, true);
    }

    /// @dev See {IJobManager}.
    function update(uint64 jobId, IJobManager.JobParams calldata params) external onlyDelegated {
        Record storage record = _owned(jobId);
        _requireClosed(record);
        if (params.token != record.token) revert IJobManager.TokenFixed(record.token);
        if (params.trigger != _triggerOf(record)) revert IJobManager.InvalidTrigger();
        _write(record, params, _forwarderAt(record.salt));
        uint256 earliest = _earliest(record);
        if (_begin(record, _noticeSeconds) < earliest) revert IJobManager.TooEarly(uint64(earliest));
        emit IJobManager.JobUpdated(jobId, _nextVersion(record), params);
        _setCovered(jobId, record, _isCovered(record));
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

    /// @dev When no task of a paused or cancelled job can settle any more.
    function _closedAt(Record storage record) private view returns (uint64) {
        return uint64(record.schedule.inactiveFrom) + EXPIRY;
    }

    /// @dev A new version may begin when no task of the old one can settle any more.
    function _requireClosed(Record storage record) private view {
        _requireStatus(record, IJobManager.Status.Paused);
        uint64 closedAt = _closedAt(record);
        if (block.timestamp < closedAt) revert IJobManager.TooEarly(closedAt);
    }

    function _requireStatus(Record storage record, IJobManager.Status status) private view {
        if (record.account.status != status) revert IJobManager.WrongStatus(record.account.status);
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

    /* MONEY OUT */

    /// @dev See {IJobManager}.
    function requestWithdrawal(uint64 jobId, uint256 amount, uint256 gas) external onlyDelegated {
        Record storage record = _owned(jobId);
        bool isOver = record.account.status == IJobManager.Status.Cancelled;
        if (amount == 0 && gas == 0 && !isOver) revert IJobManager.InsufficientEscrow();
        if (amount > record.account.escrow || gas > record.gas) revert IJobManager.InsufficientEscrow();
        uint256 from = block.timestamp;
        uint256 end = record.schedule.inactiveFrom;
        // one that is active ends when it ends: that is no reason to wait
        if (record.account.status != IJobManager.Status.Active && end > from) from = end;
        uint64 availableAt = uint64(from + EXPIRY);
        _withdrawals[jobId] = Withdrawal(uint96(amount), uint96(gas), availableAt);
        emit IJobManager.WithdrawalRequested(jobId, amount, gas, availableAt);
    }

    /// @dev See {IJobManager}. Tasks settled since the request come first: it pays out what is left, up to the amount asked for.
    function withdraw(uint64 jobId, address to) external onlyDelegated {
        Record storage record = _owned(jobId);
        if (to == address(0)) revert IJobManager.ZeroRecipient();
        (uint96 escrow, uint96 amount, uint256 coin) = (record.account.escrow, record.account.escrow, record.gas);
        uint256 deposit = 0;
        if (record.account.status == IJobManager.Status.Cancelled && block.timestamp >= _closedAt(record)) {
            deposit = record.deposit;
            record.deposit = 0;
            Withdrawal memory last = _withdrawals[jobId];
            // asked for no token: one that does not move any more keeps back no coin
            bool isOfNothing = last.availableAt != 0 && last.amount == 0 && last.gas == 0;
            if (record.token != address(0) && isOfNothing && (coin != 0 || deposit != 0)) amount = 0;
        } else {
            Withdrawal memory request = _requested(jobId);
            if (request.amount < escrow) amount = request.amount;
            if (request.gas < coin) coin = request.gas;
        }
        // nothing at all is what is meant
        // slither-disable-next-line incorrect-equality
        if (amount == 0 && coin == 0 && deposit == 0) revert IJobManager.NothingRequested();
        delete _withdrawals[jobId];
        record.account.escrow = escrow - amount;
        record.gas -= uint96(coin);
        emit IJobManager.JobWithdrawn(jobId, to, amount, coin, escrow - amount);
        if (deposit != 0) emit IJobManager.DepositReturned(jobId, to, deposit);
        if (!_isCovered(record)) _setCovered(jobId, record, false);
        coin += deposit;
        if (record.token == address(0)) coin += amount;
        else if (amount != 0) IERC20(record.token).safeTransfer(to, amount);
        if (coin != 0) Address.sendValue(payable(to), coin);
    }

    /// @dev What was announced, if now is the time.
    function _requested(uint64 jobId) private view returns (Withdrawal memory request) {
        request = _withdrawals[jobId];
        // zero: nothing was asked for
        // slither-disable-next-line incorrect-equality
        if (request.availableAt == 0) revert IJobManager.NothingRequested();
        if (block.timestamp < request.availableAt) revert IJobManager.TooEarly(request.availableAt);
        if (block.timestamp > request.availableAt + WITHDRAWAL_SECONDS) revert IJobManager.WithdrawalLapsed();
    }

    /* COVER: SEE COVERING */

    function _isCovered(Record storage record) private view returns (bool) {
        (uint256 account, uint256 schedule) = _load(record);
        uint256 dataFee = Chain.usualDataFee(_chainKind, MOST_BYTES);
        return _covers(record, account, schedule, _mostGas(schedule, _mostPrice(), dataFee));
    }

    function _setCovered(uint64 jobId, Record storage record, bool covered) private {
        (uint256 account,) = _load(record);
        _store(record.account, _mark(jobId, account, covered));
    }

    function _owned(uint64 jobId) private view returns (Record storage record) {
        record = _jobs[jobId];
        if (record.account.status == IJobManager.Status.None) revert IJobManager.UnknownJob(jobId);
        if (record.owner != msg.sender) revert IJobManager.NotOwner();
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
