// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

import {Tally} from "./Tally.sol";

/// @notice A resolver that changes its mind from block to block: yes in even blocks, and in odd ones no, with a reason. Whoever
/// asks at another block than the others gets another answer, for its payload names the block too.
contract Fickle {
    function checker() external view returns (bool canExec, bytes memory execPayload) {
        if (block.number % 2 != 0) return (false, bytes("an odd block"));
        return (true, abi.encodeCall(Tally.tick, (block.number)));
    }
}
