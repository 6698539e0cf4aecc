// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReportLib} from "../libraries/ReportLib.sol";
import {ITaskManager} from "./ITaskManager.sol";

/// @title IChallenger
/// @notice Where misbehaviour is proven and punished.
/// @dev Two offences. *Equivocation*: two signed statements at one (task, anchor, input set); the proof is the
/// statements themselves. *Wrong result*: a quorum certified what re-execution does not give; a larger quorum rules on it.
interface IChallenger {
    /// @notice A report that keepers signed as part of a batch. One signer's partial and a whole certificate have the
    /// same shape; keys come with a proof of possession, so an aggregate convicts like a single signature.
    struct Statement {
        ReportLib.Report report;
        /// @dev siblings from the report's leaf up to the batch's root
        bytes32[] proof;
        /// @dev bitmap of the signers, as in a certificate
        uint256[] signers;
        /// @dev their aggregated signature on the batch, a G1 point of 96 bytes
        bytes signature;
    }

    enum DisputeStatus {
        None,
        Open,
        /// @dev the ruling differs from the report: its signers are to be slashed
        Upheld,
        /// @dev the ruling confirms the report
        Rejected,
        /// @dev nobody ruled in time
        Expired
    }

    /// @notice A certified report that somebody says is wrong.
    struct Dispute {
        address disputer;
        DisputeStatus status;
        uint8 reportStatus;
        /// @dev newest epoch when it was opened: rulings of earlier ones do not count
        uint32 fromEpoch;
        /// @dev last block a ruling is accepted in
        uint64 deadline;
        bytes32 taskId;
        bytes32 leaf;
        bytes32 outcomeHash;
        /// @dev epoch the report was certified in, its signers, and those of them that are punished already
        uint32 epoch;
        uint256 signers;
        uint256 punished;
        /// @dev what was paid to open it, in wei
        uint256 bond;
    }

    event EquivocationProven(
        address indexed operator, bytes32 indexed taskId, address indexed reporter, uint32 epoch, uint256 slashed
    );
    event DisputeOpened(
        uint64 indexed disputeId,
        bytes32 indexed taskId,
        address indexed disputer,
        uint32 epoch,
        ReportLib.Report report,
        uint64 deadline
    );
    /// @notice Another certificate of the same report: a bitmap of the signers that it adds.
    event DisputeJoined(uint64 indexed disputeId, uint256 signers);
    event DisputeRuled(
        uint64 indexed disputeId, DisputeStatus status, uint8 reportStatus, bytes32 outcomeHash, uint32 epoch
    );
    event DisputeExpired(uint64 indexed disputeId);
    event WrongResultPunished(
        address indexed operator, bytes32 indexed taskId, uint64 indexed disputeId, uint256 slashed
    );
    event BountiesFunded(address indexed from, uint256 amount, uint256 pot);
    event Rewarded(address indexed reporter, uint256 amount);
    event Claimed(address indexed account, address to, uint256 amount);

    /// @notice The statements are about different tasks, anchors or input sets, or say the same.
    error NoConflict();
    /// @notice Nobody signed both statements.
    error NobodyGuilty();
    /// @notice All who signed both statements are convicted for this task already, or were punished as often as one epoch
    /// allows.
    error AlreadyProven();
    error ProofTooLong();
    /// @notice The anchor lies too far back: stake that counted then may be gone.
    error TooLate(uint256 deadline);
    error FutureAnchor(uint64 anchorNumber);
    /// @notice The statement is under an epoch that was not the one of its anchor.
    error EpochNotActive(uint32 epoch, uint64 anchorNumber);
    /// @notice There is no such job, version or run, or the run is still to come.
    error UnknownTask(uint64 jobId, uint32 jobVersion, bytes32 instanceKey);
    error WrongBond(uint256 bond);
    /// @notice The report rests on observations, which nobody can repeat.
    error NotDeterministic();
    error QuorumNotReached(uint256 signedStake, uint256 totalStake);
    /// @notice The report is disputed already; another certificate of it can join the dispute, if it adds signers.
    error AlreadyDisputed(uint64 disputeId);
    /// @notice The dispute is about another report.
    error OtherReport();
    error UnknownDispute(uint64 disputeId);
    error WrongDisputeStatus(DisputeStatus status);
    error TooEarly(uint256 deadline);
    error RulingEpoch(uint32 epoch);
    error InvalidStatus(uint8 status);
    error NothingOwed();
    error ZeroRecipient();

    /// @notice Convicts everybody who signed two contradicting statements: ejected, half of the stake slashed. At most 32
    /// per call; the rest by calling again. The caller earns a part of what is really taken, from the pot.
    /// @return convicted how many
    function proveEquivocation(uint32 epoch, Statement calldata first, Statement calldata second)
        external
        returns (uint256 convicted);

    /// @notice Disputes a report that a quorum certified, against the bond. The committee re-executes and rules.
    function openDispute(uint32 epoch, Statement calldata statement) external payable returns (uint64 disputeId);

    /// @notice Holds another certificate of a disputed report against its signers too, until the dispute's deadline: whoever
    /// opened it may have chosen the one with the fewest.
    function joinDispute(uint64 disputeId, Statement calldata statement) external;

    /// @notice Brings the committee's ruling: what re-execution gave, certified by 80 % of the stake.
    function rule(
        uint64 disputeId,
        uint8 reportStatus,
        bytes32 outcomeHash,
        ITaskManager.Certificate calldata certificate
    ) external;

    /// @notice Slashes a tenth of the stake of the next 32 signers of a report that was ruled wrong, each at most three times
    /// for the reports of one epoch. Whoever opened the dispute earns a part of what is really taken.
    function enforce(uint64 disputeId) external returns (uint256 punished);

    /// @notice Gives the bond back when no ruling came in time.
    function expire(uint64 disputeId) external;

    /// @notice Adds to the pot that rewards are paid from.
    function fundBounties() external payable;

    /// @notice Sends what the caller is owed (rewards, bonds given back) to `to`.
    function claim(address to) external returns (uint256 amount);

    /// @notice For third parties: whether the signers certify the report with a quorum of the epoch's stake. Needs no more
    /// than the report, its Merkle proof and the certificate that was settled with. Reverts if they did not sign it, or
    /// under an epoch that was not active at its anchor.
    function isCertified(uint32 epoch, Statement calldata statement) external view returns (bool);
    function isConvicted(address operator, bytes32 taskId) external view returns (bool);
    function dispute(uint64 disputeId) external view returns (Dispute memory);
    /// @notice What keepers sign to rule on a dispute: EIP-712 digest of
    /// Ruling(uint32 epoch,uint64 disputeId,bytes32 leaf,uint8 status,bytes32 outcomeHash) in the TaskManager's domain.
    function rulingDigest(uint32 epoch, uint64 disputeId, uint8 reportStatus, bytes32 outcomeHash)
        external
        view
        returns (bytes32);
}
