// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Words} from "./libraries/Words.sol";
import {Charging} from "./Charging.sol";

/// @title Settling
/// @notice What a settlement does to jobs: each run once, charged (see Charging), credited.
/// @dev The sums of a call are kept in memory and written once; arithmetic is unchecked where a task of a batch comes
/// through, with the bounds that make it safe beside it.
abstract contract Settling is Charging {
    /* CONSTANTS */

    uint32 public constant EXPIRY_SECONDS = EXPIRY;
    /// @dev Gas refunded for a task of a job that had one in the transaction before, see FIRST_TASK_GAS.
    uint256 private constant TASK_GAS = 3_235;
    /// @dev What of it is for noting a run: one with a hash for its key is metered with that.
    uint256 private constant NOTE_GAS = 150;
    /// @dev What reading a job costs at least where nothing of it was read before in a transaction, and what reading one slot does.
    uint256 private constant COLD_GAS = 4_000;
    uint256 private constant COLD_SLOT_GAS = 2_000;

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
            sums.count = count;
            _part(sums, sums.gasPrice * certified.gasUsed + certified.dataFee);
            sums.notesAhead = true;
            if (!_isFirstInToken(runs)) _payAhead(certified, sums, address(0));
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

    /// @dev Whether the first job pays in a token. That it was asked whether its run is settled has read what says so.
    function _isFirstInToken(bytes calldata runs) private view returns (bool) {
        return JobWord.hasToken(_load(_jobs[RunWord.jobId(Words.inCalldata(runs, 0))].account));
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
