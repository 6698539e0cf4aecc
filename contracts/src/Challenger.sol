// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IChallenger} from "./interfaces/IChallenger.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {Chain} from "./libraries/Chain.sol";
import {ReportLib} from "./libraries/ReportLib.sol";

/// @title Challenger
/// @notice See {IChallenger}.
/// @dev Slashed stake is burnt or redistributed by EigenLayer, at core 1.4 always burnt: it cannot pay the reporter. So
/// rewards come from a pot that anybody fills (the protocol's share of fees, lost bonds), a fixed sum per conviction,
/// what is left of the pot if that is less. It pays for the gas, not for a race: evidence is public in the mesh.
/// A reward must stay far below half of `minimumStake`, or keepers would convict themselves for it.
contract Challenger is IChallenger, OwnableUpgradeable, UUPSUpgradeable {
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
    /// @dev A batch has at most 256 leaves.
    uint256 private constant MAX_PROOF = 8;
    bytes32 private constant RULING_TYPEHASH =
        keccak256("Ruling(uint32 epoch,uint64 disputeId,bytes32 leaf,uint8 status,bytes32 outcomeHash)");

    ITaskManager public immutable taskManager;
    IKeeperRegistry public immutable registry;
    IServiceManager public immutable serviceManager;
    /// @notice Paid to the reporter for each conviction, in wei.
    uint256 public immutable reward;
    /// @notice What opening a dispute takes, in wei. Goes to the pot when the report is confirmed.
    uint256 public immutable bond;
    Chain.Kind private immutable _chainKind;

    /* STORAGE */

    /// @notice What rewards are paid from, in wei.
    uint256 public pot;
    mapping(address account => uint256) public owed;
    uint64 public disputeCount;
    mapping(bytes32 => bool) private _convicted;
    mapping(uint64 disputeId => Dispute) private _disputes;
    mapping(bytes32 leaf => uint64 disputeId) private _disputeOf;

    /* CONSTRUCTOR */

    constructor(
        ITaskManager taskManager_,
        IKeeperRegistry registry_,
        IServiceManager serviceManager_,
        uint256 reward_,
        uint256 bond_
    ) {
        taskManager = taskManager_;
        registry = registry_;
        serviceManager = serviceManager_;
        reward = reward_;
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
        _checkDeadline(_lastBlock(first.report.anchorNumber));
        if (first.signers.length == 0 || second.signers.length == 0) revert NobodyGuilty();
        uint256 guilty = first.signers[0] & second.signers[0];
        if (guilty == 0) revert NobodyGuilty();
        _verify(epoch, first);
        _verify(epoch, second);
        convicted = _convict(epoch, _taskId(first.report), guilty);
        if (convicted == 0) revert AlreadyProven();
        _pay(msg.sender, convicted);
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
        for (uint16 i = 0; guilty != 0 && convicted < MAX_SLASHINGS; ++i) {
            bool signedBoth = guilty & 1 == 1;
            guilty >>= 1;
            if (!signedBoth) continue;
            address operator = registry.operatorAt(i);
            if (isConvicted(operator, taskId)) continue;
            _convicted[keccak256(abi.encode(operator, taskId))] = true;
            ++convicted;
            serviceManager.eject(operator);
            uint256 amount = serviceManager.slash(operator, EQUIVOCATION_WAD, "signed two results of one task");
            emit EquivocationProven(operator, taskId, msg.sender, epoch, amount);
        }
    }

    /* DISPUTES */

    /// @inheritdoc IChallenger
    function openDispute(uint32 epoch, Statement calldata statement) external payable returns (uint64 disputeId) {
        if (msg.value != bond) revert WrongBond(bond);
        ReportLib.Report calldata report = statement.report;
        if (report.inputHash != 0) revert NotDeterministic();
        if (report.anchorNumber >= Chain.number(_chainKind)) revert FutureAnchor(report.anchorNumber);
        // half of the time for opening, the other half for the ruling
        _checkDeadline(report.anchorNumber + serviceManager.slashableBlocks() / 2);
        bytes32 leaf = ReportLib.leaf(report);
        if (_disputeOf[leaf] != 0) revert AlreadyDisputed(_disputeOf[leaf]);
        ICertificateVerifier.Weight memory signers = _verify(epoch, statement);
        if (!CertificateLib.reachesQuorum(signers.signedStake, signers.totalStake, CertificateLib.MIN_QUORUM_BPS)) {
            revert QuorumNotReached(signers.signedStake, signers.totalStake);
        }
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
            signers: statement.signers[0]
        });
        emit DisputeOpened(disputeId, _taskId(report), msg.sender, epoch, report, deadline);
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
        if (confirmed) {
            _fill(bond);
        } else {
            owed[about.disputer] += bond;
            _pay(about.disputer, 1);
        }
    }

    /// @inheritdoc IChallenger
    function enforce(uint64 disputeId) external returns (uint256 punished) {
        Dispute storage about = _inStatus(disputeId, DisputeStatus.Upheld);
        uint256 left = about.signers;
        for (uint16 i = 0; i < 256 && punished < MAX_SLASHINGS; ++i) {
            if ((left >> i) & 1 == 0) continue;
            left &= ~(1 << i);
            about.signers = left;
            ++punished;
            address operator = registry.operatorAt(i);
            uint256 amount = serviceManager.slash(operator, WRONG_RESULT_WAD, "certified a wrong result");
            emit WrongResultPunished(operator, about.taskId, disputeId, amount);
        }
        if (punished == 0) revert NobodyGuilty();
    }

    /// @inheritdoc IChallenger
    function expire(uint64 disputeId) external {
        Dispute storage about = _inStatus(disputeId, DisputeStatus.Open);
        if (Chain.number(_chainKind) <= about.deadline) revert TooEarly(about.deadline);
        about.status = DisputeStatus.Expired;
        owed[about.disputer] += bond;
        emit DisputeExpired(disputeId);
    }

    function _inStatus(uint64 disputeId, DisputeStatus status) private view returns (Dispute storage about) {
        about = _disputes[disputeId];
        if (about.status == DisputeStatus.None) revert UnknownDispute(disputeId);
        if (about.status != status) revert WrongDisputeStatus(about.status);
    }

    /* STATEMENTS */

    /// @dev Reverts unless the signers really signed a batch that holds the report.
    function _verify(uint32 epoch, Statement calldata statement)
        private
        view
        returns (ICertificateVerifier.Weight memory)
    {
        if (statement.proof.length > MAX_PROOF) revert ProofTooLong();
        bytes32 root = MerkleProof.processProofCalldata(statement.proof, ReportLib.leaf(statement.report));
        return registry.verify(epoch, taskManager.batchDigest(epoch, root), statement.signers, statement.signature);
    }

    /// @dev The stake that counted at the anchor is certain to be slashable up to this block.
    function _lastBlock(uint256 anchorNumber) private view returns (uint256) {
        return anchorNumber + serviceManager.slashableBlocks();
    }

    function _checkDeadline(uint256 deadline) private view {
        if (Chain.number(_chainKind) > deadline) revert TooLate(deadline);
    }

    function _taskId(ReportLib.Report calldata report) private pure returns (bytes32) {
        return ReportLib.taskId(report.jobId, report.jobVersion, report.instanceKey);
    }

    /* MONEY */

    /// @inheritdoc IChallenger
    function fundBounties() external payable {
        _fill(msg.value);
    }

    /// @dev So that a share of fees can simply be sent here.
    receive() external payable {
        _fill(msg.value);
    }

    function _fill(uint256 amount) private {
        pot += amount;
        emit BountiesFunded(msg.sender, amount, pot);
    }

    function _pay(address reporter, uint256 convictions) private {
        uint256 amount = reward * convictions;
        if (amount > pot) amount = pot;
        if (amount == 0) return;
        pot -= amount;
        owed[reporter] += amount;
        emit Rewarded(reporter, amount);
    }

    /// @inheritdoc IChallenger
    function claim(address to) external returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = owed[msg.sender];
        if (amount == 0) revert NothingOwed();
        owed[msg.sender] = 0;
        emit Claimed(msg.sender, to, amount);
        Address.sendValue(payable(to), amount);
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
        bytes32 ruling = keccak256(
            abi.encode(RULING_TYPEHASH, epoch, disputeId, _disputes[disputeId].leaf, reportStatus, outcomeHash)
        );
        return keccak256(bytes.concat(hex"1901", taskManager.domainSeparator(), ruling));
    }
}
