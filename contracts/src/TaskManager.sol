// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {ITaskManager} from "./interfaces/ITaskManager.sol";
import {BatchLib} from "./libraries/BatchLib.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CallbackLib} from "./libraries/CallbackLib.sol";
import {CertificateLib} from "./libraries/CertificateLib.sol";
import {Chain} from "./libraries/Chain.sol";
import {ReportLib} from "./libraries/ReportLib.sol";
import {RunWord} from "./libraries/RunWord.sol";
import {SkipLib} from "./libraries/SkipLib.sol";
import {Words} from "./libraries/Words.sol";
import {Guarded} from "./Guarded.sol";

/// @title TaskManager
/// @notice See {ITaskManager}.
/// @dev One call goes through five steps: drop duplicates, rebuild the root, verify the certificate, let the JobManager
/// write all state, call the targets. No target runs before the last write but for what the callbacks themselves cost.
contract TaskManager is ITaskManager, Guarded, ReentrancyGuardTransient {
    /* CONSTANTS */

    uint256 public constant MAX_REPORTS = BatchLib.MAX_REPORTS;
    /// @notice What a job may hand to its target; keepers agree on nothing longer.
    uint256 public constant MAX_OUTCOME_BYTES = BatchLib.MAX_OUTCOME_BYTES;

    IKeeperRegistry public immutable registry;
    IJobManager public immutable jobManager;
    /// @inheritdoc ITaskManager
    uint256 public immutable maxAnchorAge;
    /// @notice Where number and hash of a block come from, and what a transaction pays for its data.
    Chain.Kind public immutable chainKind;

    /// @dev What of a batch and of a task no compression takes away, in bytes: a certificate's signature and an anchor's hash;
    /// what differs between jobs that are all alike. Less than what is paid for (Chain.t.sol).
    uint256 private constant BATCH_BYTES = 128;
    uint256 private constant TASK_BYTES = 12;
    /// @dev Gas of a transaction up to where the gas is looked at first, proxy and locks included, once; of a byte of calldata,
    /// and of a hash of 32 bytes besides, which hardly has zeros. Other bytes count as zeros: less is refunded than was paid.
    uint256 private constant TRANSACTION_GAS = 28_500;
    uint256 private constant BYTE_GAS = 4;
    uint256 private constant HASH_GAS = 12 * 31;
    /// @dev What a batch costs besides its tasks from when it is handed to the JobManager on: its event, ledger and refund.
    uint256 private constant BATCH_GAS = 34_800;
    /// @dev What `conclude` costs, which is where the gas is looked at last, and for each byte about callbacks.
    uint256 private constant END_GAS = 2_500;
    uint256 private constant END_BYTE_GAS = 26;

    /* STORAGE */

    /// @dev keccak256(digest, keccak256(signers)) of certificates verified by a call that left reports of their batch.
    mapping(bytes32 => bool) private _verified;
    /// @dev Bytes that the transaction under way was refunded, and what that came to in wei: a transaction may settle more
    /// than one batch.
    uint256 private transient _dataBytes;
    uint256 private transient _dataFee;
    /// @dev Whether the transaction's own gas was counted.
    bool private transient _isCounted;

    /* CONSTRUCTOR */

    constructor(IKeeperRegistry registry_, IJobManager jobManager_, uint256 maxAnchorAge_) {
        if (maxAnchorAge_ == 0 || maxAnchorAge_ > Chain.KNOWN_HASHES) revert InvalidAnchorAge(Chain.KNOWN_HASHES);
        registry = registry_;
        jobManager = jobManager_;
        maxAnchorAge = maxAnchorAge_;
        chainKind = Chain.kind();
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
        uint256 start = gasleft();
        Entry[] calldata entries = batch.entries;
        _dropDuplicates(entries);
        if (entries.length > MAX_REPORTS || batch.anchors.length > MAX_REPORTS) revert TooManyReports();
        (bytes memory outcomes, uint256 codeless) = BatchLib.outcomes(batch.deliveries);
        (bytes memory runs, bytes32[] memory nodes, uint256 adrift) = _read(batch, outcomes);
        unchecked {
            start += _baseGas(batch, codeless + adrift);
        }
        bytes32 root = BatchLib.root(nodes, batch.leaves);
        IJobManager.Certified memory certified = _verify(certificate, batch, root);
        certified.dataFee = _takeDataFee(entries.length);
        settled = _settle(batch, root, runs, outcomes, certified, start);
    }

    function _read(Batch calldata batch, bytes memory outcomes)
        private
        view
        returns (bytes memory runs, bytes32[] memory nodes, uint256 adrift)
    {
        return BatchLib.read(chainKind, maxAnchorAge, batch.anchors, batch.entries, outcomes);
    }

    function _settle(
        Batch calldata batch,
        bytes32 root,
        bytes memory runs,
        bytes memory outcomes,
        IJobManager.Certified memory certified,
        uint256 start
    ) private returns (uint256 settled) {
        bytes memory verdicts;
        bytes32 codeHash;
        uint256 refunded;
        certified.gasUsed = start + BATCH_GAS - gasleft();
        (settled, verdicts, codeHash, refunded) = jobManager.settle(certified, runs);
        _tell(root, certified, settled);
        if (settled != batch.entries.length) _tellIneligible(batch.anchors, batch.entries, runs, verdicts);
        if (outcomes.length != runs.length) {
            SkipLib.tell(runs, verdicts, outcomes.length == 0 && settled == batch.entries.length);
        }
        bytes memory callbacks = _deliver(outcomes, runs, verdicts, codeHash);
        if (callbacks.length == 0 && refunded == 0) return settled;
        uint256 gasUsed = start + END_GAS + END_BYTE_GAS * callbacks.length - gasleft();
        jobManager.conclude(msg.sender, callbacks, refunded, gasUsed, certified.dataFee);
    }

    function _tell(bytes32 root, IJobManager.Certified memory certified, uint256 settled) private {
        emit BatchSettled(root, certified.epoch, msg.sender, certified.signedStake, settled);
    }

    /// @dev What the transaction cost before the gas was looked at, as far as that is certain. Whoever calls from a contract
    /// may have made the calldata there, for nothing. `zeros`: hashes that are none, or may be of zeros.
    function _baseGas(Batch calldata batch, uint256 zeros) private returns (uint256 used) {
        if (!_isCounted) {
            _isCounted = true;
            used = TRANSACTION_GAS;
        }
        if (_isPlain()) {
            // an entry has one of its own: its outcome's, or in its delivery its code's, if it comes of one
            // no more anchors, entries and zeros than MAX_REPORTS each, and as many anchors and entries as zeros
            unchecked {
                uint256 hashes = 3 + batch.anchors.length + batch.entries.length - zeros;
                used += BYTE_GAS * msg.data.length + HASH_GAS * hashes;
            }
        } else if (batch.deliveries.length != 0) {
            revert OnlyPlainAccount();
        }
    }

    /// @dev Also no account that has lent itself a code (EIP-7702).
    function _isPlain() private view returns (bool) {
        // to be the origin is what is asked for
        // slither-disable-next-line tx-origin
        return msg.sender == tx.origin && msg.sender.code.length == 0;
    }

    /// @dev First of all and cheap: whoever comes second loses little gas.
    function _dropDuplicates(Entry[] calldata entries) private view {
        if (entries.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry calldata entry = entries[i];
            uint256 run = entry.run;
            if (!jobManager.isSettled(RunWord.jobId(run), RunWord.jobVersion(run), entry.instanceKey)) return;
        }
        revert NothingToSettle();
    }

    /// @dev Reverts unless the certificate is of the epoch active at every anchor, carries a quorum and is signed. A
    /// certificate that comes again, for reports left over, is not verified again; it must name the same signers.
    function _verify(Certificate calldata certificate, Batch calldata batch, bytes32 root)
        private
        returns (IJobManager.Certified memory)
    {
        bool partly = batch.entries.length < batch.leaves.length;
        ICertificateVerifier.Weight memory signers = _weight(certificate, root, partly);
        Anchor[] calldata anchors = batch.anchors;
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
            submitter: msg.sender,
            dataFee: 0,
            gasUsed: 0
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

    /// @dev What a batch of so many tasks makes the transaction pay for its data, in wei. In a transaction that settles
    /// several, each is what it adds.
    function _takeDataFee(uint256 count) private returns (uint256 fee) {
        if (chainKind == Chain.Kind.Plain) return 0;
        uint256 size = _dataBytes + BATCH_BYTES + count * TASK_BYTES;
        uint256 paid = Chain.dataFee(chainKind, size);
        uint256 before = _dataFee;
        if (paid <= before) return 0;
        (_dataBytes, _dataFee) = (size, paid);
        fee = paid - before;
        if (fee > type(uint96).max) fee = type(uint96).max;
    }

    /// @dev Tells of what did not settle, and why.
    function _tellIneligible(
        Anchor[] calldata anchors,
        Entry[] calldata entries,
        bytes memory runs,
        bytes memory verdicts
    ) private {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 verdict = RunWord.verdictAt(verdicts, i);
            if (RunWord.isSettled(verdict)) continue;
            Ineligible reason = Ineligible(RunWord.reason(verdict));
            uint256 run = entries[i].run;
            if (RunWord.isAdrift(RunWord.wordAt(runs, i))) {
                reason = BatchLib.isTooOld(anchors[RunWord.anchor(run)].number, Chain.number(chainKind), maxAnchorAge)
                    ? Ineligible.AnchorTooOld
                    : Ineligible.AnchorUnknown;
            }
            uint64 jobId = RunWord.jobId(run);
            bytes32 taskId = ReportLib.taskId(jobId, RunWord.jobVersion(run), entries[i].instanceKey);
            emit ReportIneligible(taskId, jobId, reason);
        }
    }

    /// @dev Calls the targets. A target that fails is reported, never reverts the batch. The JobManager wants to know of
    /// callbacks that failed or are metered.
    function _deliver(bytes memory outcomes, bytes memory runs, bytes memory verdicts, bytes32 codeHash)
        private
        returns (bytes memory callbacks)
    {
        if (outcomes.length == 0) return callbacks;
        callbacks = new bytes(outcomes.length / 3);
        uint256 preimage = Words.place(CallbackLib.forwarders(address(jobManager), codeHash), 0);
        Words.shorten(callbacks, _callAll(outcomes, runs, verdicts, callbacks, preimage));
    }

    /// @dev Fills `callbacks`; returns how many bytes of it.
    function _callAll(
        bytes memory outcomes,
        bytes memory runs,
        bytes memory verdicts,
        bytes memory callbacks,
        uint256 preimage
    ) private returns (uint256 made) {
        unchecked {
            uint256 outcome = Words.place(outcomes, 0);
            uint256 end = Words.place(outcomes, outcomes.length);
            uint256 salt = Words.place(verdicts, runs.length / 3);
            for (uint256 i = 0; outcome != end; ++i) {
                uint256 run = Words.place(runs, i * RunWord.RUN_BYTES);
                if (!RunWord.isCall(Words.load(run))) continue;
                uint256 verdict = Words.get(verdicts, i * 32);
                outcome += BatchLib.OUTCOME_BYTES;
                if (!RunWord.isSettled(verdict)) continue;
                Words.store(preimage + CallbackLib.SALT, Words.load(salt));
                salt += 32;
                uint256 callback = CallbackLib.call(preimage, run, verdict, outcome - BatchLib.OUTCOME_BYTES);
                if (RunWord.delivered(callback) && !RunWord.isMetered(verdict)) continue;
                Words.put(callbacks, made, callback);
                made += 32;
            }
        }
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
