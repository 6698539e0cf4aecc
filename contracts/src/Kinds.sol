// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {KeyLog} from "./libraries/KeyLog.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Concluding} from "./Concluding.sol";

/// @title Kinds
/// @notice What the kinds of triggers ask of a run before it settles, and what is kept of it. Nearly all runs are of active jobs by
/// time and do not come here, see {Settling}.
/// @dev Time triggers have runs with a moment, and so has one by blocks, counted in blocks: a {RunLog} keeps them apart. A log has a
/// hash for its key and a slot of its own. A condition has the hash of a block for its key: no two of its runs settle, since the
/// anchor of each lies at or after the block in which the last one settled, and the cooldown besides; the key itself is believed, as
/// the quorum signed it.
abstract contract Kinds is Concluding {
    /* STORAGE: AFTER ALL OTHER */

    /// @dev Whether a job's run for a log has settled, in whichever version.
    mapping(uint64 jobId => mapping(uint256 key => bool)) private _logs;

    /* WHAT IS SETTLED */

    /// @dev Whether a run whose key is a hash is known to have settled.
    function _isKept(uint64 jobId, uint256 account, uint256 key) internal view returns (bool) {
        return JobWord.hasLogs(account) ? _logs[jobId][key] : KeyLog.isLast(JobWord.runs(account), key);
    }

    /// @dev The account with such a run settled.
    function _note(uint64 jobId, uint256 account, uint256 key) internal returns (uint256) {
        uint256 number = 0;
        if (JobWord.hasLogs(account)) _logs[jobId][key] = true;
        else number = Chain.number(_chainKind);
        return JobWord.withRuns(account, KeyLog.settle(JobWord.runs(account), key, number));
    }

    /// @dev Takes back what `_note` wrote.
    function _forget(uint64 jobId, uint256 key) internal {
        _logs[jobId][key] = false;
    }

    /* WHAT MAY SETTLE */

    /// @dev The verdict on a run of the job's present version that may not settle now; else zero.
    function _refusal(Record storage record, uint256 account, uint256 schedule, uint256 word, uint256 run)
        internal
        view
        returns (uint256)
    {
        if (JobWord.hasKeys(account)) return _ofKey(account, schedule, word, run);
        bool isByTime = JobWord.isByTime(schedule);
        if (RunLog.isSettled(JobWord.runs(account), run)) return _because(ITaskManager.Ineligible.Duplicate);
        if (run > RunLog.MAX_RUN) return _because(ITaskManager.Ineligible.NotDue);
        if (JobWord.hasMostRuns(schedule) && run >= record.mostRuns) return _because(ITaskManager.Ineligible.Inactive);
        // seconds, or blocks
        uint256 current = isByTime ? block.timestamp : Chain.number(_chainKind);
        uint256 due = JobWord.due(schedule, run);
        if (due > current) return _because(ITaskManager.Ineligible.NotDue);
        if (isByTime ? _isAfterEnd(schedule, due, 0) : _isAfterEnd(schedule, block.timestamp, EXPIRY)) {
            return _because(ITaskManager.Ineligible.Inactive);
        }
        unchecked {
            if (current - due > EXPIRY) return _because(ITaskManager.Ineligible.Expired);
        }
        // what is given up is in nobody's way
        if (JobWord.givesUp(schedule)) return 0;
        uint256 oldest = JobWord.oldestOpen(schedule, current, EXPIRY);
        if (!RunLog.closes(JobWord.runs(account), run, oldest)) return 0;
        return _because(ITaskManager.Ineligible.OutOfOrder);
    }

    /// @dev Whether a moment is more than so many seconds after the job's end.
    function _isAfterEnd(uint256 schedule, uint256 moment, uint256 grace) private pure returns (bool) {
        uint256 inactiveFrom = JobWord.inactiveFrom(schedule);
        unchecked {
            return inactiveFrom != 0 && moment > inactiveFrom + grace;
        }
    }

    function _ofKey(uint256 account, uint256 schedule, uint256 word, uint256 key) private view returns (uint256) {
        if (_isKept(RunWord.jobId(word), account, key)) return _because(ITaskManager.Ineligible.Duplicate);
        uint256 log = JobWord.runs(account);
        if (KeyLog.left(log) == 0 || _isAfterEnd(schedule, block.timestamp, EXPIRY)) {
            return _because(ITaskManager.Ineligible.Inactive);
        }
        // a hash is no run number, and nothing comes before the job does
        bool isDue = key > RunLog.MAX_RUN && block.timestamp >= JobWord.start(schedule);
        // of a log it is zero, and there is no cooldown
        uint256 last = KeyLog.lastBlock(log);
        if (last != 0 && RunWord.anchor(word) < last + JobWord.interval(schedule)) isDue = false;
        return isDue ? 0 : _because(ITaskManager.Ineligible.NotDue);
    }

    function _because(ITaskManager.Ineligible reason) internal pure returns (uint256) {
        return RunWord.ineligible(uint8(reason));
    }
}
