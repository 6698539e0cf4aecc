// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {Covering} from "./Covering.sol";
import {Triggers} from "./Triggers.sol";

/// @title Escrow
/// @notice What creators pay into their jobs and take out again, and whether a job can pay its next run.
/// @dev A part of the Desk: runs by DELEGATECALL in a JobManager, on its storage, under its locks.
abstract contract Escrow is Covering, Triggers {
    using SafeERC20 for IERC20;

    /* CONSTANTS */

    /// @dev Gas refunded to an operator that has a job looked at again: no more than that costs (LookAgain.t.sol).
    uint256 private constant LOOK_GAS = 45_000;

    address private immutable _self;

    constructor() {
        _self = address(this);
    }

    /// @dev What is sent here itself would be lost.
    modifier onlyDelegated() {
        if (address(this) == _self) revert IJobManager.OnlyJobManager();
        _;
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
        bool bearsMark = JobWord.isCovered(account);
        if (bearsMark && _isCovered(jobId, record)) revert IJobManager.PaysAlready(jobId);
        taken = gasPrice * LOOK_GAS;
        bool hasToken = JobWord.hasToken(account);
        uint256 there = hasToken ? record.gas : record.account.escrow;
        if (taken > there) {
            // a job loses its mark also where too little is left for whoever looks
            if (!bearsMark) revert IJobManager.CannotPay(jobId);
            taken = there;
        }
        if (hasToken) record.gas = uint96(there - taken);
        else record.account.escrow = uint96(there - taken);
        if (!bearsMark && !_isCovered(jobId, record)) revert IJobManager.CannotPay(jobId);
        _setCovered(jobId, record, !bearsMark);
    }

    /// @dev Notes what comes, and has it looked at whether the job can pay now, before a token is called.
    function _receive(uint64 jobId, Record storage record, uint256 amount, uint256 coin) internal {
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
        if (_isCovered(jobId, record)) _setCovered(jobId, record, true);
        if (hasToken && amount != 0) _pull(IERC20(record.token), amount);
    }

    /// @dev Tokens that deliver less than was sent are refused, for escrow must be covered in full.
    function _pull(IERC20 token, uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert IJobManager.TokenTakesFees(amount, received);
    }

    function _leastFeeOf(address token) internal view returns (uint96 least) {
        least = _leastFee[token];
        if (least == 0) revert IJobManager.TokenNotListed(token);
    }

    /* MONEY OUT */

    /// @dev See {IJobManager}.
    function requestWithdrawal(uint64 jobId, uint256 amount, uint256 gas) external onlyDelegated {
        Record storage record = _owned(jobId);
        bool isOver = record.account.status == IJobManager.Status.Cancelled;
        bool isNothing = amount == 0 && gas == 0 && !isOver;
        if (isNothing && _withdrawals[jobId].availableAt == 0) revert IJobManager.InsufficientEscrow();
        if (amount > record.account.escrow || gas > record.gas) revert IJobManager.InsufficientEscrow();
        uint256 from = block.timestamp;
        uint256 end = record.schedule.inactiveFrom;
        // one that is active ends when it ends: that is no reason to wait
        if (record.account.status != IJobManager.Status.Active && end > from) from = end;
        uint64 availableAt = isNothing ? 0 : uint64(from + EXPIRY);
        _withdrawals[jobId] = Withdrawal(uint96(amount), uint96(gas), availableAt);
        emit IJobManager.WithdrawalRequested(jobId, amount, gas, availableAt);
        _tellCovered(jobId, record);
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
            (uint256 most, uint256 mostCoin) = _spare(record);
            amount = uint96(Math.min(request.amount, most));
            coin = Math.min(request.gas, mostCoin);
        }
        // nothing at all is what is meant
        // slither-disable-next-line incorrect-equality
        if (amount == 0 && coin == 0 && deposit == 0) revert IJobManager.NothingRequested();
        delete _withdrawals[jobId];
        record.account.escrow = escrow - amount;
        record.gas -= uint96(coin);
        emit IJobManager.JobWithdrawn(jobId, to, amount, coin, escrow - amount);
        if (deposit != 0) emit IJobManager.DepositReturned(jobId, to, deposit);
        _tellCovered(jobId, record);
        coin += deposit;
        if (record.token == address(0)) coin += amount;
        else if (amount != 0) IERC20(record.token).safeTransfer(to, amount);
        if (coin != 0) Address.sendValue(payable(to), coin);
    }

    /// @dev What may be taken of escrow and of what is set aside for gas: of a job that keepers still work for, not what its next run
    /// may cost, which they may just have made. A request that would leave less has taken the mark away.
    function _spare(Record storage record) private view returns (uint256 most, uint256 mostCoin) {
        (uint256 account, uint256 schedule) = _load(record);
        (most, mostCoin) = (JobWord.escrow(account), record.gas);
        uint256 end = record.schedule.inactiveFrom;
        if (!JobWord.isCovered(account) || (end != 0 && block.timestamp >= end + EXPIRY)) return (most, mostCoin);
        (uint256 kept, uint256 gas) = (JobWord.fee(schedule), _mostGasNow(schedule));
        if (JobWord.hasToken(account)) mostCoin = Math.saturatingSub(mostCoin, gas);
        else kept += gas;
        most = Math.saturatingSub(most, kept);
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

    function _isCovered(uint64 jobId, Record storage record) internal view returns (bool) {
        (uint256 account, uint256 schedule) = _load(record);
        return _coversBesides(jobId, record, account, schedule, _mostGasNow(schedule));
    }

    function _mostGasNow(uint256 schedule) private view returns (uint256) {
        return _mostGas(schedule, _mostPrice(), Chain.usualDataFee(_chainKind, MOST_BYTES));
    }

    function _tellCovered(uint64 jobId, Record storage record) internal {
        _setCovered(jobId, record, _isCovered(jobId, record));
    }

    function _setCovered(uint64 jobId, Record storage record, bool covered) internal {
        (uint256 account,) = _load(record);
        _store(record.account, _mark(jobId, account, covered));
    }

    function _owned(uint64 jobId) internal view returns (Record storage record) {
        record = _jobs[jobId];
        if (record.account.status == IJobManager.Status.None) revert IJobManager.UnknownJob(jobId);
        if (record.owner != msg.sender) revert IJobManager.NotOwner();
    }

    /* WHEN */

    /// @dev When no task of a paused or cancelled job can settle any more.
    function _closedAt(Record storage record) internal view returns (uint64) {
        return uint64(record.schedule.inactiveFrom) + EXPIRY;
    }

    function _requireStatus(Record storage record, IJobManager.Status status) internal view {
        if (record.account.status != status) revert IJobManager.WrongStatus(record.account.status);
    }
}
