// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Challenger} from "../src/Challenger.sol";
import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {CertificateLib} from "../src/libraries/CertificateLib.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// Opening a dispute
///   given a certified report of a deterministic job, and the bond: it is opened, once
///   given another bond, an observing job, no quorum, a forged signature, a future or an old anchor: it is refused
/// Joining a dispute
///   given another certificate of the same report, while it is open or upheld: its signers are punished too, once each
///   given another report, no new signer, no quorum, a dispute that is over or none: it is refused
/// Ruling
///   when 80 % certify another result: it is upheld; the bond goes back to the disputer, the signers are slashed, once, and
///     go on serving; the disputer earns a part of what is really taken
///   given many wrong results of one epoch: each signer is punished for three of them
///   when they certify the same result: it is rejected, the bond goes to the pot
///   given less stake, an earlier epoch, another dispute's ruling, a batch signature, a late ruling: it is refused
/// Expiring
///   when nobody ruled: the bond goes back, not before the deadline
///   when an upgrade changed the bond meanwhile: what was paid comes back
contract DisputeTest is Challenged {
    function setUp() public override {
        super.setUp();
        vm.deal(REPORTER, 10 ether);
    }

    function open() private returns (uint64) {
        return openOn(3, 0xf);
    }

    function openOn(uint64 run, uint256 signers) private returns (uint64) {
        IChallenger.Statement memory made = statement(report(run, 1), none(), signers);
        vm.prank(REPORTER);
        return challenger.openDispute{value: BOND}(1, made);
    }

    function uphold(uint64 id) private {
        challenger.rule(id, 0, bytes32(uint256(2)), ruling(1, id, 0, bytes32(uint256(2)), 0xf));
    }

    function refusesToOpen(IChallenger.Statement memory made, bytes memory reason) private {
        vm.prank(REPORTER);
        vm.expectRevert(reason);
        challenger.openDispute{value: BOND}(1, made);
    }

    function refusesToRule(
        uint64 id,
        uint8 status,
        bytes32 answer,
        ITaskManager.Certificate memory certificate,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        challenger.rule(id, status, answer, certificate);
    }

    /* OPENING */

    function test_open_keepsWhatIsDisputed() public {
        uint64 id = open();
        IChallenger.Dispute memory about = challenger.dispute(id);
        check(about.status == IChallenger.DisputeStatus.Open, "open");
        equal(about.disputer, REPORTER, "by whom");
        equal(about.signers, 0xf, "whose word");
        equal(about.deadline, block.number - 2 + PROVABLE_BLOCKS, "until when");
        equal(address(challenger).balance, BOND, "the bond");
        refusesToOpen(
            statement(report(3, 1), none(), 0xf), abi.encodeWithSelector(IChallenger.AlreadyDisputed.selector, id)
        );
    }

    function test_open_refusals() public {
        IChallenger.Statement memory made = statement(report(3, 1), none(), 0xf);
        vm.prank(REPORTER);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.WrongBond.selector, BOND));
        challenger.openDispute{value: BOND - 1}(1, made);
        made.signature = statement(report(4, 1), none(), 0xf).signature;
        refusesToOpen(made, abi.encodeWithSelector(CertificateLib.InvalidSignature.selector));
        made = statement(report(3, 1), none(), 0x7);
        bytes memory reason = abi.encodeWithSelector(IChallenger.QuorumNotReached.selector, 300 ether, 500 ether);
        refusesToOpen(made, reason);
        made.report.inputHash = keccak256("observed");
        refusesToOpen(resigned(made, 0xf), abi.encodeWithSelector(IChallenger.NotDeterministic.selector));
        made.report = report(3, 1);
        made.report.anchorNumber = uint64(block.number);
        reason = abi.encodeWithSelector(IChallenger.FutureAnchor.selector, block.number);
        refusesToOpen(resigned(made, 0xf), reason);
        made = statement(report(3, 1), none(), 0xf);
        vm.roll(made.report.anchorNumber + PROVABLE_BLOCKS / 2 + 1);
        refusesToOpen(made, abi.encodeWithSelector(IChallenger.TooLate.selector, block.number - 1));
    }

    /* JOINING */

    function refusesToJoin(uint64 id, IChallenger.Statement memory made, bytes memory reason) private {
        vm.expectRevert(reason);
        challenger.joinDispute(id, made);
    }

    function test_join_punishesTheOthersToo() public {
        uint64 id = open();
        bytes32[] memory siblings = new bytes32[](1);
        siblings[0] = keccak256("another batch");
        vm.expectEmit(true, true, true, true, address(challenger));
        emit IChallenger.DisputeJoined(id, 16);
        challenger.joinDispute(id, statement(report(3, 1), siblings, 0x1e));
        equal(challenger.dispute(id).signers, ALL, "all of them");
        uphold(id);
        equal(challenger.enforce(id), 5, "each once");
        equal(stakeNow(4), 90 ether, "also who was not in the first");
        equal(stakeNow(0), 90 ether, "also who was not in the second");
    }

    function test_join_whenTheFirstArePunishedAlready() public {
        uint64 id = open();
        uphold(id);
        challenger.enforce(id);
        challenger.joinDispute(id, statement(report(3, 1), none(), ALL));
        equal(challenger.enforce(id), 1, "the new one");
        equal(stakeNow(4), 90 ether, "a tenth");
        equal(stakeNow(0), 90 ether, "no second one");
    }

    function test_join_refusals() public {
        uint64 id = open();
        bytes memory other = abi.encodeWithSelector(IChallenger.OtherReport.selector);
        refusesToJoin(id, statement(report(3, 2), none(), ALL), other);
        refusesToJoin(id, statement(report(4, 1), none(), ALL), other);
        IChallenger.Statement memory made = statement(report(3, 1), none(), 0xf);
        refusesToJoin(id, made, abi.encodeWithSelector(IChallenger.AlreadyDisputed.selector, id));
        made = statement(report(3, 1), none(), 0x1c);
        bytes memory reason = abi.encodeWithSelector(IChallenger.QuorumNotReached.selector, 300 ether, 500 ether);
        refusesToJoin(id, made, reason);
        made = statement(report(3, 1), none(), ALL);
        refusesToJoin(9, made, abi.encodeWithSelector(IChallenger.UnknownDispute.selector, 9));
        bytes memory signature = made.signature;
        made.signature = statement(report(3, 1), none(), 0xf).signature;
        refusesToJoin(id, made, abi.encodeWithSelector(CertificateLib.InvalidSignature.selector));
        made.signature = signature;
        uint64 deadline = challenger.dispute(id).deadline;
        vm.roll(deadline + 1);
        refusesToJoin(id, made, abi.encodeWithSelector(IChallenger.TooLate.selector, deadline));
        challenger.expire(id);
        reason = abi.encodeWithSelector(IChallenger.WrongDisputeStatus.selector, IChallenger.DisputeStatus.Expired);
        refusesToJoin(id, made, reason);
    }

    /* RULING */

    function test_rule_upheldSlashesTheSignersOnce() public {
        uint64 id = open();
        challenger.fundBounties{value: 1 ether}();
        allocations.setDeposit(operatorOf(3), 1 ether);
        allocations.setDeposit(operatorOf(4), 500 ether); // else the rulers are no four fifths
        uphold(id);
        check(challenger.dispute(id).status == IChallenger.DisputeStatus.Upheld, "upheld");
        equal(challenger.owed(REPORTER), BOND, "the bond");
        allocations.setDeposit(operatorOf(4), 100 ether);
        equal(challenger.enforce(id), 4, "four signers");
        equal(challenger.owed(REPORTER), BOND + 3 * REWARD + REWARD / 10, "and for a tenth of one ether a tenth");
        equal(stakeNow(3), 0.9 ether, "a tenth of that");
        allocations.setDeposit(operatorOf(3), 100 ether);
        for (uint256 i = 0; i < KEEPERS; ++i) {
            equal(stakeNow(i), i == 4 ? 100 ether : 90 ether, "a tenth of the signers' stake");
            check(registry.operatorInfo(operatorOf(i)).registered, "they go on");
        }
        vm.expectRevert(IChallenger.NobodyGuilty.selector);
        challenger.enforce(id);
    }

    function test_enforce_threeOfManyWrongResults() public {
        for (uint64 run = 0; run < 5; ++run) {
            uint64 id = openOn(run, run == 0 ? 0xf : ALL);
            uphold(id);
            equal(challenger.enforce(id), run == 0 ? 4 : run < 3 ? 5 : run == 3 ? 1 : 0, "those not at three yet");
            equal(challenger.dispute(id).punished, challenger.dispute(id).signers, "over for all of them");
        }
        for (uint256 i = 0; i < KEEPERS; ++i) {
            equal(stakeNow(i), 72.9 ether, "nine tenths, three times");
        }
    }

    function test_rule_anotherStatusIsAnotherResult() public {
        uint64 id = open();
        challenger.rule(id, 1, bytes32(uint256(1)), ruling(1, id, 1, bytes32(uint256(1)), 0xf));
        check(challenger.dispute(id).status == IChallenger.DisputeStatus.Upheld, "upheld");
    }

    function test_rule_confirmedTakesTheBond() public {
        uint64 id = open();
        challenger.rule(id, 0, bytes32(uint256(1)), ruling(1, id, 0, bytes32(uint256(1)), ALL));
        check(challenger.dispute(id).status == IChallenger.DisputeStatus.Rejected, "rejected");
        equal(challenger.pot(), BOND, "into the pot");
        equal(challenger.owed(REPORTER), 0, "nothing back");
        vm.expectRevert(
            abi.encodeWithSelector(IChallenger.WrongDisputeStatus.selector, IChallenger.DisputeStatus.Rejected)
        );
        challenger.enforce(id);
    }

    function test_rule_refusals() public {
        uint64 id = open();
        bytes32 answer = bytes32(uint256(2));
        refusesToRule(
            7, 0, answer, ruling(1, id, 0, answer, ALL), abi.encodeWithSelector(IChallenger.UnknownDispute.selector, 7)
        );
        refusesToRule(
            id, 3, answer, ruling(1, id, 3, answer, ALL), abi.encodeWithSelector(IChallenger.InvalidStatus.selector, 3)
        );
        refusesToRule(
            id,
            0,
            answer,
            ruling(1, id + 1, 0, answer, ALL),
            abi.encodeWithSelector(CertificateLib.InvalidSignature.selector)
        );
        refusesToRule(
            id, 0, answer, certifyRoot(1, answer, ALL), abi.encodeWithSelector(CertificateLib.InvalidSignature.selector)
        );
        // two thirds certify a report, and cannot overrule one
        allocate(operatorOf(4), 7e17);
        registry.snapshot();
        bytes memory reason = abi.encodeWithSelector(IChallenger.QuorumNotReached.selector, 370 ether, 470 ether);
        refusesToRule(id, 0, answer, ruling(2, id, 0, answer, 0x1e), reason);
        challenger.rule(id, 0, answer, ruling(2, id, 0, answer, ALL));
    }

    function test_rule_refusesEpochsBeforeTheDispute() public {
        allocate(operatorOf(4), 7e17);
        registry.snapshot();
        uint64 id = open();
        refusesToRule(id, 0, 0, ruling(1, id, 0, 0, ALL), abi.encodeWithSelector(IChallenger.RulingEpoch.selector, 1));
    }

    function test_rule_refusesLateOnes() public {
        uint64 id = open();
        uint64 deadline = challenger.dispute(id).deadline;
        vm.roll(deadline + 1);
        refusesToRule(
            id, 0, 0, ruling(1, id, 0, 0, ALL), abi.encodeWithSelector(IChallenger.TooLate.selector, deadline)
        );
    }

    /// A ruling is no statement: whoever signed the report and rules otherwise has not equivocated.
    function test_ruling_isNoEvidence() public {
        uint64 id = open();
        IChallenger.Statement memory one = statement(report(3, 1), none(), 1);
        IChallenger.Statement memory other = statement(report(3, 2), none(), 1);
        other.signature = ruling(1, id, 0, bytes32(uint256(2)), 1).signature;
        refuses(one, other, CertificateLib.InvalidSignature.selector);
    }

    /* EXPIRING */

    function test_expire_givesTheBondBack() public {
        uint64 id = open();
        uint64 deadline = challenger.dispute(id).deadline;
        vm.roll(deadline);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.TooEarly.selector, deadline));
        challenger.expire(id);
        vm.roll(deadline + 1);
        challenger.expire(id);
        equal(challenger.owed(REPORTER), BOND, "back");
        vm.expectRevert(
            abi.encodeWithSelector(IChallenger.WrongDisputeStatus.selector, IChallenger.DisputeStatus.Expired)
        );
        challenger.expire(id);
    }

    /// An upgrade is announced for days; disputes may be open when it comes.
    function test_bond_isWhatWasPaidAlsoAfterAnUpgrade() public {
        uint64[3] memory ids = [openOn(1, 0xf), openOn(2, 0xf), openOn(3, 0xf)];
        Challenger dearer = new Challenger(tasks, registry, service, PROVABLE_BLOCKS, REWARD, 100 * BOND);
        challenger.upgradeToAndCall(address(dearer), "");
        equal(challenger.bond(), 100 * BOND, "the next one pays more");
        uphold(ids[0]);
        equal(challenger.owed(REPORTER), BOND, "back");
        challenger.rule(ids[1], 0, bytes32(uint256(1)), ruling(1, ids[1], 0, bytes32(uint256(1)), ALL));
        equal(challenger.pot(), BOND, "lost");
        vm.roll(challenger.dispute(ids[2]).deadline + 1);
        challenger.expire(ids[2]);
        equal(challenger.owed(REPORTER), 2 * BOND, "back");
        equal(address(challenger).balance, 3 * BOND, "and nothing else is spoken for");
    }
}
