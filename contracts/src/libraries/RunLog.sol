// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title RunLog
/// @notice Which runs of one version of a job are settled, in 104 bits: the upper 40 hold the highest settled run plus
/// one, bit i of the lower 64 stands for the run i + 1 below the highest. So a late run settles after a newer one, and
/// every run settles at most once. Runs below the window count as settled: they can settle no more.
library RunLog {
    uint256 internal constant WINDOW = 64;
    /// @notice The highest run that fits: one a second for 34,000 years.
    uint256 internal constant MAX_RUN = (1 << 40) - 2;

    /// @notice The highest settled run plus one; nothing from there on is settled.
    function next(uint256 log) internal pure returns (uint256) {
        return log >> WINDOW;
    }

    function isSettled(uint256 log, uint256 run) internal pure returns (bool) {
        unchecked {
            uint256 end = next(log);
            if (run >= end) return false;
            if (run == end - 1) return true;
            uint256 below = end - 2 - run;
            return below >= WINDOW || (log >> below) & 1 == 1;
        }
    }

    /// @notice The log with `run` settled; `run` must not be settled yet and at most MAX_RUN.
    /// @dev A newer run becomes the highest and the old highest a bit; of an empty log that is run -1, which nobody asks
    /// for. An older run becomes a bit.
    function settle(uint256 log, uint256 run) internal pure returns (uint256) {
        unchecked {
            uint256 end = next(log);
            if (run < end) return log | (1 << (end - 2 - run));
            uint256 step = run - end;
            return ((run + 1) << WINDOW) | uint64(((log << 1) | 1) << step);
        }
    }

    /// @notice Whether a run from `oldest` on that is not settled could settle no more once `run` is.
    function closes(uint256 log, uint256 run, uint256 oldest) internal pure returns (bool) {
        unchecked {
            uint256 end = next(log);
            // what is not below the window of `run` stays open
            if (run < end || run <= WINDOW || oldest + WINDOW >= run) return false;
            uint256 step = run - end;
            if (step > WINDOW) return true;
            // the uppermost bits leave, of `oldest` and the runs after it; the highest run was settled
            uint256 lowest = end > WINDOW ? end - 1 - WINDOW : 0;
            if (oldest > lowest) lowest = oldest;
            if (lowest + 1 >= end) return false;
            uint256 leaving = (2 << (end - 2 - lowest)) - (step == WINDOW ? 1 : 1 << (WINDOW - 1 - step));
            return uint64(log) & leaving != leaving;
        }
    }
}
