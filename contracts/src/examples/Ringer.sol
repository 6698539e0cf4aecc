// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Counter} from "./Counter.sol";

/// @title Ringer
/// @notice Emits logs for jobs that wait for some, and counts what comes of them.
contract Ringer is Counter {
    /// @notice How often it rang; the last one's number.
    uint256 public rings;

    event Rang(uint256 indexed number, address indexed by);

    /// @notice Rings `n` times: as many logs in one transaction.
    function ring(uint256 n) external {
        for (uint256 i = 0; i < n; ++i) {
            emit Rang(++rings, msg.sender);
        }
    }
}
