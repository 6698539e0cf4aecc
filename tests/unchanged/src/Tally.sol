// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

/// @notice What resolvers have called: a contract that takes calls from its dedicated sender alone, as those of Gelato's users do.
contract Tally {
    address public immutable owner = msg.sender;
    address public dedicatedSender;

    event Ticked(uint256 seen);

    error OnlyOwner();
    error OnlyDedicatedSender();

    function setDedicatedSender(address sender) external {
        if (msg.sender != owner) revert OnlyOwner();
        dedicatedSender = sender;
    }

    /// @param seen the number of the block in which the resolver said yes
    function tick(uint256 seen) external {
        if (msg.sender != dedicatedSender) revert OnlyDedicatedSender();
        emit Ticked(seen);
    }
}
