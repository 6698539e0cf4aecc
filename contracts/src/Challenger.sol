// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IChallenger} from "./interfaces/IChallenger.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {Chain} from "./libraries/Chain.sol";
import {ReportLib} from "./libraries/ReportLib.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {Bounties} from "./Bounties.sol";

/// @title Challenger
/// @notice See {IChallenger}.
/// @dev What proofs pay, and from what, is in Bounties.
contract Challenger is Bounties, OwnableUpgradeable, UUPSUpgradeable {
    /* CONSTANTS */

    /// @notice Share of the stake that equivocation costs. It is never an accident of load or of the network: the
    /// journal of an honest keeper refuses the second signature.
    uint256 public constant EQUIVOCATION_WAD = 0.5e18;
    /// @notice Share of the stake that a signature on a wrong result costs: there may be a bug behind it, and it hits
    /// a quorum at once.
    uint256 public constant WRONG_RESULT_WAD = 0.1e18;
    /// @notice Stake needed to overrule a certificate: more than the quorum that made it.
    uint16 public constant RULING_QUORUM_BPS = 8000;
    /// @notice Slashings in one transaction: at 250,000 gas each on EigenLayer they stay below half of the 16.7 million
    /// that one may use (EIP-7825).
    uint256 public constant MAX_SLASHINGS = 32;
    /// @notice How often one operator is punished for one kind of offence under one epoch: many tasks that went wrong may
    /// have a single fault behind them.
    uint256 public constant MAX_PUNISHMENTS = 3;
    /// @dev A batch has at most 256 leaves.
    uint256 private constant MAX_PROOF = 8;

    ITaskManager public immutable taskManager;
    IKeeperRegistry public immutable registry;
    IServiceManager public immutable serviceManager;
    /// @notice For how many blocks after its anchor a report can be held against its signers, in the anchors' numbers (see
    /// Chain). The registry's stakes are certain for `slashableBlocks`, by `block.number`, after the snapshot that read
    /// them; these take less time, by the longest that an epoch goes without anybody looking whether its stakes still stand.
    uint256 public immutable provableBlocks;
    /// @notice What opening a dispute takes, in wei. Goes to the pot when the report is confirmed.
    uint256 public immutable bond;
    Chain.Kind private immutable _chainKind;

    /* STORAGE */

    uint64 public disputeCount;
    mapping(bytes32 => bool) private _convicted;
    mapping(uint64 disputeId => Dispute) private _disputes;
    mapping(bytes32 leaf => uint64 disputeId) private _disputeOf;
    mapping(bytes32 => uint256) private _punishments;

    /* CONSTRUCTOR */

    constructor(
        ITaskManager taskManager_,
        IKeeperRegistry registry_,
        IServiceManager serviceManager_,
        uint256 provableBlocks_,
        uint256 reward_,
        uint256 bond_
    ) Bounties(reward_) {
        taskManager = taskManager_;
        registry = registry_;
        serviceManager = serviceManager_;
        provableBlocks = provableBlocks_;
        bond = bond_;
        _chainKind = Chain.kind();
        _disableInitializers();
    }

    function initialize(address owner) external initializer {
        __Ownable_init(owner);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    /* EQUIVOCATION */

    /// @inheritdoc IChallenger
    function proveEquivocation(uint32 epoch, Statement calldata first, Statement calldata second)
        external
        returns (uint256 convicted)
    {
        _checkConflict(first.report, second.report);
        _checkTask(first.report);
        _checkDeadline(_lastBlock(first.report.anchorNumber));
        if (first.signers.length == 0 || second.signers.length == 0) revert NobodyGuilty();
        uint256 guilty = first.signers[0] & second.signers[0];
        if (guilty == 0) revert NobodyGuilty();
        _verify(epoch, first);
        _verify(epoch, second);
        convicted = _convict(epoch, _taskId(first.report), guilty);
        if (convicted == 0) revert AlreadyProven();
    }

    function _checkConflict(ReportLib.Report calldata one, ReportLib.Report calldata other) private pure {
        bool sameQuestion = _taskId(one) == _taskId(other) && one.anchorNumber == other.anchorNumber
            && one.anchorHash == other.anchorHash && one.inputHash == other.inputHash;
        bool sameAnswer = one.status == other.status && one.outcomeHash == other.outcomeHash;
        if (!sameQuestion || sameAnswer) revert NoConflict();
    }

    /// @dev Once per operator and task. Noted before the slashing, so that nothing a token or strategy does on the way
    /// can lead to a second one.
    // In a loop the next one is noted after the last one's slashing; each is still noted before its own.
    // slither-disable-next-line reentrancy-no-eth
    function _convict(uint32 epoch, bytes32 taskId, uint256 guilty) private returns (uint256 convicted) {
        uint256 minimumStake = registry.minimumStake();
        for (uint16 i = 0; guilty != 0 && convicted < MAX_SLASHINGS; ++i) {
            bool signedBoth = guilty & 1 == 1;
            guilty >>= 1;
            if (!signedBoth) continue;
            address operator = registry.operatorAt(epoch, i);
            if (isConvicted(operator, taskId) || !_countPunishment(epoch, operator, EQUIVOCATION_WAD)) continue;
            _convicted[keccak256(abi.encode(operator, taskId))] = true;
            ++convicted;
            serviceManager.eject(operator);
            uint256 taken = serviceManager.slash(operator, EQUIVOCATION_WAD, "signed two results of one task");
            _pay(msg.sender, taken, minimumStake);
            emit EquivocationProven(operator, taskId, msg.sender, epoch, taken);
        }
    }

    /// @dev Whether there is one left, of the punishments an epoch allows for an offence; it is used up then.
    function _countPunishment(uint32 epoch, address operator, uint256 wad) private returns (bool) {
        bytes32 offence = keccak256(abi.encode(epoch, operator, wad));
        uint256 before = _punishments[offence];
        if (before == MAX_PUNISHMENTS) return false;
        _punishments[offence] = before + 1;
        return true;
    }

    /* DISPUTES */

    /// @inheritdoc IChallenger
    function openDispute(uint32 epoch, Statement calldata statement) external payable returns (uint64 disputeId) {
        if (msg.value != bond) revert WrongBond(bond);
        ReportLib.Report calldata report = statement.report;
        if (report.inputHash != 0) revert NotDeterministic();
        _checkTask(report);
        // half of the time for opening, the other half for the ruling
        _checkDeadline(report.anchorNumber + provableBlocks / 2);
        bytes32 leaf = ReportLib.leaf(report);
        if (_disputeOf[leaf] != 0) revert AlreadyDisputed(_disputeOf[leaf]);
        _verifyCertificate(epoch, statement);
        disputeId = ++disputeCount;
        _disputeOf[leaf] = disputeId;
        uint64 deadline = uint64(_lastBlock(report.anchorNumber));
        _disputes[disputeId] = Dispute({
            disputer: msg.sender,
            status: DisputeStatus.Open,
            reportStatus: report.status,
            fromEpoch: registry.currentEpoch(),
            deadline: deadline,
            taskId: _taskId(report),
            leaf: leaf,
            outcomeHash: report.outcomeHash,
            epoch: epoch,
            signers: statement.signers[0],
            punished: 0,
            bond: msg.value
        });
        emit DisputeOpened(disputeId, _taskId(report), msg.sender, epoch, report, deadline);
    }

    /// @inheritdoc IChallenger
    function joinDispute(uint64 disputeId, Statement calldata statement) external {
        Dispute storage about = _disputes[disputeId];
        if (about.status != DisputeStatus.Upheld) _inStatus(disputeId, DisputeStatus.Open);
        _checkDeadline(about.deadline);
        if (ReportLib.leaf(statement.report) != about.leaf) revert OtherReport();
        _verifyCertificate(about.epoch, statement);
        uint256 others = statement.signers[0] & ~about.signers;
        if (others == 0) revert AlreadyDisputed(disputeId);
        about.signers |= others;
        emit DisputeJoined(disputeId, others);
    }

    /// @inheritdoc IChallenger
    function rule(
        uint64 disputeId,
        uint8 reportStatus,
        bytes32 outcomeHash,
        ITaskManager.Certificate calldata certificate
    ) external {
        Dispute storage about = _inStatus(disputeId, DisputeStatus.Open);
        _checkDeadline(about.deadline);
        if (reportStatus > 2) revert InvalidStatus(reportStatus);
        uint32 epoch = certificate.epoch;
        if (epoch < about.fromEpoch) revert RulingEpoch(epoch);
        bytes32 digest = rulingDigest(epoch, disputeId, reportStatus, outcomeHash);
        ICertificateVerifier.Weight memory signers =
            registry.verify(epoch, digest, certificate.signers, certificate.signature);
        if (!CertificateLib.reachesQuorum(signers.signedStake, signers.totalStake, RULING_QUORUM_BPS)) {
            revert QuorumNotReached(signers.signedStake, signers.totalStake);
        }
        bool confirmed = reportStatus == about.reportStatus && outcomeHash == about.outcomeHash;
        about.status = confirmed ? DisputeStatus.Rejected : DisputeStatus.Upheld;
        emit DisputeRuled(disputeId, about.status, reportStatus, outcomeHash, epoch);
        if (confirmed) _fill(about.bond);
        else owed[about.disputer] += about.bond;
    }

    /// @inheritdoc IChallenger
    // As in `_convict`: each is noted, and counted, before its own slashing; it is paid by what that took.
    // slither-disable-next-line reentrancy-no-eth
    function enforce(uint64 disputeId) external returns (uint256 punished) {
        Dispute storage about = _inStatus(disputeId, DisputeStatus.Upheld);
        uint256 left = about.signers & ~about.punished;
        if (left == 0) revert NobodyGuilty();
        uint32 epoch = about.epoch;
        uint256 minimumStake = registry.minimumStake();
        for (uint16 i = 0; left >> i != 0 && punished < MAX_SLASHINGS; ++i) {
            if ((left >> i) & 1 == 0) continue;
            about.punished |= 1 << i;
            address operator = registry.operatorAt(epoch, i);
            if (!_countPunishment(epoch, operator, WRONG_RESULT_WAD)) continue;
            ++punished;
            uint256 taken = serviceManager.slash(operator, WRONG_RESULT_WAD, "certified a wrong result");
            _pay(about.disputer, taken, minimumStake);
            emit WrongResultPunished(operator, about.taskId, disputeId, taken);
        }
    }

    /// @inheritdoc IChallenger
    function expire(uint64 disputeId) external {
        Dispute storage about = _inStatus(disputeId, DisputeStatus.Open);
        if (Chain.number(_chainKind) <= about.deadline) revert TooEarly(about.deadline);
        about.status = DisputeStatus.Expired;
        owed[about.disputer] += about.bond;
        emit DisputeExpired(disputeId);
    }

    function _inStatus(uint64 disputeId, DisputeStatus status) private view returns (Dispute storage about) {
        about = _disputes[disputeId];
        if (about.status == DisputeStatus.None) revert UnknownDispute(disputeId);
        if (about.status != status) revert WrongDisputeStatus(about.status);
    }

    /* STATEMENTS */

    /// @dev Reverts unless the signers really signed a batch that holds the report, under the epoch that was active at its
    /// anchor: a key given up says nothing of later blocks, whoever has it now.
    function _verify(uint32 epoch, Statement calldata statement)
        private
        view
        returns (ICertificateVerifier.Weight memory signers)
    {
        if (statement.proof.length > MAX_PROOF) revert ProofTooLong();
        bytes32 root = MerkleProof.processProofCalldata(statement.proof, ReportLib.leaf(statement.report));
        signers = registry.verify(epoch, taskManager.batchDigest(epoch, root), statement.signers, statement.signature);
        uint64 anchor = statement.report.anchorNumber;
        if (anchor < signers.activeFrom || (signers.activeUntil != 0 && anchor > signers.activeUntil)) {
            revert EpochNotActive(epoch, anchor);
        }
    }

    /// @dev As `_verify`, and the signers are a quorum.
    function _verifyCertificate(uint32 epoch, Statement calldata statement) private view {
        ICertificateVerifier.Weight memory signers = _verify(epoch, statement);
        if (!CertificateLib.reachesQuorum(signers.signedStake, signers.totalStake, CertificateLib.MIN_QUORUM_BPS)) {
            revert QuorumNotReached(signers.signedStake, signers.totalStake);
        }
    }

    /// @dev Reverts for a task that never was, and for a block that is still to come: nobody needs protection from what is
    /// said of them, and the say of it would come free.
    function _checkTask(ReportLib.Report calldata report) private view {
        if (report.anchorNumber >= Chain.number(_chainKind)) revert FutureAnchor(report.anchorNumber);
        IJobManager.Job memory job = taskManager.jobManager().job(report.jobId);
        bool known = report.jobVersion != 0 && report.jobVersion <= job.version;
        // what an earlier version was due at is not kept
        if (known && report.jobVersion == job.version) known = _isDue(job, uint256(report.instanceKey));
        if (!known) revert UnknownTask(report.jobId, report.jobVersion, report.instanceKey);
    }

    /// @dev Whether a run of the job's present version may have been due. Of a log or a condition the key is a hash, which says nothing:
    /// whoever signs two statements at one made up knows what it does.
    function _isDue(IJobManager.Job memory job, uint256 run) private view returns (bool) {
        if (job.trigger == IJobManager.Trigger.Log || job.trigger == IJobManager.Trigger.Condition) {
            return run > RunLog.MAX_RUN && job.start <= block.timestamp;
        }
        if (run > RunLog.MAX_RUN || (job.limits.mostRuns != 0 && run >= job.limits.mostRuns)) return false;
        if (job.trigger == IJobManager.Trigger.OneShot) return run == 0 && job.start <= block.timestamp;
        uint256 due = run * job.interval;
        // minutes count from 1970 on, others from the first run
        if (job.trigger == IJobManager.Trigger.Cron) return due >= job.start && due <= block.timestamp;
        bool inBlocks = job.trigger == IJobManager.Trigger.Blocks;
        return job.start + due <= (inBlocks ? Chain.number(_chainKind) : block.timestamp);
    }

    /// @dev The stake that counted at the anchor is certain to be slashable up to this block.
    function _lastBlock(uint256 anchorNumber) private view returns (uint256) {
        return anchorNumber + provableBlocks;
    }

    function _checkDeadline(uint256 deadline) private view {
        if (Chain.number(_chainKind) > deadline) revert TooLate(deadline);
    }

    function _taskId(ReportLib.Report calldata report) private pure returns (bytes32) {
        return ReportLib.taskId(report.jobId, report.jobVersion, report.instanceKey);
    }

    /* VIEWS */

    /// @inheritdoc IChallenger
    function isCertified(uint32 epoch, Statement calldata statement) external view returns (bool) {
        ICertificateVerifier.Weight memory signers = _verify(epoch, statement);
        return CertificateLib.reachesQuorum(signers.signedStake, signers.totalStake, CertificateLib.MIN_QUORUM_BPS);
    }

    /// @inheritdoc IChallenger
    function isConvicted(address operator, bytes32 taskId) public view returns (bool) {
        return _convicted[keccak256(abi.encode(operator, taskId))];
    }

    /// @inheritdoc IChallenger
    function dispute(uint64 disputeId) external view returns (Dispute memory) {
        return _disputes[disputeId];
    }

    /// @inheritdoc IChallenger
    function rulingDigest(uint32 epoch, uint64 disputeId, uint8 reportStatus, bytes32 outcomeHash)
        public
        view
        returns (bytes32)
    {
        bytes32 leaf = _disputes[disputeId].leaf;
        return ReportLib.rulingDigest(
            taskManager.domainSeparator(), epoch, disputeId, leaf, reportStatus, outcomeHash
        );
    }
}
