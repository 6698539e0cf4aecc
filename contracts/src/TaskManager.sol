// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IJobForwarder} from "./interfaces/IJobForwarder.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {ReportLib} from "./libraries/ReportLib.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {Earnings} from "./Earnings.sol";
import {Guarded} from "./Guarded.sol";

/// @title TaskManager
/// @notice See {ITaskManager}.
/// @dev One call goes through five steps: drop duplicates, rebuild the root, verify the certificate, write all state,
/// call the targets. No target runs before the last write.
contract TaskManager is ITaskManager, Earnings, Guarded, ReentrancyGuardTransient {
    /// @dev What a verified certificate says about its batch.
    struct Batch {
        bytes32 root;
        uint32 epoch;
        uint256 signedStake;
        uint256 totalStake;
        uint256 absent;
    }

    /// @dev One entry on its way through a call.
    struct Item {
        IJobManager.Terms terms;
        bytes32 outcomeHash;
        bool settles;
    }

    /* CONSTANTS */

    uint256 public constant MAX_REPORTS = 256;
    /// @notice How many blocks an anchor may lie back; BLOCKHASH knows 256.
    uint256 public constant MAX_ANCHOR_AGE = 100;

    /* STORAGE */

    /// @dev see RunLog; the key is job id and version in one word
    mapping(uint256 key => uint256) private _runs;
    /// @dev keccak256(digest, keccak256(signers)) of certificates verified by a call that left reports of their batch.
    mapping(bytes32 => bool) private _verified;

    /* CONSTRUCTOR */

    constructor(IKeeperRegistry registry_, IJobManager jobManager_) Earnings(registry_, jobManager_) {
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

        Item[] memory items = new Item[](entries.length);
        Batch memory batch;
        batch.root = _root(anchors, entries, leaves, items);
        batch.epoch = certificate.epoch;
        _verify(certificate, anchors, entries, batch, entries.length < leaves.length);

        settled = _write(batch, anchors, entries, items);
        emit BatchSettled(batch.root, batch.epoch, msg.sender, batch.signedStake, settled);
        _deliver(anchors, entries, items);
    }

    /// @dev First of all and cheap: whoever comes second loses little gas.
    function _dropDuplicates(Entry[] calldata entries) private view {
        if (entries.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata entry = entries[i];
            if (!_inLog(_runs[_key(entry.jobId, entry.jobVersion)], entry.instanceKey)) return;
        }
        revert NothingToSettle();
    }

    /// @dev The batch's root from the entries in full and the leaves given by hash; fills in terms and outcome hashes.
    function _root(Anchor[] calldata anchors, Entry[] calldata entries, bytes32[] calldata leaves, Item[] memory items)
        private
        view
        returns (bytes32)
    {
        bool whole = leaves.length == 0;
        bytes32[] memory nodes = new bytes32[](whole ? entries.length : leaves.length);
        uint256 next = 0;
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (!whole && leaves[i] != 0) {
                nodes[i] = leaves[i];
                continue;
            }
            if (next == entries.length) revert InvalidLeaves();
            Entry calldata entry = entries[next];
            Item memory item = items[next];
            item.terms = jobManager.terms(entry.jobId);
            item.outcomeHash =
                ReportLib.outcomeHash(entry.outcome, item.terms.codeHash, entry.stateAfterRoot, entry.transcriptRoot);
            nodes[i] = _leaf(anchors, entry, item.outcomeHash);
            ++next;
        }
        if (next != entries.length) revert InvalidLeaves();
        return ReportLib.root(nodes);
    }

    function _leaf(Anchor[] calldata anchors, Entry calldata entry, bytes32 outcomeHash)
        private
        pure
        returns (bytes32)
    {
        if (entry.status > 2) revert InvalidStatus(entry.status);
        if (entry.anchor >= anchors.length) revert InvalidAnchor(entry.anchor);
        return ReportLib.leaf(
            ReportLib.Report({
                jobId: entry.jobId,
                jobVersion: entry.jobVersion,
                instanceKey: entry.instanceKey,
                anchorNumber: anchors[entry.anchor].number,
                anchorHash: anchors[entry.anchor].hash,
                inputHash: entry.inputHash,
                status: entry.status,
                outcomeHash: outcomeHash
            })
        );
    }

    /// @dev Reverts unless the certificate is of the epoch active at every anchor, carries a quorum and is signed. A
    /// certificate that comes again, for reports left over, is not verified again; it must name the same signers.
    function _verify(
        Certificate calldata certificate,
        Anchor[] calldata anchors,
        Entry[] calldata entries,
        Batch memory batch,
        bool partly
    ) private {
        ICertificateVerifier.Weight memory signers = _weight(certificate, batch.root, partly);
        batch.signedStake = signers.signedStake;
        batch.totalStake = signers.totalStake;
        batch.absent = signers.absent;
        for (uint256 i = 0; i < entries.length; ++i) {
            uint64 number = anchors[entries[i].anchor].number;
            if (number < signers.activeFrom || (signers.activeUntil != 0 && number > signers.activeUntil)) {
                revert EpochNotActive(batch.epoch, number);
            }
        }
        if (!CertificateLib.reachesQuorum(batch.signedStake, batch.totalStake, CertificateLib.MIN_QUORUM_BPS)) {
            revert QuorumNotReached(batch.signedStake, batch.totalStake);
        }
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

    /// @dev All effects of all entries: run settled, fee charged, earnings noted.
    function _write(Batch memory batch, Anchor[] calldata anchors, Entry[] calldata entries, Item[] memory items)
        private
        returns (uint256 settled)
    {
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata entry = entries[i];
            if (!_settleOne(batch, anchors[entry.anchor], entry, items[i].terms)) continue;
            items[i].settles = true;
            ++settled;
        }
        _noteEarnings(batch, items);
    }

    function _settleOne(
        Batch memory batch,
        Anchor calldata anchor,
        Entry calldata entry,
        IJobManager.Terms memory terms
    ) private returns (bool) {
        uint256 key = _key(entry.jobId, entry.jobVersion);
        uint256 log = _runs[key];
        (bool eligible, Ineligible reason) = _eligible(batch, anchor, entry, terms, log);
        if (eligible && !_charge(batch, entry.jobId, terms.fee)) {
            (eligible, reason) = (false, Ineligible.Escrow);
        }
        if (eligible) _runs[key] = RunLog.settle(log, uint64(uint256(entry.instanceKey)));
        else emit ReportIneligible(_taskId(entry), entry.jobId, reason);
        return eligible;
    }

    /// @dev False if the job's escrow does not cover its fee.
    function _charge(Batch memory batch, uint64 jobId, uint256 fee) private returns (bool) {
        return jobManager.charge(jobId, _price(fee, batch.signedStake, batch.totalStake));
    }

    /// @dev One write for all tasks paid in one token, as long as they follow each other.
    function _noteEarnings(Batch memory batch, Item[] memory items) private {
        address token;
        uint256 sum = 0;
        for (uint256 i = 0; i < items.length; ++i) {
            if (!items[i].settles) continue;
            IJobManager.Terms memory terms = items[i].terms;
            if (terms.token != token) {
                _earn(batch.epoch, token, sum, batch.absent);
                (token, sum) = (terms.token, 0);
            }
            sum += terms.fee;
        }
        _earn(batch.epoch, token, sum, batch.absent);
    }

    /// @dev Whether a certified report may settle now, else why not.
    function _eligible(
        Batch memory batch,
        Anchor calldata anchor,
        Entry calldata entry,
        IJobManager.Terms memory terms,
        uint256 log
    ) private view returns (bool, Ineligible) {
        if (terms.status == IJobManager.Status.None) {
            return (false, Ineligible.JobUnknown);
        }
        if (terms.version != entry.jobVersion) return (false, Ineligible.Version);
        if (_inLog(log, entry.instanceKey)) return (false, Ineligible.Duplicate);
        if (anchor.number + MAX_ANCHOR_AGE < block.number) return (false, Ineligible.AnchorTooOld);
        // zero for this block and later ones
        bytes32 anchorHash = blockhash(anchor.number);
        if (anchorHash == 0 || anchorHash != anchor.hash) return (false, Ineligible.AnchorUnknown);
        uint256 run = uint256(entry.instanceKey);
        if (run > type(uint64).max) return (false, Ineligible.NotDue);
        uint256 due = terms.start + run * terms.interval;
        if (due > block.timestamp) return (false, Ineligible.NotDue);
        if (terms.inactiveFrom != 0 && due > terms.inactiveFrom) return (false, Ineligible.Inactive);
        if (!CertificateLib.reachesQuorum(batch.signedStake, batch.totalStake, terms.quorumBps)) {
            return (false, Ineligible.Quorum);
        }
        return (true, Ineligible.Duplicate);
    }

    /// @dev Calls the targets. A target that fails is reported, never reverts the batch.
    function _deliver(Anchor[] calldata anchors, Entry[] calldata entries, Item[] memory items) private {
        for (uint256 i = 0; i < entries.length; ++i) {
            if (!items[i].settles) continue;
            Entry calldata entry = entries[i];
            IJobManager.Terms memory terms = items[i].terms;
            bool delivered = entry.status == 0
                && IJobForwarder(terms.forwarder).forward(terms.target, terms.callbackGas, entry.outcome);
            emit TaskSettled(
                _taskId(entry),
                entry.jobId,
                msg.sender,
                entry.jobVersion,
                entry.instanceKey,
                entry.status,
                anchors[entry.anchor].number,
                items[i].outcomeHash,
                delivered
            );
        }
    }

    /* EARNINGS */

    /// @inheritdoc ITaskManager
    function claim(address token, uint32[] calldata epochs, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = _takeOwed(msg.sender, token, epochs);
        if (amount == 0) revert NothingOwed();
        emit Claimed(msg.sender, token, to, amount);
        jobManager.pay(token, to, amount);
    }

    /// @inheritdoc ITaskManager
    function owed(address operator, address token, uint32[] calldata epochs) external view returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            amount += _owedIn(operator, token, epochs[i]);
        }
    }

    /* VIEWS */

    /// @inheritdoc ITaskManager
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) public view returns (bool) {
        return _inLog(_runs[_key(jobId, jobVersion)], instanceKey);
    }

    function _inLog(uint256 log, bytes32 instanceKey) private pure returns (bool) {
        uint256 run = uint256(instanceKey);
        return run <= type(uint64).max && RunLog.isSettled(log, uint64(run));
    }

    function _key(uint64 jobId, uint32 jobVersion) private pure returns (uint256) {
        return (uint256(jobId) << 32) | jobVersion;
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
