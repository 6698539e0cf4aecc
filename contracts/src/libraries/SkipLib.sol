// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../interfaces/ITaskManager.sol";

/// @title SkipLib
/// @notice Tells of the skips and job errors that settled. By hand, since encoding an array of words would cost each of
/// them more than all the rest of this.
library SkipLib {
    /// @notice `all`: nothing but settled skips and job errors is in `runs`.
    function tell(bytes memory runs, bytes memory verdicts, bool all) internal {
        bytes32 topic = ITaskManager.TasksSkipped.selector;
        bytes memory data = facts(runs, verdicts, all);
        // the place of the array, and its length
        if (data.length == 64) return;
        assembly ("memory-safe") {
            log2(add(data, 32), mload(data), topic, caller())
        }
    }

    /// @notice The event's data: the facts (see RunWord) of what was settled and called nobody, as an array of words.
    function facts(bytes memory runs, bytes memory verdicts, bool all) internal pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            let to := add(data, 96)
            let verdict := add(verdicts, 32)
            let from := add(runs, 32)
            if all {
                mcopy(to, from, mload(runs))
                // a skip's verdict is its lateness and nothing else
                for { let end := add(to, mload(runs)) } lt(to, end) { to := add(to, 96) } {
                    mstore(to, or(mload(to), shr(24, mload(verdict))))
                    verdict := add(verdict, 32)
                }
            }
            if iszero(all) {
                for { let end := add(from, mload(runs)) } lt(from, end) { from := add(from, 96) } {
                    if and(gt(and(mload(from), 3), 0), iszero(and(mload(verdict), 0xff))) {
                        mcopy(to, from, 96)
                        mstore(to, or(mload(to), shr(24, mload(verdict))))
                        to := add(to, 96)
                    }
                    verdict := add(verdict, 32)
                }
            }
            mstore(0x40, to)
            // its length; where the array begins, how many words it has
            mstore(data, sub(to, add(data, 32)))
            mstore(add(data, 32), 32)
            mstore(add(data, 64), shr(5, sub(to, add(data, 96))))
        }
    }
}
