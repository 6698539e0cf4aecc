// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BLS12381} from "../src/libraries/BLS12381.sol";
import {CertificateLib} from "../src/libraries/CertificateLib.sol";
import {Signing} from "./Signing.sol";
import {OUTSIDE_G2} from "./World.sol";
import {Test} from "./Vm.sol";

contract BLS12381Test is Test {
    /// RFC 9380 appendix J.9.1, suite BLS12381G1_XMD:SHA-256_SSWU_RO_
    bytes constant RFC_DST = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";

    /* HASH TO CURVE */

    function test_hashToCurve_rfc9380_empty() public view {
        hashes(
            "",
            hex"052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1"
            hex"08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"
        );
    }

    function test_hashToCurve_rfc9380_abc() public view {
        hashes(
            "abc",
            hex"03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903"
            hex"0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d"
        );
    }

    function test_hashToCurve_rfc9380_abcdef() public view {
        hashes(
            "abcdef0123456789",
            hex"11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98"
            hex"03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709"
        );
    }

    function test_hashToCurve_rfc9380_q128() public view {
        hashes(
            bytes.concat("q128_", filled(128, "q")),
            hex"15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488"
            hex"1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38"
        );
    }

    function test_hashToCurve_rfc9380_a512() public view {
        hashes(
            bytes.concat("a512_", filled(512, "a")),
            hex"082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe"
            hex"05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8"
        );
    }

    function hashes(bytes memory message, bytes memory expected) private view {
        equal(Signing.unpad(BLS12381.hashToG1(message, RFC_DST)), expected, "RFC 9380 point");
    }

    function filled(uint256 length, bytes1 letter) private pure returns (bytes memory text) {
        text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = letter;
        }
    }

    /* POINTS */

    /// EIP-2537 test vector bls_g2add: the generator plus itself
    function test_addG2_eip2537_doubling() public view {
        bytes memory generator = BLS12381.pad(Signing.G2);
        equal(
            Signing.unpad(BLS12381.addG2(generator, generator)),
            hex"1638533957d540a9d2370f17cc7ed5863bc0b995b8825e0ee1ea1e1e4d00dbae81f14b0bf3611b78c952aacab827a053"
            hex"0a4edef9c1ed7f729f520e47730a124fd70662a904ba1074728114d1031e1572c6c886f6b57ec72a6178288c47c33577"
            hex"0468fb440d82b0630aeb8dca2b5256789a66da69bf91009cbfe6bd221e47aa8ae88dece9764bf3bd999d95d71e4c9899"
            hex"0f6d4552fa65dd2638b361543f887136a43253d9c66c411697003f7a13c308f5422e1aa0a59c8967acdefd8b6e36ccf3",
            "2 * generator"
        );
    }

    function test_subtractG2_undoesAdd(uint64 a, uint64 b) public view {
        vm.assume(a != 0 && b != 0 && a != b);
        bytes memory left = BLS12381.pad(Signing.publicKey(a));
        bytes memory right = BLS12381.pad(Signing.publicKey(b));
        equal(minus(BLS12381.addG2(left, right), Signing.publicKey(b)), left, "a + b - b");
    }

    function test_subtractG2_ofItselfIsInfinity() public view {
        bytes memory key = BLS12381.pad(Signing.publicKey(77));
        check(BLS12381.isZero(minus(key, Signing.publicKey(77))), "a - a");
    }

    /// p - 0 is no valid encoding of zero: the negation of infinity must stay infinity
    function test_subtractG2_infinity() public view {
        bytes memory key = BLS12381.pad(Signing.publicKey(77));
        equal(minus(key, new bytes(192)), key, "a - infinity");
    }

    /// The difference of a padded and a packed point.
    function minus(bytes memory a, bytes memory b) private view returns (bytes memory difference) {
        difference = bytes.concat(a, new bytes(256));
        BLS12381.negateG2(difference);
        uint256 at;
        assembly ("memory-safe") {
            at := add(b, 32)
        }
        BLS12381.addPacked(difference, at);
        BLS12381.negateG2(difference);
        assembly ("memory-safe") {
            mstore(difference, 256)
        }
    }

    function test_addG2_refusesPointOffCurve() public {
        bytes memory point = BLS12381.pad(Signing.G2);
        point[255] ^= 0x01;
        vm.expectRevert(BLS12381.InvalidPoint.selector);
        this.add(point, BLS12381.pad(Signing.G2));
    }

    /* SIGNATURES */

    function test_verify(uint64 secret, bytes32 message) public view {
        vm.assume(secret != 0);
        bytes memory key = BLS12381.pad(Signing.publicKey(secret));
        bytes memory signature = Signing.sign(secret, message, BLS12381.SIGNATURE_DST);
        bytes memory text = bytes.concat(message);
        check(BLS12381.verify(signature, text, BLS12381.SIGNATURE_DST, key), "a signature verifies");
        check(!BLS12381.verify(signature, text, BLS12381.POSSESSION_DST, key), "another domain");
        check(!BLS12381.verify(signature, bytes.concat(~message), BLS12381.SIGNATURE_DST, key), "another message");
        bytes memory other = BLS12381.pad(Signing.publicKey(uint256(secret) + 1));
        check(!BLS12381.verify(signature, text, BLS12381.SIGNATURE_DST, other), "another key");
    }

    function test_verify_refusesTamperedSignature(uint8 position) public view {
        bytes memory key = BLS12381.pad(Signing.publicKey(5));
        bytes memory signature = Signing.sign(5, keccak256("m"), BLS12381.SIGNATURE_DST);
        signature[position % 96] ^= 0x01;
        check(!BLS12381.verify(signature, bytes.concat(keccak256("m")), BLS12381.SIGNATURE_DST, key), "tampered");
    }

    /// On the curve, outside the subgroup of order r: ADD takes it, PAIRING must not. G1: x = 4; G2: x = 2.
    function test_verify_refusesPointsOutsideSubgroup() public view {
        bytes memory key = BLS12381.pad(Signing.publicKey(5));
        bytes memory text = bytes.concat(keccak256("m"));
        bytes memory outsideG1 = hex"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000004"
            hex"0a989badd40d6212b33cffc3f3763e9bc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c";
        (bool onCurve,) = address(0x0b).staticcall(bytes.concat(BLS12381.pad(outsideG1), new bytes(128)));
        check(onCurve, "G1ADD takes the point");
        check(!BLS12381.verify(outsideG1, text, BLS12381.SIGNATURE_DST, key), "G1 outside the subgroup");

        bytes memory outsideG2 = BLS12381.pad(OUTSIDE_G2);
        equal(BLS12381.addG2(outsideG2, new bytes(256)), outsideG2, "G2ADD takes the point");
        bytes memory signature = Signing.sign(5, keccak256("m"), BLS12381.SIGNATURE_DST);
        check(!BLS12381.verify(signature, text, BLS12381.SIGNATURE_DST, outsideG2), "G2 outside the subgroup");
    }

    /// Why infinity must be refused before the pairing: together they satisfy it for every message.
    function test_infinityWouldVerify_andIsRefused() public {
        bytes memory text = bytes.concat(keccak256("anything"));
        check(BLS12381.verify(new bytes(96), text, BLS12381.SIGNATURE_DST, new bytes(256)), "pairing of infinities");
        vm.expectRevert(CertificateLib.InfinitySignature.selector);
        this.certificate(new bytes(96), new bytes(256));
        bytes memory signature = Signing.sign(5, keccak256("anything"), BLS12381.SIGNATURE_DST);
        vm.expectRevert(CertificateLib.InfinityKey.selector);
        this.certificate(signature, new bytes(256));
        vm.expectRevert(CertificateLib.InvalidSignatureLength.selector);
        this.certificate(new bytes(95), new bytes(256));
    }

    /* SELF TEST */

    function test_selfTest_passesHere() public view {
        this.selfTest();
    }

    /// A chain without the precompiles answers calls to their addresses with success and no output.
    function test_selfTest_namesMissingPrecompiles() public {
        vm.mockCall(address(0x10), "", "");
        vm.expectRevert(BLS12381.PrecompilesMissing.selector);
        this.selfTest();
        vm.clearMockedCalls();
        vm.mockCall(address(0x0f), "", "");
        vm.expectRevert(BLS12381.PrecompilesMissing.selector);
        this.selfTest();
    }

    /* CALLED FROM OUTSIDE, SO THAT REVERTS CAN BE EXPECTED */

    function add(bytes calldata a, bytes calldata b) external view {
        BLS12381.addG2(a, b);
    }

    function certificate(bytes calldata signature, bytes calldata key) external view {
        CertificateLib.verify(signature, keccak256("anything"), key);
    }

    function selfTest() external view {
        BLS12381.selfTest();
    }
}
