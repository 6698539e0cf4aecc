// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title RunWord
/// @notice What TaskManager and JobManager tell each other about a run, and what events say of it, in words: structs
/// would cost every task of a batch a thousand gas more.
library RunWord {
    /* A CERTIFIED RUN: job id << 192, version << 160, anchor's block number << 96, status; its instance key follows */

    function certified(uint64 job, uint32 version, uint64 anchorNumber, uint8 status_) internal pure returns (uint256) {
        return (uint256(job) << 192) | (uint256(version) << 160) | (uint256(anchorNumber) << 96) | status_;
    }

    function jobId(uint256 word) internal pure returns (uint64) {
        return uint64(word >> 192);
    }

    function jobVersion(uint256 word) internal pure returns (uint32) {
        return uint32(word >> 160);
    }

    function status(uint256 word) internal pure returns (uint8) {
        return uint8(word);
    }

    /// @notice The word as events show it: a certified run's with its lateness (seconds << 16) and whether the target
    /// accepted (<< 8).
    function fact(uint256 word, uint256 late, bool accepted) internal pure returns (uint256) {
        return word | (late << 16) | (accepted ? 256 : 0);
    }

    /* A VERDICT: target << 96, seconds late << 40, gas for the callback << 16, metered << 8, ineligible: reason + 1 */

    function settled(address target_, uint256 late, uint24 gasLimit, bool metered_) internal pure returns (uint256) {
        return (uint256(uint160(target_)) << 96) | (late << 40) | (uint256(gasLimit) << 16) | (metered_ ? 256 : 0);
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

    function target(uint256 verdict) internal pure returns (address) {
        return address(uint160(verdict >> 96));
    }

    function secondsLate(uint256 verdict) internal pure returns (uint256) {
        return uint40(verdict >> 40);
    }

    function callbackGas(uint256 verdict) internal pure returns (uint32) {
        return uint24(verdict >> 16);
    }

    /// @notice Whether the JobManager wants to know what the callback used and whether it succeeded.
    function metered(uint256 verdict) internal pure returns (bool) {
        return (verdict >> 8) & 1 == 1;
    }

    /* A CALLBACK: job id << 192, gas used << 8, delivered */

    function callback(uint64 job, uint256 used, bool accepted) internal pure returns (uint256) {
        return (uint256(job) << 192) | (used << 8) | (accepted ? 1 : 0);
    }

    function gasUsed(uint256 word) internal pure returns (uint256) {
        return uint64(word >> 8);
    }

    function delivered(uint256 word) internal pure returns (bool) {
        return word & 1 == 1;
    }
}
