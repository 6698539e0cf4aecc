// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

import {Tally} from "./Tally.sol";

/// @notice A resolver that uses up what gas it gets: in three of four blocks all but what the answer needs, in the fourth all of
/// it, and so gives no answer there.
contract GasBurner {
    /// @dev enough to put the answer together
    uint256 private constant KEPT = 50_000;

    function checker() external view returns (bool canExec, bytes memory execPayload) {
        bytes32 burnt = blockhash(block.number - 1);
        uint256 kept = block.number % 4 == 0 ? 0 : KEPT;
        while (gasleft() > kept) burnt = keccak256(abi.encode(burnt));
        return (burnt != 0, abi.encodeCall(Tally.tick, (block.number)));
    }
}
