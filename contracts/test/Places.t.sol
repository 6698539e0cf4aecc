// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Signing} from "./Signing.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// Places, all 256 of them taken
///   whoever comes is refused, until somebody has left or was ejected for longer than stake is slashable
///   when somebody is registered and has no stake for as long: its place goes too, not before, and not while a draft may
///     count on it
///   when the one who left comes back in time: the place is its own; too late: it gets the next one that is free
/// The epochs before
///   stand for whoever had the place then: earnings, evidence, disputes, committees; the newcomer has no part in them
///   the newcomer earns, and is convicted, for its own
contract PlacesTest is Challenged {
    uint256 private constant SPAN = SLASHABLE_BLOCKS + 100;
    uint256 private constant EVERYBODY = type(uint256).max;
    uint256 private constant NEWCOMER = 300;

    /// Epoch 2 has them all.
    function setUp() public override {
        super.setUp();
        for (uint256 i = KEEPERS; i < 256; ++i) {
            join(i);
        }
        openEpoch();
        vm.roll(block.number + 5);
    }

    function wait(uint256 blocks) private {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + EPOCH_SECONDS);
    }

    function joins(uint256 keeper) public {
        join(keeper);
    }

    function refusesNewcomer() private {
        vm.expectRevert(IKeeperRegistry.TooManyOperators.selector);
        this.joins(NEWCOMER);
    }

    /// Opens an epoch that differs from the one before, and is active in the block after.
    function nextEpoch() private returns (uint32 epoch) {
        wait(1);
        allocations.setDeposit(operatorOf(255), uint128(200 ether + block.number));
        epoch = openEpoch();
        vm.roll(block.number + 5);
    }

    function registerAs(address operator, bytes calldata data) external {
        registerWith(operator, data);
    }

    /* WHOSE IT IS */

    function test_leaver_keepsItForTheSpan() public {
        refusesNewcomer();
        quit(operatorOf(2));
        wait(SPAN);
        refusesNewcomer();
        wait(1);
        joins(NEWCOMER);
        equal(registry.operatorInfo(operatorOf(NEWCOMER)).index, 2, "the place of the one who left");
        equal(registry.operatorCount(), 256, "as many as before");
    }

    function test_ejected_keepsItForTheSpan() public {
        vm.prank(address(service));
        registry.eject(operatorOf(2));
        wait(SPAN);
        refusesNewcomer();
        wait(1);
        joins(NEWCOMER);
        equal(registry.operatorInfo(operatorOf(NEWCOMER)).index, 2, "the place of the one who was thrown out");
    }

    function test_leaver_comesBackInTime() public {
        quit(operatorOf(2));
        wait(allocations.DEALLOCATION_DELAY() + 1);
        registerWith(operatorOf(2), registration(operatorOf(2), secretOf(2), peerKeyOf(2)));
        equal(registry.operatorInfo(operatorOf(2)).index, 2, "nobody wanted it");
        refusesNewcomer();
    }

    function test_leaver_comesBackTooLate() public {
        quit(operatorOf(2));
        wait(allocations.DEALLOCATION_DELAY() + 1);
        joins(NEWCOMER);
        bytes memory data = registration(operatorOf(2), secretOf(2), peerKeyOf(2));
        vm.expectRevert(IKeeperRegistry.TooManyOperators.selector);
        this.registerAs(operatorOf(2), data);
        quit(operatorOf(3));
        wait(SPAN + 1);
        registerWith(operatorOf(2), data);
        equal(registry.operatorInfo(operatorOf(2)).index, 3, "another one");
        IKeeperRegistry.Member[] memory members = registry.committee(openEpoch());
        equal(members[2].operator, operatorOf(NEWCOMER), "the newcomer");
        equal(members[2].blsKey, Signing.publicKey(secretOf(NEWCOMER)), "its key");
        equal(members[3].operator, operatorOf(2), "who came back");
        equal(members[3].blsKey, Signing.publicKey(secretOf(2)), "its old key, in the new place");
        equal(members[3].peerKey, peerKeyOf(2), "and its peer key");
        hasPlace(2, 2, true, 2);
        hasPlace(2, NEWCOMER, false, 0);
        hasPlace(3, 2, true, 3);
        hasPlace(3, NEWCOMER, true, 2);
        hasPlace(3, 3, false, 0);
    }

    function hasPlace(uint32 epoch, uint256 keeper, bool expected, uint256 expectedIndex) private view {
        (bool held, uint16 index) = registry.placeOf(epoch, operatorOf(keeper));
        check(held == expected && (!held || index == expectedIndex), "its place in that epoch");
    }

    /* THE IDLE */

    /// Keeper 2 is registered without stake; the spans turn when an epoch is opened.
    function idle() private {
        allocate(operatorOf(2), 0);
        wait(SPAN + 1);
        refusesNewcomer(); // it is in the newest epoch
        nextEpoch();
        refusesNewcomer(); // it was until a moment ago
        wait(SPAN + 1);
        nextEpoch();
    }

    function test_idle_losesItAfterTheSpan() public {
        idle();
        joins(NEWCOMER);
        equal(registry.operatorInfo(operatorOf(NEWCOMER)).index, 2, "its place");
        check(!registry.operatorInfo(operatorOf(2)).registered, "it is out");
    }

    function test_idle_keepsItWhileADraftMayCountOnIt() public {
        idle();
        allocate(operatorOf(2), 1e18);
        wait(1);
        equal(registry.snapshot(), 0, "its row is taken");
        refusesNewcomer();
        openEpoch();
        equal(registry.operatorAt(registry.currentEpoch(), 2), operatorOf(2), "its own");
        refusesNewcomer(); // it is not idle any more
    }

    /* THE EPOCHS BEFORE */

    /// Keeper 2 signs in epoch 2, leaves, and the newcomer has its place in epoch 3.
    function replaced() private returns (IChallenger.Statement memory one, IChallenger.Statement memory other) {
        equal(settleRun(jobId, 0, EVERYBODY), 1, "settled by all of them");
        quit(operatorOf(2));
        wait(SPAN);
        (one, other) = wordsIn(2, 4);
        wait(5);
        joins(NEWCOMER);
        nextEpoch();
    }

    function wordsIn(uint32 epoch, uint256 secretsOf)
        private
        view
        returns (IChallenger.Statement memory, IChallenger.Statement memory)
    {
        return
            (statementIn(epoch, report(3, 1), none(), secretsOf), statementIn(epoch, report(3, 2), none(), secretsOf));
    }

    function owedIn(uint32 epoch, uint256 keeper) private view returns (uint256) {
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = epoch;
        return jobs.owed(operatorOf(keeper), address(0), epochs);
    }

    function test_earnings_stayWhoseTheyWere() public {
        replaced();
        uint256 earned = owedIn(2, 2);
        equal(earned, owedIn(2, 3), "as much as the others");
        check(earned != 0, "something");
        equal(owedIn(2, NEWCOMER), 0, "nothing of it for the newcomer");
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = 2;
        vm.prank(operatorOf(2));
        equal(jobs.claim(address(0), epochs, address(0xcafe)), earned, "claimed");
        equal(owedIn(2, NEWCOMER), 0, "by nobody else");
    }

    function test_evidence_convictsWhoHadThePlace() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = replaced();
        equal(challenger.proveEquivocation(2, one, other), 1, "one keeper");
        check(challenger.isConvicted(operatorOf(2), taskIdOf(one)), "the one who had the place");
        equal(allocated(2), 50 ether, "its stake");
        equal(allocated(NEWCOMER), 100 ether, "not the newcomer's");
        check(registry.operatorInfo(operatorOf(NEWCOMER)).registered, "who goes on");
        equal(registry.ejected(3), 0, "and counts");
    }

    function test_dispute_punishesWhoHadThePlace() public {
        replaced();
        ReportLib.Report memory wrong = report(3, 1);
        wrong.anchorNumber = registry.epochInfo(2).activeUntil;
        IChallenger.Statement memory made = statementIn(2, wrong, none(), EVERYBODY);
        vm.deal(address(this), BOND);
        uint64 id = challenger.openDispute{value: BOND}(2, made);
        bytes32 right = bytes32(uint256(2));
        ITaskManager.Certificate memory ruled = signed(EVERYBODY ^ 4, 0, challenger.rulingDigest(3, id, 0, right));
        challenger.rule(id, 0, right, ruled);
        for (uint256 i = 0; i < 8; ++i) {
            equal(challenger.enforce(id), 32, "32 of them");
        }
        equal(allocated(2), 90 ether, "the one who had the place");
        equal(allocated(NEWCOMER), 100 ether, "not the newcomer");
    }

    /// Signed under epoch 3 by the `others`, and by somebody else whose secret is given.
    function signed(uint256 others, uint256 secret, bytes32 digest)
        private
        view
        returns (ITaskManager.Certificate memory certificate)
    {
        for (uint256 i = 0; i < 256; ++i) {
            if ((others >> i) & 1 == 1) secret += secretOf(i);
        }
        certificate.epoch = 3;
        certificate.signers = new uint256[](1);
        certificate.signers[0] = others;
        certificate.signature = Signing.sign(secret, digest, BLS12381.SIGNATURE_DST);
    }

    function wordOfNewcomer(uint256 answer) private view returns (IChallenger.Statement memory) {
        ReportLib.Report memory said = report(3, answer);
        ITaskManager.Certificate memory by = signed(0, secretOf(NEWCOMER), tasks.batchDigest(3, ReportLib.leaf(said)));
        by.signers[0] = 4;
        return IChallenger.Statement(said, none(), by.signers, by.signature);
    }

    function test_newcomer_standsForItself() public {
        replaced();
        equal(challenger.proveEquivocation(3, wordOfNewcomer(1), wordOfNewcomer(2)), 1, "one keeper");
        equal(allocated(NEWCOMER), 50 ether, "the newcomer");
        equal(allocated(2), 100 ether, "not who had its place before");
        equal(registry.ejected(3), 4, "its row counts no more");
    }

    function test_newcomer_earnsForItself() public {
        replaced();
        Entry[] memory entries = one(callEntry(jobId, 5));
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        bytes32 root = leafOf(anchors, entries[0]);
        ITaskManager.Certificate memory by = signed(EVERYBODY ^ 4, secretOf(NEWCOMER), tasks.batchDigest(3, root));
        by.signers[0] = EVERYBODY;
        equal(send(by, batchOf(anchors, entries, new bytes32[](0))), 1, "settled by all of them");
        equal(owedIn(3, NEWCOMER), owedIn(3, 3), "as much as the others");
        check(owedIn(3, NEWCOMER) != 0, "something");
        equal(owedIn(3, 2), 0, "nothing for the one who left");
    }
}
