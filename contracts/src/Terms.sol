// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {Records} from "./Records.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";

/// @title Terms
/// @notice Whether what a creator asks for can be done at all.
abstract contract Terms is Records {
    uint256 private constant MAX_PARAMS_BYTES = 4096;
    uint256 private constant MAX_URL_BYTES = 512;
    /// @dev The interval of a one-shot job: settling it is settling run 0 of any other, and run 1 is due in 136 years.
    uint256 private constant NEVER_AGAIN = type(uint32).max;

    address internal immutable _taskManager;
    address private immutable _registry;
    IServiceManager private immutable _serviceManager;

    constructor(address taskManager, address registry, address serviceManager) {
        _taskManager = taskManager;
        _registry = registry;
        _serviceManager = IServiceManager(serviceManager);
    }

    /// @dev When run 0 is due (unix seconds), and the seconds between runs. Reverts with what is wrong.
    /// @param forwarder any job's: all of them have one code
    function _check(IJobManager.JobParams calldata params, address forwarder)
        internal
        view
        returns (uint40 start, uint32 interval)
    {
        (start, interval) = _checkTrigger(params);
        _checkCode(params);
        address target = params.target;
        if (target.code.length == 0 || _isOurs(target) || target.codehash == forwarder.codehash) {
            revert IJobManager.InvalidTarget(target);
        }
        if (params.callbackGas == 0 || params.callbackGas > MAX_CALLBACK_GAS) {
            revert IJobManager.InvalidCallbackGas(params.callbackGas);
        }
        if (params.fee > type(uint80).max) revert IJobManager.FeeTooHigh(type(uint80).max);
        if (params.quorumBps < CertificateLib.MIN_QUORUM_BPS || params.quorumBps > CertificateLib.MAX_QUORUM_BPS) {
            revert IJobManager.InvalidQuorum(params.quorumBps);
        }
    }

    /// @dev The first run must lie ahead: a start in the past would make all runs since then due at once.
    function _checkTrigger(IJobManager.JobParams calldata params) private view returns (uint40, uint32) {
        bool isOnce = params.trigger == IJobManager.Trigger.OneShot;
        if (!isOnce && params.trigger != IJobManager.Trigger.Interval) revert IJobManager.InvalidTrigger();
        if (params.triggerData.length != (isOnce ? 32 : 64)) revert IJobManager.InvalidTrigger();
        uint256 start = uint256(bytes32(params.triggerData));
        if (start <= block.timestamp || start > type(uint40).max) revert IJobManager.InvalidTrigger();
        uint256 interval = isOnce ? NEVER_AGAIN : uint256(bytes32(params.triggerData[32:]));
        if (interval == 0 || interval > NEVER_AGAIN) revert IJobManager.InvalidInterval();
        return (uint40(start), uint32(interval));
    }

    function _checkCode(IJobManager.JobParams calldata params) private pure {
        bool isCall = params.action == IJobManager.Action.Call;
        if (!isCall && params.action != IJobManager.Action.Wasm) revert IJobManager.InvalidAction();
        uint256 urlBytes = bytes(params.codeUrl).length;
        if (isCall != (params.codeHash == 0) || isCall != (urlBytes == 0)) revert IJobManager.InvalidCode();
        if (urlBytes > MAX_URL_BYTES) revert IJobManager.InvalidCode();
        if (params.params.length > MAX_PARAMS_BYTES) revert IJobManager.ParamsTooLong();
    }

    /// @dev Forwarders have no rights in these, and no job may have one of them for its target.
    function _isOurs(address target) private view returns (bool) {
        return target == address(this) || target == _taskManager || target == _registry
            || target == address(_serviceManager) || target == _serviceManager.challenger();
    }
}
