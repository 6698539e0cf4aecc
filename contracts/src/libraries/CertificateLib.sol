// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "./BLS12381.sol";

/// @title CertificateLib
/// @notice Whether enough stake signed, and whether it really did.
library CertificateLib {
    /// @notice Two quorums of 2/3 on different roots need a third of the stake to have signed both.
    uint16 internal constant MIN_QUORUM_BPS = 6667;
    uint16 internal constant MAX_QUORUM_BPS = 10_000;

    error InvalidSignatureLength();
    error InfinitySignature();
    error InfinityKey();
    error InvalidSignature();

    function reachesQuorum(uint256 signedStake, uint256 totalStake, uint16 quorumBps) internal pure returns (bool) {
        return totalStake != 0 && signedStake * 10_000 >= totalStake * quorumBps;
    }

    /// @notice Reverts unless `signature` (96 bytes) is the aggregate of `key`'s (256 bytes) signatures on `digest`.
    /// @dev The signature at infinity passes only under the key at infinity, so it is looked for last.
    function verify(bytes memory signature, bytes32 digest, bytes memory key) internal view {
        if (signature.length != BLS12381.G1_PACKED) revert InvalidSignatureLength();
        bool hasKey = !BLS12381.isZero(key);
        if (hasKey && BLS12381.verify(signature, bytes.concat(digest), BLS12381.SIGNATURE_DST, key)) return;
        if (BLS12381.isZero(signature)) revert InfinitySignature();
        if (!hasKey) revert InfinityKey();
        revert InvalidSignature();
    }
}
