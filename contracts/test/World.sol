// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Challenger} from "../src/Challenger.sol";
import {JobManager} from "../src/JobManager.sol";
import {KeeperRegistry} from "../src/KeeperRegistry.sol";
import {LocalAllocationManager} from "../src/LocalAllocationManager.sol";
import {ServiceManager} from "../src/ServiceManager.sol";
import {TaskManager} from "../src/TaskManager.sol";
import {Counter} from "../src/examples/Counter.sol";
import {IAllocationManager} from "../src/interfaces/IAllocationManager.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Batches} from "./Batches.sol";
import {Signing} from "./Signing.sol";

/// @dev A point of the G2 curve outside the subgroup of order r (x = 2).
bytes constant OUTSIDE_G2 = hex"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002"
    hex"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    hex"18c6b864ae17dc9da64203ffefb966306425a7bc6aeb7c75247438372716284a4173830420cd476ba1a365b95bfcec38"
    hex"172e93db764a8400a7d5071b6b6f5de0da2f0f4a063119abca014006b7c40a2cfe291a1924e65db0d6d0fcfbf3bf3d5c";

/// @notice The whole product on one test chain: five keepers with 100 ether of stake each, and one job that is due.
abstract contract World is Batches {
    address internal constant STRATEGY = address(0x57a7);
    address internal constant CREATOR = address(0xc0ffee);
    address internal constant STRANGER = address(0x57a6e2);
    address internal constant GUARDIAN = address(0x9a7d);
    uint256 internal constant KEEPERS = 5;
    uint256 internal constant ALL = 31;
    uint32 internal constant EPOCH_SECONDS = 10;
    uint32 internal constant NOTICE = 30;
    uint256 internal constant TIP = 0.01 gwei;
    uint96 internal constant FEE = 0.001 ether;
    /// @dev the keepers' part of FEE, all of them together
    uint96 internal constant NET = FEE * 95 / 100;
    uint32 internal constant SLASHABLE_BLOCKS = 200;
    uint32 internal constant PROVABLE_BLOCKS = 180;
    uint256 internal constant REWARD = 0.01 ether;
    uint256 internal constant BOND = 0.1 ether;
    /// @dev what listing a job takes, and what jobs that pay in a token have for gas, in wei
    uint96 internal constant DEPOSIT = 0.02 ether;
    uint96 internal constant GAS_FUND = 1 ether;
    /// @dev a salt that no job of these tests has
    bytes32 internal constant UNUSED = "unused";

    LocalAllocationManager internal allocations;
    KeeperRegistry internal registry;
    ServiceManager internal service;
    JobManager internal jobs;
    TaskManager internal tasks;
    Challenger internal challenger;
    Counter internal counter;
    uint64 internal jobId;

    function setUp() public virtual {
        vm.roll(1000);
        vm.warp(1_800_000_000);
        deploy();
        for (uint256 i = 0; i < KEEPERS; ++i) {
            join(i);
        }
        registry.snapshot();
        vm.roll(1010);
        vm.deal(CREATOR, 1000 ether);
        jobId = create(params(), 1 ether);
        vm.warp(block.timestamp + 1000);
        vm.roll(1100);
    }

    /* DEPLOYMENT */

    function deploy() internal {
        allocations = new LocalAllocationManager();
        counter = new Counter();
        uint256 nonce = vm.getNonce(address(this));
        // implementations come first, then the proxies in the order below
        address registryAt = vm.computeCreateAddress(address(this), nonce + 5);
        address jobsAt = vm.computeCreateAddress(address(this), nonce + 6);
        address tasksAt = vm.computeCreateAddress(address(this), nonce + 7);
        address serviceAt = vm.computeCreateAddress(address(this), nonce + 8);
        address challengerAt = vm.computeCreateAddress(address(this), nonce + 9);
        address registryCode = address(new KeeperRegistry(ServiceManager(serviceAt), EPOCH_SECONDS, 1 ether));
        address jobsCode = newJobManager(tasksAt, registryAt, serviceAt);
        address tasksCode = address(new TaskManager(KeeperRegistry(registryAt), JobManager(jobsAt), anchorAge()));
        address serviceCode =
            address(new ServiceManager(allocations, KeeperRegistry(registryAt), STRATEGY, SLASHABLE_BLOCKS));
        address challengerCode = address(
            new Challenger(
                TaskManager(tasksAt),
                KeeperRegistry(registryAt),
                ServiceManager(serviceAt),
                PROVABLE_BLOCKS,
                REWARD,
                BOND
            )
        );
        bytes memory start = abi.encodeCall(KeeperRegistry.initialize, (address(this)));
        bytes memory guarded = abi.encodeCall(TaskManager.initialize, (address(this), GUARDIAN));
        registry = KeeperRegistry(address(new ERC1967Proxy(registryCode, start)));
        bytes memory jobsStart = abi.encodeCall(JobManager.initialize, (address(this), GUARDIAN, 1, DEPOSIT));
        jobs = JobManager(address(new ERC1967Proxy(jobsCode, jobsStart)));
        tasks = TaskManager(address(new ERC1967Proxy(tasksCode, guarded)));
        bytes memory serviceStart =
            abi.encodeCall(ServiceManager.initialize, (address(this), challengerAt, "ipfs://none"));
        service = ServiceManager(address(new ERC1967Proxy(serviceCode, serviceStart)));
        challenger = Challenger(payable(address(new ERC1967Proxy(challengerCode, start))));
        require(address(tasks) == tasksAt && address(challenger) == challengerAt, "addresses were predicted wrongly");
    }

    function anchorAge() internal pure virtual returns (uint256) {
        return 100;
    }

    function newJobManager(address tasksAt, address registryAt, address serviceAt) internal virtual returns (address) {
        return address(new JobManager(tasksAt, registryAt, serviceAt, NOTICE, TIP));
    }

    /* KEEPERS */

    function secretOf(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("keeper", i))) >> 8;
    }

    function operatorOf(uint256 i) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("operator", i)))));
    }

    function peerKeyOf(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("peer", i));
    }

    function join(uint256 i) internal {
        allocate(operatorOf(i), 1e18);
        registerWith(operatorOf(i), registration(operatorOf(i), secretOf(i), peerKeyOf(i)));
    }

    function allocate(address operator, uint64 magnitude) internal {
        IAllocationManager.AllocateParams[] memory list = new IAllocationManager.AllocateParams[](1);
        list[0].operatorSet = IAllocationManager.OperatorSet(address(service), 0);
        list[0].strategies = new address[](1);
        list[0].strategies[0] = STRATEGY;
        list[0].newMagnitudes = new uint64[](1);
        list[0].newMagnitudes[0] = magnitude;
        vm.prank(operator);
        allocations.modifyAllocations(operator, list);
    }

    function registration(address operator, uint256 secret, bytes32 peerKey) internal view returns (bytes memory) {
        bytes memory key = Signing.publicKey(secret);
        bytes32 message = registry.possessionDigest(operator, key, peerKey);
        return abi.encode(key, Signing.sign(secret, message, BLS12381.POSSESSION_DST), peerKey);
    }

    function registerWith(address operator, bytes memory data) internal {
        vm.prank(operator);
        allocations.registerForOperatorSets(
            operator, IAllocationManager.RegisterParams(address(service), new uint32[](1), data)
        );
    }

    /// @notice Opens the next epoch, in as many calls as it takes.
    function openEpoch() internal returns (uint32 epoch) {
        while (epoch == 0) epoch = registry.snapshot();
    }

    function quit(address operator) internal {
        vm.prank(operator);
        allocations.deregisterFromOperatorSets(
            IAllocationManager.DeregisterParams(operator, address(service), new uint32[](1))
        );
    }

    /* JOBS */

    function params() internal view returns (IJobManager.JobParams memory) {
        return IJobManager.JobParams({
            trigger: IJobManager.Trigger.Interval,
            triggerData: abi.encode(uint64(block.timestamp + 100), uint32(10)),
            action: IJobManager.Action.Wasm,
            codeUrl: "http://127.0.0.1/job.wasm",
            codeHash: CODE_HASH,
            params: hex"",
            target: address(counter),
            callbackGas: 100_000,
            token: address(0),
            fee: FEE,
            quorumBps: 6667,
            punctualSeconds: 0,
            until: 0,
            mostRuns: 0,
            mostGasPrice: 0,
            missed: IJobManager.Missed.All
        });
    }

    function create(IJobManager.JobParams memory what, uint256 funding) internal returns (uint64) {
        uint256 value = DEPOSIT + (what.token == address(0) ? funding : GAS_FUND);
        bytes32 salt = bytes32(uint256(jobs.jobCount()));
        vm.prank(CREATOR);
        return jobs.createJob{value: value}(what, funding, salt);
    }

    /* CERTIFICATES */

    function recentAnchors() internal view virtual returns (ITaskManager.Anchor[] memory anchors) {
        anchors = new ITaskManager.Anchor[](1);
        anchors[0] = ITaskManager.Anchor(uint64(block.number - 2), blockhash(block.number - 2));
    }

    function certifyRoot(uint32 epoch, bytes32 root, uint256 signers)
        internal
        view
        returns (ITaskManager.Certificate memory certificate)
    {
        uint256 secret = 0;
        for (uint256 i = 0; i < 256; ++i) {
            if ((signers >> i) & 1 == 1) secret += secretOf(i);
        }
        certificate.epoch = epoch;
        certificate.signature = Signing.sign(secret, tasks.batchDigest(epoch, root), BLS12381.SIGNATURE_DST);
        certificate.signers = new uint256[](1);
        certificate.signers[0] = signers;
    }

    function certify(ITaskManager.Anchor[] memory anchors, Entry[] memory entries, uint256 signers)
        internal
        view
        returns (ITaskManager.Certificate memory)
    {
        return certifyRoot(registry.currentEpoch(), ReportLib.root(leavesOf(anchors, entries)), signers);
    }

    /// @notice Settles as an account that is neither a contract nor an operator.
    function send(ITaskManager.Certificate memory certificate, ITaskManager.Batch memory batch)
        internal
        returns (uint256)
    {
        vm.prank(STRANGER, STRANGER);
        return tasks.settle(certificate, batch);
    }

    /// @notice Certifies and settles the entries in full.
    function settle(Entry[] memory entries, uint256 signers) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        return send(certify(anchors, entries, signers), batchOf(anchors, entries, new bytes32[](0)));
    }

    function settleRun(uint64 job, uint64 run, uint256 signers) internal returns (uint256) {
        return settle(one(callEntry(job, run)), signers);
    }
}
