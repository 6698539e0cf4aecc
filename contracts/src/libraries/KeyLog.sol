// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title KeyLog
/// @notice What is kept of one version of a job whose runs have hashes for keys, in 104 bits: the block in which one settled last
/// (40), how many more may (32), and the lowest bits of the key of the one that did last (32), highest first.
library KeyLog {
    uint256 private constant NO_END = type(uint32).max;

    /// @notice Nothing settled yet; zero: as many runs may as come.
    function begin(uint32 mostRuns) internal pure returns (uint104) {
        return uint104((mostRuns == 0 ? NO_END : mostRuns) << 32);
    }

    /// @notice How many more runs may settle.
    function left(uint256 log) internal pure returns (uint256) {
        return uint32(log >> 32);
    }

    /// @notice The block in which a run settled last; zero: none did.
    function lastBlock(uint256 log) internal pure returns (uint256) {
        return log >> 64;
    }

    /// @notice Whether `key` is that of the run that settled last; of four billion other keys one is taken for it.
    function isLast(uint256 log, uint256 key) internal pure returns (bool) {
        return lastBlock(log) != 0 && uint32(log) == uint32(key);
    }

    /// @notice The log with one run more; at least one must be left.
    function settle(uint256 log, uint256 key, uint256 number) internal pure returns (uint256) {
        unchecked {
            uint256 more = left(log);
            if (more != NO_END) --more;
            return (number << 64) | (more << 32) | uint32(key);
        }
    }
}
