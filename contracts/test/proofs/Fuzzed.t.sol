// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../../src/interfaces/ITaskManager.sol";
import {JobForwarder} from "../../src/JobForwarder.sol";
import {BLS12381} from "../../src/libraries/BLS12381.sol";
import {CallbackLib} from "../../src/libraries/CallbackLib.sol";
import {CodeStore} from "../../src/libraries/CodeStore.sol";
import {EpochTable} from "../../src/libraries/EpochTable.sol";
import {ReportLib} from "../../src/libraries/ReportLib.sol";
import {SkipLib} from "../../src/libraries/SkipLib.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Signing} from "../Signing.sol";
import {Test, Vm} from "../Vm.sol";
import {PlainForwarder, Twins} from "./Twins.sol";

/// @notice Keeps what it was called with and answers what it is told to. Who calls decides what is meant: whatever stands
/// for a selector may be in the input.
contract Answering {
    address internal constant TELLER = address(0x7e11);
    address internal constant ASKER = address(0xa5c);
    bytes private _seen;
    bytes private _answer;
    bool private _refuses;

    fallback(bytes calldata data) external returns (bytes memory answer) {
        if (msg.sender == ASKER) return _seen;
        if (msg.sender == TELLER) {
            (_answer, _refuses) = abi.decode(data, (bytes, bool));
            return "";
        }
        _seen = data;
        answer = _answer;
        if (!_refuses) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}

/// @notice Assembly that halmos cannot follow (precompiles, code, calls, logs), beside its twin on random input.
contract FuzzedTest is Test {
    bytes private _table;
    address private _target;

    function setUp() public {
        _target = address(new Answering());
    }

    /* REPORTS AND BATCHES */

    function test_fuzzed_root(bytes32[] memory leaves) public pure {
        vm.assume(leaves.length != 0 && leaves.length <= 256);
        bytes32 top = Twins.root(leaves);
        equal(ReportLib.root(leaves), top, "root");
    }

    function test_fuzzed_tellSkipped(uint256[6] memory runs, uint256[2] memory verdicts) public {
        vm.recordLogs();
        SkipLib.tell(abi.encode(runs), abi.encode(verdicts), false);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes memory facts = SkipLib.facts(abi.encode(runs), abi.encode(verdicts), false);
        if (facts.length == 64) return equal(logs.length, 0, "nothing to tell");
        emit ITaskManager.TasksSkipped(msg.sender, abi.decode(facts, (bytes32[])));
        equal(abi.encode(logs), abi.encode(vm.getRecordedLogs()), "the event");
    }

    /* CALLS */

    function prepare(address target, bytes memory answer, bool refuses) private {
        vm.prank(address(0x7e11));
        (bool ok,) = target.call(abi.encode(answer, refuses));
        check(ok, "prepared");
    }

    function seenBy(address target) private returns (bytes memory seen) {
        vm.prank(address(0xa5c));
        bool ok;
        (ok, seen) = target.call("");
        check(ok, "asked");
    }

    function call(uint256 word, uint256 verdict, bytes calldata outcome)
        external
        returns (uint256 callback, uint256 fact)
    {
        bytes memory run = abi.encode(word, 1, 2);
        bytes memory place = abi.encode(0, Words.positionOf(outcome), outcome.length);
        bytes memory preimage = CallbackLib.forwarders(address(this), bytes32(uint256(3)));
        Words.put(preimage, CallbackLib.SALT, word >> 192);
        callback = CallbackLib.call(Words.place(preimage, 0), Words.place(run, 0), verdict, Words.place(place, 0));
        fact = Words.get(run, 0);
    }

    /// `kind`: what the forwarder answers, from 128 on by reverting.
    function test_fuzzed_call(uint64 jobId, uint96 low, uint256 verdict, bytes memory outcome, uint8 kind) public {
        uint256 word = (uint256(jobId) << 192) | ((uint256(low) << 96) & ~uint256(0xff));
        address forwarder = _forwarderOf(jobId);
        bytes memory answer = [abi.encode(1), abi.encode(0), bytes(""), abi.encode(1, 1)][kind % 4];
        prepare(forwarder, answer, kind >= 128);
        vm.recordLogs();
        (bool ok, bytes memory result) = address(this).call(abi.encodeCall(this.call, (word, verdict, outcome)));
        check(ok == kind < 128, "reverts with the forwarder");
        if (!ok) return equal(result, answer, "and with its reason");
        bytes memory input = abi.encodePacked(bytes20(bytes32(verdict)), uint32(uint24(verdict >> 16)), outcome);
        equal(seenBy(forwarder), input, "what the forwarder gets");
        _checkCall(word, verdict, kind % 4 == 0, result);
    }

    /// @dev The job's id for a salt.
    function _forwarderOf(uint64 jobId) private returns (address forwarder) {
        bytes32 salt = bytes32(uint256(jobId));
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, bytes32(uint256(3))));
        forwarder = address(uint160(uint256(hash)));
        vm.etch(forwarder, _target.code);
    }

    function _checkCall(uint256 word, uint256 verdict, bool delivered, bytes memory result) private {
        (uint256 callback, uint256 fact) = abi.decode(result, (uint256, uint256));
        equal(callback & 1, delivered ? 1 : 0, "delivered");
        equal(callback >> 128, ((word >> 192) << 64) | uint24(verdict >> 16), "job and gas limit");
        check(uint120(callback >> 8) != 0 && uint120(callback >> 8) < 1e8, "gas used");
        word |= (uint256(uint40(verdict >> 40)) << 16) | (delivered ? 256 : 0);
        equal(fact, word, "the fact");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        emit ITaskManager.TaskSettled(
            uint64(word >> 192), address(this), word, bytes32(uint256(1)), bytes32(uint256(2))
        );
        equal(abi.encode(logs), abi.encode(vm.getRecordedLogs()), "the event");
    }

    function test_fuzzed_forwarder(uint32 gasLimit, bytes calldata outcome, uint8 kind) public {
        address[2] memory both = [address(new JobForwarder(address(this))), address(new PlainForwarder(address(this)))];
        bytes[2] memory answers;
        bytes[2] memory seen;
        for (uint256 i = 0; i < 2; ++i) {
            // one each: what the first call leaves behind would make the second cheaper, and the gas may just suffice for it
            address target = address(new Answering());
            prepare(target, "anything", kind % 4 == 1);
            address to = kind % 4 == 0 ? address(0xdead) : target;
            if (kind >= 240) vm.prank(address(1));
            (bool ok, bytes memory answer) = both[i].call{gas: 20_000_000}(abi.encodePacked(to, gasLimit, outcome));
            answers[i] = abi.encode(ok, answer);
            seen[i] = seenBy(target);
        }
        equal(answers[0], answers[1], "the same answer");
        equal(seen[0], seen[1], "the same call");
    }

    /* CODE */

    function test_fuzzed_codeStore(bytes calldata data, uint16 from, uint16 length) public {
        vm.assume(data.length <= 24_575);
        address store = CodeStore.write(data);
        equal(store.code, bytes.concat(hex"00", data), "the code");
        equal(CodeStore.read(store), data, "all of it");
        uint256 start = data.length == 0 ? 0 : from % (data.length + 1);
        equal(CodeStore.read(store, start, length), Twins.slice(data, start, length), "a part, zeros past the end");
    }

    /* THE CURVE, EPOCH TABLES */

    function test_fuzzed_expandMessage(bytes calldata message, bytes32 dst) public view {
        uint256[4] memory found; // allocated before: the place is past what is allocated then
        uint256 place = BLS12381.expandMessage(message, bytes.concat(dst));
        for (uint256 i = 0; i < 4; ++i) {
            assembly ("memory-safe") {
                mstore(add(found, mul(i, 32)), mload(add(place, mul(i, 32))))
            }
        }
        equal(abi.encode(found), Twins.expandMessage(message, bytes.concat(dst)), "the bytes");
    }

    function test_fuzzed_hashToG1(bytes calldata message) public view {
        equal(
            BLS12381.hashToG1(message, BLS12381.SIGNATURE_DST),
            Twins.hashToG1(message, BLS12381.SIGNATURE_DST),
            "the point"
        );
    }

    function test_fuzzed_addPacked(uint128 a, uint128 b) public view {
        bytes memory first = BLS12381.pad(Signing.publicKey(a));
        bytes memory second = Signing.publicKey(b);
        bytes memory work = bytes.concat(first, new bytes(256));
        BLS12381.addPacked(work, Words.place(second, 0));
        equal(Twins.slice(work, 0, 256), BLS12381.addG2(first, BLS12381.pad(second)), "the sum");
    }

    function test_everyLowest(uint256 above) public pure {
        for (uint256 i = 0; i < 256; ++i) {
            uint256 bits = ((above << i) << 1) | (1 << i);
            equal(EpochTable.lowest(bits), i, "position");
            equal(Twins.lowest(bits), i, "and its twin's");
        }
    }

    /// Three rows of the first block and two of the second, of random stakes.
    function test_fuzzed_add(uint88[5] memory stakes, uint8 rows, uint8 keys) public {
        bytes memory table = _tableOf(stakes);
        bytes memory key = BLS12381.pad(Signing.publicKey(99));
        bytes memory work = bytes.concat(key, new bytes(256));
        uint256 stake = EpochTable.add(work, table, _spread(rows), _spread(keys));
        (bytes memory sum, uint256 expected) = Twins.add(key, table, _spread(rows), _spread(keys));
        equal(stake, expected, "stake");
        equal(Twins.slice(work, 0, 256), sum, "keys");
    }

    function _tableOf(uint88[5] memory stakes) private returns (bytes memory table) {
        bytes memory chunk = "";
        for (uint256 i = 0; i < 3; ++i) {
            chunk = bytes.concat(chunk, Signing.publicKey(i + 5), bytes32(i));
        }
        address store = CodeStore.write(chunk);
        uint96[] memory first = new uint96[](64);
        uint96[] memory second = new uint96[](2);
        (first[0], first[1], first[2]) = (stakes[0], stakes[1], stakes[2]);
        (second[0], second[1]) = (stakes[3], stakes[4]);
        table = EpochTable.extend(EpochTable.extend("", first, store), second, store);
    }

    function _spread(uint256 bits) private pure returns (uint256) {
        return (bits & 7) | (((bits >> 3) & 3) << 64);
    }
}
