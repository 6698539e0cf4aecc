// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "./BLS12381.sol";
import {CodeStore} from "./CodeStore.sol";

/// @title EpochTable
/// @notice The committee of one epoch as bytes: aggregate key (256, padded G2), then for every 64 operators a block: the
/// address (20) of the contract that holds their keys, and a stake (12) each. Made block by block, so that no transaction
/// has to read the stake of more than 64.
/// @dev A row of such a contract is a BLS key (192) and a peer key (32).
library EpochTable {
    uint256 internal constant BLOCK_ROWS = 64;
    uint256 internal constant KEY_ROW = 224;
    uint256 private constant BLOCKS_AT = 256;
    uint256 private constant STAKE_BYTES = 12;
    uint256 private constant BLOCK_BYTES = 20 + BLOCK_ROWS * STAKE_BYTES;

    /// @notice A signer bit that stands for nobody: past the committee's end, or a row without stake.
    error StrayBits();
    /// @notice The set of signers is empty.
    error NoSigners();

    /// @notice The table with one more block: the stakes of the next rows, whose keys lie in `chunk`. The aggregate is
    /// the sum of the keys of all rows with stake. `table` is empty before the first.
    function extend(bytes memory table, uint96[] memory stakes, address chunk) internal view returns (bytes memory) {
        bytes memory aggregate = new bytes(BLS12381.G2_PADDED); // zeros: infinity
        if (table.length == 0) table = aggregate;
        assembly ("memory-safe") {
            mcopy(add(aggregate, 32), add(table, 32), 256)
        }
        bytes memory rows = new bytes(20 + stakes.length * STAKE_BYTES);
        assembly ("memory-safe") {
            mstore(add(rows, 32), shl(96, chunk))
        }
        for (uint256 i = 0; i < stakes.length; ++i) {
            uint96 stake = stakes[i];
            if (stake == 0) continue;
            assembly ("memory-safe") {
                // the 20 bytes before the stake are written again as they are
                let at := add(add(rows, 32), mul(i, STAKE_BYTES))
                mstore(at, or(and(mload(at), not(0xffffffffffffffffffffffff)), stake))
            }
            aggregate = BLS12381.addG2(aggregate, BLS12381.pad(keyOf(chunk, i)));
        }
        bytes memory extended = bytes.concat(table, rows);
        assembly ("memory-safe") {
            mcopy(add(extended, 32), add(aggregate, 32), 256)
        }
        return extended;
    }

    /// @notice The packed key of an index, from the contract that holds it.
    function keyOf(address chunk, uint256 index) internal view returns (bytes memory) {
        return CodeStore.read(chunk, (index % BLOCK_ROWS) * KEY_ROW, BLS12381.G2_PACKED);
    }

    /// @notice The peer key of an index.
    function peerKeyOf(address chunk, uint256 index) internal view returns (bytes32) {
        return bytes32(CodeStore.read(chunk, (index % BLOCK_ROWS) * KEY_ROW + BLS12381.G2_PACKED, 32));
    }

    function stakeAt(bytes memory table, uint256 index) internal pure returns (uint96 stake) {
        // whole blocks
        // slither-disable-next-line divide-before-multiply
        uint256 offset = BLOCKS_AT + index / BLOCK_ROWS * BLOCK_BYTES + 20 + index % BLOCK_ROWS * STAKE_BYTES;
        assembly ("memory-safe") {
            stake := shr(160, mload(add(add(table, 32), offset)))
        }
    }

    /// @notice The contract that holds the keys of `index`.
    function chunkOf(bytes memory table, uint256 index) internal pure returns (address chunk) {
        // whole blocks
        // slither-disable-next-line divide-before-multiply
        uint256 offset = BLOCKS_AT + index / BLOCK_ROWS * BLOCK_BYTES;
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
        uint256 bits = _word(size, signers);
        uint256 signed;
        (signed, signedStake, absent) = _count(table, size, bits, ignored);
        key = signed * 2 < size ? _sum(table, bits) : _rest(table, absent);
        absent |= bits & ignored;
    }

    /// @notice As `signingKey`, without the key.
    function weigh(bytes memory table, uint256 size, uint256[] calldata signers, uint256 ignored)
        internal
        pure
        returns (uint96 signedStake, uint256 absent)
    {
        uint256 bits = _word(size, signers);
        (, signedStake, absent) = _count(table, size, bits, ignored);
        absent |= bits & ignored;
    }

    function _word(uint256 size, uint256[] calldata signers) private pure returns (uint256 bits) {
        if (signers.length != 1) revert StrayBits();
        bits = signers[0];
        if (bits == 0) revert NoSigners();
        if (size < 256 && bits >> size != 0) revert StrayBits();
    }

    /// @dev Assembly, because every settlement pays for every row.
    function _count(bytes memory table, uint256 size, uint256 bits, uint256 ignored)
        private
        pure
        returns (uint256 signed, uint96 signedStake, uint256 absent)
    {
        bool stray;
        assembly ("memory-safe") {
            let at := add(table, 308) // length word, aggregate, address of the first block
            for { let i := 0 } lt(i, size) { i := add(i, 1) } {
                let stake := shr(160, mload(at))
                // one bit at place i, not a constant shifted the wrong way round
                // slither-disable-next-line incorrect-shift
                let bit := shl(i, 1)
                switch and(bits, bit)
                case 0 { if stake { absent := or(absent, bit) } }
                default {
                    if iszero(stake) { stray := 1 }
                    signed := add(signed, 1)
                    if iszero(and(ignored, bit)) { signedStake := add(signedStake, stake) }
                }
                at := add(at, 12)
                if eq(and(i, 63), 63) { at := add(at, 20) }
            }
        }
        if (stray) revert StrayBits();
    }

    /// @dev The keys at `bits`, added up.
    function _sum(bytes memory table, uint256 bits) private view returns (bytes memory key) {
        key = new bytes(BLS12381.G2_PADDED);
        for (uint256 i = 0; bits != 0; ++i) {
            if (bits & 1 == 1) key = BLS12381.addG2(key, BLS12381.pad(keyOf(chunkOf(table, i), i)));
            bits >>= 1;
        }
    }

    /// @dev The aggregate of all without the keys at `bits`.
    function _rest(bytes memory table, uint256 bits) private view returns (bytes memory key) {
        key = new bytes(2 * BLS12381.G2_PADDED);
        assembly ("memory-safe") {
            mcopy(add(key, 32), add(table, 32), 256)
        }
        for (uint256 i = 0; bits != 0; ++i) {
            if (bits & 1 == 1) BLS12381.subtractG2(key, keyOf(chunkOf(table, i), i));
            bits >>= 1;
        }
        assembly ("memory-safe") {
            mstore(key, 256) // without the scratch half
        }
    }
}
