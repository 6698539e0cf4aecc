// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobForwarder} from "./interfaces/IJobForwarder.sol";

/// @title JobForwarder
/// @notice See {IJobForwarder}.
/// @dev Every job has one of its own (CREATE2, salt = job id; whole code, no clone: a settlement is cheaper by one call).
/// It has no storage, no funds and no approvals: nothing that a hostile job could use.
contract JobForwarder is IJobForwarder {
    /// @dev What the lines between the check and the call, and the call to a cold account, may cost.
    uint256 private constant OVERHEAD = 8_000;

    address public immutable taskManager;

    constructor(address taskManager_) {
        taskManager = taskManager_;
    }

    /// @inheritdoc IJobForwarder
    /// @dev The target's return data is not copied, so it cannot make the caller pay for it. A call passes on at most
    /// 63/64 of the gas at hand (EIP-150), hence the check: else a submitter could starve the target and still settle.
    function forward(address target, uint32 gasLimit, bytes calldata data) external returns (bool delivered) {
        if (msg.sender != taskManager) revert OnlyTaskManager();
        if (target.code.length == 0) return false;
        uint256 input;
        assembly ("memory-safe") {
            input := mload(0x40)
            calldatacopy(input, data.offset, data.length)
        }
        if (gasleft() < uint256(gasLimit) * 64 / 63 + OVERHEAD) revert InsufficientGas();
        assembly ("memory-safe") {
            delivered := call(gasLimit, target, 0, input, data.length, 0, 0)
        }
    }
}
