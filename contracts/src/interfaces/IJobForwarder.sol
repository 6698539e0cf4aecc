// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IJobForwarder
/// @notice The address a job's target sees as msg.sender, the same for the job's whole life.
/// @dev The TaskManager calls it with: target (20 bytes), gas limit (4 bytes), and what the target gets. It calls the
/// target with exactly that gas, looks only at whether it succeeded, and returns one word: 1 if so, else 0.
interface IJobForwarder {
    error OnlyTaskManager();
    /// @notice The transaction has too little gas left to give the target what the job promises.
    error InsufficientGas();
}
