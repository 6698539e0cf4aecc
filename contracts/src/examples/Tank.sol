// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Tank
/// @notice A condition that holds now and then: anybody drains the tank, and a job refills it.
contract Tank {
    bool public isLow;
    /// @notice How often each forwarder refilled it, and how often it was low when that came.
    mapping(address forwarder => uint256) public counts;
    uint256 public drained;
    uint256 public refilled;

    function drain() external {
        isLow = true;
        ++drained;
    }

    function fill() external {
        ++counts[msg.sender];
        if (isLow) ++refilled;
        isLow = false;
    }
}
