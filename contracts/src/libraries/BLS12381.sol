// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Words} from "./Words.sol";

/// @title BLS12381
/// @notice BLS signatures with keys in G2 and signatures in G1, on the EIP-2537 precompiles.
/// @dev "Packed" points are 48 bytes per field element (G1 96, G2 192: x.c0, x.c1, y.c0, y.c1), as they travel and are
/// kept. "Padded" points are 64 bytes per element (G1 128, G2 256), as the precompiles take them. The ADD precompiles do
/// not check the subgroup; PAIRING does. So a key may be added only after it went through `verify` once.
library BLS12381 {
    /* CONSTANTS */

    bytes internal constant SIGNATURE_DST = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    bytes internal constant POSSESSION_DST = "BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

    uint256 internal constant G1_PACKED = 96;
    uint256 internal constant G2_PACKED = 192;
    uint256 internal constant G1_PADDED = 128;
    uint256 internal constant G2_PADDED = 256;

    address private constant SHA256 = 0x0000000000000000000000000000000000000002;
    address private constant MODEXP = 0x0000000000000000000000000000000000000005;
    address private constant G1_ADD = 0x000000000000000000000000000000000000000b;
    address private constant G2_ADD = 0x000000000000000000000000000000000000000d;
    address private constant PAIRING = 0x000000000000000000000000000000000000000F;
    address private constant MAP_FP_TO_G1 = 0x0000000000000000000000000000000000000010;

    /// @dev A failing precompile burns all the gas it was given, so each is given little more than its price
    /// (EIP-2537: G1ADD 375, G2ADD 600, MAP_FP 5,500, two pairs 102,900; EIP-7883 MODEXP at least 500).
    uint256 private constant SMALL_GAS = 20_000;
    uint256 private constant PAIRING_GAS = 150_000;

    /// @dev The field's modulus p: its upper 16 and lower 32 bytes.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    bytes private constant G1_GENERATOR = hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
    bytes private constant G2_GENERATOR = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
    bytes private constant NEGATED_G2_GENERATOR = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";

    /* ERRORS */

    /// @notice The chain lacks the EIP-2537 precompiles; these contracts cannot work on it.
    error PrecompilesMissing();
    /// @notice A precompile refused its input: a coordinate or a point that is not on the curve.
    error InvalidPoint();

    /* SIGNATURES */

    /// @notice Whether `signature` (packed G1) is `key`'s (padded G2) signature on `message` under `dst`.
    /// @dev False for points off the curve or outside the subgroup too. Callers must refuse the infinity key and the
    /// infinity signature themselves (`isZero`): together they satisfy the pairing for every message.
    function verify(bytes memory signature, bytes memory message, bytes memory dst, bytes memory key)
        internal
        view
        returns (bool)
    {
        bytes memory pairs = new bytes(2 * (G1_PADDED + G2_PADDED));
        bytes memory negatedGenerator = NEGATED_G2_GENERATOR;
        Words.copy(pairs, 16, signature, 0, 48);
        Words.copy(pairs, 80, signature, 48, 48);
        Words.copy(pairs, G1_PADDED, negatedGenerator, 0, G2_PADDED);
        Words.copy(pairs, 2 * G1_PADDED + G2_PADDED, key, 0, G2_PADDED);
        writeHash(message, dst, pairs, G1_PADDED + G2_PADDED);
        return pairsToOne(pairs);
    }

    /// @notice Reverts on a chain that lacks the precompiles. Calls to addresses without code succeed with no output, so
    /// only a computed result proves that they are there.
    function selfTest() internal view {
        (bool mapped, bytes memory point) = run(MAP_FP_TO_G1, SMALL_GAS, new bytes(64), G1_PADDED);
        bytes memory pairs = bytes.concat(G1_GENERATOR, NEGATED_G2_GENERATOR, G1_GENERATOR, G2_GENERATOR);
        if (!mapped || isZero(point) || !pairsToOne(pairs)) revert PrecompilesMissing();
    }

    /* HASH TO CURVE */

    /// @notice RFC 9380 hash_to_curve for suite BLS12381G1_XMD:SHA-256_SSWU_RO_; returns a padded G1 point.
    function hashToG1(bytes memory message, bytes memory dst) internal view returns (bytes memory point) {
        point = new bytes(G1_PADDED);
        writeHash(message, dst, point, 0);
    }

    /// @dev Writes the point into `output` from byte `offset` on. Two field elements are mapped and their points added;
    /// the map of EIP-2537 clears the cofactor. Assembly, because every settlement pays for it.
    function writeHash(bytes memory message, bytes memory dst, bytes memory output, uint256 offset) internal view {
        uint256 uniform = expandMessage(message, dst);
        bool ok;
        assembly ("memory-safe") {
            // MODEXP's input: lengths of base, exponent, modulus, then those; to the power of one, modulo p
            let input := add(uniform, 128)
            mstore(input, 64)
            mstore(add(input, 32), 1)
            mstore(add(input, 64), 64)
            mstore8(add(input, 160), 1)
            mstore(add(input, 161), P_HIGH)
            mstore(add(input, 193), P_LOW)
            let points := add(input, 256)
            ok := 1
            for { let i := 0 } lt(i, 2) { i := add(i, 1) } {
                mcopy(add(input, 96), add(uniform, mul(i, 64)), 64)
                // the element lands in the scratch space, 0x00 to 0x40
                ok := and(ok, staticcall(SMALL_GAS, MODEXP, input, 225, 0, 64))
                ok := and(ok, eq(returndatasize(), 64))
                ok := and(ok, staticcall(SMALL_GAS, MAP_FP_TO_G1, 0, 64, add(points, mul(i, 128)), 128))
                ok := and(ok, eq(returndatasize(), 128))
            }
            ok := and(ok, staticcall(SMALL_GAS, G1_ADD, points, 256, add(add(output, 32), offset), 128))
            ok := and(ok, eq(returndatasize(), 128))
        }
        if (!ok) revert InvalidPoint();
    }

    /// @dev RFC 9380 §5.3.1 expand_message_xmd with SHA-256: b0 = H(64 zeros, message, 0x0080, 0, dst), b1 = H(b0, 1, dst),
    /// b(i) = H(b0 ^ b(i - 1), i, dst), where dst is followed by its length. Returns where in memory, past what is
    /// allocated, the 128 bytes b1 .. b4 stand.
    function expandMessage(bytes memory message, bytes memory dst) internal view returns (uint256 uniform) {
        assembly ("memory-safe") {
            let length := mload(message)
            let size := add(mload(dst), 1)
            // dst and its length, at the end of the first input
            let input := mload(0x40)
            let suffix := add(input, add(length, 67))
            calldatacopy(input, calldatasize(), 64) // zeros
            mcopy(add(input, 64), add(message, 32), length)
            mstore(add(input, add(length, 64)), shl(232, 0x008000))
            mcopy(suffix, add(dst, 32), sub(size, 1))
            mstore8(add(suffix, sub(size, 1)), sub(size, 1))
            // SHA-256 fails only for lack of gas; then the pairing, which needs far more, fails too
            pop(staticcall(gas(), SHA256, input, add(length, add(size, 67)), 0, 32))
            let b0 := mload(0)
            mcopy(add(input, 33), suffix, size)
            mstore(input, b0)
            uniform := add(input, add(size, 64))
            for { let i := 0 } lt(i, 4) { i := add(i, 1) } {
                let output := add(uniform, mul(i, 32))
                mstore8(add(input, 32), add(i, 1))
                pop(staticcall(gas(), SHA256, input, add(size, 33), output, 32))
                mstore(input, xor(b0, mload(output)))
            }
        }
    }

    /* POINTS */

    /// @notice Sum of two padded G2 points.
    function addG2(bytes memory a, bytes memory b) internal view returns (bytes memory sum) {
        bool ok;
        (ok, sum) = run(G2_ADD, SMALL_GAS, bytes.concat(a, b), G2_PADDED);
        if (!ok) revert InvalidPoint();
    }

    /// @notice Adds the packed G2 point at memory position `packed` to the padded one in the first half of `work` (512
    /// bytes), in place; the second half is scratch, whose padding must be zero.
    function addPacked(bytes memory work, uint256 packed) internal view {
        bool ok;
        assembly ("memory-safe") {
            let to := add(work, 304)
            mcopy(to, packed, 48)
            mcopy(add(to, 64), add(packed, 48), 48)
            mcopy(add(to, 128), add(packed, 96), 48)
            mcopy(add(to, 192), add(packed, 144), 48)
            ok := staticcall(SMALL_GAS, G2_ADD, add(work, 32), 512, add(work, 32), 256)
            ok := and(ok, eq(returndatasize(), 256))
        }
        if (!ok) revert InvalidPoint();
    }

    /// @notice Negates the padded G2 point at the start of `point`, in place.
    function negateG2(bytes memory point) internal pure {
        negateElement(point, 128);
        negateElement(point, 192);
    }

    /// @dev y -> p - y in place. Zero stays zero: p itself is not a valid encoding.
    function negateElement(bytes memory point, uint256 offset) private pure {
        unchecked {
            uint256 high = Words.get(point, offset);
            uint256 low = Words.get(point, offset + 32);
            if ((high | low) == 0) return;
            Words.put(point, offset, P_HIGH - high - (low > P_LOW ? 1 : 0));
            Words.put(point, offset + 32, P_LOW - low);
        }
    }

    /// @notice Packed to padded: 16 zero bytes before each 48.
    function pad(bytes memory packed) internal pure returns (bytes memory padded) {
        // a number of whole elements
        // slither-disable-next-line divide-before-multiply
        uint256 elements = packed.length / 48;
        padded = new bytes(elements * 64);
        for (uint256 i = 0; i < elements; ++i) {
            Words.copy(padded, i * 64 + 16, packed, i * 48, 48);
        }
    }

    /// @notice Whether all bytes are zero: the encoding of the point at infinity.
    /// @dev By hash: that costs less than a loop.
    function isZero(bytes memory point) internal pure returns (bool) {
        return keccak256(point) == keccak256(new bytes(point.length));
    }

    /* PRECOMPILES */

    /// @dev Whether the product of the pairings is one. False when the precompile refuses a point.
    function pairsToOne(bytes memory pairs) private view returns (bool) {
        (bool ok, bytes memory result) = run(PAIRING, PAIRING_GAS, pairs, 32);
        return ok && bytes32(result) == bytes32(uint256(1));
    }

    /// @dev Calls a precompile with a gas cap; `ok` only if it returned exactly `size` bytes.
    function run(address precompile, uint256 gasCap, bytes memory input, uint256 size)
        private
        view
        returns (bool ok, bytes memory output)
    {
        (ok, output) = precompile.staticcall{gas: gasCap}(input);
        ok = ok && output.length == size;
    }
}
