// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {FalseToken, ReenteringToken} from "./Targets.sol";
import {World} from "./World.sol";

// given a token that calls back in the middle of a transfer
//   into anything that moves money    it is refused, on the way in and on both ways out
//   into a settlement                 the task settles once and the books still add up
// given a token that answers false    nothing is noted: neither funding nor withdrawal nor claim
// (tokens that deliver less than was sent: JobManager.t.sol)
contract HostileTokensTest is World {
    ReenteringToken private token;
    FalseToken private refusing;

    function setUp() public override {
        super.setUp();
        token = new ReenteringToken();
        refusing = new FalseToken();
        jobs.setLeastFee(address(token), 1);
        jobs.setLeastFee(address(refusing), 1);
        token.mint(CREATOR, 100 ether);
        refusing.mint(CREATOR, 100 ether);
    }

    function jobIn(ERC20 money) private returns (uint64 id) {
        vm.prank(CREATOR);
        money.approve(address(jobs), 100 ether);
        IJobManager.JobParams memory p = params();
        p.token = address(money);
        id = create(p, 1 ether);
        vm.warp(block.timestamp + 1000);
    }

    function firstEpoch() private pure returns (uint32[] memory list) {
        list = new uint32[](1);
        list[0] = 1;
    }

    /* ONE THAT CALLS BACK */

    /// Everything that takes or pays money.
    function entrances(uint64 id) private view returns (bytes[] memory calls) {
        IJobManager.JobParams memory p = params();
        p.token = address(token);
        calls = new bytes[](5);
        calls[0] = abi.encodeCall(jobs.createJob, (p, 1, 0));
        calls[1] = abi.encodeCall(jobs.fund, (id, 1));
        calls[2] = abi.encodeCall(jobs.withdraw, (id, CREATOR));
        calls[3] = abi.encodeCall(jobs.claim, (address(token), firstEpoch(), CREATOR));
        calls[4] = abi.encodeCall(jobs.claimProtocol, (address(token), CREATOR));
    }

    function wasRefused(string memory where) private view {
        check(!token.accepted(), where);
        check(token.reason() == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, where);
    }

    function test_reentering_whenItIsPaidIn() public {
        uint64 id = jobIn(token);
        bytes[] memory calls = entrances(id);
        for (uint256 i = 0; i < calls.length; ++i) {
            token.prepare(address(jobs), calls[i]);
            vm.prank(CREATOR);
            jobs.fund(id, 1 ether);
            wasRefused("within fund");
        }
        equal(jobs.job(id).escrow, token.balanceOf(address(jobs)), "escrow is what came");
    }

    function test_reentering_whenItIsPaidOut() public {
        uint64 id = jobIn(token);
        bytes[] memory calls = entrances(id);
        for (uint64 i = 0; i < calls.length; ++i) {
            equal(settleRun(id, i, ALL), 1, "something to claim");
            token.prepare(address(jobs), calls[i]);
            vm.prank(operatorOf(0));
            jobs.claim(address(token), firstEpoch(), address(0xcafe));
            wasRefused("within claim");
        }
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(CREATOR);
            jobs.requestWithdrawal(id, 0.1 ether, 0);
            vm.warp(block.timestamp + 1 hours);
            token.prepare(address(jobs), calls[i]);
            vm.prank(CREATOR);
            jobs.withdraw(id, address(0xbeef));
            wasRefused("within withdraw");
        }
        equal(token.balanceOf(address(0xbeef)), 0.5 ether, "each withdrawal was paid once");
        equal(jobs.job(id).escrow, 0.5 ether - 5 * FEE, "and taken off once");
        equal(token.balanceOf(address(0xcafe)), 5 * NET / KEEPERS, "each claim too");
    }

    /// Settling moves what is owed, never money, and may go on in the middle of a transfer.
    function test_reentering_intoASettlement() public {
        uint64 id = jobIn(token);
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = one(callEntry(id, 0));
        entries[0].status = 1; // calls settle from plain accounts alone
        bytes memory data =
            abi.encodeCall(tasks.settle, (certify(anchors, entries, ALL), batchOf(anchors, entries, new bytes32[](0))));
        token.prepare(address(tasks), data);
        vm.prank(CREATOR);
        jobs.fund(id, 1 ether);
        check(token.accepted(), "it settled");
        token.prepare(address(tasks), data);
        vm.prank(CREATOR);
        jobs.fund(id, 1 ether);
        check(!token.accepted() && token.reason() == ITaskManager.NothingToSettle.selector, "once");
        equal(jobs.job(id).escrow, 3 ether - FEE / 4, "all funding, one fee");
        equal(jobs.owed(operatorOf(0), address(token), firstEpoch()), NET / 4 / KEEPERS, "one part");
        equal(token.balanceOf(address(jobs)), 3 ether, "and all of it is there");
    }

    /* ONE THAT ANSWERS FALSE */

    function test_false_whenItIsPaidIn() public {
        uint64 id = jobIn(refusing);
        refusing.refuse(true);
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(refusing)));
        jobs.fund(id, 1 ether);
        equal(jobs.job(id).escrow, 1 ether, "nothing came, nothing was noted");
    }

    function test_false_whenItIsPaidOut() public {
        uint64 id = jobIn(refusing);
        settleRun(id, 0, ALL);
        vm.prank(CREATOR);
        jobs.requestWithdrawal(id, 0.5 ether, 0);
        vm.warp(block.timestamp + 1 hours);
        bytes memory failed = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(refusing));
        refusing.refuse(true);
        vm.prank(CREATOR);
        vm.expectRevert(failed);
        jobs.withdraw(id, CREATOR);
        vm.prank(operatorOf(0));
        vm.expectRevert(failed);
        jobs.claim(address(refusing), firstEpoch(), address(0xcafe));
        refusing.refuse(false);
        vm.prank(CREATOR);
        jobs.withdraw(id, address(0xbeef));
        vm.prank(operatorOf(0));
        jobs.claim(address(refusing), firstEpoch(), address(0xcafe));
        equal(refusing.balanceOf(address(0xbeef)), 0.5 ether, "the withdrawal is still there");
        equal(refusing.balanceOf(address(0xcafe)), NET / KEEPERS, "so is the claim");
    }
}
