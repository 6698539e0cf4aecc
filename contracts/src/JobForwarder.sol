// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobForwarder} from "./interfaces/IJobForwarder.sol";

/// @title JobForwarder
/// @notice See {IJobForwarder}.
/// @dev Every job has one of its own (CREATE2, see IJobManager.forwarderFor; whole code, no clone: a settlement is cheaper
/// by one call). It has no storage, no funds and no approvals: nothing that a hostile job could use. Nor a function: a
/// hostile target's address could begin with its selector.
contract JobForwarder is IJobForwarder {
    /// @dev What the lines between the check and the call, and the call to a cold account, may cost.
    uint256 private constant OVERHEAD = 8_000;

    address private immutable _taskManager;

    constructor(address taskManager_) {
        _taskManager = taskManager_;
    }

    /// @dev The target's return data is not copied, so it cannot make the caller pay for it. A call passes on at most
    /// 63/64 of the gas at hand (EIP-150), hence the check: else a submitter could starve the target and still settle.
    fallback() external {
        if (msg.sender != _taskManager) revert OnlyTaskManager();
        uint256 target;
        uint256 gasLimit;
        uint256 input;
        assembly ("memory-safe") {
            let head := calldataload(0)
            target := shr(96, head)
            gasLimit := and(shr(64, head), 0xffffffff)
            input := mload(0x40)
            calldatacopy(input, 24, sub(calldatasize(), 24))
            if iszero(extcodesize(target)) {
                mstore(0, 0)
                return(0, 32)
            }
        }
        if (gasleft() < gasLimit * 64 / 63 + OVERHEAD) revert InsufficientGas();
        assembly ("memory-safe") {
            mstore(0, call(gasLimit, target, 0, input, sub(calldatasize(), 24), 0, 0))
            return(0, 32)
        }
    }
}
