// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TaskManager} from "../src/TaskManager.sol";
import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Chain} from "../src/libraries/Chain.sol";
import {ArbGasInfoStandIn, ArbSysStandIn, FastLz, GasPriceOracleStandIn, Mute} from "./ChainStandIns.sol";
import {Challenged} from "./Challenged.sol";

/// @notice A chain with other blocks or a data fee, and a price for gas.
abstract contract OtherChain is Challenged {
    /// @dev next to nothing, so that data fees stand out
    uint256 internal constant GAS_PRICE = 1;
    uint256 internal constant GAS_IN_ALL = 1e6;

    function priced() internal {
        vm.fee(GAS_PRICE);
        vm.txGasPrice(GAS_PRICE);
    }

    /// @notice Job `jobId`'s runs from `first` on, without callbacks.
    function skips(uint64 first, uint256 count) internal view returns (Entry[] memory entries) {
        entries = new Entry[](count);
        for (uint64 i = 0; i < count; ++i) {
            entries[i] = callEntry(jobId, first + i);
            entries[i].status = 1;
        }
    }

    /// @notice What settling the entries is refunded besides the gas, in wei.
    function dataRefund(Entry[] memory entries) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        address submitter = operatorOf(2);
        uint256 before = jobs.refunds(submitter);
        vm.prank(submitter, submitter);
        equal(
            tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))),
            entries.length,
            "all of them settled"
        );
        return (jobs.refunds(submitter) - before) / GAS_IN_ALL * GAS_IN_ALL;
    }
}

/// @notice
/// Arbitrum, where `block.number` is another chain's
///   anchors are blocks of this chain by number and hash, up to 100 back; the other chain's are none
///   epochs begin and end, accounts close and disputes expire with this chain's blocks
///   given a submitter is refunded      its data fee too: a price for what cannot be left out, never more than it paid
///   when one transaction settles twice its data fee is shared
contract ArbitrumTest is OtherChain {
    ArbSysStandIn private constant SYS = ArbSysStandIn(address(Chain.ARB_SYS));
    ArbGasInfoStandIn private constant PRICES = ArbGasInfoStandIn(address(Chain.ARB_GAS_INFO));

    function setUp() public override {
        vm.etch(address(SYS), type(ArbSysStandIn).runtimeCode);
        vm.etch(address(PRICES), type(ArbGasInfoStandIn).runtimeCode);
        SYS.setNumber(5_000_000);
        super.setUp();
        SYS.setNumber(5_000_050);
    }

    function recentAnchors() internal view override returns (ITaskManager.Anchor[] memory) {
        return anchorAt(SYS.arbBlockNumber() - 2);
    }

    function anchorAt(uint256 height) private view returns (ITaskManager.Anchor[] memory anchors) {
        anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(uint64(height), SYS.arbBlockHash(height));
    }

    function settleAt(ITaskManager.Anchor[] memory anchors, uint64 run) private returns (uint256) {
        Entry[] memory entries = one(callEntry(jobId, run));
        return send(certify(anchors, entries, ALL), batchOf(anchors, entries, new bytes32[](0)));
    }

    function refusesAt(ITaskManager.Anchor[] memory anchors, ITaskManager.Ineligible reason) private {
        vm.recordLogs();
        equal(settleAt(anchors, 0), 0, "not settled");
        equal(uint256(ineligible()[0]), uint256(reason), "why");
    }

    function test_knowsItself() public view {
        check(tasks.chainKind() == Chain.Kind.Arbitrum, "by ArbSys");
        equal(registry.epochInfo(1).activeFrom, 5_000_001, "from the block after the snapshot");
    }

    function test_anchors() public {
        equal(settleAt(recentAnchors(), 0), 1, "a block of this chain");
        vm.roll(block.number + 10_000);
        equal(settleAt(anchorAt(5_000_020), 1), 1, "whatever the other chain's number does");
    }

    function test_anchors_haveThisChainsAge() public {
        ITaskManager.Anchor[] memory anchors = anchorAt(5_000_010);
        SYS.setNumber(5_000_111);
        refusesAt(anchors, ITaskManager.Ineligible.AnchorTooOld);
        SYS.setNumber(5_000_110);
        equal(settleAt(anchors, 0), 1, "100 blocks back");
    }

    function test_anchors_areNotTheBlockUnderWayOrLater() public {
        for (uint64 ahead = 0; ahead < 2; ++ahead) {
            ITaskManager.Anchor[] memory anchors = recentAnchors();
            anchors[0].number = 5_000_050 + ahead;
            refusesAt(anchors, ITaskManager.Ineligible.AnchorUnknown);
        }
        ITaskManager.Anchor[] memory other = recentAnchors();
        other[0].hash = blockhash(block.number - 2);
        refusesAt(other, ITaskManager.Ineligible.AnchorUnknown);
    }

    function test_epochs_andAccounts() public {
        settleAt(recentAnchors(), 0);
        allocate(operatorOf(0), 5e17);
        vm.warp(block.timestamp + EPOCH_SECONDS);
        equal(registry.snapshot(), 2, "epoch");
        equal(registry.epochInfo(1).activeUntil, 5_000_050, "until the block under way");
        equal(registry.epochInfo(2).activeFrom, 5_000_051, "from the next one");
        vm.roll(block.number + 10_000);
        SYS.setNumber(5_000_306);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.EpochOpen.selector, 1));
        jobs.closeEpoch(1, address(0));
        SYS.setNumber(5_000_307);
        check(jobs.closeEpoch(1, address(0)) != 0, "nothing settles under it any more");
    }

    function test_disputes() public {
        IChallenger.Statement memory made = statement(report(3, 1), none(), 0xf);
        vm.deal(address(this), 10 ether);
        uint64 deadline = 5_000_048 + PROVABLE_BLOCKS;
        SYS.setNumber(5_000_048 + PROVABLE_BLOCKS / 2 + 1);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.TooLate.selector, 5_000_048 + PROVABLE_BLOCKS / 2));
        challenger.openDispute{value: BOND}(1, made);
        SYS.setNumber(5_000_048);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.FutureAnchor.selector, 5_000_048));
        challenger.openDispute{value: BOND}(1, made);
        SYS.setNumber(5_000_050);
        uint64 id = challenger.openDispute{value: BOND}(1, made);
        equal(challenger.dispute(id).deadline, deadline, "in this chain's blocks");
        SYS.setNumber(deadline);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.TooEarly.selector, deadline));
        challenger.expire(id);
        SYS.setNumber(deadline + 1);
        challenger.expire(id);
    }

    function test_dataFee_byBytes() public {
        priced();
        PRICES.set(1 gwei, 1 ether);
        equal(dataRefund(skips(0, 3)), (128 + 3 * 12) * uint256(1 gwei), "what cannot be left out");
    }

    function test_dataFee_isNeverMoreThanWasPaid() public {
        priced();
        PRICES.set(1 gwei, 99 gwei);
        equal(dataRefund(skips(0, 3)), 99 gwei, "what was paid");
        // one transaction in this test
        equal(dataRefund(skips(3, 2)), 0, "once");
        PRICES.set(1 gwei, 150 gwei);
        equal(dataRefund(skips(5, 1)), 51 gwei, "and what came on top");
    }

    function test_dataFee_onlyToOperators() public {
        priced();
        PRICES.set(1 gwei, 1 ether);
        settle(skips(0, 1), ALL);
        equal(jobs.refunds(address(this)), 0, "no operator");
        equal(jobs.job(jobId).escrow, 1 ether - FEE / 4, "only the fee");
    }

    /// A price gone mad is no refund that a job cannot pay, and none that no number holds.
    function test_dataFee_beyondAllMeasure() public {
        priced();
        PRICES.set(type(uint128).max, type(uint256).max);
        Entry[] memory entries = skips(0, 1);
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.recordLogs();
        vm.prank(operatorOf(2), operatorOf(2));
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), 0, "not settled");
        equal(uint256(ineligible()[0]), uint256(ITaskManager.Ineligible.Escrow), "the job cannot pay it");
    }
}

/// @notice
/// OP stack, where a transaction has a data fee
///   blocks are as on other chains
///   given a submitter is refunded      its data fee too: for what cannot be left out, less than it paid
///   when one transaction settles twice its data fee is shared
contract OpStackTest is OtherChain {
    GasPriceOracleStandIn private constant ORACLE = GasPriceOracleStandIn(address(Chain.GAS_PRICE_ORACLE));
    uint256 private constant PRICE = 1e15;

    function setUp() public override {
        vm.etch(address(ORACLE), type(GasPriceOracleStandIn).runtimeCode);
        super.setUp();
        ORACLE.setPrice(PRICE);
        priced();
    }

    function test_settles() public {
        check(tasks.chainKind() == Chain.Kind.OpStack, "by its oracle");
        equal(settleRun(jobId, 0, ALL), 1, "blocks as the EVM has them");
    }

    function test_dataFee() public {
        uint256 first = ORACLE.getL1FeeUpperBound(128 + 3 * 12);
        equal(dataRefund(skips(0, 3)), first / GAS_IN_ALL * GAS_IN_ALL, "what cannot be left out");
        // one transaction in this test
        uint256 both = ORACLE.getL1FeeUpperBound(2 * 128 + 5 * 12);
        equal(dataRefund(skips(3, 2)), (both - first) / GAS_IN_ALL * GAS_IN_ALL, "what it adds");
    }

    /// The least that FastLZ leaves: jobs that differ in nothing but their numbers, with one outcome.
    function nobodyGains(uint256 count, uint8 status) private {
        Entry[] memory entries = new Entry[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint64 job = i == 0 ? jobId : create(params(), 1 ether);
            entries[i] = callEntry(job, 0);
            entries[i].status = status;
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        bytes memory data = abi.encodeCall(tasks.settle, (certificate, batchOf(anchors, entries, new bytes32[](0))));
        // the transaction's own signature is compressed no better
        uint256 paid = ORACLE.feeOf(FastLz.left(data) + 68);
        uint256 back = ORACLE.getL1FeeUpperBound(128 + count * 12);
        check(back <= paid, "nobody gains by settling");
        check(back >= paid / 2, "most of it comes back");
    }

    function test_dataFee_isLessThanWasPaid() public {
        nobodyGains(1, 0);
    }

    function test_dataFee_isLessThanWasPaidForASkip() public {
        nobodyGains(1, 1);
    }

    function test_dataFee_isLessThanWasPaidFor16() public {
        nobodyGains(16, 0);
    }

    function test_dataFee_isLessThanWasPaidFor16Skips() public {
        nobodyGains(16, 1);
    }

    function test_dataFee_isLessThanWasPaidFor64() public {
        nobodyGains(64, 0);
    }
}

/// @notice Chains that look like one of those and are not.
contract ChainKindTest is Challenged {
    function deployTasks() external {
        new TaskManager(registry, jobs, 100);
    }

    function refused(Chain.Kind kind) private {
        vm.expectRevert(abi.encodeWithSelector(Chain.ChainNotUnderstood.selector, kind));
        this.deployTasks();
    }

    function test_plain() public view {
        check(tasks.chainKind() == Chain.Kind.Plain, "nothing is at those addresses");
    }

    function test_somethingElse() public {
        vm.etch(address(Chain.GAS_PRICE_ORACLE), type(Mute).runtimeCode);
        refused(Chain.Kind.OpStack);
        vm.etch(address(Chain.ARB_SYS), type(Mute).runtimeCode);
        refused(Chain.Kind.Arbitrum);
        vm.etch(address(Chain.ARB_SYS), type(ArbSysStandIn).runtimeCode);
        refused(Chain.Kind.Arbitrum); // ArbGasInfo is missing
        vm.etch(address(Chain.ARB_GAS_INFO), type(ArbGasInfoStandIn).runtimeCode);
        this.deployTasks();
    }

    /// What the model of FastLZ says of bytes whose length after it is known.
    function test_fastLz() public pure {
        equal(FastLz.left(new bytes(0)), 0, "nothing");
        equal(FastLz.left("twelve bytes"), 13, "as they are, with their length");
        // two zeros, then 96 more as one match, and the last as they are
        check(FastLz.left(new bytes(100)) < 12, "zeros");
        bytes memory noise = "";
        for (uint256 i = 0; i < 10; ++i) {
            noise = bytes.concat(noise, keccak256(abi.encode(i)));
        }
        equal(FastLz.left(noise), 330, "noise");
        check(FastLz.left(bytes.concat(noise, noise)) < 330 + 25, "noise that comes again");
    }
}
