// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IArbGasInfo, IArbSys, IGasPriceOracle} from "../src/libraries/Chain.sol";

/// @notice ArbSys, with a number to be set, and the hashes of the 256 blocks below it.
contract ArbSysStandIn is IArbSys {
    error InvalidBlockNumber(uint256 requested, uint256 current);

    uint256 private _number;

    function setNumber(uint256 number) external {
        _number = number;
    }

    function arbBlockNumber() external view returns (uint256) {
        return _number;
    }

    function arbBlockHash(uint256 height) external view returns (bytes32) {
        if (height >= _number || height + 256 < _number) revert InvalidBlockNumber(height, _number);
        return keccak256(abi.encode("an Arbitrum block", height));
    }
}

/// @notice ArbGasInfo, with a price to be set, and what the transaction under way pays.
contract ArbGasInfoStandIn is IArbGasInfo {
    uint256 private _perByte;
    uint256 private _paid;

    function set(uint256 perByte, uint256 paid) external {
        (_perByte, _paid) = (perByte, paid);
    }

    function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256) {
        return (140 * _perByte, _perByte, 0, 0, 0, 0);
    }

    function getCurrentTxL1GasFees() external view returns (uint256) {
        return _paid;
    }
}

/// @notice GasPriceOracle as from Fjord on: a transaction pays for what FastLZ leaves of it, times a price to be set.
contract GasPriceOracleStandIn is IGasPriceOracle {
    uint256 private _price;

    /// @notice Wei for a million bytes that are left.
    function setPrice(uint256 price) external {
        _price = price;
    }

    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256) {
        uint256 size = unsignedTxSize + 68;
        return feeOf(size + size / 255 + 16);
    }

    /// @notice What a transaction pays of which FastLZ leaves so many bytes.
    function feeOf(uint256 left) public view returns (uint256) {
        uint256 size = left * 836_500;
        size = size < 142_585_600 ? 100_000_000 : size - 42_585_600;
        return size * _price / 1e12;
    }
}

/// @notice Something else at one of those addresses.
contract Mute {
    fallback() external {}
}

/// @notice How many bytes FastLZ (level 1) leaves of some: runs of up to 32 bytes as they are, with a byte before each; what
/// was there within the last 8,191 bytes as two bytes, three if it is 9 or longer. Three bytes are looked up by their hash.
library FastLz {
    function left(bytes memory data) internal pure returns (uint256 count) {
        if (data.length < 13) return _literals(data.length);
        uint256[] memory last = new uint256[](8192);
        uint256 end = data.length - 13;
        uint256 from = 0;
        uint256 place = 2;
        while (place < end) {
            uint256 earlier = _look(last, data, place);
            if (place - earlier > 0x1fff || !_same(data, earlier, place)) {
                ++place;
                continue;
            }
            count += _literals(place - from);
            uint256 length = 3;
            while (place + length < end + 9 && data[earlier + length] == data[place + length]) ++length;
            count += _match(length - 2);
            place += length;
            from = place;
        }
        count += _literals(data.length - from);
    }

    function _look(uint256[] memory last, bytes memory data, uint256 place) private pure returns (uint256 earlier) {
        uint256 three = uint256(uint8(data[place])) | (uint256(uint8(data[place + 1])) << 8)
            | (uint256(uint8(data[place + 2])) << 16);
        uint256 slot = (uint32(2654435769 * three) >> 19) & 8191;
        earlier = last[slot];
        last[slot] = place;
    }

    function _same(bytes memory data, uint256 a, uint256 b) private pure returns (bool) {
        return data[a] == data[b] && data[a + 1] == data[b + 1] && data[a + 2] == data[b + 2];
    }

    function _literals(uint256 length) private pure returns (uint256) {
        return length + (length + 31) / 32;
    }

    /// @dev `length`: less two.
    function _match(uint256 length) private pure returns (uint256) {
        return 3 * (length / 262) + (length % 262 >= 6 ? 3 : 2);
    }
}
