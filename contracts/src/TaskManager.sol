// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICertificateVerifier} from "./interfaces/ICertificateVerifier.sol";
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
        bytes memory outcomes = _outcomes(batch.deliveries);
        (bytes memory runs, bytes32[] memory nodes) = _read(anchors, entries, outcomes);
        bytes32 root = _root(nodes, batch.leaves);
        IJobManager.Certified memory certified =
            _verify(certificate, anchors, root, entries.length < batch.leaves.length);

        settled = _settle(batch, certified, runs, outcomes, root);
    }

    function _settle(
        Batch calldata batch,
        IJobManager.Certified memory certified,
        bytes memory runs,
        bytes memory outcomes,
        bytes32 root
    ) private returns (uint256 settled) {
        bytes memory verdicts;
        bytes32 codeHash;
        (settled, verdicts, codeHash) = jobManager.settle(certified, runs);
        emit BatchSettled(root, certified.epoch, msg.sender, certified.signedStake, settled);
        uint256 count = batch.entries.length;
        if (settled != count) _tellIneligible(batch.anchors, batch.entries, runs, verdicts);
        if (outcomes.length != runs.length) _tellSkipped(runs, verdicts, settled == count && outcomes.length == 0);
        if (outcomes.length != 0) _deliver(outcomes, runs, verdicts, codeHash);
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

    /// @dev Three words a delivery: the hash its report carries, and where in the calldata its outcome stands and how
    /// long it is.
    function _outcomes(Delivery[] calldata deliveries) private pure returns (bytes memory outcomes) {
        outcomes = new bytes(deliveries.length * 96);
        for (uint256 i = 0; i < deliveries.length;) {
            Delivery calldata delivery = deliveries[i];
            bytes calldata outcome = delivery.outcome;
            if (outcome.length > MAX_OUTCOME_BYTES) revert OutcomeTooLong(MAX_OUTCOME_BYTES);
            bytes32 hash = ReportLib.outcomeHash(delivery, outcome);
            assembly ("memory-safe") {
                let to := add(add(outcomes, 32), mul(i, 96))
                mstore(to, hash)
                mstore(add(to, 32), outcome.offset)
                mstore(add(to, 64), outcome.length)
            }
            unchecked {
                ++i;
            }
        }
    }

    /// @dev What the JobManager is told, three words an entry (see RunWord), and the leaves of the entries. Runs at an
    /// anchor that is gone or too old name job 0, which there is not, so nothing happens to them.
    function _read(Anchor[] calldata anchors, Entry[] calldata entries, bytes memory outcomes)
        private
        view
        returns (bytes memory runs, bytes32[] memory leaves)
    {
        runs = new bytes(entries.length * RunWord.RUN_BYTES);
        leaves = new bytes32[](entries.length);
        (bool isSound, uint256 taken) = _fill(_places(anchors), entries, outcomes, runs, leaves);
        if (!isSound) _refuse(anchors, entries);
        if (taken != outcomes.length) revert InvalidDeliveries();
    }

    /// @dev Four words an anchor: its number and hash, and what becomes of the run of an entry that names it: the bits that
    /// stay, and the number in place of the position; of a run whose anchor does not stand only the status stays.
    function _places(Anchor[] calldata anchors) private view returns (bytes memory places) {
        places = new bytes(anchors.length * 128);
        for (uint256 i = 0; i < anchors.length; ++i) {
            Anchor calldata anchor = anchors[i];
            (uint256 height, bytes32 hash) = (anchor.number, anchor.hash);
            (uint256 stay, uint256 put) = _stands(anchor) ? (~(uint256(type(uint64).max) << 96), height << 96) : (3, 0);
            assembly ("memory-safe") {
                let place := add(add(places, 32), shl(7, i))
                mstore(place, height)
                mstore(add(place, 32), hash)
                mstore(add(place, 64), stay)
                mstore(add(place, 96), put)
            }
        }
    }

    /// @dev Fills `runs` and `leaves`; returns how many bytes of `outcomes` it took, or that an entry is unsound. Every task
    /// of a batch comes through here: no checks but these.
    function _fill(
        bytes memory places,
        Entry[] calldata entries,
        bytes memory outcomes,
        bytes memory runs,
        bytes32[] memory leaves
    ) private pure returns (bool isSound, uint256 taken) {
        uint256 report = ReportLib.draft();
        isSound = true;
        assembly ("memory-safe") {
            // the parameters walk along: runs, leaves, and entries, whose length counts down
            runs := add(runs, 32)
            leaves := add(leaves, 32)
            for {} entries.length { entries.length := sub(entries.length, 1) } {
                let run := calldataload(entries.offset)
                let place := shl(7, and(shr(96, run), 0xffffffffffffffff))
                let status := and(run, 0xffffffffffffffffffffffff)
                if or(gt(status, 2), iszero(lt(place, mload(places)))) {
                    isSound := 0
                    break
                }
                place := add(add(places, 32), place)
                // the report's words in their order, after its type; key and outcome also into `runs`
                mstore(add(report, 32), shr(192, run))
                mstore(add(report, 64), and(shr(160, run), 0xffffffff))
                mcopy(add(report, 128), place, 64)
                calldatacopy(add(report, 192), add(entries.offset, 64), 32)
                mstore(add(report, 224), status)
                let word := calldataload(add(entries.offset, 96))
                if iszero(status) {
                    // a call has no outcome hash, but a delivery
                    if or(word, iszero(lt(taken, mload(outcomes)))) {
                        isSound := 0
                        break
                    }
                    word := mload(add(add(outcomes, 32), taken))
                    taken := add(taken, 96)
                }
                mstore(add(report, 256), word)
                mstore(add(runs, 64), word)
                word := calldataload(add(entries.offset, 32))
                mstore(add(report, 96), word)
                mstore(add(runs, 32), word)
                mstore(runs, or(and(run, mload(add(place, 64))), mload(add(place, 96))))
                // hashed twice, see ReportLib.leaf
                mstore(0, keccak256(report, 288))
                mstore(leaves, keccak256(0, 32))
                runs := add(runs, 96)
                leaves := add(leaves, 32)
                entries.offset := add(entries.offset, 128)
            }
        }
    }

    /// @dev Says what is wrong with the first entry that is unsound.
    function _refuse(Anchor[] calldata anchors, Entry[] calldata entries) private pure {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 run = entries[i].run;
            if (uint96(run) > 2) revert InvalidStatus(uint96(run));
            if (RunWord.anchor(run) >= anchors.length) revert InvalidAnchor(RunWord.anchor(run));
        }
        revert InvalidDeliveries();
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

    /// @dev BLOCKHASH is zero for this block, later ones, and those more than 256 back.
    function _stands(Anchor calldata anchor) private view returns (bool) {
        if (_isTooOld(anchor)) return false;
        bytes32 hash = blockhash(anchor.number);
        return hash != 0 && hash == anchor.hash;
    }

    function _isTooOld(Anchor calldata anchor) private view returns (bool) {
        return uint256(anchor.number) + MAX_ANCHOR_AGE < block.number;
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
                reason = _isTooOld(anchors[RunWord.anchor(run)]) ? Ineligible.AnchorTooOld : Ineligible.AnchorUnknown;
            }
            uint64 jobId = RunWord.jobId(run);
            bytes32 taskId = ReportLib.taskId(jobId, RunWord.jobVersion(run), entries[i].instanceKey);
            emit ReportIneligible(taskId, jobId, reason);
        }
    }

    /// @dev Tells of the skips and job errors that settled: `all`, if nothing else is in `runs`. By hand, since encoding an
    /// array of words would cost each of them more than all the rest of this.
    function _tellSkipped(bytes memory runs, bytes memory verdicts, bool all) private {
        bytes32 topic = TasksSkipped.selector;
        assembly ("memory-safe") {
            // the event's data: where the array begins, its length, its words
            let data := mload(0x40)
            let to := add(data, 64)
            let verdict := add(verdicts, 32)
            let from := add(runs, 32)
            if all {
                mcopy(to, from, mload(runs))
                // a skip's verdict is its lateness and nothing else; the facts, see RunWord
                for { let end := add(to, mload(runs)) } lt(to, end) { to := add(to, 96) } {
                    mstore(to, or(mload(to), shr(24, mload(verdict))))
                    verdict := add(verdict, 32)
                }
            }
            if iszero(all) {
                for { let end := add(from, mload(runs)) } lt(from, end) { from := add(from, 96) } {
                    if and(gt(and(mload(from), 3), 0), iszero(and(mload(verdict), 0xff))) {
                        mcopy(to, from, 96)
                        mstore(to, or(mload(to), shr(24, mload(verdict))))
                        to := add(to, 96)
                    }
                    verdict := add(verdict, 32)
                }
            }
            mstore(data, 32)
            mstore(add(data, 32), shr(5, sub(to, add(data, 64))))
            if gt(to, add(data, 64)) { log2(data, sub(to, data), topic, caller()) }
        }
    }

    /// @dev Calls the targets. A target that fails is reported, never reverts the batch.
    function _deliver(bytes memory outcomes, bytes memory runs, bytes memory verdicts, bytes32 codeHash) private {
        bytes memory callbacks = new bytes(outcomes.length / 3);
        uint256 made = 0;
        uint256 place = _forwarders(codeHash);
        uint256 outcome = 0;
        for (uint256 i = 0; outcome < outcomes.length;) {
            uint256 verdict = RunWord.verdictAt(verdicts, i);
            if (RunWord.isCall(RunWord.wordAt(runs, i))) {
                if (RunWord.isSettled(verdict)) {
                    uint256 callback =
                        _call(place, RunWord.placeAt(runs, 96 * i), verdict, RunWord.placeAt(outcomes, outcome));
                    assembly ("memory-safe") {
                        // overwritten by the next, if the JobManager does not want to know of it
                        mstore(add(add(callbacks, 32), made), callback)
                        made := add(made, shl(5, or(iszero(and(callback, 1)), and(shr(8, verdict), 1))))
                    }
                }
                unchecked {
                    outcome += 96;
                }
            }
            unchecked {
                ++i;
            }
        }
        if (made == 0) return;
        assembly ("memory-safe") {
            mstore(callbacks, made)
        }
        jobManager.conclude(msg.sender, callbacks);
    }

    /// @dev Where in memory to put a job's id, at byte 21, so that the hash of 85 bytes is its forwarder's address: 0xff, the
    /// JobManager, salt, hash of the creation code (CREATE2, EIP-1014).
    function _forwarders(bytes32 codeHash) private view returns (uint256 place) {
        bytes memory preimage = abi.encodePacked(bytes1(0xff), address(jobManager), bytes32(0), codeHash);
        assembly ("memory-safe") {
            place := add(preimage, 32)
        }
    }

    /// @dev Calls a settled run's target through its job's forwarder (see IJobForwarder), with an outcome of
    /// `_outcomes`, and tells of it; run and outcome by their places in memory. Returns what became of it, see RunWord. What makes a forwarder revert makes
    /// the batch revert: the submitter did not bring the gas that the target was promised.
    function _call(uint256 place, uint256 run, uint256 verdict, uint256 outcome) private returns (uint256 callback) {
        bytes32 topic = TaskSettled.selector;
        assembly ("memory-safe") {
            let jobId := shr(192, mload(run))
            let gasLimit := and(shr(16, verdict), 0xffffff)
            mstore(add(place, 21), jobId)
            let input := mload(0x40)
            mstore(input, or(shl(96, shr(96, verdict)), shl(64, gasLimit)))
            calldatacopy(add(input, 24), mload(add(outcome, 32)), mload(add(outcome, 64)))
            let used := gas()
            if iszero(call(gas(), keccak256(place, 85), 0, input, add(mload(add(outcome, 64)), 24), 0, 32)) {
                returndatacopy(input, 0, returndatasize())
                revert(input, returndatasize())
            }
            used := sub(used, gas())
            let delivered := and(eq(mload(0), 1), eq(returndatasize(), 32))
            callback := or(or(shl(192, jobId), shl(128, gasLimit)), or(shl(8, used), delivered))
            // the fact, see RunWord; with the two words after it it is the event's data
            mstore(run, or(or(mload(run), shl(16, and(shr(40, verdict), 0xffffffffff))), shl(8, delivered)))
            log3(run, 96, topic, jobId, caller())
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
