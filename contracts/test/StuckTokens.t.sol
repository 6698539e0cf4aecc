// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {FalseToken, Token} from "./Targets.sol";
import {World} from "./World.sol";

// Tokens that do not move any more
//   coin for gas is taken all the same, be the token off the list; it is taken off the list when its code is gone
//   of a cancelled job coin and deposit come back, and the token later, if it ever moves
contract StuckTokensTest is World {
    address private constant HEIR = address(0xcafe);

    FalseToken private token;

    function setUp() public override {
        super.setUp();
        token = new FalseToken();
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        jobs.setLeastFee(address(token), 1);
    }

    function inToken() private view returns (IJobManager.JobParams memory p) {
        p = params();
        (p.token, p.fee) = (address(token), FEE);
    }

    function test_stuck_coinAndDepositComeBack() public {
        uint64 id = create(inToken(), 1 ether);
        token.refuse(true);
        vm.startPrank(CREATOR);
        jobs.cancel(id);
        jobs.requestWithdrawal(id, 0, 0);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(id, HEIR);
        equal(HEIR.balance, uint256(GAS_FUND) + DEPOSIT, "coin and deposit");
        equal(jobs.job(id).escrow, 1 ether, "the token stays");
        token.refuse(false);
        jobs.withdraw(id, HEIR);
        vm.stopPrank();
        equal(token.balanceOf(HEIR), 1 ether, "until it moves");
    }

    /// An announcement of long ago, of gas alone, keeps back no token.
    function test_stuck_onlyWhereNothingIsAskedFor() public {
        uint64 id = create(inToken(), 1 ether);
        vm.startPrank(CREATOR);
        jobs.requestWithdrawal(id, 0, 1);
        jobs.cancel(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(id, HEIR);
        equal(token.balanceOf(HEIR), 1 ether, "all that is left");
        vm.stopPrank();
        id = create(inToken(), 1 ether);
        vm.startPrank(CREATOR);
        jobs.cancel(id);
        jobs.requestWithdrawal(id, 0, 0);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(id, HEIR);
        jobs.requestWithdrawal(id, 0, 0);
        jobs.withdraw(id, HEIR);
        equal(token.balanceOf(HEIR), 2 ether, "where there is nothing else, the token is what is meant");
        vm.stopPrank();
    }

    function test_delisted_gasMayStillBePaid() public {
        uint64 id = create(inToken(), 1 ether);
        jobs.setLeastFee(address(token), 0);
        vm.deal(address(this), 1 ether);
        jobs.fund{value: 1 ether}(id, 0);
        equal(jobs.job(id).gas, uint256(GAS_FUND) + 1 ether, "so that it runs on");
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TokenNotListed.selector, address(token)));
        jobs.fund(id, 1);
    }

    function test_delisted_whenItsCodeIsGone() public {
        Token gone = new Token();
        jobs.setLeastFee(address(gone), 1);
        vm.etch(address(gone), hex"");
        jobs.setLeastFee(address(gone), 0);
        equal(jobs.leastFee(address(gone)), 0, "off the list");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.NoToken.selector, address(gone)));
        jobs.setLeastFee(address(gone), 1);
    }
}
