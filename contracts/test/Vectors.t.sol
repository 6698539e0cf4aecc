// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {CertificateLib} from "../src/libraries/CertificateLib.sol";
import {EpochTable} from "../src/libraries/EpochTable.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Test} from "./Vm.sol";

/// @notice tests/vectors/certificate.json, written by the consensus crate from blst: both sides must agree on every byte.
contract VectorsTest is Test {
    string private _json;
    uint256 private _batches;

    function setUp() public {
        _json = vm.readFile("../tests/vectors/certificate.json");
        while (vm.keyExistsJson(_json, string.concat(".batches[", vm.toString(_batches), "].root"))) ++_batches;
        check(_batches >= 3, "there are batches in the file");
        vm.chainId(number(".chainId"));
    }

    function test_domainSeparator() public view {
        equal(ReportLib.domainSeparator(vm.parseJsonAddress(_json, ".taskManager")), word(".domainSeparator"), "domain");
    }

    function test_proofsOfPossession() public view {
        for (uint256 i = 0; i < 5; ++i) {
            string memory key = string.concat(".keys[", vm.toString(i), "]");
            bytes memory blsKey = data(string.concat(key, ".blsKey"));
            address operator = vm.parseJsonAddress(_json, string.concat(key, ".operator"));
            bytes32 digest = keccak256(
                abi.encode(
                    block.chainid,
                    vm.parseJsonAddress(_json, ".registry"),
                    operator,
                    keccak256(blsKey),
                    word(string.concat(key, ".peerKey"))
                )
            );
            equal(digest, word(string.concat(key, ".possessionDigest")), "possession digest");
            bytes memory proof = data(string.concat(key, ".proofOfPossession"));
            bool valid = BLS12381.verify(proof, bytes.concat(digest), BLS12381.POSSESSION_DST, BLS12381.pad(blsKey));
            check(valid, "blst's proof verifies");
        }
    }

    function test_ruling() public view {
        bytes32 digest = ReportLib.rulingDigest(
            word(".domainSeparator"),
            uint32(number(".ruling.epoch")),
            uint64(number(".ruling.disputeId")),
            word(".ruling.leaf"),
            uint8(number(".ruling.status")),
            word(".ruling.outcomeHash")
        );
        equal(digest, word(".ruling.digest"), "ruling digest");
    }

    function test_leaders() public view {
        uint256 lines = 0;
        while (vm.keyExistsJson(_json, string.concat(lineAt(lines), ".seed"))) ++lines;
        check(lines >= 3, "there are lines in the file");
        for (uint256 i = 0; i < lines; ++i) {
            string memory line = lineAt(i);
            bytes memory preimage = abi.encodePacked(
                word(".domainSeparator"),
                word(string.concat(line, ".tableRoot")),
                uint64(number(string.concat(line, ".window"))),
                word(string.concat(line, ".blockHash"))
            );
            bytes32 seed = word(string.concat(line, ".seed"));
            equal(keccak256(preimage), seed, "seed");
            bytes memory table = tableOf(vm.parseJsonUintArray(_json, string.concat(line, ".stakes")));
            uint16[] memory drawn = EpochTable.leaders(table, seed);
            uint256[] memory expected = vm.parseJsonUintArray(_json, string.concat(line, ".order"));
            equal(drawn.length, expected.length, "stages");
            for (uint256 j = 0; j < drawn.length; ++j) {
                equal(drawn[j], expected[j], "leader");
            }
        }
    }

    function lineAt(uint256 i) private pure returns (string memory) {
        return string.concat(".leaders[", vm.toString(i), "]");
    }

    /// A table as EpochTable lays it out, without keys.
    function tableOf(uint256[] memory stakes) private pure returns (bytes memory table) {
        uint256 staked = 0;
        uint96 total = 0;
        uint16 count = 0;
        bytes memory rows = "";
        for (uint256 i = 0; i < stakes.length; ++i) {
            if (stakes[i] != 0) {
                staked |= 1 << i;
                ++count;
            }
            total += uint96(stakes[i]);
            if (i % 64 == 0) rows = bytes.concat(rows, bytes20(0));
            rows = bytes.concat(rows, bytes12(uint96(stakes[i])));
        }
        table = bytes.concat(new bytes(256), bytes32(staked), bytes12(total), bytes2(count), rows);
    }

    function test_reportsAndRoots() public view {
        for (uint256 i = 0; i < _batches; ++i) {
            string memory batch = batchAt(i);
            uint256 count = 0;
            while (vm.keyExistsJson(_json, reportAt(batch, count))) ++count;
            bytes32[] memory leaves = new bytes32[](count);
            for (uint256 j = 0; j < count; ++j) {
                leaves[j] = leafAt(reportAt(batch, j));
            }
            bytes32 first = leaves[0];
            bytes32 root = ReportLib.root(leaves);
            equal(root, word(string.concat(batch, ".root")), "root");
            bytes32[] memory proof = vm.parseJsonBytes32Array(_json, string.concat(batch, ".proofOfFirst"));
            check(MerkleProof.verify(proof, root, first), "OpenZeppelin accepts the proof of the first leaf");
            uint32 epoch = uint32(number(string.concat(batch, ".epoch")));
            bytes32 digest = ReportLib.digest(word(".domainSeparator"), epoch, root);
            equal(digest, word(string.concat(batch, ".digest")), "digest");
        }
    }

    function leafAt(string memory path) private view returns (bytes32 leaf) {
        ReportLib.Report memory report;
        report.jobId = uint64(number(string.concat(path, ".jobId")));
        report.jobVersion = uint32(number(string.concat(path, ".jobVersion")));
        report.instanceKey = word(string.concat(path, ".instanceKey"));
        report.anchorNumber = uint64(number(string.concat(path, ".anchorNumber")));
        report.anchorHash = word(string.concat(path, ".anchorHash"));
        report.inputHash = word(string.concat(path, ".inputHash"));
        report.status = uint8(number(string.concat(path, ".status")));
        report.outcomeHash = this.outcomeHash(
            ITaskManager.Delivery(
                word(string.concat(path, ".codeHash")),
                word(string.concat(path, ".stateAfterRoot")),
                word(string.concat(path, ".transcriptRoot")),
                data(string.concat(path, ".outcome"))
            )
        );
        equal(report.outcomeHash, word(string.concat(path, ".outcomeHash")), "outcome hash");
        bytes32 task = ReportLib.taskId(report.jobId, report.jobVersion, report.instanceKey);
        equal(task, word(string.concat(path, ".taskId")), "task id");
        leaf = ReportLib.leaf(report);
        equal(leaf, word(string.concat(path, ".leaf")), "leaf");
    }

    function outcomeHash(ITaskManager.Delivery calldata delivery) external pure returns (bytes32) {
        return ReportLib.outcomeHash(delivery, delivery.outcome);
    }

    /// The aggregate key minus the absent keepers' keys is the key that blst's certificate verifies under.
    function test_certificates() public view {
        for (uint256 i = 0; i < _batches; ++i) {
            string memory batch = batchAt(i);
            bytes memory key = keyOfSigners(number(string.concat(batch, ".bitmap")));
            equal(key, BLS12381.pad(data(string.concat(batch, ".aggregateKey"))), "aggregate key");
            CertificateLib.verify(data(string.concat(batch, ".signature")), word(string.concat(batch, ".digest")), key);
        }
    }

    function test_partials() public view {
        for (uint256 i = 0; i < _batches; ++i) {
            string memory batch = batchAt(i);
            bytes32 digest = word(string.concat(batch, ".digest"));
            uint256[] memory signers = vm.parseJsonUintArray(_json, string.concat(batch, ".signers"));
            bytes[] memory partials = vm.parseJsonBytesArray(_json, string.concat(batch, ".partials"));
            equal(partials.length, signers.length, "one partial a signer");
            for (uint256 j = 0; j < signers.length; ++j) {
                CertificateLib.verify(partials[j], digest, BLS12381.pad(keyAt(signers[j])));
            }
        }
    }

    function test_certificateOfAnotherBatchIsRefused() public {
        bytes memory key = keyOfSigners(number(".batches[0].bitmap"));
        bytes memory signature = data(".batches[0].signature");
        bytes32 digest = word(".batches[0].digest");
        vm.expectRevert(CertificateLib.InvalidSignature.selector);
        this.verify(signature, ~digest, key);
        signature[50] ^= 0x10;
        vm.expectRevert(CertificateLib.InvalidSignature.selector);
        this.verify(signature, digest, key);
    }

    function verify(bytes calldata signature, bytes32 digest, bytes calldata key) external view {
        CertificateLib.verify(signature, digest, key);
    }

    /* READING */

    function keyOfSigners(uint256 bitmap) private view returns (bytes memory sum) {
        sum = new bytes(256);
        for (uint256 i = 0; i < 5; ++i) {
            if ((bitmap >> i) & 1 == 1) sum = BLS12381.addG2(sum, BLS12381.pad(keyAt(i)));
        }
    }

    function keyAt(uint256 i) private view returns (bytes memory) {
        return data(string.concat(".keys[", vm.toString(i), "].blsKey"));
    }

    function batchAt(uint256 i) private pure returns (string memory) {
        return string.concat(".batches[", vm.toString(i), "]");
    }

    function reportAt(string memory batch, uint256 i) private pure returns (string memory) {
        return string.concat(batch, ".reports[", vm.toString(i), "]");
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(_json, key);
    }

    function data(string memory key) private view returns (bytes memory) {
        return vm.parseJsonBytes(_json, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(_json, key);
    }
}
