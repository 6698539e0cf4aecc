// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title ICertificateVerifier
/// @notice Whether keepers of an epoch signed something, and what they weigh. What they sign with is behind this
/// interface: {KeeperRegistry} implements it with BLS12-381, and has the keys where it verifies; for a few operators
/// individual signatures would be cheaper, and could stand behind it as well.
interface ICertificateVerifier {
    /// @notice What a set of signers amounts to within its epoch.
    struct Weight {
        /// @dev bitmap of the indices that have stake and did not sign, or were ejected
        uint256 absent;
        uint96 signedStake;
        uint96 totalStake;
        /// @dev the anchors the epoch is for; `activeUntil` is zero for the newest epoch
        uint64 activeFrom;
        uint64 activeUntil;
    }

    error InvalidSignatureLength();
    error InfinitySignature();
    error InfinityKey();
    error InvalidSignature();
    error UnknownEpoch(uint32 epoch);

    /// @notice Reverts unless `signature` is that of exactly these signers of the epoch on `digest`. Says nothing of a
    /// quorum: that is for the caller to ask of the weight.
    function verify(uint32 epoch, bytes32 digest, uint256[] calldata signers, bytes calldata signature)
        external
        view
        returns (Weight memory);

    /// @notice What signers weigh, for a signature that was verified before.
    function weigh(uint32 epoch, uint256[] calldata signers) external view returns (Weight memory);
}
