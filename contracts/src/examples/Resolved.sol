// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Resolved
/// @notice A task in the manner of Gelato: it says itself whether, and with what, it wants to be called.
contract Resolved {
    uint256 private constant EVERY = 5;

    mapping(address forwarder => uint256) public counts;
    uint256 public executed;
    uint256 public executedAt;

    error NotNext(uint256 next);

    function checker() external view returns (bool canExec, bytes memory execPayload) {
        if (block.timestamp < executedAt + EVERY) return (false, bytes("too early"));
        return (true, abi.encodeCall(this.exec, (executed + 1)));
    }

    function exec(uint256 number) external {
        if (number != executed + 1) revert NotNext(executed + 1);
        ++counts[msg.sender];
        (executed, executedAt) = (number, block.timestamp);
    }
}
