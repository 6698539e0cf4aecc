// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title RunLog
/// @notice Which runs of one version of a job are settled, in one word: the upper 64 bits hold the highest settled run
/// plus one, bit i of the lower 192 stands for the run i + 1 below the highest. So a late run settles after a newer one,
/// and every run settles at most once. Runs below the window count as settled: they can settle no more.
library RunLog {
    uint256 internal constant WINDOW = 192;
    uint256 private constant MASK = (1 << WINDOW) - 1;

    function isSettled(uint256 word, uint64 run) internal pure returns (bool) {
        uint256 next = word >> WINDOW;
        if (run >= next) return false;
        if (run == next - 1) return true;
        uint256 below = next - 2 - run;
        return below >= WINDOW || (word >> below) & 1 == 1;
    }

    /// @notice The word with `run` settled; `run` must not be settled yet.
    function settle(uint256 word, uint64 run) internal pure returns (uint256) {
        uint256 next = word >> WINDOW;
        if (run < next) return word | (1 << (next - 2 - run));
        uint256 bits = 0;
        if (next != 0) {
            // the old highest run becomes a bit, `step - 1` below the new one
            uint256 step = uint256(run) + 1 - next;
            if (step <= WINDOW) bits = (((word & MASK) << step) | (1 << (step - 1))) & MASK;
        }
        return ((uint256(run) + 1) << WINDOW) | bits;
    }
}
