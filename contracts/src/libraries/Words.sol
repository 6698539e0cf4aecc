// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Words
/// @notice Bytes seen as words of 32 bytes, which begin at any byte.
/// @dev Nothing checks bounds: who calls knows how long its bytes are, and a word that is read may reach past their end.
/// The compiler has no way to do this but byte by byte, which is how `test/proofs` says it.
library Words {
    /// @notice Where in memory the byte at `offset` is.
    function place(bytes memory data, uint256 offset) internal pure returns (uint256 position) {
        assembly ("memory-safe") {
            position := add(add(data, 32), offset)
        }
    }

    /// @notice The word at a place in memory.
    function load(uint256 position) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(position)
        }
    }

    function store(uint256 position, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(position, word)
        }
    }

    function get(bytes memory data, uint256 offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), offset))
        }
    }

    function inCalldata(bytes calldata data, uint256 offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    /// @notice Where in the calldata the bytes begin.
    function positionOf(bytes calldata data) internal pure returns (uint256 position) {
        assembly ("memory-safe") {
            position := data.offset
        }
    }

    function put(bytes memory data, uint256 offset, uint256 word) internal pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 32), offset), word)
        }
    }

    /// @notice Writes `length` bytes of `from`, those from `start` on, over those of `to` from `offset` on.
    function copy(bytes memory to, uint256 offset, bytes memory from, uint256 start, uint256 length) internal pure {
        assembly ("memory-safe") {
            mcopy(add(add(to, 32), offset), add(add(from, 32), start), length)
        }
    }

    /// @notice Leaves the first `length` bytes.
    function shorten(bytes memory data, uint256 length) internal pure {
        assembly ("memory-safe") {
            mstore(data, length)
        }
    }
}
