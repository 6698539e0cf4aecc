// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {JobWord} from "./libraries/JobWord.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Kinds} from "./Kinds.sol";

/// @title Charging
/// @notice What a run costs its job, and who is owed it: signers, protocol, and whoever paid for the gas.
/// @dev Arithmetic is unchecked where a task of a batch comes through, with the bounds that make it safe beside it.
abstract contract Charging is Kinds {
    /// @dev What a call settled so far, the money under one token; what its certificate weighs; what a gas and a task are
    /// refunded at, in wei.
    struct Sums {
        uint256 signedStake;
        uint256 totalStake;
        address token;
        /// @dev fees << 128 and what was charged
        uint256 earned;
        /// @dev wei refunded << 128 and wei reserved
        uint256 gasPaid;
        uint256 gasPrice;
        /// @dev a task's part of what all have in common, in wei; and at most
        uint256 refund;
        uint256 mostRefund;
        /// @dev tasks of the call; whether to look ahead what it costs to note who is absent, as it did cost something in the currency
        /// before, or none was looked at
        uint256 count;
        bool notesAhead;
        /// @dev what a gas may cost, a run besides its fee and what its target is given, and with all that this may be given: no
        /// escrow is enough in a token; see Covering
        uint256 mostPrice;
        uint256 mostGas;
        uint256 enough;
        /// @dev what one task costs by itself, in gas, and the token of its job
        uint256 taskGas;
        address jobToken;
        /// @dev whether a ledger is written that is not the last one's; what the last one's costs, in gas, until somebody has paid it;
        /// whether there was any currency but coin
        bool hasEarned;
        uint256 changeGas;
        bool isMixed;
        uint256 refused;
        /// @dev place in memory of the next word about a callee
        uint256 callees;
    }

    /* CONSTANTS */

    /// @notice The protocol's share of a fee.
    uint256 public constant PROTOCOL_BPS = 500;
    /// @notice A skip or a job error costs this part of the fee: the code ran and was agreed on, nothing was called.
    uint256 public constant SKIP_DIVISOR = 4;
    /// @dev A run later than its job's punctuality term costs this part of it.
    uint256 private constant LATE_DIVISOR = 2;
    /// @dev What no escrow covers. Zero is a cost: a quarter of the smallest fees rounds to nothing.
    uint256 internal constant TOO_MUCH = type(uint256).max;

    /* CHARGING */

    /// @dev Takes the mark away where too little is left for the next run; without a word yet where something was set aside for a
    /// callback, for what of that comes back may be enough: `conclude` looks again, and tells.
    function _look(Sums memory sums, Record storage record, uint256 account, uint256 schedule, uint256 word)
        internal
        returns (uint256)
    {
        uint256 gas = sums.mostGas + sums.mostPrice * JobWord.callbackGas(schedule);
        // said by hand, as every task in a token comes through
        if ((schedule >> 248) & JobWord.TRIGGER == uint256(Trigger.Log)) gas += sums.mostPrice * LOG_GAS;
        if (_covers(record, account, schedule, gas)) return account;
        if (sums.gasPrice != 0 && RunWord.isCall(word)) return JobWord.withCovered(account, false);
        return _mark(RunWord.jobId(word), account, false);
    }

    /// @dev Takes what it cost to bring a run that its job cannot pay, as far as there is money for gas: the batch's other jobs pay
    /// what they would without it, and the submitter nothing.
    function _takeRest(Sums memory sums, Record storage record, uint256 account) internal returns (uint256) {
        unchecked {
            bool hasToken = JobWord.hasToken(account);
            uint256 taken = sums.gasPrice * sums.taskGas;
            uint256 there = hasToken ? record.gas : JobWord.escrow(account);
            if (taken > there) taken = there;
            if (taken == 0) return account;
            sums.gasPaid += taken << 128;
            if (!hasToken) return account - taken;
            record.gas = uint96(there - taken);
            return account;
        }
    }

    /// @dev Takes what a task costs in gas out of what a job that pays in a token has set aside for it, if it is there.
    function _chargeGas(Record storage record, uint256 cost) private returns (bool) {
        uint256 gas = record.gas;
        if (cost > gas) return false;
        unchecked {
            if (cost != 0) record.gas = uint96(gas - cost);
        }
        return true;
    }

    /// @dev The account, less what a task costs it: the signers' part of the fee rounded up, the protocol's share, and where
    /// gas is refunded the submitter's and what the callback may use at most. A quarter of the fee for what was not called,
    /// half for what came too late. TOO_MUCH, and nothing done, if the escrow does not cover the whole of it, which must
    /// be there also when absent keepers make the task cheaper.
    /// @dev Nothing here can overflow: fees have 80 bits, stakes 96, gas 32, its price 64, data fees 96.
    function _charge(
        Sums memory sums,
        Record storage record,
        uint256 account,
        uint256 schedule,
        uint256 word,
        uint256 secondsLate
    ) internal returns (uint256) {
        unchecked {
            uint256 fee = JobWord.fee(schedule);
            // refund << 128 and reserve
            uint256 paid = (sums.refund + sums.gasPrice * sums.taskGas) << 128;
            if (RunWord.isCall(word)) {
                paid += sums.gasPrice * ((CALL_GAS << 128) + JobWord.callbackGas(schedule));
            } else {
                // what shares are of is the rounded fee
                // slither-disable-next-line divide-before-multiply
                fee /= SKIP_DIVISOR;
            }
            {
                uint256 punctualSeconds = JobWord.punctualSeconds(schedule);
                if (punctualSeconds != 0 && secondsLate > punctualSeconds) fee /= LATE_DIVISOR;
            }
            uint256 gas = (paid >> 128) + uint128(paid);
            if (JobWord.hasToken(account)) {
                if (fee > JobWord.escrow(account) || !_chargeGas(record, gas)) return TOO_MUCH;
                gas = 0;
            } else if (fee + gas > JobWord.escrow(account)) {
                return TOO_MUCH;
            }
            sums.gasPaid += paid;
            uint256 protocol = fee * PROTOCOL_BPS / 10_000;
            fee -= protocol;
            uint256 cost = protocol + (fee * sums.signedStake + sums.totalStake - 1) / sums.totalStake;
            sums.earned += (fee << 128) | cost;
            return account - gas - cost;
        }
    }

    /// @dev Parts what all tasks have in common among them, in wei, up to what one pays of it at most.
    function _part(Sums memory sums, uint256 cost) internal pure {
        uint256 refund;
        // gas has 32 bits, its price 64, data fees 96; whole runs alone are counted, and there is one
        unchecked {
            refund = sums.refund + cost / sums.count;
        }
        sums.refund = refund > sums.mostRefund ? sums.mostRefund : refund;
    }

    /// @dev Who came or went since a currency's last settlement is noted in its ledger, which all tasks have in common, whoever's doing it
    /// is.
    function _payAhead(Certified calldata certified, Sums memory sums, address token) internal {
        uint256 gas = _noteAhead(certified.epoch, token, certified.absent);
        sums.notesAhead = gas != 0;
        if (gas != 0) _part(sums, sums.gasPrice * gas);
    }

    /// @dev Sums are written when the token changes: once for all tasks paid in one token, if they follow each other. What the ledger
    /// of the token to come costs, in gas, is of the first task that settles in it; that of the first one is common to all.
    function _changeToken(Certified calldata certified, Sums memory sums, uint256 account) internal {
        sums.isMixed = true;
        address token = JobWord.hasToken(account) ? sums.jobToken : address(0);
        if (token != sums.token) {
            if (sums.earned != 0) sums.hasEarned = true;
            _earn(certified.epoch, sums.token, sums.earned >> 128, uint128(sums.earned), certified.absent);
            (sums.token, sums.earned) = (token, 0);
            sums.enough =
                token == address(0) ? sums.mostGas + sums.mostPrice * (MAX_CALLBACK_GAS + LOG_GAS) : TOO_MUCH >> 1;
            sums.changeGas = 0;
            if (sums.hasEarned) sums.changeGas = _isUntouched(certified.epoch, token) ? FIRST_CHANGE_GAS : CHANGE_GAS;
            if (sums.notesAhead) _payAhead(certified, sums, token);
        }
        unchecked {
            sums.taskGas += sums.changeGas;
        }
    }
}
