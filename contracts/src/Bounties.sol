// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IChallenger} from "./interfaces/IChallenger.sol";

/// @title Bounties
/// @notice What those earn who prove misbehaviour, and the bonds that come back.
/// @dev Slashed stake is burnt or redistributed by EigenLayer, at core 1.4 always burnt: it cannot pay the reporter. So
/// bounties come from a pot that anybody fills (the protocol's part of fees, lost bonds), in proportion to what was really
/// taken, and at most `reward` for one conviction: they pay for the gas, not for a race, as evidence is public in the mesh.
/// Whoever has itself convicted loses `minimumStake` for every `reward` at the least, so `reward` must be worth far less.
abstract contract Bounties is IChallenger {
    /* STORAGE */

    /// @notice What bounties are paid from, in wei.
    uint256 public pot;
    mapping(address account => uint256) public owed;

    /// @notice The most that one conviction pays, in wei; paid where `minimumStake` or more was taken.
    uint256 public immutable reward;

    constructor(uint256 reward_) {
        reward = reward_;
    }

    /* IN */

    /// @inheritdoc IChallenger
    function fundBounties() external payable {
        _fill(msg.value);
    }

    /// @dev So that a part of the fees can simply be sent here.
    receive() external payable {
        _fill(msg.value);
    }

    function _fill(uint256 amount) internal {
        pot += amount;
        emit BountiesFunded(msg.sender, amount, pot);
    }

    /* OUT */

    /// @dev The bounty for a conviction that took `taken` of the stake: none where nothing was left to take.
    function _pay(address reporter, uint256 taken, uint256 minimumStake) internal {
        uint256 amount = taken < minimumStake ? reward * taken / minimumStake : reward;
        if (amount > pot) amount = pot;
        if (amount == 0) return;
        pot -= amount;
        owed[reporter] += amount;
        emit Rewarded(reporter, amount);
    }

    /// @inheritdoc IChallenger
    function claim(address to) external returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = owed[msg.sender];
        if (amount == 0) revert NothingOwed();
        owed[msg.sender] = 0;
        emit Claimed(msg.sender, to, amount);
        Address.sendValue(payable(to), amount);
    }
}
