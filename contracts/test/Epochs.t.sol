// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICertificateVerifier} from "../src/interfaces/ICertificateVerifier.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {Signing} from "./Signing.sol";
import {World} from "./World.sol";

/// @notice
/// Snapshots of more than 64 operators
///   it takes a call per 64, whoever makes them; the epoch begins with the last, and is what one call would have made
///   no call takes more gas than a transaction may have, with 256 operators and EigenLayer's price of reading a stake
///   when it takes over 100 blocks: it starts over
///   when nothing changed: the last call opens no epoch, and the next one is due an epoch later
///   when an operator in the draft is ejected: it goes on, the epoch does not count it, and the next one is due at once
///   when one in the draft leaves: it counts until the epoch after
/// Key rotation
///   given a registered operator, a new key and a proof of it: the next epoch has the new key, this one the old
///   given the peer key alone, or both: they change, and are its own for ever
///   given somebody else's key, no proof, the same keys, a stranger: it is refused
///   when a draft holds the operator's row: the draft's epoch has the old key throughout
contract EpochsTest is World {
    /* SNAPSHOTS IN PARTS */

    function grow(uint256 size) private {
        for (uint256 i = KEEPERS; i < size; ++i) {
            join(i);
        }
    }

    function test_parts_makeTheEpochTogether() public {
        grow(130);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IKeeperRegistry.SnapshotDrafted(64, 130);
        equal(registry.snapshot(), 0, "64 of them");
        equal(registry.currentEpoch(), 1, "not yet");
        vm.prank(CREATOR);
        equal(registry.snapshot(), 0, "128 of them, by somebody else");
        equal(registry.snapshot(), 2, "all of them");
        IKeeperRegistry.Epoch memory info = registry.epochInfo(2);
        equal(info.size, 130, "size");
        equal(info.totalStake, 13_000 ether, "stake");
        equal(info.activeFrom, block.number + 1, "from the last call on");
        IKeeperRegistry.Member[] memory members = registry.committee(2);
        for (uint256 i = 60; i < 130; i += 3) {
            equal(members[i].operator, operatorOf(i), "operator");
            equal(members[i].blsKey, Signing.publicKey(secretOf(i)), "key");
            equal(members[i].peerKey, peerKeyOf(i), "peer key");
            equal(registry.stakeOf(2, uint16(i)), 100 ether, "stake of a row");
        }
    }

    /// Signers and absent ones in every part: the key is the sum of the signers', on both ways to it.
    function test_parts_sumUpToTheSignersKey() public {
        grow(130);
        openEpoch();
        uint256[2] memory picks =
            [uint256(((1 << 130) - 1) ^ (1 << 64) ^ (1 << 129) ^ 1), (1 << 63) | (1 << 64) | (1 << 128)];
        for (uint256 k = 0; k < 2; ++k) {
            uint256 secret = 0;
            for (uint256 i = 0; i < 130; ++i) {
                if ((picks[k] >> i) & 1 == 1) secret += secretOf(i);
            }
            uint256[] memory signers = new uint256[](1);
            signers[0] = picks[k];
            (bytes memory key, ICertificateVerifier.Weight memory result) = registry.signingKey(2, signers);
            equal(key, BLS12381.pad(Signing.publicKey(secret)), "sum of keys");
            equal(result.absent, ((1 << 130) - 1) ^ picks[k], "the others");
            equal(result.signedStake, k == 0 ? 12_700 ether : 300 ether, "stake");
        }
    }

    /// The local stand-in reads a stake for a few thousand gas, EigenLayer for 40,000: 64 * 36,000 are added.
    function test_parts_fitTheirTransactions() public {
        grow(256);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 before = gasleft();
            registry.snapshot();
            uint256 used = before - gasleft();
            check(used + 64 * 36_000 < 8_000_000, "half of what a transaction may use (EIP-7825)");
        }
        equal(registry.epochInfo(2).size, 256, "a full committee in four calls");
    }

    function test_parts_startOverWhenTheyTakeTooLong() public {
        grow(70);
        registry.snapshot();
        allocations.setDeposit(operatorOf(0), 50 ether);
        vm.roll(block.number + 101);
        equal(registry.snapshot(), 0, "from the first row again");
        equal(registry.snapshot(), 2, "second part");
        equal(registry.stakeOf(2, 0), 50 ether, "with the stake of today");
    }

    function test_parts_openNothingWhenNothingChanged() public {
        grow(70);
        openEpoch();
        vm.warp(block.timestamp + EPOCH_SECONDS);
        equal(registry.snapshot(), 0, "first part");
        equal(registry.snapshot(), 2, "the epoch there is");
        equal(registry.epochInfo(2).activeUntil, 0, "goes on");
        uint256 due = block.timestamp + EPOCH_SECONDS;
        vm.expectRevert(abi.encodeWithSelector(IKeeperRegistry.EpochNotDue.selector, due));
        registry.snapshot();
    }

    function test_parts_goOnWithoutTheEjected() public {
        grow(70);
        registry.snapshot();
        vm.prank(address(service));
        registry.eject(operatorOf(3));
        equal(registry.snapshot(), 2, "second part");
        equal(registry.ejected(2), 8, "its row counts as absent");
        uint256[] memory signers = new uint256[](1);
        signers[0] = 15;
        equal(registry.weigh(2, signers).signedStake, 300 ether, "whoever signs with it");
        equal(registry.snapshot(), 0, "the next one, at once");
        equal(registry.snapshot(), 3, "second part");
        equal(registry.stakeOf(3, 3), 0, "without its row");
        equal(registry.ejected(3), 0, "nothing to mark");
    }

    function test_parts_keepWhoeverLeavesMeanwhile() public {
        grow(70);
        registry.snapshot();
        quit(operatorOf(3));
        equal(registry.snapshot(), 2, "second part");
        equal(registry.stakeOf(2, 3), 100 ether, "still counted");
        vm.warp(block.timestamp + EPOCH_SECONDS);
        openEpoch();
        equal(registry.stakeOf(3, 3), 0, "not any more");
    }

    /* KEY ROTATION */

    function keyOf(uint32 epoch, uint256[] memory signers) private view returns (bytes memory key) {
        (key,) = registry.signingKey(epoch, signers);
    }

    function proofOf(uint256 keeper, uint256 secret, bytes32 peerKey) private view returns (bytes memory) {
        bytes32 message = registry.possessionDigest(operatorOf(keeper), Signing.publicKey(secret), peerKey);
        return Signing.sign(secret, message, BLS12381.POSSESSION_DST);
    }

    function rotate(uint256 keeper, uint256 secret, bytes32 peerKey) private {
        (bytes memory key, bytes memory proof) = (Signing.publicKey(secret), proofOf(keeper, secret, peerKey));
        vm.prank(operatorOf(keeper));
        registry.rotateKeys(key, proof, peerKey);
    }

    function refusesToRotate(uint256 keeper, uint256 secret, bytes32 peerKey, bytes4 reason) private {
        (bytes memory key, bytes memory proof) = (Signing.publicKey(secret), proofOf(keeper, secret, peerKey));
        vm.prank(operatorOf(keeper));
        vm.expectRevert(reason);
        registry.rotateKeys(key, proof, peerKey);
    }

    function test_rotate_countsFromTheNextEpoch() public {
        rotate(1, secretOf(77), peerKeyOf(77));
        equal(registry.committee(1)[1].blsKey, Signing.publicKey(secretOf(1)), "this epoch has the old key");
        equal(registry.committee(1)[1].peerKey, peerKeyOf(1), "and the old peer");
        registry.snapshot();
        equal(registry.committee(2)[1].blsKey, Signing.publicKey(secretOf(77)), "the next one has the new key");
        equal(registry.committee(2)[1].peerKey, peerKeyOf(77), "and the new peer");
        equal(registry.committee(2)[0].blsKey, Signing.publicKey(secretOf(0)), "the others' are untouched");
        uint256[] memory signers = new uint256[](1);
        signers[0] = 2;
        equal(keyOf(1, signers), BLS12381.pad(Signing.publicKey(secretOf(1))), "signed with then");
        equal(keyOf(2, signers), BLS12381.pad(Signing.publicKey(secretOf(77))), "signed with now");
    }

    function test_rotate_eitherKeyAlone() public {
        rotate(1, secretOf(1), peerKeyOf(77));
        rotate(1, secretOf(77), peerKeyOf(77));
        IKeeperRegistry.Operator memory record = registry.operatorInfo(operatorOf(1));
        equal(record.peerKey, peerKeyOf(77), "peer key");
        equal(record.keyHash, keccak256(Signing.publicKey(secretOf(77))), "BLS key");
        rotate(1, secretOf(1), peerKeyOf(1)); // its own for ever: it may go back
        refusesToRotate(2, secretOf(77), peerKeyOf(78), IKeeperRegistry.KeyInUse.selector);
        refusesToRotate(2, secretOf(78), peerKeyOf(77), IKeeperRegistry.PeerKeyInUse.selector);
    }

    function test_rotate_refusals() public {
        refusesToRotate(1, secretOf(1), peerKeyOf(1), IKeeperRegistry.KeysUnchanged.selector);
        refusesToRotate(99, secretOf(77), peerKeyOf(77), IKeeperRegistry.NotRegistered.selector);
        refusesToRotate(1, secretOf(2), peerKeyOf(1), IKeeperRegistry.KeyInUse.selector);
        refusesToRotate(1, secretOf(77), 0, IKeeperRegistry.ZeroPeerKey.selector);
        (bytes memory key, bytes memory proof) =
            (Signing.publicKey(secretOf(77)), proofOf(1, secretOf(77), peerKeyOf(1)));
        vm.prank(operatorOf(1));
        vm.expectRevert(IKeeperRegistry.InvalidProofOfPossession.selector);
        registry.rotateKeys(key, proof, peerKeyOf(77)); // the proof vouches for another peer key
        quit(operatorOf(1));
        refusesToRotate(1, secretOf(77), peerKeyOf(77), IKeeperRegistry.NotRegistered.selector);
    }

    /// The aggregate of a draft and the keys it points to must not come apart.
    function test_rotate_whileADraftHoldsTheRow() public {
        grow(70);
        registry.snapshot();
        rotate(1, secretOf(77), peerKeyOf(77));
        equal(registry.snapshot(), 2, "second part");
        equal(registry.committee(2)[1].blsKey, Signing.publicKey(secretOf(1)), "the old key");
        uint256[] memory signers = new uint256[](1);
        signers[0] = ((1 << 70) - 1) ^ 2;
        uint256 secret = 0;
        for (uint256 i = 0; i < 70; ++i) {
            if (i != 1) secret += secretOf(i);
        }
        equal(keyOf(2, signers), BLS12381.pad(Signing.publicKey(secret)), "taken off the aggregate");
    }
}
