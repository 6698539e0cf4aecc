// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// Ejecting whoever is out already
///   in the middle of a snapshot in parts, again and again: it goes on, and the epoch opens
///   when it left by itself, long or lately: what it still counts in stops counting, once
///   when it came back: it is out again, once
/// Ejecting whoever is in the draft under way
///   by the dozen: the epoch opens all the same; it counts none of them, and the next one is due at once
///   when the draft is given up: its marks go with it
///   when it came back meanwhile: the draft still does not count it
/// Any order of joining, leaving, ejections and snapshots: within as many calls as there are parts, an epoch opens
contract EjectionTest is Challenged {
    function setUp() public override {
        super.setUp();
        for (uint256 i = KEEPERS; i < 70; ++i) {
            join(i);
        }
    }

    function convict(uint64 run, uint256 keeper) private returns (bool) {
        IChallenger.Statement memory one = statement(report(run, 1), none(), 1 << keeper);
        IChallenger.Statement memory other = statement(report(run, 2), none(), 1 << keeper);
        try challenger.proveEquivocation(1, one, other) returns (uint256) {
            return true;
        } catch {
            return false;
        }
    }

    function eject(uint256 keeper) private {
        vm.prank(address(service));
        registry.eject(operatorOf(keeper));
    }

    function ejections() private returns (uint256) {
        return logged(IKeeperRegistry.OperatorEjected.selector).length;
    }

    function comeBack(uint256 keeper) private {
        if (allocations.isMemberOfOperatorSet(operatorOf(keeper), set())) quit(operatorOf(keeper));
        vm.roll(block.number + allocations.DEALLOCATION_DELAY() + 1);
        registerWith(operatorOf(keeper), registration(operatorOf(keeper), secretOf(keeper), peerKeyOf(keeper)));
    }

    /* THE EJECTED */

    function test_again_doesNotHoldUpASnapshot() public {
        check(convict(3, 1), "ejected");
        equal(registry.snapshot(), 0, "first part");
        check(convict(4, 1), "convicted again, though long ejected");
        equal(registry.snapshot(), 2, "the epoch opens");
        equal(registry.ejected(2), 0, "it was not in it");
        bytes memory notDue =
            abi.encodeWithSelector(IKeeperRegistry.EpochNotDue.selector, block.timestamp + EPOCH_SECONDS);
        vm.expectRevert(notDue);
        registry.snapshot();
        check(convict(5, 1), "and again");
        vm.expectRevert(notDue);
        registry.snapshot();
    }

    function test_again_tellsNothing() public {
        vm.recordLogs();
        eject(1);
        eject(1);
        eject(1);
        equal(ejections(), 1, "once");
    }

    function test_whoLeftByItself_stopsCountingOnce() public {
        quit(operatorOf(1));
        vm.recordLogs();
        eject(1);
        equal(registry.ejected(1), 2, "in the epoch it is in");
        eject(1);
        equal(ejections(), 1, "once");
        openEpoch();
        eject(1);
        equal(registry.ejected(2), 0, "it is not in this one");
        equal(ejections(), 0, "no more");
    }

    function test_whoCameBack_isOutAgain() public {
        eject(1);
        openEpoch();
        comeBack(1);
        vm.recordLogs();
        eject(1);
        check(!registry.operatorInfo(operatorOf(1)).registered, "out");
        equal(registry.ejected(2), 0, "it was in no epoch");
        equal(ejections(), 1, "told");
    }

    /* THE DRAFT */

    function test_draft_opensHoweverManyAreEjected() public {
        allocations.setDeposit(operatorOf(0), 10_000 ether); // else nobody is left
        for (uint256 i = 1; i < 40; ++i) {
            if (i == 1) equal(registry.snapshot(), 0, "first part");
            eject(i);
        }
        equal(registry.snapshot(), 2, "the epoch opens");
        equal(registry.ejected(2), (1 << 40) - 2, "without any of them");
        equal(registry.snapshot(), 0, "the next one at once");
        equal(registry.snapshot(), 3, "second part");
        equal(registry.epochInfo(3).totalStake, 13_000 ether, "only those who are left");
        equal(registry.ejected(3), 0, "nothing to mark");
    }

    function test_draft_givenUpTakesItsMarksAlong() public {
        registry.snapshot();
        eject(3);
        equal(registry.ejected(2), 8, "marked ahead");
        vm.roll(block.number + 101);
        openEpoch();
        equal(registry.ejected(2), 0, "the second draft has no row of it");
        equal(registry.stakeOf(2, 3), 0, "indeed");
    }

    function test_draft_ofWhoWasNeverInIt() public {
        registry.snapshot();
        quit(operatorOf(69)); // in the second part
        eject(69);
        equal(registry.snapshot(), 2, "the epoch opens");
        equal(registry.ejected(2), 0, "without a row of it");
    }

    /* ANY ORDER */

    /// Each step: a keeper joins, leaves, is convicted or just ejected. Between them a part is taken, as often as it is due.
    function test_anyOrder_anEpochOpens(uint8[16] calldata steps) public {
        vm.warp(block.timestamp + EPOCH_SECONDS);
        uint32 before = registry.currentEpoch();
        uint256 parts = 0;
        for (uint64 i = 0; i < steps.length; ++i) {
            uint256 keeper = steps[i] % 8;
            if (steps[i] < 64) {
                eject(keeper);
            } else if (steps[i] < 128) {
                convict(i, keeper);
            } else if (steps[i] < 192 && allocations.isMemberOfOperatorSet(operatorOf(keeper), set())) {
                quit(operatorOf(keeper));
            }
            if (parts < 2) ++parts;
            else break;
            registry.snapshot();
        }
        check(registry.currentEpoch() == before + 1, "two parts, one epoch");
        equal(registry.ejected(before + 1) & ~stakedRows(before + 1), 0, "only rows with stake are marked");
    }

    function stakedRows(uint32 epoch) private view returns (uint256 rows) {
        for (uint16 i = 0; i < 70; ++i) {
            if (registry.stakeOf(epoch, i) != 0) rows |= 1 << i;
        }
    }
}
