// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {FalseToken} from "./Targets.sol";
import {World} from "./World.sol";

/// Jobs whose money is at the edge of what a run may cost, and base fees that rise and fall.
abstract contract LookWorld is World {
    uint256 internal constant PRICE = 10.01 gwei; // base fee and tip
    uint256 internal constant LOOK_GAS = 45_000;

    FalseToken internal token;

    function setUp() public override {
        super.setUp();
        token = new FalseToken();
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        jobs.setLeastFee(address(token), 1);
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
    }

    function most(uint256 price) internal view returns (uint256) {
        (uint256 fee, uint256 gas) = jobs.mostCost(jobId, price);
        return fee + gas;
    }

    function inToken() internal view returns (IJobManager.JobParams memory p) {
        p = params();
        (p.token, p.fee) = (address(token), FEE);
    }

    function spike(uint256 gwei_) internal {
        vm.fee(gwei_ * 1 gwei);
        vm.txGasPrice(gwei_ * 1 gwei + TIP);
    }

    function settleAll(Entry[] memory entries) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.prank(operatorOf(1), operatorOf(1));
        return tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }

    function two(uint64 first, uint64 second, uint64 run) internal view returns (Entry[] memory entries) {
        entries = new Entry[](2);
        (entries[0], entries[1]) = (callEntry(first, run), callEntry(second, run));
    }

    function settleAs(address submitter, Entry memory entry) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(submitter, submitter);
        return tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0)));
    }

    /// What one task costs by itself, whose job another one of the test has read before, or none.
    function isTaskGas(uint256 taken, uint256 price) internal pure returns (bool) {
        return taken == 3_235 * price || taken == 10_000 * price;
    }

    /// The same of a job that pays in a token: no ledger of it is written.
    function isTokenTaskGas(uint256 taken, uint256 price) internal pure returns (bool) {
        return isTaskGas(taken - 900 * price, price) || isTaskGas(taken - 6_300 * price, price);
    }

    function said(uint256 count) internal returns (bool last) {
        bytes[] memory found = logged(IJobManager.JobCovered.selector);
        equal(found.length, count, "words of it");
        if (count != 0) last = abi.decode(found[count - 1], (bool));
    }
}
