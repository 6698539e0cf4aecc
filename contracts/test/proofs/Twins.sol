// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobForwarder} from "../../src/interfaces/IJobForwarder.sol";
import {ITaskManager} from "../../src/interfaces/ITaskManager.sol";
import {BLS12381} from "../../src/libraries/BLS12381.sol";
import {EpochTable} from "../../src/libraries/EpochTable.sol";
import {ReportLib} from "../../src/libraries/ReportLib.sol";

/// @notice What each piece of assembly in src/ does, in plain Solidity: slow, with every check. See twins.txt.
library Twins {
    /* WORDS */

    function get(bytes memory data, uint256 offset) internal pure returns (uint256 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word = (word << 8) | uint8(data[offset + i]);
        }
    }

    function put(bytes memory data, uint256 offset, uint256 word) internal pure {
        for (uint256 i = 0; i < 32; ++i) {
            data[offset + i] = bytes1(uint8(word >> (248 - 8 * i)));
        }
    }

    function copy(bytes memory to, uint256 offset, bytes memory from, uint256 start, uint256 length) internal pure {
        for (uint256 i = 0; i < length; ++i) {
            to[offset + i] = from[start + i];
        }
    }

    function slice(bytes memory data, uint256 from, uint256 length) internal pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length && from + i < data.length; ++i) {
            part[i] = data[from + i];
        }
    }

    /* REPORTS AND BATCHES */

    function outcomeHash(ITaskManager.Delivery memory delivery) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256(delivery.outcome), delivery.codeHash, delivery.stateAfterRoot, delivery.transcriptRoot)
        );
    }

    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        if (nodes.length == 1) return nodes[0];
        bytes32[] memory above = new bytes32[]((nodes.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            if (2 * i + 1 == nodes.length) {
                above[i] = nodes[2 * i];
                continue;
            }
            (bytes32 a, bytes32 b) = (nodes[2 * i], nodes[2 * i + 1]);
            above[i] = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        }
        return root(above);
    }

    struct Place {
        uint256 number;
        uint256 hash;
        uint256 stay;
        uint256 put;
    }

    function fill(Place[] memory places, ITaskManager.Entry[] memory entries, bytes32[] memory outcomes)
        internal
        pure
        returns (bool isSound, uint256 taken, uint256[] memory runs, bytes32[] memory leaves)
    {
        runs = new uint256[](3 * entries.length);
        leaves = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            ITaskManager.Entry memory entry = entries[i];
            uint256 position = uint64(entry.run >> 96);
            if (uint96(entry.run) > 2 || position >= places.length) return (false, taken, runs, leaves);
            bytes32 outcome = entry.outcomeHash;
            if (uint96(entry.run) == 0) {
                if (outcome != 0 || taken == outcomes.length) return (false, taken, runs, leaves);
                outcome = outcomes[taken++];
            }
            Place memory place = places[position];
            runs[3 * i] = (entry.run & place.stay) | place.put;
            runs[3 * i + 1] = uint256(entry.instanceKey);
            runs[3 * i + 2] = uint256(outcome);
            leaves[i] = _leaf(entry, place, outcome);
        }
        return (true, taken, runs, leaves);
    }

    function _leaf(ITaskManager.Entry memory entry, Place memory place, bytes32 outcome)
        private
        pure
        returns (bytes32)
    {
        bytes memory report = abi.encode(
            ReportLib.REPORT_TYPEHASH,
            uint64(entry.run >> 192),
            uint32(entry.run >> 160),
            entry.instanceKey,
            place.number,
            place.hash,
            entry.inputHash,
            uint96(entry.run),
            outcome
        );
        return keccak256(bytes.concat(keccak256(report)));
    }

    /// @dev `words` and `verdicts`: three and one an entry.
    function facts(uint256[] memory words, uint256[] memory verdicts) internal pure returns (bytes memory) {
        bytes memory told = "";
        for (uint256 i = 0; i < verdicts.length; ++i) {
            bool skipped = words[3 * i] & 3 != 0;
            if (!skipped || uint8(verdicts[i]) != 0) continue;
            told =
                bytes.concat(told, abi.encode(words[3 * i] | (verdicts[i] >> 24), words[3 * i + 1], words[3 * i + 2]));
        }
        return bytes.concat(abi.encode(uint256(32), told.length / 32), told);
    }

    /* EPOCH TABLES */

    function lowest(uint256 bits) internal pure returns (uint256 position) {
        while ((bits >> position) & 1 == 0) ++position;
    }

    function add(bytes memory key, bytes memory table, uint256 rows, uint256 keys)
        internal
        view
        returns (bytes memory sum, uint256 stake)
    {
        sum = key;
        for (uint256 i = 0; i < 256; ++i) {
            if ((rows >> i) & 1 == 0) continue;
            stake += EpochTable.stakeAt(table, i);
            if ((keys >> i) & 1 == 0) continue;
            sum = BLS12381.addG2(sum, BLS12381.pad(EpochTable.keyOf(EpochTable.chunkOf(table, i), i)));
        }
    }

    /* THE CURVE */

    /// @dev RFC 9380 §5.3.1, 128 bytes.
    function expandMessage(bytes memory message, bytes memory dst) internal pure returns (bytes memory uniform) {
        bytes memory suffix = bytes.concat(dst, bytes1(uint8(dst.length)));
        bytes32 first = sha256(bytes.concat(new bytes(64), message, hex"008000", suffix));
        bytes32 block_ = sha256(bytes.concat(first, hex"01", suffix));
        uniform = bytes.concat(block_);
        for (uint8 i = 2; i <= 4; ++i) {
            block_ = sha256(bytes.concat(first ^ block_, bytes1(i), suffix));
            uniform = bytes.concat(uniform, block_);
        }
    }

    function hashToG1(bytes memory message, bytes memory dst) internal view returns (bytes memory point) {
        bytes memory uniform = expandMessage(message, dst);
        bytes memory points = bytes.concat(_map(slice(uniform, 0, 64)), _map(slice(uniform, 64, 64)));
        bool ok;
        (ok, point) = address(0x0b).staticcall(points);
        require(ok);
    }

    function _map(bytes memory wide) private view returns (bytes memory point) {
        bytes memory modulus =
            hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        bytes memory input =
            bytes.concat(abi.encode(uint256(64), uint256(1), uint256(64)), wide, hex"01", new bytes(16), modulus);
        (bool reduced, bytes memory element) = address(5).staticcall(input);
        bool mapped;
        (mapped, point) = address(0x10).staticcall(element);
        require(reduced && mapped);
    }
}

/// @notice JobForwarder's twin. It copies what the target returns, and so could be made to pay for it.
contract PlainForwarder {
    address private immutable _taskManager;

    constructor(address taskManager) {
        _taskManager = taskManager;
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        if (msg.sender != _taskManager) revert IJobForwarder.OnlyTaskManager();
        address target = address(bytes20(data[:20]));
        uint256 gasLimit = uint32(bytes4(data[20:24]));
        if (target.code.length == 0) return abi.encode(false);
        if (gasleft() < gasLimit * 64 / 63 + 8_000) revert IJobForwarder.InsufficientGas();
        (bool accepted,) = target.call{gas: gasLimit}(data[24:]);
        return abi.encode(accepted);
    }
}
