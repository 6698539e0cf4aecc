// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title CertificateModel
/// @notice A model of our own of how EigenLayer's middleware checks a BN254 certificate (BLSSignatureChecker), for
/// comparison of gas alone: an aggregate key kept as a hash, keys in calldata, stake and membership of every absent
/// operator read from histories, hash to curve by trying, and one pairing check in which key and signature are combined.
/// @dev Kinder than the real thing, which spreads this over four contracts behind proxies, takes several quorums, and
/// looks for stale stake. One fresh slot stands for the note that a task was answered.
contract CertificateModel {
    struct Point {
        uint256 x;
        uint256 y;
    }

    struct PointG2 {
        uint256[2] x;
        uint256[2] y;
    }

    struct Certificate {
        Point[] absentKeys;
        Point aggregate;
        PointG2 signersKey;
        Point signature;
        uint32[] bitmapIndices;
        uint32 aggregateIndex;
        uint32 totalIndex;
        uint32[] stakeIndices;
    }

    /// @dev One slot: what held from a block on, up to another.
    struct Update {
        uint32 from;
        uint32 until;
        uint192 value;
    }

    uint256 private constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 private constant QUORUM_BPS = 6667;
    /// @dev EigenLayer caps the pairing's gas, for a failing one burns all it was given.
    uint256 private constant PAIRING_GAS = 120_000;

    mapping(bytes32 operator => Update[]) private _bitmaps;
    mapping(bytes32 operator => Update[]) private _stakes;
    Update[] private _aggregates;
    Update[] private _totals;
    Point private _aggregate;
    mapping(bytes32 digest => bytes32 signatories) private _settled;

    event Settled(bytes32 indexed digest, address indexed submitter, uint256 signedStake);

    error InvalidSignature();
    error InvalidHistory();
    error NotSorted();
    error NoQuorum();

    /* SET-UP */

    function register(Point[] calldata keys, uint96 stake) external {
        Point memory sum;
        uint32 from = uint32(block.number);
        for (uint256 i = 0; i < keys.length; ++i) {
            sum = add(sum, keys[i]);
            bytes32 operator = hashOf(keys[i]);
            _bitmaps[operator].push(Update(from, 0, 1));
            _stakes[operator].push(Update(from, 0, stake));
        }
        _aggregate = sum;
        _aggregates.push(Update(from, 0, uint192(bytes24(hashOf(sum)))));
        _totals.push(Update(from, 0, uint192(keys.length * stake)));
    }

    /* WHAT IS MEASURED */

    function settle(bytes32 digest, Certificate calldata certificate) external {
        uint32 at = uint32(block.number);
        uint256 signed = read(_totals, certificate.totalIndex, at);
        uint256 total = signed;
        Point memory key = certificate.aggregate;
        if (read(_aggregates, certificate.aggregateIndex, at) != uint192(bytes24(hashOf(key)))) {
            revert InvalidHistory();
        }
        uint256 count = certificate.absentKeys.length;
        bytes32[] memory absent = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Point memory one = certificate.absentKeys[i];
            absent[i] = hashOf(one);
            if (i != 0 && absent[i] <= absent[i - 1]) revert NotSorted();
            if (read(_bitmaps[absent[i]], certificate.bitmapIndices[i], at) & 1 == 0) continue;
            signed -= read(_stakes[absent[i]], certificate.stakeIndices[i], at);
            key = add(key, Point(one.x, P - one.y));
        }
        if (!isSigned(digest, key, certificate.signersKey, certificate.signature)) revert InvalidSignature();
        if (signed * 10_000 < total * QUORUM_BPS) revert NoQuorum();
        _settled[digest] = keccak256(abi.encodePacked(at, absent));
        emit Settled(digest, msg.sender, signed);
    }

    function read(Update[] storage history, uint32 index, uint32 at) private view returns (uint192) {
        Update memory update = history[index];
        if (at < update.from || (update.until != 0 && at >= update.until)) revert InvalidHistory();
        return update.value;
    }

    /// @dev That the signers' keys in G1 and G2 belong together is checked in the same pairing, by a random factor.
    function isSigned(bytes32 digest, Point memory key, PointG2 calldata signersKey, Point calldata signature)
        private
        view
        returns (bool)
    {
        uint256 factor = uint256(
            keccak256(abi.encodePacked(digest, key.x, key.y, signersKey.x, signersKey.y, signature.x, signature.y))
        ) % ORDER;
        Point memory left = add(signature, multiply(key, factor));
        Point memory right = add(hashToG1(digest), multiply(Point(1, 2), factor));
        PointG2 memory base = generator();
        uint256[12] memory pairs = [
            left.x,
            left.y,
            base.x[0],
            base.x[1],
            P - base.y[0],
            P - base.y[1],
            right.x,
            right.y,
            signersKey.x[0],
            signersKey.x[1],
            signersKey.y[0],
            signersKey.y[1]
        ];
        uint256 result;
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(PAIRING_GAS, 8, pairs, 384, 0, 32)
            result := mload(0)
        }
        return ok && result == 1;
    }

    /* CURVE */

    /// @notice The first x from the digest on for which x^3 + 3 is a square.
    function hashToG1(bytes32 digest) public view returns (Point memory) {
        uint256 x = uint256(digest) % P;
        while (true) {
            uint256 square = addmod(mulmod(mulmod(x, x, P), x, P), 3, P);
            uint256 y = root(square);
            if (mulmod(y, y, P) == square) return Point(x, y);
            x = addmod(x, 1, P);
        }
        return Point(0, 0);
    }

    /// @dev To the power of (p + 1) / 4, by MODEXP.
    function root(uint256 square) private view returns (uint256 y) {
        uint256[6] memory input = [32, 32, 32, square, (P + 1) / 4, P];
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 5, input, 192, 0, 32)
            y := mload(0)
        }
        require(ok, "MODEXP");
    }

    function add(Point memory a, Point memory b) public view returns (Point memory sum) {
        uint256[4] memory input = [a.x, a.y, b.x, b.y];
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 6, input, 128, sum, 64)
        }
        require(ok, "ecAdd");
    }

    function multiply(Point memory point, uint256 scalar) public view returns (Point memory product) {
        uint256[3] memory input = [point.x, point.y, scalar];
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 7, input, 96, product, 64)
        }
        require(ok, "ecMul");
    }

    /// @notice Of G2, in the order of the precompile: imaginary part first.
    function generator() public pure returns (PointG2 memory) {
        return PointG2(
            [
                11559732032986387107991004021392285783925812861821192530917403151452391805634,
                10857046999023057135944570762232829481370756359578518086990519993285655852781
            ],
            [
                4082367875863433681332203403145435568316851327593401208105741076214120093531,
                8495653923123431417604973247489272438418190587263600148770280649306958101930
            ]
        );
    }

    function hashOf(Point memory point) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(point.x, point.y));
    }

    /* VIEWS */

    function aggregate() external view returns (Point memory) {
        return _aggregate;
    }

    function isSettled(bytes32 digest) external view returns (bool) {
        return _settled[digest] != 0;
    }
}
