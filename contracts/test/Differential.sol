// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "../src/libraries/BLS12381.sol";

/// @notice The curve's operations, for contracts/bindings/differential.rs to compare with blst. It stands in for the
/// ServiceManager of the registry there too: whoever asks has stake.
contract Differential {
    function hashToG1(bytes calldata message, bytes calldata dst) external view returns (bytes memory) {
        return BLS12381.hashToG1(message, dst);
    }

    function verify(bytes calldata signature, bytes calldata message, bytes calldata dst, bytes calldata key)
        external
        view
        returns (bool)
    {
        return BLS12381.verify(signature, message, dst, key);
    }

    function addG2(bytes calldata a, bytes calldata b) external view returns (bytes memory) {
        return BLS12381.addG2(a, b);
    }

    /// @notice The padded `a` minus the packed `b`; with zeros for `a` the negation of `b`.
    function subtractG2(bytes calldata a, bytes memory b) external view returns (bytes memory difference) {
        difference = bytes.concat(a, new bytes(256));
        BLS12381.negateG2(difference);
        uint256 packed;
        assembly ("memory-safe") {
            packed := add(b, 32)
        }
        BLS12381.addPacked(difference, packed);
        BLS12381.negateG2(difference);
        assembly ("memory-safe") {
            mstore(difference, 256) // without the scratch half
        }
    }

    function pad(bytes calldata packed) external pure returns (bytes memory) {
        return BLS12381.pad(packed);
    }

    function stakes(address[] calldata operators) external pure returns (uint256[] memory amounts) {
        amounts = new uint256[](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            amounts[i] = 1 ether;
        }
    }

    /// @dev Places go to others only after so many blocks: never here.
    function slashableBlocks() external pure returns (uint32) {
        return 1_000_000;
    }
}
