// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {CodeStore} from "../src/libraries/CodeStore.sol";
import {EpochTable} from "../src/libraries/EpochTable.sol";
import {World} from "./World.sol";

/// @notice What settling costs, the whole transaction: 21,000, calldata, execution. Every test starts with cold slots.
contract GasTest is World {
    uint64 internal second;

    /// Steady state: the slots a settlement writes hold something already. Writing them happens here, in another
    /// transaction than the test, so that they are cold when the test touches them.
    function setUp() public override {
        super.setUp();
        settleRun(jobId, 0, 15);
        second = create(params(), 1 ether);
        vm.warp(block.timestamp + 1000);
        settleRun(second, 0, 15);
    }

    function test_oneTaskOneAbsent() public {
        cost("one task, 5 keepers, 1 absent", one(callEntry(jobId, 1)), 15, 240_000);
    }

    function test_oneTaskAllSign() public {
        cost("one task, 5 keepers, all sign", one(callEntry(jobId, 1)), ALL, 235_000);
    }

    function test_twoTasksOfTwoJobs() public {
        ITaskManager.Entry[] memory entries = new ITaskManager.Entry[](2);
        entries[0] = callEntry(jobId, 1);
        entries[1] = callEntry(second, 1);
        cost("two tasks of two jobs, 1 absent", entries, 15, 320_000);
    }

    function test_thirtyTwoTasks() public {
        ITaskManager.Entry[] memory entries = new ITaskManager.Entry[](32);
        for (uint64 i = 0; i < 32; ++i) {
            entries[i] = callEntry(i % 2 == 0 ? jobId : second, 1 + i / 2);
        }
        cost("32 tasks of two jobs, 1 absent", entries, 15, 1_700_000);
    }

    function test_secondComerLosesLittle() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Entry[] memory entries = one(callEntry(jobId, 0));
        bytes memory data =
            abi.encodeCall(tasks.settle, (certify(anchors, entries, 15), anchors, entries, new bytes32[](0)));
        (bool ok,) = address(tasks).call(data);
        check(!ok, "a settled task settles no more");
        uint256 gas = intrinsic(data) + vm.lastCallGas().gasTotalUsed;
        emit Measured("lost race", gas);
        check(gas < 60_000, "losing a race is cheap");
    }

    event Measured(string what, uint256 gas);

    function cost(string memory what, ITaskManager.Entry[] memory entries, uint256 signers, uint256 limit) private {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, signers);
        bytes memory data = abi.encodeCall(tasks.settle, (certificate, anchors, entries, new bytes32[](0)));
        cool();
        uint256 settled = tasks.settle(certificate, anchors, entries, new bytes32[](0));
        uint256 gas = intrinsic(data) + vm.lastCallGas().gasTotalUsed;
        equal(settled, entries.length, "all settled");
        emit Measured(what, gas);
        check(gas <= limit, string.concat(what, ": more gas than allowed: ", vm.toString(gas)));
    }

    /// Preparing the certificate touched accounts and slots; a transaction starts with none touched.
    function cool() private {
        address[11] memory touched = [
            implementationOf(address(tasks)),
            implementationOf(address(jobs)),
            implementationOf(address(registry)),
            jobs.forwarderOf(jobId),
            jobs.forwarderOf(second),
            registry.epochInfo(1).table,
            keyChunk(),
            address(counter),
            address(tasks),
            address(jobs),
            address(registry)
        ];
        for (uint256 i = 0; i < touched.length; ++i) {
            vm.cool(touched[i]);
        }
    }

    function implementationOf(address proxy) private view returns (address) {
        return address(uint160(uint256(vm.load(proxy, ERC1967Utils.IMPLEMENTATION_SLOT))));
    }

    function keyChunk() private view returns (address) {
        return EpochTable.chunkOf(CodeStore.read(registry.epochInfo(1).table), KEEPERS, 0);
    }

    function intrinsic(bytes memory data) private pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }
}
