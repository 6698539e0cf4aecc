// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

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

    address private constant MODEXP = address(0x05);
    address private constant G1_ADD = address(0x0b);
    address private constant G2_ADD = address(0x0d);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP_TO_G1 = address(0x10);

    /// @dev A failing precompile burns all the gas it was given, so each is given little more than its price
    /// (EIP-2537: G1ADD 375, G2ADD 600, MAP_FP 5,500, two pairs 102,900; EIP-7883 MODEXP at least 500).
    uint256 private constant SMALL_GAS = 20_000;
    uint256 private constant PAIRING_GAS = 150_000;

    /// @dev The field's modulus p: its upper 16 and lower 32 bytes.
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    bytes private constant G1_GENERATOR =
        hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
    bytes private constant G2_GENERATOR =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
    bytes private constant NEGATED_G2_GENERATOR =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
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
        return pairsToOne(bytes.concat(pad(signature), NEGATED_G2_GENERATOR, hashToG1(message, dst), key));
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
    function hashToG1(bytes memory message, bytes memory dst) internal view returns (bytes memory) {
        (bytes memory first, bytes memory second) = expandMessage(message, dst);
        (bool ok, bytes memory sum) =
            run(G1_ADD, SMALL_GAS, bytes.concat(mapToG1(reduce(first)), mapToG1(reduce(second))), G1_PADDED);
        if (!ok) revert InvalidPoint();
        return sum;
    }

    /// @dev RFC 9380 §5.3.1 expand_message_xmd with SHA-256, 128 bytes in two halves.
    function expandMessage(bytes memory message, bytes memory dst)
        private
        pure
        returns (bytes memory first, bytes memory second)
    {
        bytes memory suffix = bytes.concat(dst, bytes1(uint8(dst.length)));
        bytes32 b0 = sha256(bytes.concat(new bytes(64), message, hex"008000", suffix));
        bytes32 b1 = sha256(bytes.concat(b0, hex"01", suffix));
        bytes32 b2 = sha256(bytes.concat(b0 ^ b1, hex"02", suffix));
        bytes32 b3 = sha256(bytes.concat(b0 ^ b2, hex"03", suffix));
        bytes32 b4 = sha256(bytes.concat(b0 ^ b3, hex"04", suffix));
        return (bytes.concat(b1, b2), bytes.concat(b3, b4));
    }

    /// @dev 64 bytes modulo p, by raising to the power of one.
    function reduce(bytes memory number) private view returns (bytes memory element) {
        bytes memory input =
            abi.encodePacked(uint256(64), uint256(1), uint256(64), number, uint8(1), P_HIGH, P_LOW);
        bool ok;
        (ok, element) = run(MODEXP, SMALL_GAS, input, 64);
        if (!ok) revert InvalidPoint();
    }

    function mapToG1(bytes memory element) private view returns (bytes memory point) {
        bool ok;
        (ok, point) = run(MAP_FP_TO_G1, SMALL_GAS, element, G1_PADDED);
        if (!ok) revert InvalidPoint();
    }

    /* POINTS */

    /// @notice Sum of two padded G2 points.
    function addG2(bytes memory a, bytes memory b) internal view returns (bytes memory sum) {
        bool ok;
        (ok, sum) = run(G2_ADD, SMALL_GAS, bytes.concat(a, b), G2_PADDED);
        if (!ok) revert InvalidPoint();
    }

    /// @notice `a - b` of padded G2 points; changes `b` in place to its negation.
    function subtractG2(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        negateElement(b, 128);
        negateElement(b, 192);
        return addG2(a, b);
    }

    /// @dev y -> p - y in place. Zero stays zero: p itself is not a valid encoding.
    function negateElement(bytes memory point, uint256 offset) private pure {
        assembly ("memory-safe") {
            let at := add(add(point, 32), offset)
            let high := mload(at)
            let low := mload(add(at, 32))
            if or(high, low) {
                mstore(at, sub(sub(P_HIGH, high), gt(low, P_LOW)))
                mstore(add(at, 32), sub(P_LOW, low))
            }
        }
    }

    /// @notice Packed to padded: 16 zero bytes before each 48.
    function pad(bytes memory packed) internal pure returns (bytes memory padded) {
        uint256 elements = packed.length / 48;
        padded = new bytes(elements * 64);
        assembly ("memory-safe") {
            let from := add(packed, 32)
            let to := add(padded, 48)
            for { let i := 0 } lt(i, elements) { i := add(i, 1) } {
                mcopy(add(to, mul(i, 64)), add(from, mul(i, 48)), 48)
            }
        }
    }

    /// @notice Whether all bytes are zero: the encoding of the point at infinity. Length must be a multiple of 32.
    function isZero(bytes memory point) internal pure returns (bool zero) {
        assembly ("memory-safe") {
            let bits := 0
            let end := add(add(point, 32), mload(point))
            for { let at := add(point, 32) } lt(at, end) { at := add(at, 32) } { bits := or(bits, mload(at)) }
            zero := iszero(bits)
        }
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
        output = new bytes(size);
        assembly ("memory-safe") {
            ok := staticcall(gasCap, precompile, add(input, 32), mload(input), add(output, 32), size)
            ok := and(ok, eq(returndatasize(), size))
        }
    }
}
