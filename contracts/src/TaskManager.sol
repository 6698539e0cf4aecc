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
    function settle(Certificate calldata certificate, Batch calldata batch)
        external
        nonReentrant
        whenNotPaused
        returns (uint256 settled)
    {
        Anchor[] calldata anchors = batch.anchors;
        Entry[] calldata entries = batch.entries;
        _dropDuplicates(entries);
        if (entries.length > MAX_REPORTS || anchors.length > MAX_REPORTS) revert TooManyReports();
        (bytes memory runs, bytes32[] memory nodes) = _read(anchors, entries, batch.deliveries);
        bytes32 root = _root(nodes, batch.leaves);
        IJobManager.Certified memory certified =
            _verify(certificate, anchors, root, entries.length < batch.leaves.length);

        bytes memory verdicts;
        (settled, verdicts) = jobManager.settle(certified, runs);
        emit BatchSettled(root, certified.epoch, msg.sender, certified.signedStake, settled);
        _tell(anchors, entries, runs, verdicts);
        if (batch.deliveries.length != 0) _deliver(batch.deliveries, runs, verdicts);
    }

    /// @dev First of all and cheap: whoever comes second loses little gas.
    function _dropDuplicates(Entry[] calldata entries) private view {
        if (entries.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 run = entries[i].run;
            if (!jobManager.isSettled(RunWord.jobId(run), RunWord.jobVersion(run), entries[i].instanceKey)) return;
        }
        revert NothingToSettle();
    }

    /// @dev What the JobManager is told, three words an entry (see RunWord), and the leaves of the entries. Runs at an
    /// anchor that is gone or too old name job 0, which there is not, so nothing happens to them.
    function _read(Anchor[] calldata anchors, Entry[] calldata entries, Delivery[] calldata deliveries)
        private
        view
        returns (bytes memory runs, bytes32[] memory leaves)
    {
        runs = new bytes(entries.length * RunWord.RUN_BYTES);
        leaves = new bytes32[](entries.length);
        uint256 standing = _standing(anchors);
        // filled anew for every entry
        // slither-disable-next-line uninitialized-local
        ReportLib.Report memory report;
        uint256 nextDelivery = 0;
        for (uint256 i = 0; i < entries.length;) {
            Entry calldata entry = _entryAt(entries, i);
            uint256 run = _fill(report, anchors, entry, standing);
            if (uint8(run) == 0) {
                if (report.outcomeHash != 0 || nextDelivery == deliveries.length) revert InvalidDeliveries();
                report.outcomeHash = _outcomeHash(deliveries[nextDelivery]);
                unchecked {
                    ++nextDelivery;
                }
            }
            bytes32 leaf = ReportLib.leaf(report);
            assembly ("memory-safe") {
                let to := add(add(runs, 32), mul(i, 96))
                mstore(to, run)
                mstore(add(to, 32), mload(add(report, 64)))
                mstore(add(to, 64), mload(add(report, 224)))
                mstore(add(add(leaves, 32), shl(5, i)), leaf)
            }
            unchecked {
                ++i;
            }
        }
        if (nextDelivery != deliveries.length) revert InvalidDeliveries();
    }

    /// @dev Fills in what an entry says; returns its run with the anchor's number in place of its position.
    function _fill(ReportLib.Report memory report, Anchor[] calldata anchors, Entry calldata entry, uint256 standing)
        private
        pure
        returns (uint256)
    {
        uint256 run = entry.run;
        uint256 status = uint96(run);
        if (status > 2) revert InvalidStatus(status);
        uint256 position = RunWord.anchor(run);
        if (position >= anchors.length) revert InvalidAnchor(position);
        uint256 anchorNumber;
        assembly ("memory-safe") {
            // numbers are 64 bits long: all anchors were looked at before
            let anchor := add(anchors.offset, shl(6, position))
            anchorNumber := calldataload(anchor)
            mstore(report, shr(192, run))
            mstore(add(report, 32), and(shr(160, run), 0xffffffff))
            mstore(add(report, 64), calldataload(add(entry, 32)))
            mstore(add(report, 96), anchorNumber)
            mstore(add(report, 128), calldataload(add(anchor, 32)))
            mstore(add(report, 160), calldataload(add(entry, 64)))
            mstore(add(report, 192), status)
            mstore(add(report, 224), calldataload(add(entry, 96)))
        }
        return (standing >> position) & 1 == 0 ? status : RunWord.certified(run, anchorNumber);
    }

    /// @dev Without the compiler's check of the index.
    function _entryAt(Entry[] calldata entries, uint256 index) private pure returns (Entry calldata entry) {
        assembly ("memory-safe") {
            entry := add(entries.offset, shl(7, index))
        }
    }

    function _outcomeHash(Delivery calldata delivery) private pure returns (bytes32) {
        bytes calldata outcome = delivery.outcome;
        if (outcome.length > MAX_OUTCOME_BYTES) revert OutcomeTooLong(MAX_OUTCOME_BYTES);
        return ReportLib.outcomeHash(outcome, delivery.codeHash, delivery.stateAfterRoot, delivery.transcriptRoot);
    }

    /// @dev The batch's root from the leaves of the entries and those given by hash. Overwrites `nodes`.
    function _root(bytes32[] memory nodes, bytes32[] calldata leaves) private pure returns (bytes32) {
        if (leaves.length == 0) return ReportLib.root(nodes);
        if (leaves.length > MAX_REPORTS) revert TooManyReports();
        bytes32[] memory all = new bytes32[](leaves.length);
        uint256 next = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            all[i] = leaves[i];
            if (leaves[i] != 0) continue;
            if (next == nodes.length) revert InvalidLeaves();
            all[i] = nodes[next++];
        }
        if (next != nodes.length) revert InvalidLeaves();
        return ReportLib.root(all);
    }

    /// @dev Reverts unless the certificate is of the epoch active at every anchor, carries a quorum and is signed. A
    /// certificate that comes again, for reports left over, is not verified again; it must name the same signers.
    function _verify(Certificate calldata certificate, Anchor[] calldata anchors, bytes32 root, bool partly)
        private
        returns (IJobManager.Certified memory)
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
        return IJobManager.Certified({
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

    /// @dev Bitmap of the anchors that stand.
    function _standing(Anchor[] calldata anchors) private view returns (uint256 bits) {
        for (uint256 i = 0; i < anchors.length; ++i) {
            if (_stands(anchors[i])) bits |= 1 << i;
        }
    }

    /// @dev BLOCKHASH is zero for this block, later ones, and those more than 256 back.
    function _stands(Anchor calldata anchor) private view returns (bool) {
        if (_isTooOld(anchor)) return false;
        bytes32 hash = blockhash(anchor.number);
        return hash != 0 && hash == anchor.hash;
    }

    function _isTooOld(Anchor calldata anchor) private view returns (bool) {
        return uint256(anchor.number) + MAX_ANCHOR_AGE < block.number;
    }

    /// @dev Tells of what did not settle, and of the skips and job errors that did.
    function _tell(Anchor[] calldata anchors, Entry[] calldata entries, bytes memory runs, bytes memory verdicts)
        private
    {
        bytes32[] memory words = new bytes32[](3 * entries.length);
        uint256 next = 0;
        for (uint256 i = 0; i < entries.length;) {
            uint256 verdict = RunWord.verdictAt(verdicts, i);
            uint256 run = RunWord.wordAt(runs, i);
            if (!RunWord.isSettled(verdict)) {
                _tellIneligible(anchors, entries[i], RunWord.isAdrift(run), verdict);
            } else if (!RunWord.isCall(run)) {
                RunWord.set(runs, i, RunWord.fact(run, RunWord.secondsLate(verdict), false));
                assembly ("memory-safe") {
                    mcopy(add(add(words, 32), shl(5, next)), add(add(runs, 32), mul(i, 96)), 96)
                }
                unchecked {
                    next += 3;
                }
            }
            unchecked {
                ++i;
            }
        }
        if (next == 0) return;
        assembly ("memory-safe") {
            mstore(words, next)
        }
        emit TasksSkipped(msg.sender, words);
    }

    function _tellIneligible(Anchor[] calldata anchors, Entry calldata entry, bool isAdrift, uint256 verdict) private {
        Ineligible reason = Ineligible(RunWord.reason(verdict));
        uint256 run = entry.run;
        if (isAdrift) {
            reason = _isTooOld(anchors[RunWord.anchor(run)]) ? Ineligible.AnchorTooOld : Ineligible.AnchorUnknown;
        }
        uint64 jobId = RunWord.jobId(run);
        emit ReportIneligible(ReportLib.taskId(jobId, RunWord.jobVersion(run), entry.instanceKey), jobId, reason);
    }

    /// @dev Calls the targets. A target that fails is reported, never reverts the batch.
    function _deliver(Delivery[] calldata deliveries, bytes memory runs, bytes memory verdicts) private {
        bytes32 forwarderCodeHash;
        uint256[] memory callbacks = new uint256[](deliveries.length);
        uint256 next = 0;
        uint256 nextDelivery = 0;
        for (uint256 i = 0; nextDelivery < deliveries.length; ++i) {
            uint256 run = RunWord.wordAt(runs, i);
            if (!RunWord.isCall(run)) continue;
            bytes calldata outcome = deliveries[nextDelivery++].outcome;
            uint256 verdict = RunWord.verdictAt(verdicts, i);
            if (!RunWord.isSettled(verdict)) continue;
            if (forwarderCodeHash == 0) forwarderCodeHash = jobManager.forwarderCodeHash();
            uint256 callback = _call(RunWord.jobId(run), verdict, outcome, forwarderCodeHash);
            bool delivered = RunWord.delivered(callback);
            if (!delivered || RunWord.metered(verdict)) callbacks[next++] = callback;
            RunWord.set(runs, i, RunWord.fact(run, RunWord.secondsLate(verdict), delivered));
            _tellSettled(RunWord.jobId(run), runs, i);
        }
        if (next == 0) return;
        assembly ("memory-safe") {
            mstore(callbacks, next)
        }
        jobManager.conclude(msg.sender, callbacks);
    }

    /// @dev Calls a target through its job's forwarder; returns what became of it, see RunWord.
    function _call(uint64 jobId, uint256 verdict, bytes calldata outcome, bytes32 forwarderCodeHash)
        private
        returns (uint256)
    {
        bytes32 salt = bytes32(uint256(jobId));
        IJobForwarder forwarder = IJobForwarder(Create2.computeAddress(salt, forwarderCodeHash, address(jobManager)));
        uint256 gasBefore = gasleft();
        bool delivered = forwarder.forward(RunWord.target(verdict), RunWord.callbackGas(verdict), outcome);
        return RunWord.callback(jobId, gasBefore - gasleft(), delivered);
    }

    function _tellSettled(uint64 jobId, bytes memory runs, uint256 index) private {
        (uint256 fact, bytes32 instanceKey, bytes32 outcomeHash) = RunWord.all(runs, index);
        emit TaskSettled(jobId, msg.sender, fact, instanceKey, outcomeHash);
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
}
