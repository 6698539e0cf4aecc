// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {LocalAllocationManager} from "../src/LocalAllocationManager.sol";
import {IAllocationManager} from "../src/interfaces/IAllocationManager.sol";
import {IServiceManager} from "../src/interfaces/IServiceManager.sol";
import {World} from "./World.sol";

contract ServiceManagerTest is World {
    /* REGISTRAR */

    function test_registrar_onlyForTheAllocationManager() public {
        uint32[] memory sets = new uint32[](1);
        vm.expectRevert(IServiceManager.OnlyAllocationManager.selector);
        service.registerOperator(operatorOf(9), address(service), sets, "");
        vm.expectRevert(IServiceManager.OnlyAllocationManager.selector);
        service.deregisterOperator(operatorOf(0), address(service), sets);
        vm.prank(address(allocations));
        vm.expectRevert(abi.encodeWithSelector(IServiceManager.UnknownAVS.selector, CREATOR));
        service.registerOperator(operatorOf(9), CREATOR, sets, "");
    }

    function test_registrar_knowsOneOperatorSet() public {
        uint32[] memory sets = new uint32[](1);
        sets[0] = 1;
        vm.prank(address(allocations));
        vm.expectRevert(IServiceManager.UnknownOperatorSet.selector);
        service.registerOperator(operatorOf(9), address(service), sets, "");
        vm.prank(address(allocations));
        vm.expectRevert(IServiceManager.UnknownOperatorSet.selector);
        service.registerOperator(operatorOf(9), address(service), new uint32[](0), "");
    }

    function test_registrar_letsStrangersLeave() public {
        vm.prank(address(allocations));
        service.deregisterOperator(address(0xdead), address(service), new uint32[](3));
    }

    function test_supportsItself() public view {
        check(service.supportsAVS(address(service)) && !service.supportsAVS(CREATOR), "its own address only");
    }

    function test_metadata_isTheOwnersToChange() public {
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, CREATOR));
        service.setMetadataURI("ipfs://other");
        vm.expectCall(
            address(allocations), abi.encodeCall(allocations.updateAVSMetadataURI, (address(service), "ipfs://other"))
        );
        service.setMetadataURI("ipfs://other");
    }

    /* STAKE */

    function test_stakes_areThoseOfMembers() public {
        address[] memory operators = new address[](3);
        operators[0] = operatorOf(0);
        operators[1] = operatorOf(9);
        operators[2] = operatorOf(1);
        allocate(operatorOf(1), 25e16);
        allocate(operatorOf(9), 1e18);
        uint256[] memory stakes = service.stakes(operators);
        equal(stakes[0], 100 ether, "whole deposit");
        equal(stakes[1], 0, "no member");
        equal(stakes[2], 25 ether, "a quarter");
    }

    /* SLASHING */

    function test_slash_onlyByTheChallenger() public {
        equal(service.challenger(), address(challenger), "set at the start");
        vm.expectRevert(IServiceManager.OnlyChallenger.selector);
        service.slash(operatorOf(0), 1e17, "");
        vm.expectRevert(IServiceManager.OnlyChallenger.selector);
        service.eject(operatorOf(0));
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, CREATOR));
        service.setChallenger(CREATOR);

        service.setChallenger(CREATOR);
        vm.startPrank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(IServiceManager.InvalidWad.selector, 0));
        service.slash(operatorOf(0), 0, "");
        vm.expectRevert(abi.encodeWithSelector(IServiceManager.InvalidWad.selector, 1e18 + 1));
        service.slash(operatorOf(0), 1e18 + 1, "");
        equal(service.slash(operatorOf(0), 25e16, "two results for one task"), 25 ether, "taken");
        equal(service.slash(operatorOf(99), 25e16, "not slashable"), 0, "nothing to take from a stranger");
        vm.stopPrank();
        address[] memory operators = new address[](1);
        operators[0] = operatorOf(0);
        equal(service.stakes(operators)[0], 75 ether, "a quarter is gone");
        registry.snapshot();
        equal(registry.stakeOf(2, 0), 75 ether, "and counts no more in the next epoch");
    }

    /* THE LOCAL STAND-IN */

    function test_standIn_checksItsCallers() public {
        IAllocationManager.AllocateParams[] memory none = new IAllocationManager.AllocateParams[](0);
        vm.expectRevert(LocalAllocationManager.InvalidCaller.selector);
        allocations.modifyAllocations(operatorOf(0), none);
        vm.expectRevert(LocalAllocationManager.InvalidCaller.selector);
        allocations.updateAVSMetadataURI(CREATOR, "");
        vm.expectRevert(LocalAllocationManager.InvalidCaller.selector);
        allocations.registerForOperatorSets(
            operatorOf(9), IAllocationManager.RegisterParams(address(service), new uint32[](1), "")
        );
        vm.expectRevert(LocalAllocationManager.InvalidCaller.selector);
        allocations.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams(operatorOf(0), address(service), new uint32[](1))
        );
        vm.expectRevert(LocalAllocationManager.InvalidCaller.selector);
        allocations.slashOperator(
            address(service),
            IAllocationManager.SlashingParams(operatorOf(0), 0, new address[](0), new uint256[](0), "")
        );
    }

    function test_standIn_wantsMetadataBeforeSets() public {
        IAllocationManager.CreateSetParams[] memory sets = new IAllocationManager.CreateSetParams[](1);
        vm.prank(CREATOR);
        vm.expectRevert(LocalAllocationManager.NonexistentAVSMetadata.selector);
        allocations.createOperatorSets(CREATOR, sets);
    }

    function test_standIn_membership() public {
        IAllocationManager.OperatorSet memory set = IAllocationManager.OperatorSet(address(service), 0);
        equal(allocations.getMembers(set).length, KEEPERS, "members");
        quit(operatorOf(1));
        check(!allocations.isMemberOfOperatorSet(operatorOf(1), set), "left");
        equal(allocations.getMembers(set).length, KEEPERS - 1, "one fewer");
        vm.prank(operatorOf(1));
        vm.expectRevert(LocalAllocationManager.NotMemberOfSet.selector);
        allocations.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams(operatorOf(1), address(service), new uint32[](1))
        );
        vm.prank(operatorOf(0));
        vm.expectRevert(LocalAllocationManager.AlreadyMemberOfSet.selector);
        allocations.registerForOperatorSets(
            operatorOf(0), IAllocationManager.RegisterParams(address(service), new uint32[](1), "")
        );
    }
}
