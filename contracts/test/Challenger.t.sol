// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {ICertificateVerifier} from "../src/interfaces/ICertificateVerifier.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {CertificateLib} from "../src/libraries/CertificateLib.sol";
import {EpochTable} from "../src/libraries/EpochTable.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// Proving equivocation
///   given two statements of one keeper on one task, anchor and input set
///     it ejects the keeper, slashes half of its stake, tells who reported
///     when the statements are leaves of larger batches: it follows the Merkle proofs
///     when proven again: it refuses; on another task: it slashes again
///     when the keeper has left lately: it still slashes; when long ago: it convicts, there is nothing to take
///   given two certificates
///     it convicts the intersection and nobody else, 32 a call
///   given statements that do not contradict each other (task, version, anchor, input set, same answer): it refuses
///   given a forged statement (signature, signer, epoch, proof, nobody, stray bits): it refuses
///   given an anchor older than the stake is slashable: it refuses
///   given an honest keeper: nothing it signs convicts it, in whatever company, and nothing put into its mouth
/// After an ejection
///   in the epoch under way: the keeper's signature adds no stake and earns nothing, the total stays
///   the next epoch: is due at once, without the keeper, until it registers anew with what stake it has left
/// Rewards
///   come from the pot, never more than there is, and are claimed once
contract ChallengerTest is Challenged {
    /* EQUIVOCATION */

    function test_equivocation_ejectsSlashesAndTells() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        vm.expectEmit(true, true, true, true, address(challenger));
        emit IChallenger.EquivocationProven(operatorOf(2), taskIdOf(one), REPORTER, 1, 50 ether);
        prove(one, other);
        equal(stakeNow(2), 50 ether, "half is gone");
        check(!registry.operatorInfo(operatorOf(2)).registered, "out");
        check(challenger.isConvicted(operatorOf(2), taskIdOf(one)), "convicted");
        equal(stakeNow(1), 100 ether, "nobody else's");
    }

    function test_equivocation_inLargerBatches() public {
        bytes32[] memory siblings = new bytes32[](2);
        (siblings[0], siblings[1]) = (keccak256("left"), keccak256("right"));
        IChallenger.Statement memory one = statement(report(3, 1), siblings, 4);
        IChallenger.Statement memory other = statement(report(3, 2), new bytes32[](0), 4);
        equal(prove(one, other), 1, "one keeper");
    }

    function test_equivocation_onceForATaskAndAgainForAnother() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        vm.expectRevert(IChallenger.AlreadyProven.selector);
        challenger.proveEquivocation(1, other, one);
        prove(statement(report(4, 1), none(), 4), statement(report(4, 2), none(), 4));
        equal(stakeNow(2), 25 ether, "half of the half");
    }

    function test_equivocation_whenTheKeeperHasLeft() public {
        quit(operatorOf(2));
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        equal(allocated(2), 50 ether, "what it had allocated was still slashable");
        vm.mockCall(address(allocations), abi.encodeCall(allocations.isOperatorSlashable, (operatorOf(3), set())), no());
        equal(prove(statement(report(3, 1), none(), 8), statement(report(3, 2), none(), 8)), 1, "convicted");
        equal(allocated(3), 100 ether, "but nothing could be taken");
    }

    function test_conflict_convictsTheIntersection() public {
        IChallenger.Statement memory one = statement(report(3, 1), none(), 0xf); // 0 1 2 3
        IChallenger.Statement memory other = statement(report(3, 2), none(), 0x1e); // 1 2 3 4
        vm.deal(address(challenger), 0);
        equal(prove(one, other), 3, "those who signed both");
        for (uint256 i = 0; i < KEEPERS; ++i) {
            equal(stakeNow(i), i == 0 || i == 4 ? 100 ether : 50 ether, "stake");
        }
    }

    function test_conflict_convictsOnlyThoseNotConvictedYet() public {
        prove(statement(report(3, 1), none(), 4), statement(report(3, 2), none(), 4));
        equal(prove(statement(report(3, 1), none(), 6), statement(report(3, 2), none(), 6)), 1, "the other one");
        equal(stakeNow(2), 50 ether, "slashed once");
    }

    function test_conflict_thirtyTwoAtATime() public {
        for (uint256 i = KEEPERS; i < 40; ++i) {
            join(i);
        }
        registry.snapshot();
        vm.roll(block.number + 5);
        uint256 all = (1 << 40) - 1;
        IChallenger.Statement memory one = statementIn(2, report(3, 1), none(), all);
        IChallenger.Statement memory other = statementIn(2, report(3, 2), none(), all);
        equal(challenger.proveEquivocation(2, one, other), 32, "as many as fit a transaction");
        equal(challenger.proveEquivocation(2, one, other), 8, "the rest");
        equal(stakeNow(39), 50 ether, "down to the last");
    }

    /* HONESTY */

    /// Whatever an honest keeper signs (one report at a place), whoever brings whichever two of its statements, together
    /// with whatever others signed: it is never convicted.
    function test_honest_isNeverConvicted(uint8[4] calldata places, uint8[4] calldata company, bool[4] calldata forged)
        public
    {
        uint256 honest = 1 << 2;
        IChallenger.Statement[4] memory said;
        for (uint256 i = 0; i < 4; ++i) {
            // its answer at a place is a function of the place; others may sign with it, or anything without it
            uint256 place = places[i] % 3;
            uint256 signers = (uint256(company[i]) & ALL) | honest;
            said[i] = statement(placed(place, place), none(), signers);
            if (forged[i]) {
                // somebody else's words, put into its mouth
                said[i] = statement(placed(place, 100 + i), none(), signers ^ honest | 1);
                said[i].signers[0] |= honest;
            }
        }
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = 0; j < 4; ++j) {
                try challenger.proveEquivocation(1, said[i], said[j]) {} catch {}
            }
        }
        check(registry.operatorInfo(operatorOf(2)).registered, "it goes on");
        equal(stakeNow(2), 100 ether, "with all its stake");
    }

    function placed(uint256 place, uint256 answer) private view returns (ReportLib.Report memory made) {
        made = report(3, answer);
        if (place == 1) made.anchorHash = keccak256("the next attempt");
        if (place == 2) made.inputHash = keccak256("other observations");
    }

    /* REFUSALS */

    function test_refuses_whatIsNoContradiction() public {
        IChallenger.Statement memory one = statement(report(3, 1), none(), 4);
        IChallenger.Statement memory other = statement(report(3, 1), none(), 4);
        refuses(one, other, IChallenger.NoConflict.selector); // the same word twice
        for (uint256 field = 0; field < 6; ++field) {
            other.report = report(3, 2);
            if (field == 0) other.report.jobId += 1;
            if (field == 1) other.report.jobVersion += 1;
            if (field == 2) other.report.instanceKey = bytes32(uint256(9));
            if (field == 3) other.report.anchorNumber += 1;
            if (field == 4) other.report.anchorHash = keccak256("another block");
            if (field == 5) other.report.inputHash = keccak256("other observations");
            refuses(one, resigned(other, 4), IChallenger.NoConflict.selector);
        }
    }

    function test_refuses_forgeries() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        bytes memory good = other.signature;
        other.signature = one.signature;
        refuses(one, other, CertificateLib.InvalidSignature.selector);
        other.signature = new bytes(96);
        refuses(one, other, CertificateLib.InfinitySignature.selector);
        other.signature = new bytes(95);
        refuses(one, other, CertificateLib.InvalidSignatureLength.selector);
        other.signature = good;
        other.signers[0] = 6; // names another keeper as well
        refuses(one, other, CertificateLib.InvalidSignature.selector);
        other.signers[0] = 8;
        refuses(one, other, IChallenger.NobodyGuilty.selector);
        other.signers = new uint256[](0);
        refuses(one, other, IChallenger.NobodyGuilty.selector);
        other.signers = new uint256[](1);
        refuses(one, other, IChallenger.NobodyGuilty.selector);
        other.signers[0] = 4 | (1 << 200);
        refuses(one, other, EpochTable.StrayBits.selector);
        other.signers[0] = 4;
        other.proof = new bytes32[](9);
        refuses(one, other, IChallenger.ProofTooLong.selector);
        other.proof = new bytes32[](1);
        refuses(one, other, CertificateLib.InvalidSignature.selector);
    }

    /// A signature under another epoch, chain or contract is no statement here.
    function test_refuses_signaturesMadeElsewhere() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        vm.expectRevert(abi.encodeWithSelector(ICertificateVerifier.UnknownEpoch.selector, 9));
        challenger.proveEquivocation(9, one, other);
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        vm.expectRevert(CertificateLib.InvalidSignature.selector);
        challenger.proveEquivocation(2, one, other);
        vm.chainId(1);
        refuses(one, other, CertificateLib.InvalidSignature.selector);
    }

    function test_refuses_whatIsTooOld() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        vm.roll(one.report.anchorNumber + PROVABLE_BLOCKS + 1);
        bytes memory reason =
            abi.encodeWithSelector(IChallenger.TooLate.selector, one.report.anchorNumber + PROVABLE_BLOCKS);
        vm.expectRevert(reason);
        challenger.proveEquivocation(1, one, other);
        vm.roll(one.report.anchorNumber + PROVABLE_BLOCKS);
        equal(prove(one, other), 1, "the last block counts");
    }

    /* AFTER AN EJECTION */

    function test_ejected_addsNoStakeAndEarnsNothing() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        equal(registry.ejected(1), 4, "marked in the epoch under way");
        uint256[] memory signers = new uint256[](1);
        signers[0] = 0x1e;
        ICertificateVerifier.Weight memory result = registry.weigh(1, signers);
        equal(result.signedStake, 300 ether, "three of four count");
        equal(result.totalStake, 500 ether, "of the same total");
        equal(result.absent, 5, "the ejected one is as if absent");
        Entry[] memory entries = one_(callEntry(jobId, 0));
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, 0x1e);
        vm.expectRevert(abi.encodeWithSelector(ITaskManager.QuorumNotReached.selector, 300 ether, 500 ether));
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
        equal(settleRun(jobId, 0, ALL), 1, "with its signature in the aggregate the four others settle");
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = 1;
        equal(jobs.owed(operatorOf(2), address(0), epochs), 0, "and it earns nothing");
        check(jobs.owed(operatorOf(3), address(0), epochs) != 0, "the others do");
    }

    function test_ejected_nextEpochIsDueAtOnceAndWithoutIt() public {
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        equal(registry.ejected(2), 4, "also in the epoch that has begun since");
        equal(registry.snapshot(), 3, "without waiting");
        equal(registry.stakeOf(3, 2), 0, "no row");
        equal(registry.epochInfo(3).totalStake, 350 ether, "nor part of the total");
        equal(registry.ejected(3), 0, "nothing to mark any more");

        quit(operatorOf(2));
        registerWith(operatorOf(2), registration(operatorOf(2), secretOf(2), peerKeyOf(2)));
        vm.warp(block.timestamp + EPOCH_SECONDS);
        registry.snapshot();
        equal(registry.stakeOf(4, 2), 50 ether, "back with what is left");
    }

    function test_ejected_oldEpochsAreLeftAlone() public {
        vm.roll(block.number + 150);
        allocate(operatorOf(0), 5e17);
        registry.snapshot(); // epoch 1 ends
        vm.roll(block.number + 257);
        IChallenger.Statement memory one = statementIn(2, report(3, 1), none(), 4);
        challenger.proveEquivocation(2, one, statementIn(2, report(3, 2), none(), 4));
        equal(registry.ejected(1), 0, "its certificates cannot settle any more");
        equal(registry.ejected(2), 4, "those of the newest can");
    }

    function test_eject_onlyByTheServiceManagerAndHarmlessForStrangers() public {
        vm.expectRevert(IKeeperRegistry.OnlyServiceManager.selector);
        registry.eject(operatorOf(2));
        vm.prank(address(service));
        registry.eject(address(0xdead));
        equal(registry.ejected(1), 0, "nobody");
    }

    /* THIRD PARTIES */

    function test_isCertified_tellsAboutOneReportOfABatch() public {
        bytes32[] memory siblings = new bytes32[](2);
        (siblings[0], siblings[1]) = (keccak256("left"), keccak256("right"));
        check(challenger.isCertified(1, statement(report(3, 1), siblings, 0xf)), "four of five signed it");
        check(!challenger.isCertified(1, statement(report(3, 1), siblings, 0x7)), "three are no quorum");
        IChallenger.Statement memory other = statement(report(3, 1), siblings, 0xf);
        other.report.outcomeHash = bytes32(uint256(2));
        vm.expectRevert(ICertificateVerifier.InvalidSignature.selector);
        challenger.isCertified(1, other);
    }

    /* REWARDS */

    function test_reward_isPaidFromThePotAndClaimedOnce() public {
        challenger.fundBounties{value: REWARD + 1}();
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        prove(statement(report(4, 1), none(), 8), statement(report(4, 2), none(), 8));
        equal(challenger.owed(REPORTER), REWARD + 1, "the second time what was left");
        equal(challenger.pot(), 0, "empty");
        vm.expectRevert(IChallenger.ZeroRecipient.selector);
        challenger.claim(address(0));
        vm.prank(REPORTER);
        equal(challenger.claim(address(0xcafe)), REWARD + 1, "claimed");
        equal(address(0xcafe).balance, REWARD + 1, "arrived");
        vm.prank(REPORTER);
        vm.expectRevert(IChallenger.NothingOwed.selector);
        challenger.claim(address(0xcafe));
    }

    function test_reward_withoutPotTheProofStillCounts() public {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = twoWords(2);
        prove(one, other);
        equal(challenger.owed(REPORTER), 0, "nothing to pay");
        equal(stakeNow(2), 50 ether, "slashed all the same");
    }
}
