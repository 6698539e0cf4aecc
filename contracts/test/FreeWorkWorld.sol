// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Token} from "./Targets.sol";
import {World} from "./World.sol";

/// A token with a least fee, and a price at which runs cost what they may.
abstract contract FreeWorkWorld is World {
    uint256 internal constant PRICE = 10.01 gwei; // base fee and tip

    Token internal token;

    function setUp() public override {
        super.setUp();
        token = new Token();
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
    }

    function refuses(IJobManager.JobParams memory p, uint256 value, bytes memory reason) internal {
        vm.prank(CREATOR);
        vm.expectRevert(reason);
        jobs.createJob{value: value}(p, 0, UNUSED);
    }

    function inToken(uint96 fee) internal view returns (IJobManager.JobParams memory p) {
        p = params();
        (p.token, p.fee) = (address(token), fee);
    }

    function settleAs(address submitter, Entry memory entry) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(submitter, submitter);
        return tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0)));
    }

    /// What JobCovered said of a job since vm.recordLogs.
    function said(uint256 count) internal returns (bool last) {
        bytes[] memory found = logged(IJobManager.JobCovered.selector);
        equal(found.length, count, "words of it");
        if (count != 0) last = abi.decode(found[count - 1], (bool));
    }

    function most(uint64 id) internal view returns (uint256) {
        (uint256 fee, uint256 gas) = jobs.mostCost(id, PRICE);
        return fee + gas;
    }
}
