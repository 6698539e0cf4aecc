// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAllocationManager} from "../../src/interfaces/IAllocationManager.sol";
import {IAVSRegistrar} from "../../src/interfaces/IServiceManager.sol";
import {Test} from "../Vm.sol";

/// @notice What we rely on in an AllocationManager, whichever it is: the same tests run against EigenLayer's real core and
/// against the stand-in for local chains. Only what both keep is promised; what they differ in stands at the two suites.
///
/// Sets
///   an AVS makes its own, once it has told its metadata, and nobody else's
/// Coming and going
///   an operator enters by itself: it is a member, and the registrar hears of it with the data as it was given
///   it leaves by itself, or the AVS puts it out: no member any more, and the registrar hears of it
///   nobody enters or leaves for another; nobody twice; nobody enters a set that is not there
///   once its stake is out of reach it may come back
/// Stake
///   is the part of the deposit that was allocated; none without allocation, none for who was never there
///   what is given back counts no more when the delay is over; nobody allocates for another, or more than there is
///   of whoever left counts as long as it can be slashed, and not a block longer
/// Slashing
///   takes its part of what is there, each time; what was taken is not to be had back by allocating anew
///   of whoever left: as long as it can be slashed, and not later; of nobody else at all
///   of none, or more than all: refused; without anything allocated: nothing, silently
///   is for the AVS alone
abstract contract Promises is Test, IAVSRegistrar {
    uint256 internal constant DEPOSIT = 100 ether;
    uint64 internal constant ALL_OF_IT = 1e18;
    uint32 internal constant DELAY = 1000;
    /// @dev the blocks ahead for which our contracts ask, fewer than DELAY
    uint32 internal constant HORIZON = 200;
    address internal constant ANN = address(0xa1);
    address internal constant BOB = address(0xb2);
    bytes internal constant DATA = hex"c0ffee";

    IAllocationManager internal manager;
    address internal strategy;
    bytes32 private heard;

    /// @notice Deploys the manager, and makes the accounts operators with DEPOSIT at their disposal.
    function start(address[] memory operators) internal virtual;

    function setUp() public virtual {
        vm.roll(10_000);
        vm.warp(1_800_000_000);
        address[] memory operators = new address[](2);
        (operators[0], operators[1]) = (ANN, BOB);
        start(operators);
        manager.updateAVSMetadataURI(address(this), "ipfs://none");
        manager.createOperatorSets(address(this), sets());
    }

    /* THE REGISTRAR */

    function registerOperator(address operator, address avs, uint32[] calldata ids, bytes calldata data) external {
        check(msg.sender == address(manager), "by the manager");
        heard = keccak256(abi.encode("came", operator, avs, ids, data));
    }

    function deregisterOperator(address operator, address avs, uint32[] calldata ids) external {
        check(msg.sender == address(manager), "by the manager");
        heard = keccak256(abi.encode("left", operator, avs, ids));
    }

    function supportsAVS(address avs) external view returns (bool) {
        return avs == address(this);
    }

    /* HELP */

    function sets() private view returns (IAllocationManager.CreateSetParams[] memory list) {
        list = new IAllocationManager.CreateSetParams[](1);
        list[0] = IAllocationManager.CreateSetParams(0, one(strategy));
    }

    function set() private view returns (IAllocationManager.OperatorSet memory) {
        return IAllocationManager.OperatorSet(address(this), 0);
    }

    function one(address item) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = item;
    }

    function enter(address operator) public {
        vm.prank(operator);
        manager.registerForOperatorSets(
            operator, IAllocationManager.RegisterParams(address(this), new uint32[](1), DATA)
        );
    }

    function depart(address operator, address by) public {
        if (by != address(this)) vm.prank(by);
        manager.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams(operator, address(this), new uint32[](1))
        );
    }

    function allocate(address operator, uint64 magnitude) public {
        IAllocationManager.AllocateParams[] memory list = new IAllocationManager.AllocateParams[](1);
        list[0] = IAllocationManager.AllocateParams(set(), one(strategy), new uint64[](1));
        list[0].newMagnitudes[0] = magnitude;
        vm.prank(operator);
        manager.modifyAllocations(operator, list);
    }

    function slash(address operator, uint256 wad, address by) public {
        uint256[] memory wads = new uint256[](1);
        wads[0] = wad;
        if (by != address(this)) vm.prank(by);
        manager.slashOperator(
            address(this), IAllocationManager.SlashingParams(operator, 0, one(strategy), wads, "a test")
        );
    }

    /// In the order in which a keeper does it: first the stake, then the set.
    function join(address operator, uint64 magnitude) private {
        allocate(operator, magnitude);
        vm.roll(block.number + 1);
        enter(operator);
    }

    function counted(address operator) internal view returns (uint256) {
        uint32 until = uint32(block.number) + HORIZON;
        return manager.getMinimumSlashableStake(set(), one(operator), one(strategy), until)[0][0];
    }

    function allocated(address operator) private view returns (uint256) {
        return manager.getAllocatedStake(set(), one(operator), one(strategy))[0][0];
    }

    function isMember(address operator) internal view returns (bool member) {
        member = manager.isMemberOfOperatorSet(operator, set());
        address[] memory members = manager.getMembers(set());
        bool listed = false;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == operator) listed = true;
        }
        check(member == listed, "listed if and only if a member");
    }

    /* SETS */

    function test_sets_areTheAVSs() public {
        IAllocationManager.CreateSetParams[] memory list = sets();
        vm.expectRevert();
        manager.createOperatorSets(address(this), list); // once more
        vm.startPrank(ANN);
        vm.expectRevert();
        manager.createOperatorSets(ANN, list); // before the metadata
        vm.expectRevert();
        manager.createOperatorSets(address(this), list);
        vm.expectRevert();
        manager.updateAVSMetadataURI(address(this), "ipfs://other");
        vm.stopPrank();
    }

    /* COMING AND GOING */

    function test_entering_isHeard() public {
        join(ANN, ALL_OF_IT);
        check(isMember(ANN) && !isMember(BOB), "the one who came");
        equal(heard, keccak256(abi.encode("came", ANN, address(this), new uint32[](1), DATA)), "heard");
        check(manager.isOperatorSlashable(ANN, set()), "within reach");
    }

    function test_leaving_isHeard() public {
        join(ANN, ALL_OF_IT);
        depart(ANN, ANN);
        check(!isMember(ANN), "gone");
        equal(heard, keccak256(abi.encode("left", ANN, address(this), new uint32[](1))), "heard");
        join(BOB, ALL_OF_IT);
        depart(BOB, address(this));
        check(!isMember(BOB), "put out");
        equal(heard, keccak256(abi.encode("left", BOB, address(this), new uint32[](1))), "heard");
    }

    function test_membership_refusals() public {
        vm.expectRevert();
        this.depart(ANN, ANN); // never came
        join(ANN, ALL_OF_IT);
        vm.expectRevert();
        this.enter(ANN); // twice
        vm.expectRevert();
        this.depart(ANN, BOB); // for another
        vm.prank(BOB);
        vm.expectRevert();
        manager.registerForOperatorSets(ANN, IAllocationManager.RegisterParams(address(this), new uint32[](1), DATA));
        uint32[] memory other = new uint32[](1);
        other[0] = 7;
        vm.prank(BOB);
        vm.expectRevert();
        manager.registerForOperatorSets(BOB, IAllocationManager.RegisterParams(address(this), other, DATA));
        check(isMember(ANN) && !isMember(BOB), "as before");
    }

    function test_comingBack_whenItsStakeIsOutOfReach() public {
        join(ANN, ALL_OF_IT);
        depart(ANN, ANN);
        vm.roll(block.number + DELAY + 1);
        enter(ANN);
        check(isMember(ANN), "back");
        equal(counted(ANN), DEPOSIT, "with all it had");
    }

    /* STAKE */

    function test_stake_isThePartThatWasAllocated(uint64 magnitude) public {
        magnitude = 1 + magnitude % ALL_OF_IT;
        join(ANN, magnitude);
        equal(counted(ANN), DEPOSIT * magnitude / 1e18, "counted");
        equal(allocated(ANN), DEPOSIT * magnitude / 1e18, "allocated");
        equal(counted(BOB), 0, "none of who was never there");
        enter(BOB);
        equal(counted(BOB), 0, "none without allocation");
    }

    function test_stake_givenBackCountsNoMoreAfterTheDelay() public {
        join(ANN, ALL_OF_IT);
        allocate(ANN, ALL_OF_IT / 4);
        vm.roll(block.number + DELAY + 1);
        equal(counted(ANN), DEPOSIT / 4, "counted");
        equal(allocated(ANN), DEPOSIT / 4, "allocated");
    }

    function test_stake_refusals() public {
        vm.expectRevert();
        this.allocate(ANN, ALL_OF_IT + 1);
        IAllocationManager.AllocateParams[] memory list = new IAllocationManager.AllocateParams[](1);
        list[0] = IAllocationManager.AllocateParams(set(), one(strategy), new uint64[](1));
        vm.prank(BOB);
        vm.expectRevert();
        manager.modifyAllocations(ANN, list);
        list[0].newMagnitudes = new uint64[](2);
        vm.prank(ANN);
        vm.expectRevert();
        manager.modifyAllocations(ANN, list);
    }

    function test_stake_ofWhoLeftCountsWhileItCanBeSlashed() public {
        join(ANN, ALL_OF_IT);
        depart(ANN, ANN);
        vm.roll(block.number + 1);
        check(manager.isOperatorSlashable(ANN, set()), "within reach");
        equal(counted(ANN), DEPOSIT, "counted");
        vm.roll(block.number + DELAY - 1);
        check(manager.isOperatorSlashable(ANN, set()), "in the last block");
        vm.roll(block.number + 1);
        check(!manager.isOperatorSlashable(ANN, set()), "not in the next");
        equal(counted(ANN), 0, "nor counted");
    }

    /* SLASHING */

    function test_slashing_takesItsPartEachTime(uint64 magnitude, uint64 first, uint64 second) public {
        magnitude = 1 + magnitude % ALL_OF_IT;
        (first, second) = (1 + first % ALL_OF_IT, 1 + second % ALL_OF_IT);
        join(ANN, magnitude);
        join(BOB, ALL_OF_IT);
        uint256 left = magnitude;
        uint64[2] memory wads = [first, second];
        for (uint256 i = 0; i < 2; ++i) {
            slash(ANN, wads[i], address(this));
            left -= (left * wads[i] + 1e18 - 1) / 1e18; // what is taken is rounded up
            near(allocated(ANN), DEPOSIT * left / 1e18);
            near(counted(ANN), DEPOSIT * left / 1e18);
        }
        equal(allocated(BOB), DEPOSIT, "not the other one's");
        check(isMember(ANN), "a member still");
    }

    /// The core keeps shares and magnitudes apart, and rounds where one becomes the other.
    function near(uint256 left, uint256 right) private pure {
        check(left <= right + DEPOSIT / 1e18 && right <= left + DEPOSIT / 1e18, "a unit of magnitude off at the most");
    }

    function test_slashing_isNotUndoneByAllocatingAnew() public {
        join(ANN, ALL_OF_IT);
        slash(ANN, 0.5e18, address(this));
        vm.expectRevert();
        this.allocate(ANN, ALL_OF_IT);
        vm.expectRevert();
        this.allocate(ANN, ALL_OF_IT / 2 + 1);
        equal(allocated(ANN), DEPOSIT / 2, "half of it is gone for good");
        depart(ANN, ANN);
        vm.roll(block.number + DELAY + 1);
        enter(ANN);
        equal(counted(ANN), DEPOSIT / 2, "also for who comes back");
    }

    function test_slashing_ofWhoLeft() public {
        join(ANN, ALL_OF_IT);
        depart(ANN, ANN);
        vm.roll(block.number + DELAY);
        slash(ANN, 0.5e18, address(this));
        equal(allocated(ANN), DEPOSIT / 2, "within reach in the last block");
        vm.roll(block.number + 1);
        vm.expectRevert();
        this.slash(ANN, 0.5e18, address(this));
        equal(allocated(ANN), DEPOSIT / 2, "not in the next");
    }

    function test_slashing_withoutAllocation() public {
        enter(ANN);
        slash(ANN, 0.5e18, address(this));
        equal(allocated(ANN), 0, "nothing to take");
    }

    function test_slashing_refusals() public {
        vm.expectRevert();
        this.slash(ANN, 0.5e18, address(this)); // never came
        join(ANN, ALL_OF_IT);
        vm.expectRevert();
        this.slash(ANN, 0, address(this));
        vm.expectRevert();
        this.slash(ANN, 1e18 + 1, address(this));
        vm.expectRevert();
        this.slash(ANN, 0.5e18, ANN);
        vm.expectRevert();
        this.slash(ANN, 0.5e18, BOB);
        equal(allocated(ANN), DEPOSIT, "all of it is there");
    }
}
