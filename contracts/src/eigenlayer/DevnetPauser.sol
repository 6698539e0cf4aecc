// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title DevnetPauser
/// @notice What EigenLayer's core asks before it pauses, on a local chain: nobody may. EigenLayer's own registry is not
/// among the code its Rust bindings carry.
contract DevnetPauser {
    address public constant unpauser = address(0);

    function isPauser(address) external pure returns (bool) {
        return false;
    }
}
