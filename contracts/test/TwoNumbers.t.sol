// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAllocationManager} from "../src/interfaces/IAllocationManager.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {Chain} from "../src/libraries/Chain.sol";
import {ArbGasInfoStandIn, ArbSysStandIn} from "./ChainStandIns.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// A chain whose blocks have two numbers, millions apart: its own, and the parent chain's as `block.number`
///   stake is asked for as slashable up to a `block.number`
///   a draft of an epoch goes on whatever the chain's own number does, and is given up after 100 of the parent's blocks
///   an epoch that comes of a draft begins and ends with the chain's own
///   a place that somebody left is free a span of the parent's blocks later, not of the chain's own
contract TwoNumbersTest is Challenged {
    ArbSysStandIn private constant SYS = ArbSysStandIn(address(Chain.ARB_SYS));
    uint256 private constant OWN = 300_000_000;

    function setUp() public override {
        vm.etch(address(SYS), type(ArbSysStandIn).runtimeCode);
        vm.etch(address(Chain.ARB_GAS_INFO), type(ArbGasInfoStandIn).runtimeCode);
        SYS.setNumber(OWN);
        super.setUp();
        for (uint256 i = KEEPERS; i < 70; ++i) {
            join(i);
        }
        vm.warp(block.timestamp + EPOCH_SECONDS);
    }

    function test_stake_isCertainByTheParentsBlocks() public {
        IAllocationManager.OperatorSet memory operators = set();
        bytes memory question = abi.encodeCall(
            IAllocationManager.getMinimumSlashableStake,
            (operators, list(operatorOf(0)), list(STRATEGY), uint32(block.number) + SLASHABLE_BLOCKS)
        );
        check(block.number + SLASHABLE_BLOCKS < OWN / 1000, "the two are far apart");
        vm.expectCall(address(allocations), question);
        equal(stakeNow(0), 100 ether, "its stake");
    }

    function test_draft_goesOnWhateverTheOwnNumberDoes() public {
        equal(registry.snapshot(), 0, "64 of 70 rows");
        SYS.setNumber(OWN + 10_000_000);
        vm.roll(block.number + 100);
        equal(registry.snapshot(), 2, "the rest");
        equal(registry.epochInfo(1).activeUntil, OWN + 10_000_000, "up to the block under way, by its own number");
        equal(registry.epochInfo(2).activeFrom, OWN + 10_000_001, "and from the next one on");
    }

    function test_draft_isGivenUpByTheParentsBlocks() public {
        equal(registry.snapshot(), 0, "64 of 70 rows");
        vm.roll(block.number + 101);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IKeeperRegistry.SnapshotDrafted(64, 70);
        equal(registry.snapshot(), 0, "from the first row again: its stakes are old");
        equal(registry.snapshot(), 2, "the rest");
    }

    function test_place_isFreeAfterASpanOfTheParentsBlocks() public {
        for (uint256 i = 70; i < 256; ++i) {
            join(i);
        }
        quit(operatorOf(2));
        SYS.setNumber(OWN + 10_000_000);
        vm.roll(block.number + SLASHABLE_BLOCKS + 100);
        vm.expectRevert(IKeeperRegistry.TooManyOperators.selector);
        this.joins(300);
        vm.roll(block.number + 1);
        join(300);
        equal(registry.operatorInfo(operatorOf(300)).index, 2, "the place of the one who left");
    }

    function joins(uint256 keeper) external {
        join(keeper);
    }
}
