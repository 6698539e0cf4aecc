// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICertificateVerifier} from "../src/interfaces/ICertificateVerifier.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {EpochTable} from "../src/libraries/EpochTable.sol";
import {Signing} from "./Signing.sol";
import {World} from "./World.sol";

/// @notice Who signed: their key, what they weigh, and which bits stand for nobody.
contract SignersTest is World {
    function test_signingKey_isTheSumOfTheSigners(uint8 pick) public view {
        uint256 signers = pick & ALL;
        vm.assume(signers != 0);
        uint256 secret = 0;
        for (uint256 i = 0; i < KEEPERS; ++i) {
            if ((signers >> i) & 1 == 1) secret += secretOf(i);
        }
        (bytes memory key, ICertificateVerifier.Weight memory result) = registry.signingKey(1, words(signers));
        equal(key, BLS12381.pad(Signing.publicKey(secret)), "sum of keys");
        equal(result.absent, ALL & ~signers, "who is absent");
    }

    function test_signingKey_refusesStrayBits() public {
        vm.expectRevert(EpochTable.StrayBits.selector);
        registry.signingKey(1, words(ALL | (1 << KEEPERS)));
        vm.expectRevert(EpochTable.StrayBits.selector);
        registry.signingKey(1, words(ALL | (1 << 255)));
        vm.expectRevert(EpochTable.StrayBits.selector);
        registry.signingKey(1, new uint256[](2));
        vm.expectRevert(EpochTable.StrayBits.selector);
        registry.signingKey(1, new uint256[](0));
    }

    function test_signingKey_refusesTheBitOfAnEmptyRow() public {
        quit(operatorOf(2));
        registry.snapshot();
        vm.expectRevert(EpochTable.StrayBits.selector);
        registry.signingKey(2, words(ALL));
        equal(registry.weigh(2, words(ALL & ~uint256(4))).absent, 0, "nobody with stake is absent");
    }

    /// The same weight whether the signature is looked at, or only the signers.
    function test_verify_andWeighAgree() public {
        bytes32 digest = keccak256("anything");
        bytes memory signature = Signing.sign(secretOf(0) + secretOf(2), digest, BLS12381.SIGNATURE_DST);
        ICertificateVerifier.Weight memory verified = registry.verify(1, digest, words(5), signature);
        ICertificateVerifier.Weight memory weighed = registry.weigh(1, words(5));
        equal(abi.encode(verified), abi.encode(weighed), "weight");
        equal(verified.signedStake, 200 ether, "two of five");
        vm.expectRevert(ICertificateVerifier.InvalidSignature.selector);
        registry.verify(1, digest, words(7), signature);
        vm.expectRevert(ICertificateVerifier.InvalidSignature.selector);
        registry.verify(1, ~digest, words(5), signature);
        vm.expectRevert(ICertificateVerifier.InfinitySignature.selector);
        registry.verify(1, digest, words(5), new bytes(96));
        vm.expectRevert(ICertificateVerifier.InvalidSignatureLength.selector);
        registry.verify(1, digest, words(5), new bytes(97));
        vm.expectRevert(EpochTable.NoSigners.selector);
        registry.verify(1, digest, words(0), signature);
    }

    function words(uint256 bits) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = bits;
    }
}
