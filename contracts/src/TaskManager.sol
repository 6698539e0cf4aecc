// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IJobForwarder} from "./interfaces/IJobForwarder.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {ReportLib} from "./libraries/ReportLib.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {Guarded} from "./Guarded.sol";

/// @title TaskManager
/// @notice See {ITaskManager}.
/// @dev One call goes through five steps: drop duplicates, rebuild the root, verify the certificate, let the JobManager
/// write all state, call the targets. No target runs before the last write but for what the callbacks themselves cost.
contract TaskManager is ITaskManager, Guarded, ReentrancyGuardTransient {
    /* CONSTANTS */

    uint256 public constant MAX_REPORTS = 256;
    /// @notice What a job may hand to its target; keepers agree on nothing longer.
    uint256 public constant MAX_OUTCOME_BYTES = 65_536;
    /// @notice How many blocks an anchor may lie back; BLOCKHASH knows 256.
    uint256 public constant MAX_ANCHOR_AGE = 100;

    IKeeperRegistry public immutable registry;
    IJobManager public immutable jobManager;

    /* STORAGE */

    /// @dev keccak256(digest, keccak256(signers)) of certificates verified by a call that left reports of their batch.
    mapping(bytes32 => bool) private _verified;

    /* CONSTRUCTOR */

    constructor(IKeeperRegistry registry_, IJobManager jobManager_) {
        registry = registry_;
        jobManager = jobManager_;
        BLS12381.selfTest();
        _disableInitializers();
    }

    function initialize(address owner, address guardian) external initializer {
        __Guarded_init(owner, guardian);
    }

    /* SETTLING */

    /// @inheritdoc ITaskManager
    function settle(
        Certificate calldata certificate,
        Anchor[] calldata anchors,
        Entry[] calldata entries,
        bytes32[] calldata leaves
    ) external nonReentrant whenNotPaused returns (uint256 settled) {
        _dropDuplicates(entries);
        if (entries.length > MAX_REPORTS || leaves.length > MAX_REPORTS) revert TooManyReports();
        (bytes32 root, bytes32[] memory outcomeHashes) = _root(anchors, entries, leaves);
        IJobManager.Batch memory batch = _verify(certificate, anchors, root, entries.length < leaves.length);

        uint256[] memory runs = _runs(anchors, entries);
        uint256[] memory verdicts = jobManager.settle(batch, runs);
        for (uint256 i = 0; i < verdicts.length; ++i) {
            if (RunWord.isSettled(verdicts[i])) ++settled;
        }
        emit BatchSettled(root, batch.epoch, msg.sender, batch.signedStake, settled);
        _tell(anchors, entries, runs, verdicts, outcomeHashes);
        _deliver(entries, runs, verdicts, outcomeHashes);
    }

    /// @dev First of all and cheap: whoever comes second loses little gas.
    function _dropDuplicates(Entry[] calldata entries) private view {
        if (entries.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata entry = entries[i];
            if (!jobManager.isSettled(entry.jobId, entry.jobVersion, entry.instanceKey)) return;
        }
        revert NothingToSettle();
    }

    /// @dev The batch's root from the entries in full and the leaves given by hash, and the entries' outcome hashes.
    function _root(Anchor[] calldata anchors, Entry[] calldata entries, bytes32[] calldata leaves)
        private
        pure
        returns (bytes32, bytes32[] memory outcomeHashes)
    {
        outcomeHashes = new bytes32[](entries.length);
        bytes32[] memory nodes = new bytes32[](leaves.length == 0 ? entries.length : leaves.length);
        // filled anew for every entry
        // slither-disable-next-line uninitialized-local
        ReportLib.Report memory report;
        uint256 next = 0;
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (leaves.length != 0 && leaves[i] != 0) {
                nodes[i] = leaves[i];
                continue;
            }
            if (next == entries.length) revert InvalidLeaves();
            Entry calldata entry = entries[next];
            _fill(report, anchors, entry);
            outcomeHashes[next++] = report.outcomeHash;
            nodes[i] = ReportLib.leaf(report);
        }
        if (next != entries.length) revert InvalidLeaves();
        return (ReportLib.root(nodes), outcomeHashes);
    }

    function _fill(ReportLib.Report memory report, Anchor[] calldata anchors, Entry calldata entry) private pure {
        if (entry.status > 2) revert InvalidStatus(entry.status);
        if (entry.anchor >= anchors.length) revert InvalidAnchor(entry.anchor);
        bytes calldata outcome = entry.outcome;
        if (outcome.length > MAX_OUTCOME_BYTES) revert OutcomeTooLong(MAX_OUTCOME_BYTES);
        Anchor calldata anchor = anchors[entry.anchor];
        report.jobId = entry.jobId;
        report.jobVersion = entry.jobVersion;
        report.instanceKey = entry.instanceKey;
        report.anchorNumber = anchor.number;
        report.anchorHash = anchor.hash;
        report.inputHash = entry.inputHash;
        report.status = entry.status;
        report.outcomeHash = ReportLib.outcomeHash(outcome, entry.codeHash, entry.stateAfterRoot, entry.transcriptRoot);
    }

    /// @dev Reverts unless the certificate is of the epoch active at every anchor, carries a quorum and is signed. A
    /// certificate that comes again, for reports left over, is not verified again; it must name the same signers.
    function _verify(Certificate calldata certificate, Anchor[] calldata anchors, bytes32 root, bool partly)
        private
        returns (IJobManager.Batch memory)
    {
        ICertificateVerifier.Weight memory signers = _weight(certificate, root, partly);
        for (uint256 i = 0; i < anchors.length; ++i) {
            uint64 number = anchors[i].number;
            if (number < signers.activeFrom || (signers.activeUntil != 0 && number > signers.activeUntil)) {
                revert EpochNotActive(certificate.epoch, number);
            }
        }
        if (!CertificateLib.reachesQuorum(signers.signedStake, signers.totalStake, CertificateLib.MIN_QUORUM_BPS)) {
            revert QuorumNotReached(signers.signedStake, signers.totalStake);
        }
        return IJobManager.Batch({
            epoch: certificate.epoch,
            signedStake: signers.signedStake,
            totalStake: signers.totalStake,
            absent: signers.absent,
            submitter: msg.sender
        });
    }

    /// @dev What the signers weigh; reverts unless they signed. The memory of a call that reverts for want of a quorum
    /// goes with it.
    function _weight(Certificate calldata certificate, bytes32 root, bool partly)
        private
        returns (ICertificateVerifier.Weight memory)
    {
        bytes32 digest = batchDigest(certificate.epoch, root);
        if (partly) {
            bytes32 memo = keccak256(bytes.concat(digest, keccak256(abi.encode(certificate.signers))));
            if (_verified[memo]) return registry.weigh(certificate.epoch, certificate.signers);
            _verified[memo] = true;
        }
        return registry.verify(certificate.epoch, digest, certificate.signers, certificate.signature);
    }

    /// @dev What the JobManager is told, two words an entry. Runs at an anchor that is gone or too old are left zero:
    /// there is no job 0, so nothing happens to them.
    function _runs(Anchor[] calldata anchors, Entry[] calldata entries) private view returns (uint256[] memory runs) {
        bool[] memory stands = new bool[](anchors.length);
        for (uint256 i = 0; i < anchors.length; ++i) {
            stands[i] = _stands(anchors[i]);
        }
        runs = new uint256[](2 * entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata entry = entries[i];
            uint256 position = entry.anchor;
            if (!stands[position]) continue;
            runs[2 * i] = RunWord.certified(entry.jobId, entry.jobVersion, anchors[position].number, entry.status);
            runs[2 * i + 1] = uint256(entry.instanceKey);
        }
    }

    /// @dev BLOCKHASH is zero for this block, later ones, and those more than 256 back.
    function _stands(Anchor calldata anchor) private view returns (bool) {
        if (anchor.number + MAX_ANCHOR_AGE < block.number) return false;
        bytes32 hash = blockhash(anchor.number);
        return hash != 0 && hash == anchor.hash;
    }

    /// @dev Tells of what did not settle, and of the skips and job errors that did.
    function _tell(
        Anchor[] calldata anchors,
        Entry[] calldata entries,
        uint256[] memory runs,
        uint256[] memory verdicts,
        bytes32[] memory outcomeHashes
    ) private {
        bytes32[] memory words = new bytes32[](3 * entries.length);
        uint256 next = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 verdict = verdicts[i];
            uint256 run = runs[2 * i];
            if (!RunWord.isSettled(verdict)) {
                Ineligible reason = Ineligible(RunWord.reason(verdict));
                if (run == 0) reason = _anchorReason(anchors[entries[i].anchor]);
                emit ReportIneligible(_taskId(entries[i]), entries[i].jobId, reason);
            } else if (RunWord.status(run) != 0) {
                words[next] = bytes32(RunWord.fact(run, RunWord.secondsLate(verdict), false));
                words[next + 1] = bytes32(runs[2 * i + 1]);
                words[next + 2] = outcomeHashes[i];
                next += 3;
            }
        }
        if (next == 0) return;
        assembly ("memory-safe") {
            mstore(words, next)
        }
        emit TasksSkipped(msg.sender, words);
    }

    function _anchorReason(Anchor calldata anchor) private view returns (Ineligible) {
        return anchor.number + MAX_ANCHOR_AGE < block.number ? Ineligible.AnchorTooOld : Ineligible.AnchorUnknown;
    }

    /// @dev Calls the targets. A target that fails is reported, never reverts the batch.
    function _deliver(
        Entry[] calldata entries,
        uint256[] memory runs,
        uint256[] memory verdicts,
        bytes32[] memory outcomeHashes
    ) private {
        bytes32 forwarderCodeHash;
        uint256[] memory callbacks = new uint256[](entries.length);
        uint256 next = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 run = runs[2 * i];
            uint256 verdict = verdicts[i];
            if (!RunWord.isSettled(verdict) || RunWord.status(run) != 0) continue;
            if (forwarderCodeHash == 0) forwarderCodeHash = jobManager.forwarderCodeHash();
            uint256 callback = _call(entries[i], verdict, forwarderCodeHash);
            bool delivered = RunWord.delivered(callback);
            if (!delivered || RunWord.metered(verdict)) callbacks[next++] = callback;
            uint256 fact = RunWord.fact(run, RunWord.secondsLate(verdict), delivered);
            emit TaskSettled(RunWord.jobId(run), msg.sender, fact, bytes32(runs[2 * i + 1]), outcomeHashes[i]);
        }
        if (next == 0) return;
        assembly ("memory-safe") {
            mstore(callbacks, next)
        }
        jobManager.conclude(msg.sender, callbacks);
    }

    /// @dev Calls a target through its job's forwarder; returns what became of it, see RunWord.
    function _call(Entry calldata entry, uint256 verdict, bytes32 forwarderCodeHash) private returns (uint256) {
        bytes32 salt = bytes32(uint256(entry.jobId));
        IJobForwarder forwarder = IJobForwarder(Create2.computeAddress(salt, forwarderCodeHash, address(jobManager)));
        uint256 gasBefore = gasleft();
        bool delivered = forwarder.forward(RunWord.target(verdict), RunWord.callbackGas(verdict), entry.outcome);
        return RunWord.callback(entry.jobId, gasBefore - gasleft(), delivered);
    }

    /* VIEWS */

    /// @inheritdoc ITaskManager
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool) {
        return jobManager.isSettled(jobId, jobVersion, instanceKey);
    }

    /// @inheritdoc ITaskManager
    function domainSeparator() public view returns (bytes32) {
        return ReportLib.domainSeparator(address(this));
    }

    /// @inheritdoc ITaskManager
    function batchDigest(uint32 epoch, bytes32 root) public view returns (bytes32) {
        return ReportLib.digest(domainSeparator(), epoch, root);
    }

    function _taskId(Entry calldata entry) private pure returns (bytes32) {
        return ReportLib.taskId(entry.jobId, entry.jobVersion, entry.instanceKey);
    }
}
