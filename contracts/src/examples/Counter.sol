// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Counter
/// @notice The simplest target: counts how often each forwarder called it.
contract Counter {
    mapping(address forwarder => uint256) public counts;
    mapping(address forwarder => uint256) public lastValue;

    function increment() external {
        ++counts[msg.sender];
    }

    /// @notice Counts, and keeps the value that the job worked out.
    function record(uint256 value) external {
        ++counts[msg.sender];
        lastValue[msg.sender] = value;
    }
}
