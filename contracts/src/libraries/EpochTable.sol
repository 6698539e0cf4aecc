// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "./BLS12381.sol";
import {CodeStore} from "./CodeStore.sol";

/// @title EpochTable
/// @notice The committee of one epoch as bytes: aggregate key (256, padded G2), then a stake (12) for every index, then
/// the addresses (20) of the contracts that hold the keys, 64 keys of 192 bytes each.
library EpochTable {
    uint256 internal constant KEYS_PER_CHUNK = 64;
    uint256 private constant STAKES_AT = 256;
    uint256 private constant STAKE_BYTES = 12;

    /// @notice A signer bit that stands for nobody: past the committee's end, or a row without stake.
    error StrayBits();

    /// @notice Builds the table; the aggregate is the sum of the keys of all rows with stake.
    function encode(uint96[] memory stakes, address[] memory chunks) internal view returns (bytes memory) {
        bytes memory aggregate = new bytes(BLS12381.G2_PADDED); // zeros: infinity
        bytes memory packedStakes;
        for (uint256 i = 0; i < stakes.length; ++i) {
            packedStakes = bytes.concat(packedStakes, bytes12(stakes[i]));
            if (stakes[i] != 0) aggregate = BLS12381.addG2(aggregate, BLS12381.pad(keyIn(chunks, i)));
        }
        bytes memory packedChunks;
        for (uint256 i = 0; i < chunks.length; ++i) {
            packedChunks = bytes.concat(packedChunks, bytes20(chunks[i]));
        }
        return bytes.concat(aggregate, packedStakes, packedChunks);
    }

    /// @notice The packed key of an index, from the chunk that holds it.
    function keyIn(address[] memory chunks, uint256 index) internal view returns (bytes memory) {
        return keyOf(chunks[index / KEYS_PER_CHUNK], index);
    }

    function keyOf(address chunk, uint256 index) internal view returns (bytes memory) {
        return CodeStore.read(chunk, (index % KEYS_PER_CHUNK) * BLS12381.G2_PACKED, BLS12381.G2_PACKED);
    }

    function stakeAt(bytes memory table, uint256 index) internal pure returns (uint96 stake) {
        assembly ("memory-safe") {
            stake := shr(160, mload(add(add(table, 32), add(STAKES_AT, mul(index, STAKE_BYTES)))))
        }
    }

    /// @notice The contract that holds the key of `index` in a table of `size` rows.
    function chunkOf(bytes memory table, uint256 size, uint256 index) internal pure returns (address chunk) {
        uint256 offset = STAKES_AT + size * STAKE_BYTES + (index / KEYS_PER_CHUNK) * 20;
        assembly ("memory-safe") {
            chunk := shr(96, mload(add(add(table, 32), offset)))
        }
    }

    /// @notice Sum of the signers' keys (padded), their stake, and a bitmap of the indices with stake that did not sign.
    /// Signers in `ignored` are part of the key, but otherwise count as absent.
    /// @dev Reads the fewer keys: takes the absent ones off the aggregate, or adds up those of the signers. A committee
    /// has at most 256 rows, so its bitmap is one word.
    function signingKey(bytes memory table, uint256 size, uint256[] calldata signers, uint256 ignored)
        internal
        view
        returns (bytes memory key, uint96 signedStake, uint256 absent)
    {
        if (signers.length != 1) revert StrayBits();
        uint256 bits = signers[0];
        if (size < 256 && bits >> size != 0) revert StrayBits();
        uint256 signed = 0;
        for (uint256 i = 0; i < size; ++i) {
            uint96 stake = stakeAt(table, i);
            if ((bits >> i) & 1 == 1) {
                if (stake == 0) revert StrayBits();
                ++signed;
                if ((ignored >> i) & 1 == 0) signedStake += stake;
            } else if (stake != 0) {
                absent |= 1 << i;
            }
        }
        key = signed * 2 < size ? _sum(table, size, bits) : _rest(table, size, absent);
        absent |= bits & ignored;
    }

    /// @dev The keys at `bits`, added up.
    function _sum(bytes memory table, uint256 size, uint256 bits) private view returns (bytes memory key) {
        key = new bytes(BLS12381.G2_PADDED);
        for (uint256 i = 0; bits != 0; ++i) {
            if (bits & 1 == 1) key = BLS12381.addG2(key, BLS12381.pad(keyOf(chunkOf(table, size, i), i)));
            bits >>= 1;
        }
    }

    /// @dev The aggregate of all without the keys at `bits`.
    function _rest(bytes memory table, uint256 size, uint256 bits) private view returns (bytes memory key) {
        key = new bytes(2 * BLS12381.G2_PADDED);
        assembly ("memory-safe") {
            mcopy(add(key, 32), add(table, 32), 256)
        }
        for (uint256 i = 0; bits != 0; ++i) {
            if (bits & 1 == 1) BLS12381.subtractG2(key, keyOf(chunkOf(table, size, i), i));
            bits >>= 1;
        }
        assembly ("memory-safe") {
            mstore(key, 256) // without the scratch half
        }
    }
}
