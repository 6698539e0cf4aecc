// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {Triggers} from "./Triggers.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";

/// @title Terms
/// @notice Whether what a creator asks for can be done at all.
abstract contract Terms is Triggers {
    uint256 private constant MAX_PARAMS_BYTES = 4096;
    uint256 private constant MAX_URL_BYTES = 512;

    address internal immutable _taskManager;
    address private immutable _registry;
    IServiceManager private immutable _serviceManager;

    constructor(address taskManager, address registry, address serviceManager) {
        _taskManager = taskManager;
        _registry = registry;
        _serviceManager = IServiceManager(serviceManager);
    }

    /// @dev Start and interval of the schedule, see {Triggers}. Reverts with what is wrong.
    /// @param forwarder any job's: all of them have one code
    function _check(IJobManager.JobParams calldata params, address forwarder)
        internal
        view
        returns (uint256 start, uint256 interval)
    {
        (start, interval) = _read(params.trigger, params.triggerData);
        _checkLimits(params);
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

    /// @dev Keepers fetch code for one action only; the others are what the target or its resolver says.
    function _checkCode(IJobManager.JobParams calldata params) private pure {
        bool hasCode = params.action == IJobManager.Action.Wasm;
        uint256 urlBytes = bytes(params.codeUrl).length;
        if (hasCode == (params.codeHash == 0) || hasCode == (urlBytes == 0)) revert IJobManager.InvalidCode();
        if (urlBytes > MAX_URL_BYTES) revert IJobManager.InvalidCode();
        if (params.params.length > MAX_PARAMS_BYTES) revert IJobManager.ParamsTooLong();
        bool isResolver = params.action == IJobManager.Action.Resolver;
        if (isResolver && !_isCall(params.params)) revert IJobManager.InvalidAction();
    }

    /// @dev Forwarders have no rights in these, and no job may have one of them for its target.
    function _isOurs(address target) private view returns (bool) {
        return target == address(this) || target == _taskManager || target == _registry
            || target == address(_serviceManager) || target == _serviceManager.challenger();
    }
}
