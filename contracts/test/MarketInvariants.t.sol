// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {Market} from "./Market.t.sol";
import {Test} from "./Vm.sol";

/// @notice What holds in the market whatever anybody does in whatever order. `contracts/mutants.sh` shows that it notices when it does
/// not.
/// forge-config: default.invariant.fail_on_revert = true
contract MarketInvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Market private market;

    function setUp() public {
        market = new Market();
        market.setUp();
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Market.doSettle.selector;
        selectors[1] = Market.doList.selector;
        selectors[2] = Market.doFund.selector;
        selectors[3] = Market.doOwner.selector;
        selectors[4] = Market.doLook.selector;
        selectors[5] = Market.doClaim.selector;
        selectors[6] = Market.doWait.selector;
        // drawn as often as all of these together: without settlements nothing happens
        (selectors[7], selectors[8], selectors[9]) = (selectors[0], selectors[0], selectors[0]);
        targets[0] = FuzzSelector(address(market), selectors);
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(market);
    }

    function invariant_market() public view {
        equal(market.gained(), 0, "nobody gets more gas back than it paid");
        equal(market.unpaid(), 0, "nobody pays for what settles");
        equal(market.forFree(), 0, "refunds come out of what jobs paid");
        check(market.toldRight(), "what is told of a job is so");
        equal(market.overcharged(), 0, "and jobs pay no more than fees and gas");
        equal(market.paidTwice(), 0, "a run is paid for once");
        equal(market.hurried(), 0, "a condition settles once in its cooldown");
        equal(market.lost(), 0, "no run is over that could still settle");
    }

    /// Once a sequence: it goes through all jobs.
    function afterInvariant() public view {
        covered(address(0));
        covered(address(market.token()));
        covered(address(market.odd()));
    }

    function covered(address money) private view {
        (uint256 owed, uint256 there) = market.books(money);
        check(owed <= there, "what is owed is there");
    }

    /// A plain sequence, so that the promises do not hold for want of anything happening.
    function test_marketReachesWhatItWatches() public {
        market.doList(0, 0.9 ether, 0);
        market.doList(1 << 9, 0.9 ether, 0.9 ether);
        market.doFund(0, 0.9 ether, 0);
        market.doWait(119, 2, 1);
        market.doSettle((1 << 32) | 2, 1, 1, false);
        check(market.settled() != 0, "tasks settle");
        check(market.refundedInAll() != 0, "and gas is refunded");
        for (uint16 i = 0; i < 100 && market.canPay(2); ++i) {
            market.doWait(5, 399, 1);
            market.doSettle((1 << 32) | 2, 1, 1, true);
        }
        check(!market.canPay(2), "its money is used up");
        market.doWait(1, 0, 1);
        market.doLook(1, 2);
        market.doLook(2, 2);
        check(market.looked() != 0, "what could not pay is looked at again");
        invariant_market();
        afterInvariant();
    }

    function test_marketReachesEveryKind() public {
        uint256 firstPick = 1 << 128;
        for (uint256 kind = 0; kind < 6; ++kind) {
            market.doList(firstPick | (kind << 130), 0.9 ether, 0);
        }
        market.doWait(119, 2, 1);
        for (uint256 kind = 0; kind < 6; ++kind) {
            // the seven jobs' first is the one that was there
            market.doSettle(1 + kind, 0, 1, false);
            equal(market.settledOf(IJobManager.Trigger(kind)), 1, "a run of the kind");
        }
        invariant_market();
        afterInvariant();
    }
}
