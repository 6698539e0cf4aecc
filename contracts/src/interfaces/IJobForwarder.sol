// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IJobForwarder
/// @notice The address a job's target sees as msg.sender, the same for the job's whole life.
interface IJobForwarder {
    error OnlyTaskManager();
    /// @notice The transaction has too little gas left to give the target what the job promises.
    error InsufficientGas();

    /// @notice Calls `target` with exactly `gasLimit` gas and looks only at whether it succeeded.
    function forward(address target, uint32 gasLimit, bytes calldata data) external returns (bool delivered);
}
