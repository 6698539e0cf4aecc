// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {Records} from "./Records.sol";

/// @title Covering
/// @notice Whether a job can pay for its next run in full: its fee, and the gas of a settlement that brings nothing else, at
/// the base fee of the block that asks.
/// @dev A mark in the job's word, and an event whenever it changes: keepers do nothing for a job without it. It is taken away by
/// a settlement that leaves too little or finds too little, by the job's owner, and by `lookAgain` where there is too little now: a run
/// that nobody can settle brings no settlement, and would be made again and again. It comes back when what is there is enough, which
/// anybody has looked at by funding or by `lookAgain`: keepers do when the base fee may have come down.
abstract contract Covering is Records {
    /// @dev Gas refunded for a task that is the first of its job in a transaction, and where a target is called besides what
    /// that used. Hardly less than they cost (Gas.t.sol), and never more in all than was metered, see `conclude`.
    uint256 internal constant FIRST_TASK_GAS = 10_000;
    uint256 internal constant CALL_GAS = 5_390;
    /// @dev Besides that, for a task of a job that pays in a token: its token and what it has set aside for gas are a slot of their own,
    /// read and written for the first time in a transaction, or again.
    uint256 internal constant FIRST_TOKEN_GAS = 6_300;
    uint256 internal constant TOKEN_GAS = 900;
    /// @dev For a task after those of another currency: the epoch's ledger of its own is read and written too, for the first time in a
    /// transaction, or again.
    uint256 internal constant FIRST_CHANGE_GAS = 8_700;
    uint256 internal constant CHANGE_GAS = 1_500;
    /// @dev The most gas of looking at a run that is not as nearly all are, see {Kinds}; and for a log besides, which is kept in a slot
    /// of its own, of which so much comes back where it is not kept after all.
    uint256 internal constant CHECK_GAS = 4_000;
    uint256 internal constant LOG_GAS = 23_000;
    uint256 internal constant LOG_SLOT_GAS = 19_900;
    /// @dev The most gas of what all tasks of a batch have in common that one of them pays.
    uint256 internal constant MOST_BATCH_GAS = 450_000;

    /// @dev The most gas that a run is charged for besides its callback, and what is kept of a log.
    uint256 internal constant MOST_RUN_GAS =
        MOST_BATCH_GAS + FIRST_TASK_GAS + CALL_GAS + FIRST_TOKEN_GAS + FIRST_CHANGE_GAS + CHECK_GAS;

    /// @dev For how long an announced withdrawal can be made: kept for later, it would take the money of any run.
    uint256 internal constant WITHDRAWAL_SECONDS = 1 days;

    /// @dev The most bytes of a batch that are refunded, see TaskManager.
    uint256 internal constant MOST_BYTES = 128 + 256 * 12;

    uint256 internal immutable _tip;

    constructor(uint256 tip_) {
        _tip = tip_;
    }

    /// @dev What a gas costs at the most that is refunded, in wei.
    function _mostPrice() internal view returns (uint256 price) {
        price = block.basefee + _tip;
        if (price > type(uint64).max) price = type(uint64).max;
    }

    /// @dev What the next run may be charged for gas, in wei.
    function _mostGas(uint256 schedule, uint256 price, uint256 dataFee) internal pure returns (uint256) {
        uint256 most = MOST_RUN_GAS + JobWord.callbackGas(schedule);
        if (JobWord.isLog(schedule)) most += LOG_GAS;
        return price * most + dataFee;
    }

    /// @dev Whether fee and gas are there; `gas`, in wei, comes out of the escrow of a job that pays in coin.
    function _covers(Record storage record, uint256 account, uint256 schedule, uint256 gas)
        internal
        view
        returns (bool)
    {
        uint256 fee = JobWord.fee(schedule);
        if (JobWord.hasToken(account)) return JobWord.escrow(account) >= fee && record.gas >= gas;
        return JobWord.escrow(account) >= fee + gas;
    }

    /// @dev The same besides a withdrawal that is announced and has not lapsed: else it would go before the settlement of a run that was
    /// made in the belief that its money is there.
    function _coversBesides(uint64 jobId, Record storage record, uint256 account, uint256 schedule, uint256 gas)
        internal
        view
        returns (bool)
    {
        Withdrawal memory request = _withdrawals[jobId];
        if (block.timestamp <= request.availableAt + WITHDRAWAL_SECONDS) {
            if (request.amount > JobWord.escrow(account)) return false;
            account -= request.amount;
            gas += request.gas;
        }
        return _covers(record, account, schedule, gas);
    }

    /// @dev The account with its mark as it is to be, and a word of it where it changes.
    function _mark(uint64 jobId, uint256 account, bool covered) internal returns (uint256) {
        // two marks
        // slither-disable-next-line incorrect-equality
        if (JobWord.isCovered(account) == covered) return account;
        emit IJobManager.JobCovered(jobId, covered);
        return JobWord.withCovered(account, covered);
    }
}
