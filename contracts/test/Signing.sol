// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "../src/libraries/BLS12381.sol";

/// @notice Keys and signatures made with the multiplication precompiles, so that tests need nothing from outside.
library Signing {
    address private constant G1_MSM = address(0x0c);
    address private constant G2_MSM = address(0x0e);
    bytes internal constant G2 = hex"024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    function publicKey(uint256 secret) internal view returns (bytes memory) {
        return unpad(multiply(G2_MSM, BLS12381.pad(G2), secret));
    }

    /// @notice Also the aggregate of several keys' signatures, for the sum of their secrets.
    function sign(uint256 secret, bytes32 message, bytes memory dst) internal view returns (bytes memory) {
        return unpad(multiply(G1_MSM, BLS12381.hashToG1(bytes.concat(message), dst), secret));
    }

    function multiply(address precompile, bytes memory point, uint256 scalar) internal view returns (bytes memory) {
        (bool ok, bytes memory product) = precompile.staticcall(bytes.concat(point, bytes32(scalar)));
        require(ok && product.length == point.length, "no multiplication precompile");
        return product;
    }

    /// @notice The same point with p added to its first coordinate: another encoding of it, which nothing may accept.
    function uncanonical(bytes memory packed) internal pure returns (bytes memory other) {
        other = bytes.concat(packed);
        assembly ("memory-safe") {
            let at := add(other, 32)
            let low := mload(add(at, 16))
            let sum := add(low, 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab)
            let high := add(add(shr(128, mload(at)), 0x1a0111ea397fe69a4b1ba7b6434bacd7), lt(sum, low))
            mstore(add(at, 16), sum)
            mstore(at, or(shl(128, high), shr(128, sum)))
        }
    }

    function unpad(bytes memory padded) internal pure returns (bytes memory packed) {
        uint256 elements = padded.length / 64;
        packed = new bytes(elements * 48);
        for (uint256 i = 0; i < elements; ++i) {
            for (uint256 j = 0; j < 48; ++j) {
                packed[i * 48 + j] = padded[i * 64 + 16 + j];
            }
        }
    }
}
