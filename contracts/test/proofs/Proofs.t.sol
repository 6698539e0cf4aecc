// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../../src/interfaces/ITaskManager.sol";
import {BatchLib} from "../../src/libraries/BatchLib.sol";
import {ReportLib} from "../../src/libraries/ReportLib.sol";
import {SkipLib} from "../../src/libraries/SkipLib.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Test} from "../Vm.sol";
import {Twins} from "./Twins.sol";

/// @notice Assembly and its twin give the same, whatever is in the bytes: proven by halmos for the lengths that stand here
/// (contracts/prove.sh), and run by forge as fuzz tests.
contract ProofsTest is Test {
    function same(bytes memory a, bytes memory b) private pure {
        assert(keccak256(a) == keccak256(b));
    }

    /* WORDS */

    function test_proof_get(bytes32 a, bytes32 b) public pure {
        bytes memory data = bytes.concat(a, b);
        for (uint256 offset = 0; offset <= 32; ++offset) {
            assert(Words.get(data, offset) == Twins.get(data, offset));
        }
    }

    function test_proof_place(bytes32 a, bytes32 b) public pure {
        bytes memory data = bytes.concat(a, b);
        for (uint256 offset = 0; offset <= 32; ++offset) {
            uint256 place = Words.place(data, offset);
            uint256 found;
            assembly ("memory-safe") {
                found := mload(place)
            }
            assert(found == Twins.get(data, offset));
        }
    }

    function test_proof_load(bytes32 a, bytes32 b) public pure {
        bytes memory data = bytes.concat(a, b);
        for (uint256 offset = 0; offset <= 32; ++offset) {
            assert(Words.load(Words.place(data, offset)) == Twins.get(data, offset));
        }
    }

    function test_proof_calldata(bytes32 a, bytes32 b) public view {
        this.inCalldata(bytes.concat(a, b));
    }

    function inCalldata(bytes calldata data) external pure {
        for (uint256 offset = 0; offset <= 32; ++offset) {
            assert(Words.inCalldata(data, offset) == Twins.get(data, offset));
        }
        uint256 position = Words.positionOf(data);
        uint256 found;
        assembly ("memory-safe") {
            found := calldataload(position)
        }
        assert(found == Twins.get(data, 0));
    }

    function test_proof_put(bytes32 a, bytes32 b, uint256 word) public pure {
        for (uint256 offset = 0; offset <= 32; offset += 4) {
            bytes memory data = bytes.concat(a, b);
            bytes memory other = bytes.concat(a, b);
            Words.put(data, offset, word);
            Twins.put(other, offset, word);
            same(data, other);
        }
    }

    function test_proof_store(bytes32 a, bytes32 b, uint256 word) public pure {
        for (uint256 offset = 0; offset <= 32; offset += 4) {
            bytes memory data = bytes.concat(a, b);
            bytes memory other = bytes.concat(a, b);
            Words.store(Words.place(data, offset), word);
            Twins.put(other, offset, word);
            same(data, other);
        }
    }

    function test_proof_copy(bytes32 a, bytes32 b, bytes32 c, bytes32 d) public pure {
        for (uint256 length = 0; length <= 48; length += 16) {
            bytes memory data = bytes.concat(a, b);
            bytes memory other = bytes.concat(a, b);
            bytes memory from = bytes.concat(c, d);
            Words.copy(data, 5, from, 9, length);
            Twins.copy(other, 5, from, 9, length);
            same(data, other);
        }
    }

    function test_proof_shorten(bytes32 a, bytes32 b) public pure {
        for (uint256 length = 0; length <= 64; length += 8) {
            bytes memory data = bytes.concat(a, b);
            bytes memory other = Twins.slice(data, 0, length);
            Words.shorten(data, length);
            same(data, other);
        }
    }

    /* REPORTS AND BATCHES */

    function test_proof_outcomeHash(bytes32 code, bytes32 state, bytes32 transcript, bytes32 a, bytes4 b) public view {
        this.outcomeHash(ITaskManager.Delivery(code, state, transcript, ""));
        this.outcomeHash(ITaskManager.Delivery(code, state, transcript, bytes.concat(b)));
        this.outcomeHash(ITaskManager.Delivery(code, state, transcript, bytes.concat(b, a)));
    }

    function outcomeHash(ITaskManager.Delivery calldata delivery) external pure {
        assert(ReportLib.outcomeHash(delivery, delivery.outcome) == Twins.outcomeHash(delivery));
    }

    function test_proof_root(bytes32 a, bytes32 b, bytes32 c) public pure {
        bytes32[] memory nodes = new bytes32[](3);
        (nodes[0], nodes[1], nodes[2]) = (a, b, c);
        bytes32 top = Twins.root(nodes);
        assert(ReportLib.root(nodes) == top);
    }

    /// Two entries: whatever they hold, but for the places they name, each of them in turn.
    function test_proof_fill(uint256[8] memory words, uint256[8] memory anchors, bytes32[2] memory outcomes)
        public
        view
    {
        for (uint256 first = 0; first <= 2; ++first) {
            for (uint256 second = 0; second <= 2; ++second) {
                this.fill(_entries(words, first, second), anchors, outcomes);
            }
        }
    }

    function _entries(uint256[8] memory words, uint256 first, uint256 second)
        private
        pure
        returns (ITaskManager.Entry[] memory entries)
    {
        entries = new ITaskManager.Entry[](2);
        entries[0] = _entry(words, 0, first);
        entries[1] = _entry(words, 4, second);
    }

    function _entry(uint256[8] memory words, uint256 from, uint256 place)
        private
        pure
        returns (ITaskManager.Entry memory)
    {
        uint256 run = uint256(
            bytes32(bytes.concat(bytes12(bytes32(words[from])), bytes8(uint64(place)), bytes12(uint96(words[from]))))
        );
        return ITaskManager.Entry(run, bytes32(words[from + 1]), bytes32(words[from + 2]), bytes32(words[from + 3]));
    }

    function fill(ITaskManager.Entry[] calldata entries, uint256[8] memory anchors, bytes32[2] memory outcomes)
        external
        pure
    {
        bytes memory plain = _plain(entries, anchors, outcomes);
        bytes memory filled = new bytes(192);
        bytes32[] memory nodes = new bytes32[](2);
        bytes memory triples = abi.encode(outcomes[0], 0, 0, outcomes[1], 0, 0);
        (bool isSound, uint256 taken) = BatchLib.fill(abi.encode(anchors), entries, triples, filled, nodes);
        assert(isSound == (plain.length != 0));
        if (isSound) same(abi.encodePacked(taken / 96, filled, nodes), plain);
    }

    /// @dev Nothing, if an entry is unsound.
    function _plain(ITaskManager.Entry[] calldata entries, uint256[8] memory anchors, bytes32[2] memory outcomes)
        private
        pure
        returns (bytes memory)
    {
        Twins.Place[] memory places = new Twins.Place[](2);
        places[0] = Twins.Place(anchors[0], anchors[1], anchors[2], anchors[3]);
        places[1] = Twins.Place(anchors[4], anchors[5], anchors[6], anchors[7]);
        bytes32[] memory found = new bytes32[](2);
        (found[0], found[1]) = (outcomes[0], outcomes[1]);
        (bool sound, uint256 taken, uint256[] memory runs, bytes32[] memory leaves) = Twins.fill(places, entries, found);
        return sound ? abi.encodePacked(taken, runs, leaves) : bytes("");
    }

    function test_proof_facts(uint256[6] memory runs, uint256[2] memory verdicts) public pure {
        (uint256[] memory words, uint256[] memory told) = _lists(runs, verdicts);
        same(SkipLib.facts(abi.encode(runs), abi.encode(verdicts), false), Twins.facts(words, told));
    }

    /// What is said of all is true: nothing but skips and job errors that settled.
    function test_proof_factsOfAll(uint256[6] memory runs, uint256[2] memory verdicts) public pure {
        for (uint256 i = 0; i < 2; ++i) {
            runs[3 * i] |= 1;
            verdicts[i] &= ~uint256(0xff);
        }
        (uint256[] memory words, uint256[] memory told) = _lists(runs, verdicts);
        same(SkipLib.facts(abi.encode(runs), abi.encode(verdicts), true), Twins.facts(words, told));
    }

    function _lists(uint256[6] memory runs, uint256[2] memory verdicts)
        private
        pure
        returns (uint256[] memory words, uint256[] memory told)
    {
        (words, told) = (new uint256[](6), new uint256[](2));
        for (uint256 i = 0; i < 6; ++i) {
            words[i] = runs[i];
        }
        (told[0], told[1]) = (verdicts[0], verdicts[1]);
    }
}
