// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {Challenger} from "../src/Challenger.sol";
import {Guarded} from "../src/Guarded.sol";
import {JobManager} from "../src/JobManager.sol";
import {KeeperRegistry} from "../src/KeeperRegistry.sol";
import {ServiceManager} from "../src/ServiceManager.sol";
import {TaskManager} from "../src/TaskManager.sol";
import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Challenged} from "./Challenged.sol";

interface Upgradeable {
    function upgradeToAndCall(address code, bytes calldata data) external payable;
    function transferOwnership(address owner) external;
    function owner() external view returns (address);
}

/// @dev A later version: storage appended, one more function.
contract LaterTaskManager is TaskManager {
    uint256 public appended;

    constructor(TaskManager before) TaskManager(before.registry(), before.jobManager(), before.maxAnchorAge()) {}

    function append(uint256 value) external {
        appended = value;
    }
}

/// @notice
/// Upgrades
///   given the timelock as owner: nobody upgrades at once, neither the deployer nor the guardian
///   when an upgrade was scheduled and the delay is over: all five proxies run new code, and every storage survives
///   when the new version appends storage: what was there stays, and both settle
/// Guardian
///   it pauses settling, new jobs and funding, at once; nobody else does
///   while paused: claims, withdrawals, cancelling, leaving, proofs and snapshots go on
///   it does not unpause, upgrade, or change itself: the owner does
contract UpgradesTest is Challenged {
    uint256 private constant DELAY = 2 days;
    address private constant PROPOSER = address(0x9409);

    TimelockController private timelock;
    address[5] private proxies;

    function setUp() public override {
        super.setUp();
        address[] memory proposers = list(PROPOSER);
        address[] memory executors = list(address(0)); // anybody, once the time is over
        timelock = new TimelockController(DELAY, proposers, executors, address(0));
        proxies = [address(registry), address(jobs), address(tasks), address(service), address(challenger)];
        for (uint256 i = 0; i < 5; ++i) {
            Upgradeable(proxies[i]).transferOwnership(address(timelock));
        }
    }

    function codes() private returns (address[5] memory) {
        return [
            address(new KeeperRegistry(service, EPOCH_SECONDS, 1 ether)),
            address(new JobManager(address(tasks), address(registry), address(service), NOTICE, TIP)),
            address(new LaterTaskManager(tasks)),
            address(new ServiceManager(allocations, registry, STRATEGY, SLASHABLE_BLOCKS)),
            address(new Challenger(tasks, registry, service, PROVABLE_BLOCKS, REWARD, BOND))
        ];
    }

    /// @notice Everything that storage is asked for, as one hash.
    function everything(uint64 dispute) private view returns (bytes32) {
        uint32[] memory epochs = new uint32[](2);
        (epochs[0], epochs[1]) = (1, 2);
        bytes memory one = abi.encode(
            registry.committee(1),
            registry.committee(2),
            registry.epochInfo(1),
            registry.epochInfo(2),
            registry.ejected(1),
            registry.currentEpoch(),
            registry.operatorInfo(operatorOf(2)),
            registry.operatorCount()
        );
        bytes memory two = abi.encode(
            jobs.job(jobId),
            jobs.jobCount(),
            jobs.guardian(),
            tasks.isSettled(jobId, 1, 0),
            tasks.isSettled(jobId, 1, bytes32(uint256(1))),
            jobs.owed(operatorOf(1), address(0), epochs),
            tasks.guardian(),
            tasks.domainSeparator()
        );
        bytes memory three = abi.encode(
            service.challenger(),
            challenger.dispute(dispute),
            challenger.disputeCount(),
            challenger.pot(),
            challenger.owed(REPORTER),
            challenger.isConvicted(operatorOf(2), taskIdOf(statement(report(3, 1), none(), 1)))
        );
        return keccak256(bytes.concat(one, two, three));
    }

    function test_upgrade_nobodyAtOnce() public {
        address[5] memory later = codes();
        address[3] memory strangers = [address(this), GUARDIAN, PROPOSER];
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                vm.prank(strangers[j]);
                vm.expectRevert(
                    abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, strangers[j])
                );
                Upgradeable(proxies[i]).upgradeToAndCall(later[i], "");
            }
        }
    }

    function test_upgrade_afterTheDelayEveryStorageSurvives() public {
        // a full life first: settled, equivocated, disputed, rewarded, a second epoch
        settleRun(jobId, 0, ALL);
        challenger.fundBounties{value: 1 ether}();
        (IChallenger.Statement memory first, IChallenger.Statement memory second) = twoWords(2);
        prove(first, second);
        IChallenger.Statement memory disputed = statement(report(4, 1), none(), ALL);
        uint64 dispute = challenger.openDispute{value: BOND}(1, disputed);
        registry.snapshot();
        bytes32 before = everything(dispute);

        address[5] memory later = codes();
        for (uint256 i = 0; i < 5; ++i) {
            bytes memory call = abi.encodeCall(Upgradeable.upgradeToAndCall, (later[i], ""));
            vm.prank(PROPOSER);
            timelock.schedule(proxies[i], 0, call, 0, 0, DELAY);
            vm.expectRevert();
            timelock.execute(proxies[i], 0, call, 0, 0);
        }
        vm.warp(block.timestamp + DELAY);
        for (uint256 i = 0; i < 5; ++i) {
            timelock.execute(proxies[i], 0, abi.encodeCall(Upgradeable.upgradeToAndCall, (later[i], "")), 0, 0);
            bytes32 slot = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
            equal(address(uint160(uint256(vm.load(proxies[i], slot)))), later[i], "new code");
        }
        equal(everything(dispute), before, "as it was");
        LaterTaskManager(address(tasks)).append(7);
        equal(everything(dispute), before, "what was appended touches nothing");
        vm.roll(block.number + 3);
        equal(settleOf(jobId, uint64(DELAY / 10) - 210), 1, "and settles");
        equal(LaterTaskManager(address(tasks)).appended(), 7, "beside what was appended");
    }

    function settleOf(uint64 job, uint64 run) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = one(callEntry(job, run));
        return send(certify(anchors, entries, 0x1b), batchOf(anchors, entries, new bytes32[](0)));
    }

    /* GUARDIAN */

    function test_guardian_pausesWhatLetsMoneyIn() public {
        vm.expectRevert(Guarded.OnlyGuardian.selector);
        tasks.pauseContract();
        vm.startPrank(GUARDIAN);
        tasks.pauseContract();
        jobs.pauseContract();
        vm.stopPrank();
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        jobs.createJob{value: 1}(params(), 1, 0);
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        jobs.fund{value: 1}(jobId, 1);
    }

    function test_guardian_cannotKeepAnybodyIn() public {
        settleRun(jobId, 0, ALL);
        vm.startPrank(GUARDIAN);
        tasks.pauseContract();
        jobs.pauseContract();
        vm.stopPrank();
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = 1;
        vm.prank(operatorOf(1));
        check(jobs.claim(address(0), epochs, operatorOf(1)) != 0, "claims");
        vm.startPrank(CREATOR);
        jobs.cancel(jobId);
        jobs.requestWithdrawal(jobId, 1, 0);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(jobId, CREATOR);
        vm.stopPrank();
        (IChallenger.Statement memory first, IChallenger.Statement memory second) = twoWords(2);
        equal(prove(first, second), 1, "proofs");
        quit(operatorOf(3));
        equal(registry.snapshot(), 2, "snapshots");
    }

    function test_guardian_onlyPauses() public {
        bytes memory reason = abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, GUARDIAN);
        vm.startPrank(GUARDIAN);
        tasks.pauseContract();
        vm.expectRevert(reason);
        tasks.unpauseContract();
        vm.expectRevert(reason);
        tasks.setGuardian(CREATOR);
        vm.stopPrank();
        vm.startPrank(address(timelock));
        tasks.unpauseContract();
        tasks.setGuardian(CREATOR);
        vm.stopPrank();
        vm.prank(GUARDIAN);
        vm.expectRevert(Guarded.OnlyGuardian.selector);
        tasks.pauseContract();
        equal(settleRun(jobId, 0, ALL), 1, "settles again");
    }

    function test_guardian_storageIsWhereERC7201SaysIt() public view {
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("keepermesh.guarded")) - 1)) & ~bytes32(uint256(0xff));
        equal(address(uint160(uint256(vm.load(address(tasks), slot)))), GUARDIAN, "guardian");
    }
}
