// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {KeyLog} from "./libraries/KeyLog.sol";
import {Words} from "./libraries/Words.sol";
import {Records} from "./Records.sol";

/// @title Triggers
/// @notice What each kind of trigger may be asked for, what is kept of it, and how it begins: when the job is listed, and with each
/// later version.
/// @dev Data must be what `abi.encode` gives, to the byte: keepers read it in programs of their own, and one that is lenient where
/// another is not would part them.
abstract contract Triggers is Records {
    /// @dev The interval of a one-shot job: settling it is settling run 0 of any other, and run 1 is due in 136 years.
    uint256 private constant NEVER_AGAIN = type(uint32).max;
    uint256 private constant MINUTE = 60;
    /// @dev Five fields and four spaces at the least.
    uint256 private constant MIN_PATTERN_BYTES = 9;
    uint256 private constant MAX_PATTERN_BYTES = 120;
    uint256 private constant MAX_CONFIRMATIONS = 64;
    uint256 private constant MAX_LOGS_PER_BLOCK = 256;
    uint256 private constant MAX_CALL_BYTES = 4096;

    Chain.Kind internal immutable _chainKind;

    constructor() {
        _chainKind = Chain.kind();
    }

    /* DATA */

    /// @dev Start and interval of a schedule as data gives them; start is zero where data has none.
    function _read(IJobManager.Trigger trigger, bytes calldata data)
        internal
        view
        returns (uint256 start, uint256 interval)
    {
        bool isSound;
        if (trigger == IJobManager.Trigger.Log) {
            isSound = _isFilter(data);
        } else if (trigger == IJobManager.Trigger.Cron) {
            // run k is minute k since 1970, and which of them count is the keepers' to know
            (isSound, interval) = (_isPattern(data), MINUTE);
        } else if (trigger == IJobManager.Trigger.Condition) {
            isSound = _isCondition(data);
            if (isSound) interval = _word(data, 2);
        } else {
            bool isOnce = trigger == IJobManager.Trigger.OneShot;
            if (data.length != (isOnce ? 32 : 64)) revert IJobManager.InvalidTrigger();
            (start, interval) = (_word(data, 0), isOnce ? NEVER_AGAIN : _word(data, 1));
            uint256 current = trigger == IJobManager.Trigger.Blocks ? Chain.number(_chainKind) : block.timestamp;
            // the first run must lie ahead: a start in the past would make all runs since then due at once
            isSound = start > current && start <= type(uint40).max;
        }
        if (!isSound) revert IJobManager.InvalidTrigger();
        bool needsInterval = trigger != IJobManager.Trigger.Log;
        if ((interval == 0 && needsInterval) || interval > NEVER_AGAIN) revert IJobManager.InvalidInterval();
    }

    /// @dev Five fields of a pattern, as far as can be seen without knowing what they mean: `abi.encode(string)`.
    function _isPattern(bytes calldata data) private pure returns (bool isSound) {
        isSound = _endsWithBytes(data, 1, MAX_PATTERN_BYTES) && _word(data, 0) == 32;
        if (!isSound) return false;
        uint256 length = _word(data, 1);
        for (uint256 i = 0; i < length; ++i) {
            if (data[64 + i] < 0x20 || data[64 + i] > 0x7e) return false;
        }
        return length >= MIN_PATTERN_BYTES;
    }

    /// @dev Emitter, which topics must be as given, the four, confirmations, logs a block: `abi.encode` of these. What is not asked for
    /// is not given.
    function _isFilter(bytes calldata data) private pure returns (bool) {
        if (data.length != 256) return false;
        uint256 filter = _word(data, 1);
        for (uint256 i = 0; i < 4; ++i) {
            if ((filter >> i) & 1 == 0 && _word(data, 2 + i) != 0) return false;
        }
        uint256 mostPerBlock = _word(data, 7);
        return _isAddress(data) && filter >> 4 == 0 && _word(data, 6) <= MAX_CONFIRMATIONS && mostPerBlock != 0
            && mostPerBlock <= MAX_LOGS_PER_BLOCK;
    }

    /// @dev Whom to call with what, and the cooldown: `abi.encode(address, bytes, uint32)`.
    function _isCondition(bytes calldata data) private pure returns (bool) {
        return _endsWithBytes(data, 3, MAX_CALL_BYTES) && _isAddress(data) && _word(data, 1) == 96;
    }

    /// @dev Whom to call with what: `abi.encode(address, bytes)`. The action that takes this says how long it may be.
    function _isCall(bytes calldata data) internal pure returns (bool) {
        return _endsWithBytes(data, 2, data.length) && _isAddress(data) && _word(data, 1) == 64;
    }

    function _word(bytes calldata data, uint256 index) private pure returns (uint256) {
        return Words.inCalldata(data, 32 * index);
    }

    function _isAddress(bytes calldata data) private pure returns (bool) {
        uint256 word = _word(data, 0);
        return word != 0 && word >> 160 == 0;
    }

    /// @dev Whether data ends with bytes, at most so many, whose length is the word at `index`, filled up with zeros.
    function _endsWithBytes(bytes calldata data, uint256 index, uint256 most) private pure returns (bool) {
        unchecked {
            uint256 from = 32 * (index + 1);
            if (data.length < from) return false;
            uint256 length = _word(data, index);
            // up to whole words
            // slither-disable-next-line divide-before-multiply
            if (length > most || data.length != from + (length + 31) / 32 * 32) return false;
            // of the last word, if there is any, what is no more of them
            return length % 32 == 0 || _word(data, index + 1 + length / 32) << (8 * (length % 32)) == 0;
        }
    }

    /* LIMITS */

    /// @dev Of a trigger without a due second nothing is late; of one by the calendar the chain counts no runs.
    function _checkLimits(IJobManager.JobParams calldata params) internal view {
        IJobManager.Trigger trigger = params.trigger;
        if (params.punctualSeconds != 0 && !_isByTime(trigger)) revert IJobManager.InvalidLimits();
        if (params.mostRuns != 0 && trigger == IJobManager.Trigger.Cron) revert IJobManager.InvalidLimits();
        uint256 until = params.until;
        if (until != 0 && (until <= block.timestamp || until > type(uint40).max)) revert IJobManager.InvalidLimits();
    }

    function _isByTime(IJobManager.Trigger trigger) internal pure returns (bool) {
        return trigger == IJobManager.Trigger.Interval || trigger == IJobManager.Trigger.Cron
            || trigger == IJobManager.Trigger.OneShot;
    }

    function _kindOf(IJobManager.JobParams calldata params) internal pure returns (uint8 kind) {
        kind = uint8(params.trigger);
        if (!_isByTime(params.trigger)) kind |= JobWord.UNTIMED;
        if (params.missed != IJobManager.Missed.All) kind |= JobWord.GIVES_UP;
        // of an interval it is an end, and of a log or a condition it is counted beside the runs
        if (params.trigger == IJobManager.Trigger.Blocks && params.mostRuns != 0) kind |= JobWord.COUNTED;
    }

    /* BEGINNINGS */

    /// @dev Makes a version ready to begin, `notice` seconds from now, and says when it does: the moment of its first run, or from when on
    /// there are any; of one by blocks the first of them. Start, interval, kind and limits stand in the record.
    function _begin(Record storage record, uint256 notice) internal returns (uint64 from) {
        Schedule storage schedule = record.schedule;
        IJobManager.Trigger trigger = _triggerOf(record);
        uint256 moment = block.timestamp + notice;
        record.account.runs = 0;
        if (trigger == IJobManager.Trigger.Log || trigger == IJobManager.Trigger.Condition) {
            schedule.start = uint40(moment);
            record.account.runs = KeyLog.begin(record.mostRuns);
        } else if (trigger == IJobManager.Trigger.Cron) {
            uint256 minute = moment / MINUTE + 1;
            moment = minute * MINUTE;
            record.firstMinute = uint40(moment);
            // all before are over
            record.account.runs = uint104((minute << 64) | type(uint64).max);
        } else if (trigger != IJobManager.Trigger.Blocks) {
            moment = schedule.start;
        }
        uint40 until = record.until;
        if (until != 0 && until < moment) revert IJobManager.InvalidLimits();
        schedule.inactiveFrom = _endOf(record, trigger);
        return trigger == IJobManager.Trigger.Blocks ? schedule.start : uint64(moment);
    }

    /// @dev The last moment at which a run may be due; zero: there is none. So many runs in a rhythm are over at a moment.
    function _endOf(Record storage record, IJobManager.Trigger trigger) private view returns (uint40 end) {
        end = record.until;
        uint256 mostRuns = record.mostRuns;
        if (mostRuns == 0 || trigger != IJobManager.Trigger.Interval) return end;
        uint256 last = record.schedule.start + (mostRuns - 1) * uint256(record.schedule.interval);
        if (last > type(uint40).max) last = type(uint40).max;
        return end == 0 || last < end ? uint40(last) : end;
    }

    function _triggerOf(Record storage record) internal view returns (IJobManager.Trigger) {
        (, uint256 schedule) = _load(record);
        return IJobManager.Trigger(JobWord.trigger(schedule));
    }
}
