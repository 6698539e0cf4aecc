// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./IJobManager.sol";

/// @title ITaskManager
/// @notice Settles what the keepers certified, once per task, and delivers it.
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

    /// @notice One report of a batch. What it says of its run is one word, see RunWord: a word costs less than its parts.
    struct Entry {
        /// @dev job id << 192, version << 160, position of the anchor << 96, status: 0 call, 1 skip, 2 job error
        uint256 run;
        bytes32 instanceKey;
        bytes32 inputHash;
        /// @dev zero for a call, whose outcome is given in full
        bytes32 outcomeHash;
    }

    /// @notice The outcome of an entry with a call, which its target receives.
    struct Delivery {
        /// @dev of the job's version; signed with the rest, so it need not be looked up
        bytes32 codeHash;
        bytes32 stateAfterRoot;
        bytes32 transcriptRoot;
        bytes outcome;
    }

    /// @notice The reports to settle, and what is needed of those that are not: at most 256.
    struct Batch {
        Anchor[] anchors;
        Entry[] entries;
        /// @dev one for every entry with a call, in their order
        Delivery[] deliveries;
        /// @dev one word per leaf of the batch: zero where the next of `entries` stands, else the leaf's hash. Empty when
        /// `entries` are the whole batch.
        bytes32[] leaves;
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
        Quorum,
        Expired,
        /// @dev runs over 64 below it could still settle, and could no more after it
        OutOfOrder
    }

    event BatchSettled(
        bytes32 indexed root, uint32 indexed epoch, address indexed submitter, uint256 signedStake, uint256 settled
    );
    /// @notice A task with a call was settled. `fact`, from the highest bits: job id (64), version (32), anchor's block
    /// number (64), unused (40), seconds between due and settled (40), unused (7), delivered: whether the target
    /// accepted (1), status (8).
    event TaskSettled(
        uint64 indexed jobId, address indexed submitter, uint256 fact, bytes32 instanceKey, bytes32 outcomeHash
    );
    /// @notice Skips and job errors of a batch that were settled: fact, instance key and outcome hash of each in turn.
    event TasksSkipped(address indexed submitter, bytes32[] words);
    event ReportIneligible(bytes32 indexed taskId, uint64 indexed jobId, Ineligible reason);

    error NothingToSettle();
    error EmptyBatch();
    error TooManyReports();
    error InvalidStatus(uint256 status);
    error OutcomeTooLong(uint256 longest);
    error InvalidAnchor(uint256 position);
    error InvalidLeaves();
    /// @notice There are not as many deliveries as entries with a call, or such an entry has an outcome hash besides.
    error InvalidDeliveries();
    error QuorumNotReached(uint256 signedStake, uint256 totalStake);
    error InfinitySignature();
    error InfinityKey();
    error InvalidSignatureLength();
    error InvalidSignature();
    error EpochNotActive(uint32 epoch, uint64 anchorNumber);
    error InsufficientGas();
    /// @notice A batch with deliveries comes from an account without code that is the transaction's origin, and nobody else:
    /// who calls from a contract chooses the state of the world in which the targets run.
    error OnlyPlainAccount();
    /// @notice No anchor that old could be looked at, or none could settle at all.
    error InvalidAnchorAge(uint256 most);

    /// @notice Verifies the certificate over the batch and settles what is eligible of its entries.
    /// @return settled how many tasks it settled
    function settle(Certificate calldata certificate, Batch calldata batch) external returns (uint256 settled);

    /// @notice As {IJobManager-isSettled}.
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool);
    function jobManager() external view returns (IJobManager);
    /// @notice How many blocks an anchor may lie back: chosen at deployment, by how long the chain's blocks are.
    function maxAnchorAge() external view returns (uint256);
    function domainSeparator() external view returns (bytes32);
    /// @notice The bytes keepers sign: EIP-712 digest of Batch(uint32 epoch,bytes32 root).
    function batchDigest(uint32 epoch, bytes32 root) external view returns (bytes32);
}
