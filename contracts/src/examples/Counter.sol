// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Counter
/// @notice The simplest target: counts how often each forwarder called it.
contract Counter {
    mapping(address forwarder => uint256) public counts;
    mapping(address forwarder => uint256) public lastValue;
    uint256 public total;

    event Counted(address indexed forwarder, uint256 count, uint256 total);
    event Recorded(address indexed forwarder, uint256 value);

    function increment() external {
        _count();
    }

    /// @notice Counts, and keeps the value that the job worked out.
    function record(uint256 value) external {
        lastValue[msg.sender] = value;
        emit Recorded(msg.sender, value);
        _count();
    }

    function _count() private {
        emit Counted(msg.sender, ++counts[msg.sender], ++total);
    }
}
