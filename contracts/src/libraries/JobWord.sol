// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../interfaces/IJobManager.sol";
import {CertificateLib} from "./CertificateLib.sol";
import {RunLog} from "./RunLog.sol";

/// @title JobWord
/// @notice The two slots of a job that every settlement reads, as words: read and written at once, where the compiler
/// would do so field by field. See {Records} for the fields.
library JobWord {
    /// @notice Marks of an account: its runs are for logs, or blocks in which a condition held. Besides 1, it pays in a token, and 2, it can
    /// pay for its next run.
    uint8 internal constant LOGS = 4;
    uint8 internal constant SEEN = 8;
    /// @notice Bits of a schedule's kind: the trigger's number; no moment is due; so many runs at most; missed runs are given up.
    uint8 internal constant TRIGGER = 0x07;
    uint8 internal constant UNTIMED = 0x40;
    uint8 internal constant COUNTED = 0x20;
    uint8 internal constant GIVES_UP = 0x80;
    uint256 private constant TERMS =
        (uint256(type(uint16).max) << 216) | (uint256(type(uint40).max) << 152) | (uint256(UNTIMED | GIVES_UP) << 248);
    /// @notice The common quorum, no end, runs by time that are made up for.
    uint256 internal constant PLAIN_TERMS = uint256(CertificateLib.MIN_QUORUM_BPS) << 216;

    /* ACCOUNT: escrow (96 bits), version (32), status (8), marks (8), failures (8), runs (104), lowest first */

    function escrow(uint256 account) internal pure returns (uint256) {
        return uint96(account);
    }

    function version(uint256 account) internal pure returns (uint256) {
        return uint32(account >> 96);
    }

    function status(uint256 account) internal pure returns (uint256) {
        return uint8(account >> 128);
    }

    function hasToken(uint256 account) internal pure returns (bool) {
        return (account >> 136) & 1 != 0;
    }

    /// @notice Whether it can pay for its next run, see Covering.
    function isCovered(uint256 account) internal pure returns (bool) {
        return (account >> 137) & 1 != 0;
    }

    function withCovered(uint256 account, bool covered) internal pure returns (uint256) {
        uint256 mark = uint256(1) << 137;
        return covered ? account | mark : account & ~mark;
    }

    /// @notice Whether the keys of its runs are hashes, see KeyLog; else they are numbers, see RunLog.
    function hasKeys(uint256 account) internal pure returns (bool) {
        return (account >> 138) & 3 != 0;
    }

    /// @notice Whether they are those of logs; else of blocks.
    function hasLogs(uint256 account) internal pure returns (bool) {
        return (account >> 138) & 1 != 0;
    }

    function failures(uint256 account) internal pure returns (uint256) {
        return uint8(account >> 144);
    }

    function runs(uint256 account) internal pure returns (uint256) {
        return account >> 152;
    }

    /// @notice Status and version, as one number: what RunWord.activeLife gives for an active job of the run's version.
    function life(uint256 account) internal pure returns (uint256) {
        return uint40(account >> 96);
    }

    /// @notice The highest settled run plus one, see RunLog.
    function nextRun(uint256 account) internal pure returns (uint256) {
        return uint40(account >> 216);
    }

    /// @notice The account with `run` settled, see RunLog.
    function withRun(uint256 account, uint256 run) internal pure returns (uint256) {
        return uint152(account) | (RunLog.settle(account >> 152, run) << 152);
    }

    function withRuns(uint256 account, uint256 runs_) internal pure returns (uint256) {
        return uint152(account) | (runs_ << 152);
    }

    function withStatus(uint256 account, uint256 status_) internal pure returns (uint256) {
        return (account & ~(uint256(0xff) << 128)) | (status_ << 128);
    }

    function withFailures(uint256 account, uint256 failures_) internal pure returns (uint256) {
        return (account & ~(uint256(0xff) << 144)) | (failures_ << 144);
    }

    /* SCHEDULE: fee (80), start (40), interval (32), inactive from (40), callback gas (24), quorum (16), punctual seconds
    (16), kind (8), lowest first */

    function fee(uint256 schedule) internal pure returns (uint256) {
        return uint80(schedule);
    }

    function start(uint256 schedule) internal pure returns (uint256) {
        return uint40(schedule >> 80);
    }

    function interval(uint256 schedule) internal pure returns (uint256) {
        return uint32(schedule >> 120);
    }

    function inactiveFrom(uint256 schedule) internal pure returns (uint256) {
        return uint40(schedule >> 152);
    }

    /// @notice When `run`, at most RunLog.MAX_RUN, is due, in unix seconds or blocks.
    function due(uint256 schedule, uint256 run) internal pure returns (uint256) {
        unchecked {
            return start(schedule) + run * interval(schedule);
        }
    }

    /// @notice How long ago `run`, at most RunLog.MAX_RUN, was due; huge if it is not due yet.
    function secondsLate(uint256 schedule, uint256 run) internal view returns (uint256) {
        unchecked {
            return block.timestamp - start(schedule) - run * interval(schedule);
        }
    }

    /// @notice The oldest run that has not expired; `current` is now, in what runs are due in.
    function oldestOpen(uint256 schedule, uint256 current, uint256 expiry) internal pure returns (uint256) {
        unchecked {
            uint256 first = start(schedule) + expiry;
            if (current <= first) return 0;
            return (current - first + interval(schedule) - 1) / interval(schedule);
        }
    }

    /// @notice Whether RunLog.closes is to be asked before `run`, newer than all settled ones, settles: not where the newest
    /// run that it closes has expired, nor where it is the next run and that one is settled.
    function mayClose(uint256 account, uint256 schedule, uint256 run, uint256 late, uint256 expirySeconds)
        internal
        pure
        returns (bool)
    {
        unchecked {
            if (run <= RunLog.WINDOW || late + (RunLog.WINDOW + 1) * interval(schedule) > expirySeconds) return false;
            return run != nextRun(account) || (account >> 215) & 1 == 0;
        }
    }

    /// @notice Quorum, end and two bits of the kind, as they lie: `PLAIN_TERMS` in nearly every job.
    function terms(uint256 schedule) internal pure returns (uint256) {
        return schedule & TERMS;
    }

    function callbackGas(uint256 schedule) internal pure returns (uint256) {
        return uint24(schedule >> 192);
    }

    function quorumBps(uint256 schedule) internal pure returns (uint16) {
        return uint16(schedule >> 216);
    }

    function punctualSeconds(uint256 schedule) internal pure returns (uint256) {
        return uint16(schedule >> 232);
    }

    /// @notice The number of the trigger.
    function trigger(uint256 schedule) internal pure returns (uint256) {
        return (schedule >> 248) & TRIGGER;
    }

    function isLog(uint256 schedule) internal pure returns (bool) {
        return (schedule >> 248) & TRIGGER == uint256(IJobManager.Trigger.Log);
    }

    /// @notice Whether its runs are due at moments.
    function isByTime(uint256 schedule) internal pure returns (bool) {
        return (schedule >> 248) & UNTIMED == 0;
    }

    /// @notice Whether the record says how many of its runs may settle: one by blocks alone, as others need not look there.
    function hasMostRuns(uint256 schedule) internal pure returns (bool) {
        return (schedule >> 248) & COUNTED != 0;
    }

    /// @notice Whether runs that were missed are given up.
    function givesUp(uint256 schedule) internal pure returns (bool) {
        return (schedule >> 248) & GIVES_UP != 0;
    }
}
