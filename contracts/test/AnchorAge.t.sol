// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TaskManager} from "../src/TaskManager.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Chain} from "../src/libraries/Chain.sol";
import {ArbGasInfoStandIn, ArbSysStandIn} from "./ChainStandIns.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// Blocks so short that 100 of them are too little time: the deployer lets anchors lie back as far as hashes are known
///   an anchor 256 blocks back settles, one 257 back is too old
///   an age that no hash is known for, or that leaves no block, is refused at deployment
///   as long as anything may settle under an epoch its account stays open, and whoever is ejected counts as such in it
contract AnchorAgeTest is Challenged {
    function anchorAge() internal pure override returns (uint256) {
        return 256;
    }

    function test_isAsDeployed() public view {
        equal(tasks.maxAnchorAge(), 256, "what the deployer chose");
    }

    function test_settlesAtTheOldest() public {
        ITaskManager.Anchor[] memory anchors = anchorAt(block.number - 1, bytes32(uint256(7)));
        uint256 anchored = block.number - 1;
        refusesAt(anchors, anchored + 257, ITaskManager.Ineligible.AnchorTooOld);
        refusesAt(anchorAt(anchored, bytes32(uint256(8))), anchored + 256, ITaskManager.Ineligible.AnchorUnknown);
        equal(settleAt(anchors, anchored + 256), 1, "256 blocks back");
    }

    function test_deployment_refusesWhatCannotWork() public {
        for (uint256 age = 0; age <= 257; age += 257) {
            vm.expectRevert(abi.encodeWithSelector(ITaskManager.InvalidAnchorAge.selector, 256));
            this.deployTasks(age);
        }
        equal(this.deployTasks(1), 1, "the shortest");
    }

    function deployTasks(uint256 age) external returns (uint256) {
        return new TaskManager(registry, jobs, age).maxAnchorAge();
    }

    /// Its last certificate may settle in the 256th block after its end.
    function test_epoch_endsWhenNothingCanSettle() public {
        settleRun(jobId, 0, 15);
        allocate(operatorOf(0), 5e17);
        vm.warp(block.timestamp + EPOCH_SECONDS);
        registry.snapshot();
        uint256 end = registry.epochInfo(1).activeUntil;
        vm.roll(end + 256);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.EpochOpen.selector, uint32(1)));
        jobs.closeEpoch(1, address(0));
        vm.prank(address(service));
        registry.eject(operatorOf(0));
        equal(registry.ejected(1), 1, "counts as absent in what may still settle");
        vm.roll(end + 257);
        check(jobs.closeEpoch(1, address(0)) != 0, "closed");
    }

    function anchorAt(uint256 height, bytes32 hash) private pure returns (ITaskManager.Anchor[] memory anchors) {
        anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(uint64(height), hash);
    }

    /// @dev The hash of the anchor's block is 7.
    function settleAt(ITaskManager.Anchor[] memory anchors, uint256 current) private returns (uint256) {
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.roll(current);
        if (anchors[0].number + 256 >= current) vm.setBlockhash(anchors[0].number, bytes32(uint256(7)));
        return send(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }

    function refusesAt(ITaskManager.Anchor[] memory anchors, uint256 current, ITaskManager.Ineligible reason) private {
        vm.recordLogs();
        equal(settleAt(anchors, current), 0, "not settled");
        equal(uint256(ineligible()[0]), uint256(reason), "why");
    }
}

/// @notice The same on Arbitrum, whose blocks of a quarter of a second ArbSys knows the hashes of.
contract AnchorAgeOnArbitrumTest is Challenged {
    ArbSysStandIn private constant SYS = ArbSysStandIn(address(Chain.ARB_SYS));
    uint256 private constant ANCHORED = 5_000_010;

    function setUp() public override {
        vm.etch(address(SYS), type(ArbSysStandIn).runtimeCode);
        vm.etch(address(Chain.ARB_GAS_INFO), type(ArbGasInfoStandIn).runtimeCode);
        SYS.setNumber(5_000_000);
        super.setUp();
    }

    function anchorAge() internal pure override returns (uint256) {
        return 256;
    }

    function test_settlesAtTheOldest() public {
        SYS.setNumber(ANCHORED + 1);
        ITaskManager.Anchor[] memory anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(uint64(ANCHORED), SYS.arbBlockHash(ANCHORED));
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        ITaskManager.Batch memory batch = batchOf(anchors, entries, new bytes32[](0));
        SYS.setNumber(ANCHORED + 257);
        equal(send(certificate, batch), 0, "too old, and ArbSys is not asked, which would revert");
        SYS.setNumber(ANCHORED + 256);
        equal(send(certificate, batch), 1, "256 blocks back");
    }
}
