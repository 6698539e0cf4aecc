// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// @title Guarded
/// @notice An owner (a timelock) that upgrades and unpauses, and a guardian that can do nothing but pause, at once.
/// @dev What a pause stops: money coming in, and settling. Never what lets people out: claims, withdrawals, cancelling,
/// leaving, proofs of misbehaviour. So the worst a stolen guardian key does is a standstill until the owner's delay is over.
abstract contract Guarded is OwnableUpgradeable, PausableUpgradeable, UUPSUpgradeable {
    /// @custom:storage-location erc7201:keepermesh.guarded
    struct GuardedStorage {
        address guardian;
    }

    /// @dev keccak256(abi.encode(uint256(keccak256("keepermesh.guarded")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x501e352281e5d6e7ccd0c316a29a21a17cf08784c27e98276600373c7ed12000;

    event GuardianChanged(address indexed guardian);

    error OnlyGuardian();

    function __Guarded_init(address owner, address guardian_) internal onlyInitializing {
        __Ownable_init(owner);
        __Pausable_init();
        _setGuardian(guardian_);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    function guardian() public view returns (address) {
        return _guarded().guardian;
    }

    function setGuardian(address guardian_) external onlyOwner {
        _setGuardian(guardian_);
    }

    function pauseContract() external {
        if (msg.sender != guardian()) revert OnlyGuardian();
        _pause();
    }

    function unpauseContract() external onlyOwner {
        _unpause();
    }

    function _setGuardian(address guardian_) private {
        _guarded().guardian = guardian_;
        emit GuardianChanged(guardian_);
    }

    function _guarded() private pure returns (GuardedStorage storage stored) {
        assembly ("memory-safe") {
            stored.slot := STORAGE
        }
    }
}
