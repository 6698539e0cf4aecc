// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title ITaskManager
/// @notice Settles what the keepers certified, once per task, and keeps account of what they earned.
interface ITaskManager {
    /// @notice Aggregated partials: `signature` is a G1 point (96 bytes), `signers` one bit per committee index,
    /// lowest bit of the first word first; words beyond the committee's size are an error.
    struct Certificate {
        uint32 epoch;
        bytes signature;
        uint256[] signers;
    }

    /// @notice A block the reports of a batch are pinned to; listed once, referred to by position.
    struct Anchor {
        uint64 number;
        bytes32 hash;
    }

    /// @notice One report with its outcome in full. status: 0 call, 1 skip, 2 job error.
    struct Entry {
        uint64 jobId;
        uint32 jobVersion;
        uint8 anchor;
        uint8 status;
        bytes32 instanceKey;
        bytes32 inputHash;
        bytes32 stateAfterRoot;
        bytes32 transcriptRoot;
        bytes outcome;
    }

    /// @notice Why a certified report could not settle.
    enum Ineligible {
        Duplicate,
        AnchorUnknown,
        AnchorTooOld,
        JobUnknown,
        Version,
        Inactive,
        Escrow,
        NotDue,
        Quorum
    }

    event BatchSettled(
        bytes32 indexed root, uint32 indexed epoch, address indexed submitter, uint256 signedStake, uint256 settled
    );
    event TaskSettled(
        bytes32 indexed taskId,
        uint64 indexed jobId,
        address indexed submitter,
        uint32 jobVersion,
        bytes32 instanceKey,
        uint8 status,
        uint64 anchorNumber,
        bytes32 outcomeHash,
        bool delivered
    );
    event ReportIneligible(bytes32 indexed taskId, uint64 indexed jobId, Ineligible reason);
    event Claimed(address indexed operator, address indexed token, address to, uint256 amount);

    error NothingToSettle();
    error EmptyBatch();
    error TooManyReports();
    error InvalidStatus(uint8 status);
    error InvalidAnchor(uint256 position);
    error InvalidLeaves();
    error QuorumNotReached(uint256 signedStake, uint256 totalStake);
    error InfinitySignature();
    error InfinityKey();
    error InvalidSignatureLength();
    error InvalidSignature();
    error EpochNotActive(uint32 epoch, uint64 anchorNumber);
    error InsufficientGas();
    error NothingOwed();
    error ZeroRecipient();

    /// @notice Verifies the certificate over the batch and settles what is eligible of `entries`.
    /// @param leaves one word per leaf of the batch: zero where the next of `entries` stands, else the leaf's hash.
    /// Empty when `entries` are the whole batch.
    /// @return settled how many tasks it settled
    function settle(
        Certificate calldata certificate,
        Anchor[] calldata anchors,
        Entry[] calldata entries,
        bytes32[] calldata leaves
    ) external returns (uint256 settled);

    /// @notice Sends the caller's earnings in `token` from the given epochs to `to`.
    function claim(address token, uint32[] calldata epochs, address to) external returns (uint256 amount);

    /// @notice What an operator has earned in `token` in the given epochs and not claimed.
    function owed(address operator, address token, uint32[] calldata epochs) external view returns (uint256);

    /// @notice Whether the run was settled, or is more than 192 runs older than the newest settled one: then it can no
    /// longer settle.
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool);
    function domainSeparator() external view returns (bytes32);
    /// @notice The bytes keepers sign: EIP-712 digest of Batch(uint32 epoch,bytes32 root).
    function batchDigest(uint32 epoch, bytes32 root) external view returns (bytes32);
}
