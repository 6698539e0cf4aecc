// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title CallbackLib
/// @notice Calls a settled run's target through its job's forwarder, see IJobForwarder.
library CallbackLib {
    /// @notice What hashes to a forwarder's address (CREATE2, EIP-1014), its job's id still zero: 0xff, the JobManager, the
    /// id as salt, the hash of the creation code.
    function forwarders(address jobManager, bytes32 codeHash) internal pure returns (bytes memory) {
        return abi.encodePacked(bytes1(0xff), jobManager, bytes32(0), codeHash);
    }

    /// @notice Hands `outcome` to `target` from the job's forwarder; returns the gas that took and whether the target
    /// accepted. What makes a forwarder revert makes the batch revert: the submitter did not bring the gas that the target
    /// was promised.
    /// @param place as `forwarders` gives it; overwritten
    function call(bytes memory place, uint256 jobId, address target, uint256 gasLimit, bytes calldata outcome)
        internal
        returns (uint256 used, bool delivered)
    {
        assembly ("memory-safe") {
            mstore(add(place, 53), jobId)
            let input := mload(0x40)
            mstore(input, or(shl(96, target), shl(64, gasLimit)))
            calldatacopy(add(input, 24), outcome.offset, outcome.length)
            used := gas()
            if iszero(call(gas(), keccak256(add(place, 32), 85), 0, input, add(outcome.length, 24), 0, 32)) {
                returndatacopy(input, 0, returndatasize())
                revert(input, returndatasize())
            }
            used := sub(used, gas())
            delivered := and(eq(mload(0), 1), eq(returndatasize(), 32))
        }
    }
}
