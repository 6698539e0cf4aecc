// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../interfaces/ITaskManager.sol";

/// @title CallbackLib
/// @notice Calls a settled run's target through its job's forwarder, see IJobForwarder.
library CallbackLib {
    /// @notice Where the salt is in what hashes to a forwarder's address.
    uint256 internal constant SALT = 21;

    /// @notice What hashes to a forwarder's address (CREATE2, EIP-1014), its salt still zero: 0xff, the JobManager, the salt,
    /// the hash of the creation code.
    function forwarders(address jobManager, bytes32 codeHash) internal pure returns (bytes memory) {
        return abi.encodePacked(bytes1(0xff), jobManager, bytes32(0), codeHash);
    }

    /// @notice Calls the target of a run and tells of it. Returns what became of it, see RunWord. What makes a forwarder
    /// revert makes the batch revert: the submitter did not bring the gas that the target was promised.
    /// @dev All but the verdict are places in memory (Words.place).
    /// @param preimage the bytes that `forwarders` gives with the salt in its place
    /// @param run overwritten with the fact, see RunWord
    /// @param outcome as BatchLib.outcomes has it
    function call(uint256 preimage, uint256 run, uint256 verdict, uint256 outcome) internal returns (uint256 callback) {
        bytes32 topic = ITaskManager.TaskSettled.selector;
        assembly ("memory-safe") {
            let jobId := shr(192, mload(run))
            let gasLimit := and(shr(16, verdict), 0xffffff)
            let input := mload(0x40)
            mstore(input, or(shl(96, shr(96, verdict)), shl(64, gasLimit)))
            calldatacopy(add(input, 24), mload(add(outcome, 32)), mload(add(outcome, 64)))
            let used := gas()
            if iszero(call(gas(), keccak256(preimage, 85), 0, input, add(mload(add(outcome, 64)), 24), 0, 32)) {
                returndatacopy(input, 0, returndatasize())
                revert(input, returndatasize())
            }
            used := sub(used, gas())
            let delivered := and(eq(mload(0), 1), eq(returndatasize(), 32))
            callback := or(or(shl(192, jobId), shl(128, gasLimit)), or(shl(8, used), delivered))
            // with the two words after it the fact is the event's data
            mstore(run, or(or(mload(run), shl(16, and(shr(40, verdict), 0xffffffffff))), shl(8, delivered)))
            log3(run, 96, topic, jobId, caller())
        }
    }
}
