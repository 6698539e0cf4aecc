// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "./BLS12381.sol";
import {CodeStore} from "./CodeStore.sol";
import {Words} from "./Words.sol";

/// @title EpochTable
/// @notice The committee of one epoch as bytes: aggregate key (256, padded G2), bitmap of the rows with stake (32),
/// total stake (12), number of rows with stake (2), then for every 64 operators a block: the address (20) of the contract that holds their keys, and a stake (12) each. Made
/// block by block, so that no transaction has to read the stake of more than 64. What a settlement pays for is those who
/// are absent, not the committee.
/// @dev A row of such a contract is a BLS key (192) and a peer key (32).
library EpochTable {
    uint256 internal constant BLOCK_ROWS = 64;
    uint256 internal constant KEY_ROW = 224;
    /// @notice How many stages a window has at most: see the keepers' `leader::STAGES_MAX`.
    uint256 internal constant MAX_STAGES = 16;
    uint256 private constant STAKED_AT = 256;
    uint256 private constant TOTAL_AT = 288;
    uint256 private constant BLOCKS_AT = 302;
    uint256 private constant STAKE_BYTES = 12;
    uint256 private constant BLOCK_BYTES = 20 + BLOCK_ROWS * STAKE_BYTES;
    /// @dev see `lowest`
    uint256 private constant LOG2_BY_REMAINDER = 0x0000010d02000e060308000c0f05070b040a0900000000000000000000000000;

    /// @notice A signer bit that stands for nobody: past the committee's end, or a row without stake.
    error StrayBits();
    /// @notice The set of signers is empty.
    error NoSigners();

    /// @notice The table with one more block: the stakes of the next rows, whose keys lie in `chunk`. The aggregate is
    /// the sum of the keys of all rows with stake. `table` is empty before the first.
    function extend(bytes memory table, uint96[] memory stakes, address chunk) internal view returns (bytes memory) {
        if (table.length == 0) table = new bytes(BLOCKS_AT); // zeros: infinity, nobody
        uint256 staked = stakedRows(table);
        uint96 total = totalStake(table);
        // whole blocks
        // slither-disable-next-line divide-before-multiply
        uint256 first = (table.length - BLOCKS_AT) / BLOCK_BYTES * BLOCK_ROWS;
        bytes memory sum = new bytes(BLS12381.G2_PADDED * 2); // the second half is scratch
        Words.copy(sum, 0, table, 0, BLS12381.G2_PADDED);
        bytes memory rows = bytes.concat(bytes20(chunk), new bytes(stakes.length * STAKE_BYTES));
        for (uint256 i = 0; i < stakes.length; ++i) {
            uint96 stake = stakes[i];
            if (stake == 0) continue;
            staked |= 1 << (first + i);
            total += stake;
            // a word that ends with the stake; the 20 bytes before it are written again as they are
            Words.put(rows, i * STAKE_BYTES, Words.get(rows, i * STAKE_BYTES) | stake);
            BLS12381.addPacked(sum, Words.place(keyOf(chunk, i), 0));
        }
        bytes memory extended = bytes.concat(table, rows);
        Words.copy(extended, 0, sum, 0, BLS12381.G2_PADDED);
        Words.put(extended, STAKED_AT, staked);
        // the first block's bytes are written again as they are
        uint256 firstBlock = uint144(Words.get(extended, TOTAL_AT));
        Words.put(extended, TOTAL_AT, (uint256(total) << 160) | (_size(staked) << 144) | firstBlock);
        return extended;
    }

    /// @notice Bitmap of the indices that have stake.
    function stakedRows(bytes memory table) internal pure returns (uint256) {
        return Words.get(table, STAKED_AT);
    }

    /// @notice Sum of all stakes.
    function totalStake(bytes memory table) internal pure returns (uint96) {
        return uint96(Words.get(table, TOTAL_AT) >> 160);
    }

    /// @notice How many rows have stake.
    function stakedCount(bytes memory table) internal pure returns (uint256) {
        return uint16(Words.get(table, TOTAL_AT) >> 144);
    }

    /// @notice The packed key of an index, from the contract that holds it.
    function keyOf(address chunk, uint256 index) internal view returns (bytes memory) {
        return CodeStore.read(chunk, (index % BLOCK_ROWS) * KEY_ROW, BLS12381.G2_PACKED);
    }

    /// @notice The peer key of an index.
    function peerKeyOf(address chunk, uint256 index) internal view returns (bytes32) {
        return bytes32(CodeStore.read(chunk, (index % BLOCK_ROWS) * KEY_ROW + BLS12381.G2_PACKED, 32));
    }

    function stakeAt(bytes memory table, uint256 index) internal pure returns (uint96) {
        // whole blocks
        // slither-disable-next-line divide-before-multiply
        uint256 offset = BLOCKS_AT + index / BLOCK_ROWS * BLOCK_BYTES + 20 + index % BLOCK_ROWS * STAKE_BYTES;
        return uint96(Words.get(table, offset) >> 160);
    }

    /// @notice The contract that holds the keys of `index`.
    function chunkOf(bytes memory table, uint256 index) internal pure returns (address) {
        // whole blocks
        // slither-disable-next-line divide-before-multiply
        uint256 offset = BLOCKS_AT + index / BLOCK_ROWS * BLOCK_BYTES;
        return address(uint160(Words.get(table, offset) >> 96));
    }

    /// @notice Sum of the signers' keys (padded), their stake, and a bitmap of the indices with stake that did not sign.
    /// Signers in `ignored` are part of the key, but otherwise count as absent.
    /// @dev Reads the fewer keys: takes the absent ones off the aggregate, or adds up those of the signers. A committee
    /// has at most 256 rows, so its bitmap is one word.
    function signingKey(bytes memory table, uint256[] calldata signers, uint256 ignored)
        internal
        view
        returns (bytes memory key, uint96 signedStake, uint256 absent)
    {
        uint256 bits;
        (bits, absent) = _count(table, signers, ignored);
        uint256 silent = absent & ~bits;
        key = new bytes(BLS12381.G2_PADDED * 2); // the second half is scratch
        // those with stake signed or are silent
        if (2 * _size(silent) > stakedCount(table)) {
            add(key, table, bits, bits);
            signedStake = totalStake(table) - add(key, table, absent, 0);
        } else {
            // aggregate - silent = -(-aggregate + silent)
            Words.copy(key, 0, table, 0, BLS12381.G2_PADDED);
            BLS12381.negateG2(key);
            signedStake = totalStake(table) - add(key, table, absent, silent);
            BLS12381.negateG2(key);
        }
        Words.shorten(key, BLS12381.G2_PADDED);
    }

    /// @notice As `signingKey`, without the key.
    function weigh(bytes memory table, uint256[] calldata signers, uint256 ignored)
        internal
        view
        returns (uint96 signedStake, uint256 absent)
    {
        (, absent) = _count(table, signers, ignored);
        signedStake = totalStake(table) - add("", table, absent, 0);
    }

    function _count(bytes memory table, uint256[] calldata signers, uint256 ignored)
        private
        pure
        returns (uint256 bits, uint256 absent)
    {
        if (signers.length != 1) revert StrayBits();
        bits = signers[0];
        if (bits == 0) revert NoSigners();
        uint256 staked = stakedRows(table);
        if (bits & ~staked != 0) revert StrayBits();
        absent = staked & ~(bits & ~ignored);
    }

    /// @dev Stake of `rows`. Adds the keys of those that are in `keys` too to the point in the first half of `work`.
    /// Assembly, because every settlement pays for it.
    function add(bytes memory work, bytes memory table, uint256 rows, uint256 keys)
        internal
        view
        returns (uint96 stake)
    {
        while (rows != 0) {
            uint256 row = lowest(rows);
            uint256 packed = 0;
            assembly ("memory-safe") {
                // past the length word and the header, and for the stake the address that a block begins with
                let area := add(add(table, 334), mul(shr(6, row), 788))
                let index := and(row, 63)
                stake := add(stake, shr(160, mload(add(add(area, 20), mul(index, 12)))))
                rows := and(rows, sub(rows, 1))
                if and(shr(row, keys), 1) {
                    packed := mload(0x40)
                    extcodecopy(shr(96, mload(area)), packed, add(mul(index, 224), 1), 192)
                }
            }
            if (packed != 0) BLS12381.addPacked(work, packed);
        }
    }

    /// @notice Who leads, by stage: a draw without replacement. Stage s draws the row that owns position keccak256(seed, s)
    /// modulo the stake not yet drawn, rows lying side by side in their order.
    function leaders(bytes memory table, bytes32 seed) internal pure returns (uint16[] memory drawn) {
        uint256 left = stakedRows(table);
        uint256 total = totalStake(table);
        uint256 stages = stakedCount(table);
        if (stages > MAX_STAGES) stages = MAX_STAGES;
        drawn = new uint16[](stages);
        for (uint256 stage = 0; stage < stages; ++stage) {
            uint256 position = uint256(keccak256(abi.encodePacked(seed, uint8(stage)))) % total;
            uint256 rows = left;
            uint256 row = lowest(rows);
            uint256 stake = stakeAt(table, row);
            while (position >= stake) {
                position -= stake;
                rows &= rows - 1;
                row = lowest(rows);
                stake = stakeAt(table, row);
            }
            left ^= 1 << row;
            total -= stake;
            drawn[stage] = uint16(row);
        }
    }

    /// @dev Position of the lowest bit set, of which there must be one: by halves down to 16 bits, whose powers of two
    /// differ modulo 19, so the rest is looked up (byte 2^i mod 19 of the table is i).
    function lowest(uint256 bits) internal pure returns (uint256 position) {
        assembly ("memory-safe") {
            let bit := and(bits, sub(0, bits))
            position := shl(7, gt(bit, 0xffffffffffffffffffffffffffffffff))
            position := or(position, shl(6, gt(shr(position, bit), 0xffffffffffffffff)))
            position := or(position, shl(5, gt(shr(position, bit), 0xffffffff)))
            position := or(position, shl(4, gt(shr(position, bit), 0xffff)))
            position := or(position, byte(mod(shr(position, bit), 19), LOG2_BY_REMAINDER))
        }
    }

    /// @dev How many bits are set: sums of neighbours, then of neighbouring sums, up to 16 bits each; the product adds
    /// those up in its highest 16 bits.
    function _size(uint256 bits) private pure returns (uint256) {
        unchecked {
            bits -= (bits >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555;
            bits = (bits & 0x3333333333333333333333333333333333333333333333333333333333333333)
                + ((bits >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
            bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
            bits = (bits + (bits >> 8)) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
            return (bits * 0x0001000100010001000100010001000100010001000100010001000100010001) >> 240;
        }
    }
}
