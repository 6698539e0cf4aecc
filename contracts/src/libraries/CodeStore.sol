// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title CodeStore
/// @notice Keeps bytes as the code of a contract: cheaper to read than storage once there are more than a few words.
/// @dev The code starts with STOP (0x00), so a call to it does nothing and it can never destroy itself.
library CodeStore {
    error CodeStoreFailed();

    /// @dev Creation code that returns everything after its own 11 bytes.
    bytes private constant RETURN_THE_REST = hex"600b5981380380925939f3";

    /// @notice Writes `data` (at most 24,575 bytes, EIP-170) and returns where.
    function write(bytes memory data) internal returns (address store) {
        bytes memory creation = bytes.concat(RETURN_THE_REST, hex"00", data);
        assembly ("memory-safe") {
            store := create(0, add(creation, 32), mload(creation))
        }
        if (store == address(0)) revert CodeStoreFailed();
    }

    /// @notice All bytes kept at `store`.
    function read(address store) internal view returns (bytes memory) {
        return read(store, 0, store.code.length - 1);
    }

    /// @notice `length` bytes from `offset` on; zeros past the end.
    function read(address store, uint256 offset, uint256 length) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(0x40, add(data, and(add(length, 63), not(31))))
            mstore(data, length)
            extcodecopy(store, add(data, 32), add(offset, 1), length)
        }
    }

    /// @notice The code hash that `data` has once it is written.
    function hashOf(bytes memory data) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", data));
    }
}
