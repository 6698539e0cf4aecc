// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Words} from "./libraries/Words.sol";
import {Kinds} from "./Kinds.sol";

/// @title Settling
/// @notice What a settlement does to jobs: each run once, charged, credited.
/// @dev The sums of a call are kept in memory and written once; arithmetic is unchecked where a task of a batch comes
/// through, with the bounds that make it safe beside it.
abstract contract Settling is Kinds {
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

    uint32 public constant EXPIRY_SECONDS = EXPIRY;
    /// @notice The protocol's share of a fee.
    uint256 public constant PROTOCOL_BPS = 500;
    /// @notice A skip or a job error costs this part of the fee: the code ran and was agreed on, nothing was called.
    uint256 public constant SKIP_DIVISOR = 4;
    /// @dev A run later than its job's punctuality term costs this part of it.
    uint256 private constant LATE_DIVISOR = 2;
    /// @dev Gas refunded for a task of a job that had one in the transaction before, see FIRST_TASK_GAS.
    uint256 private constant TASK_GAS = 3_235;
    /// @dev What of it is for noting a run: one with a hash for its key is metered with that.
    uint256 private constant NOTE_GAS = 150;
    /// @dev What reading a job costs at least where nothing of it was read before in a transaction, and what reading one slot does.
    uint256 private constant COLD_GAS = 4_000;
    uint256 private constant COLD_SLOT_GAS = 2_000;
    /// @dev What no escrow covers. Zero is a cost: a quarter of the smallest fees rounds to nothing.
    uint256 private constant TOO_MUCH = type(uint256).max;

    /* SETTLING */

    /// @inheritdoc IJobManager
    function settle(Certified calldata certified, bytes calldata runs)
        external
        onlyTaskManager
        returns (uint256 settled, bytes memory verdicts, bytes32 codeHash, uint256 refunded)
    {
        codeHash = _forwarderCodeHash;
        // whole runs alone count
        // slither-disable-next-line divide-before-multiply
        uint256 count = runs.length / RunWord.RUN_BYTES;
        // a word for each of them, and one for each call
        verdicts = new bytes(64 * count);
        // sums begin at zero
        // slither-disable-next-line uninitialized-local
        Sums memory sums;
        (sums.signedStake, sums.totalStake) = (certified.signedStake, certified.totalStake);
        sums.mostPrice = _mostPrice();
        sums.mostGas = sums.mostPrice * MOST_RUN_GAS + certified.dataFee;
        sums.enough = sums.mostGas + sums.mostPrice * (MAX_CALLBACK_GAS + LOG_GAS);
        sums.gasPrice = _refundPrice(sums.mostPrice, certified.submitter);
        if (sums.gasPrice != 0) {
            sums.mostRefund = sums.gasPrice * MOST_BATCH_GAS + certified.dataFee;
            sums.refund = (sums.gasPrice * certified.gasUsed + certified.dataFee) / count;
            if (sums.refund > sums.mostRefund) sums.refund = sums.mostRefund;
        }
        _gasPrice = sums.gasPrice;
        sums.callees = Words.place(verdicts, 32 * count);
        _settleAll(certified, sums, runs, verdicts, 32 * count);
        Words.shorten(verdicts, sums.callees - Words.place(verdicts, 0));
        settled = count - sums.refused;
        _earn(certified.epoch, sums.token, sums.earned >> 128, uint128(sums.earned), certified.absent);
        refunded = sums.gasPaid >> 128;
        if (refunded == 0) return (settled, verdicts, codeHash, 0);
        refunds[certified.submitter] += refunded;
        _reserved += uint128(sums.gasPaid);
    }

    /// @dev Writes the verdicts: a word for each of `runs`, which end at `end`.
    function _settleAll(
        Certified calldata certified,
        Sums memory sums,
        bytes calldata runs,
        bytes memory verdicts,
        uint256 end
    ) private {
        unchecked {
            uint256 from = 0;
            for (uint256 to = 0; to != end; to += 32) {
                uint256 word = Words.inCalldata(runs, from);
                uint256 run = Words.inCalldata(runs, from + 32);
                uint256 verdict = _settleRun(certified, sums, word, run);
                Words.put(verdicts, to, verdict);
                from += RunWord.RUN_BYTES;
                if (!RunWord.isSettled(verdict)) _spread(sums, (end - to) / 32);
            }
        }
    }

    /// @dev What one of the last `left` tasks did not pay is parted among those after it.
    function _spread(Sums memory sums, uint256 left) private pure {
        if (left == 1) return;
        uint256 refund = sums.refund * left / (left - 1);
        sums.refund = refund > sums.mostRefund ? sums.mostRefund : refund;
    }

    /// @dev What a gas is refunded at, in wei: what it cost, but not more than `price`, and nothing to those who are no
    /// operators, or no more.
    function _refundPrice(uint256 price, address submitter) internal view returns (uint256) {
        uint256 paid = _paidPrice();
        if (paid < price) price = paid;
        if (price != 0 && !_registry.isRegistered(submitter)) return 0;
        return price;
    }

    /// @dev What the transaction under way pays for a gas, in wei. Its own function for the measurements in Gas.t.sol: forge
    /// runs transactions of their own at no price, and a refund is part of what a settlement costs.
    function _paidPrice() internal view virtual returns (uint256) {
        return tx.gasprice;
    }

    /// @dev The two words of a job; what reading them cost tells whether it is its first task in the transaction.
    function _read(Sums memory sums, Record storage record) private view returns (uint256 account, uint256 schedule) {
        uint256 before = gasleft();
        (account, schedule) = _load(record);
        unchecked {
            sums.taskGas = before - gasleft() < COLD_GAS ? TASK_GAS : FIRST_TASK_GAS;
            if (JobWord.hasToken(account)) {
                before = gasleft();
                sums.jobToken = record.token;
                sums.taskGas += before - gasleft() < COLD_SLOT_GAS ? TOKEN_GAS : FIRST_TOKEN_GAS;
            }
        }
    }

    /// @dev Settles a run and returns the verdict on it, see RunWord.
    function _settleRun(Certified calldata certified, Sums memory sums, uint256 word, uint256 run)
        private
        returns (uint256)
    {
        Record storage record = _jobs[RunWord.jobId(word)];
        (uint256 account, uint256 schedule) = _read(sums, record);
        uint256 secondsLate = JobWord.secondsLate(schedule, run);
        // what nearly all runs are is never refused: of an active job and its version, without end and with the common quorum;
        // newer than all settled before, and due within the hour
        uint256 differs = JobWord.life(account) ^ RunWord.activeLife(word);
        differs |= JobWord.terms(schedule) ^ JobWord.PLAIN_TERMS;
        if (
            differs != 0 || run < JobWord.nextRun(account) || run > RunLog.MAX_RUN || secondsLate > EXPIRY_SECONDS
                || JobWord.mayClose(account, schedule, run, secondsLate, EXPIRY_SECONDS)
        ) {
            uint256 refusal;
            (refusal, account) = _check(sums, record, account, schedule, word, run);
            if (refusal != 0) return refusal;
            if (!JobWord.isByTime(schedule)) secondsLate = 0;
        } else {
            account = JobWord.withRun(account, run);
        }
        if (JobWord.hasToken(account) || sums.isMixed) _changeToken(certified, sums, account);
        uint256 charged = _charge(sums, record, account, schedule, word, secondsLate);
        if (charged == TOO_MUCH) {
            unchecked {
                sums.taskGas -= sums.changeGas;
            }
            account = _undo(sums, record, schedule, word, run);
            // once: whoever brings another one could have known
            if (JobWord.isCovered(account)) account = _takeRest(sums, record, account);
            _store(record.account, _mark(RunWord.jobId(word), account, false));
            return _refuse(sums, ITaskManager.Ineligible.Escrow);
        }
        sums.changeGas = 0;
        account = charged;
        unchecked {
            // enough in any case, where it is in coin
            if (JobWord.escrow(account) < sums.enough + JobWord.fee(schedule)) {
                account = _look(sums, record, account, schedule, word);
            }
        }
        _store(record.account, account);
        if (!RunWord.isCall(word)) return RunWord.settledSkip(secondsLate);
        // whether to tell of the callback: its gas is paid, or earlier ones failed
        bool metered = sums.gasPrice != 0 || JobWord.failures(account) != 0;
        uint256 callee = _callee(record);
        Words.store(sums.callees, RunWord.salt(callee));
        unchecked {
            sums.callees += 32;
        }
        return RunWord.settledCall(callee, secondsLate, JobWord.callbackGas(schedule), metered);
    }

    /// @dev Takes the mark away where too little is left for the next run; without a word yet where something was set aside for a
    /// callback, for what of that comes back may be enough: `conclude` looks again, and tells.
    function _look(Sums memory sums, Record storage record, uint256 account, uint256 schedule, uint256 word)
        private
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
    function _takeRest(Sums memory sums, Record storage record, uint256 account) private returns (uint256) {
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
    ) private returns (uint256) {
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

    /// @dev Sums are written when the token changes: once for all tasks paid in one token, if they follow each other. What the ledger
    /// of the token to come costs, in gas, is of the first task that settles in it; that of the first one is common to all.
    function _changeToken(Certified calldata certified, Sums memory sums, uint256 account) private {
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
        }
        unchecked {
            sums.taskGas += sums.changeGas;
        }
    }

    /// @dev Looks at a run that is not as nearly all are: the verdict on one that may not settle now, or zero and the account with it
    /// settled. What that cost is the job's.
    function _check(
        Sums memory sums,
        Record storage record,
        uint256 account,
        uint256 schedule,
        uint256 word,
        uint256 run
    ) private returns (uint256, uint256) {
        uint256 before = gasleft();
        if (JobWord.status(account) == uint8(Status.None)) {
            return (_refuse(sums, ITaskManager.Ineligible.JobUnknown), account);
        }
        if (JobWord.version(account) != RunWord.jobVersion(word)) {
            return (_refuse(sums, ITaskManager.Ineligible.Version), account);
        }
        uint256 refusal = _refusal(record, account, schedule, word, run);
        if (refusal != 0) {
            ++sums.refused;
            return (refusal, account);
        }
        if (!CertificateLib.reachesQuorum(sums.signedStake, sums.totalStake, JobWord.quorumBps(schedule))) {
            return (_refuse(sums, ITaskManager.Ineligible.Quorum), account);
        }
        bool hasKeys = JobWord.hasKeys(account);
        if (hasKeys) account = _note(RunWord.jobId(word), account, run);
        unchecked {
            uint256 used = before - gasleft();
            if (hasKeys) used -= NOTE_GAS;
            uint256 most = JobWord.isLog(schedule) ? CHECK_GAS + LOG_GAS : CHECK_GAS;
            sums.taskGas += used < most ? used : most;
        }
        return (0, hasKeys ? account : JobWord.withRun(account, run));
    }

    /// @dev The account of a run that cannot be paid as it was, and nothing kept of the run.
    function _undo(Sums memory sums, Record storage record, uint256 schedule, uint256 word, uint256 run)
        private
        returns (uint256)
    {
        if (JobWord.isLog(schedule)) {
            _forget(RunWord.jobId(word), run);
            // the chain gives back what it took for the slot, which is part of what was counted
            unchecked {
                sums.taskGas -= LOG_SLOT_GAS;
            }
        }
        return _load(record.account);
    }

    function _refuse(Sums memory sums, ITaskManager.Ineligible reason) private pure returns (uint256) {
        ++sums.refused;
        return RunWord.ineligible(uint8(reason));
    }
}
