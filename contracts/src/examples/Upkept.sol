// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A log as Chainlink Automation hands it over.
struct Log {
    uint256 index;
    uint256 timestamp;
    bytes32 txHash;
    uint256 blockNumber;
    bytes32 blockHash;
    address source;
    bytes32[] topics;
    bytes data;
}

/// @title Upkept
/// @notice An upkeep in the manner of Chainlink Automation, by time and by log.
contract Upkept {
    mapping(address forwarder => uint256) public counts;
    uint256 public performedAt;
    /// @notice Hash of what it was performed with last.
    bytes32 public lastHash;

    /// @param checkData abi.encode(uint256 seconds): how long after the last time it is needed again
    function checkUpkeep(bytes calldata checkData) external view returns (bool needed, bytes memory performData) {
        needed = block.timestamp >= performedAt + abi.decode(checkData, (uint256));
        performData = abi.encode(block.number);
    }

    /// @notice Every log is worth it but those with an odd number for their first topic besides the event's own.
    function checkLog(Log calldata log, bytes calldata) external pure returns (bool needed, bytes memory performData) {
        return (log.topics.length > 1 && uint256(log.topics[1]) % 2 == 0, abi.encode(log.topics, log.txHash, log.index));
    }

    function performUpkeep(bytes calldata performData) external {
        ++counts[msg.sender];
        (performedAt, lastHash) = (block.timestamp, keccak256(performData));
    }
}
