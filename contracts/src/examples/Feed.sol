// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Feed
/// @notice A value on chain that changes, for jobs that read the chain at their anchor.
contract Feed {
    uint256 public value;
    uint256 public updatedAt;

    event ValueSet(uint256 value, uint256 blockNumber);

    function set(uint256 value_) external {
        value = value_;
        updatedAt = block.number;
        emit ValueSet(value_, block.number);
    }

    /// @notice Another answer in every block: two keepers agree on it only when they read at the same anchor.
    function mixed() external view returns (uint256) {
        return uint256(keccak256(abi.encode(value, block.number)));
    }
}
