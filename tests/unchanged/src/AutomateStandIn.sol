// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

/// @notice Says what Gelato's Automate 7 says of its tasks, by its public interface: the package has the code of version 5 alone,
/// which knows neither triggers nor the time module without another contract.
contract AutomateStandIn {
    struct ModuleData {
        uint8[] modules;
        bytes[] args;
    }

    mapping(address => bytes32[]) private tasks;

    event TaskCreated(
        address indexed taskCreator,
        address indexed execAddress,
        bytes execDataOrSelector,
        ModuleData moduleData,
        address feeToken,
        bytes32 indexed taskId
    );

    function createTask(
        address execAddress,
        bytes calldata execDataOrSelector,
        ModuleData calldata moduleData,
        address feeToken
    ) external returns (bytes32 taskId) {
        bytes4 selector = bytes4(execDataOrSelector);
        taskId = keccak256(abi.encode(msg.sender, execAddress, selector, moduleData, feeToken));
        tasks[msg.sender].push(taskId);
        emit TaskCreated(msg.sender, execAddress, execDataOrSelector, moduleData, feeToken, taskId);
    }

    /// @dev Only the newest: which one it is matters to nobody here.
    function cancelTask(bytes32 taskId) external {
        bytes32[] storage mine = tasks[msg.sender];
        require(mine.length != 0 && mine[mine.length - 1] == taskId, "not the newest");
        mine.pop();
    }

    function getTaskIdsByUser(address taskCreator) external view returns (bytes32[] memory) {
        return tasks[taskCreator];
    }
}
