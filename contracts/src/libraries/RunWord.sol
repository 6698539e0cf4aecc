// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../interfaces/IJobManager.sol";
import {Words} from "./Words.sol";

/// @title RunWord
/// @notice What submitters say of a run, what TaskManager and JobManager tell each other about it, and what events say
/// of it, in words: structs would cost every task of a batch thousands of gas more.
library RunWord {
    /* A RUN: job id << 192, version << 160, anchor << 96, status: 0 call, 1 skip, 2 job error. The anchor is its position
    in the batch where a submitter writes it, and its block number from there on; job, version and anchor are zero where
    that block is not on this chain or too old. Runs travel as three words each: this, instance key, outcome hash. */

    uint256 internal constant RUN_BYTES = 96;

    /// @notice Whether the anchor does not stand: all but the status is zero.
    function isAdrift(uint256 word) internal pure returns (bool) {
        return word >> 96 == 0;
    }

    function anchor(uint256 word) internal pure returns (uint64) {
        return uint64(word >> 96);
    }

    function wordAt(bytes memory runs, uint256 index) internal pure returns (uint256) {
        unchecked {
            return Words.get(runs, index * RUN_BYTES);
        }
    }

    function jobId(uint256 word) internal pure returns (uint64) {
        return uint64(word >> 192);
    }

    function jobVersion(uint256 word) internal pure returns (uint32) {
        return uint32(word >> 160);
    }

    /// @notice What JobWord.life gives for an active job of the run's version.
    function activeLife(uint256 word) internal pure returns (uint256) {
        return (uint256(IJobManager.Status.Active) << 32) | uint32(word >> 160);
    }

    /// @notice Whether the job wants its target called.
    function isCall(uint256 word) internal pure returns (bool) {
        return uint8(word) == 0;
    }

    /* A FACT, the word as events show it: a certified run's with its lateness (seconds << 16) and whether the target
    accepted (<< 8). */

    /* A VERDICT: target << 96, seconds late << 40, gas for the callback << 16, metered << 8, ineligible: reason + 1. After
    all of them come the salts of the forwarders that are to call. */

    function verdictAt(bytes memory verdicts, uint256 index) internal pure returns (uint256) {
        unchecked {
            return Words.get(verdicts, index * 32);
        }
    }

    /// @param callee its lowest 160 bits are the target
    function settledCall(uint256 callee, uint256 late, uint256 gas_, bool metered) internal pure returns (uint256) {
        return (callee << 96) | (late << 40) | (gas_ << 16) | (metered ? 1 << 8 : 0);
    }

    /// @notice The salt of the forwarder in what Records keeps beside the target.
    function salt(uint256 callee) internal pure returns (uint256) {
        return uint88(callee >> 160);
    }

    /// @notice The verdict on a settled run that calls nobody.
    function settledSkip(uint256 late) internal pure returns (uint256) {
        return late << 40;
    }

    function isMetered(uint256 verdict) internal pure returns (bool) {
        return uint8(verdict >> 8) != 0;
    }

    function ineligible(uint8 reason_) internal pure returns (uint256) {
        unchecked {
            return uint256(reason_) + 1;
        }
    }

    function reason(uint256 verdict) internal pure returns (uint8) {
        unchecked {
            return uint8(verdict) - 1;
        }
    }

    function isSettled(uint256 verdict) internal pure returns (bool) {
        return uint8(verdict) == 0;
    }

    /* A CALLBACK: job id << 192, gas limit << 128, gas used << 8, delivered */

    function gasLimit(uint256 word) internal pure returns (uint256) {
        return uint64(word >> 128);
    }

    function gasUsed(uint256 word) internal pure returns (uint256) {
        return uint64(word >> 8);
    }

    function delivered(uint256 word) internal pure returns (bool) {
        return word & 1 == 1;
    }
}
